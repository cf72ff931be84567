/** werift-rtp, an independent RTP stack, reads what the server sends to a session, and the server reads what it writes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  Red,
  RedHandler,
  RtcpPacketConverter,
  RtcpReceiverInfo,
  RtcpRrPacket,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtpPacket,
  SourceDescriptionChunk,
  SourceDescriptionItem,
} from "werift-rtp";
import { type Heard, Phone } from "./phone.ts";
import { type Server, startServer } from "./server.ts";

/** Of 5 ms: half a second. */
const PACKETS = 100;
const FRAME_MS = 5;
const FRAME = 240;
/** SDES item type (RFC 3550 section 6.5.1). */
const CNAME = 1;
/** RTCP packet type (RFC 3550 section 6.6). */
const BYE = 203;
/** From the NTP epoch, 1900, to Unix's. */
const NTP_TO_UNIX_SECONDS = 2_208_988_800;

const modulo32 = (value: number) => value >>> 0;
const modulo16 = (value: number) => value & 0xffff;

/** werift-rtp wants Node's buffers. */
const bytesOf = ({ bytes }: Heard) => Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
const rtpOf = (heard: Heard) => RtpPacket.deSerialize(bytesOf(heard));

/** A phone that joined and opened its stream, with all that the join answered. */
async function hearing(server: Server, phone: Phone, body: Record<string, unknown>) {
  const { status, body: joined } = await server.join({ frameMs: FRAME_MS, ...body });
  assert.equal(status, 201, JSON.stringify(joined));
  await phone.bind(joined.media.port, joined.media.username, joined.media.password);
  await phone.until(() => phone.rtp.length >= PACKETS);
  return joined;
}

/** Each field of every header, in the order of arrival. */
function assertHeaders(packets: readonly RtpPacket[], media: { ssrc: number; payloadType: number }): void {
  const first = packets[0].header;
  packets.forEach(({ header, payload }, i) => {
    const fields = {
      version: header.version,
      padding: header.padding,
      extension: header.extension,
      csrc: header.csrc,
      marker: header.marker,
      payloadType: header.payloadType,
      sequenceNumber: header.sequenceNumber,
      timestamp: header.timestamp,
      ssrc: header.ssrc,
    };
    assert.deepEqual(fields, {
      version: 2,
      padding: false,
      extension: false,
      csrc: [],
      marker: i === 0,
      payloadType: media.payloadType,
      sequenceNumber: modulo16(first.sequenceNumber + i),
      timestamp: modulo32(first.timestamp + i * FRAME),
      ssrc: media.ssrc,
    });
    assert.ok(payload.length > 0);
  });
}

const SHAPES = [
  { what: "three channels", body: { mode: "channels", channels: [5, 2, 9] }, payloadType: 97 },
  { what: "a mix", body: { mode: "mix" }, payloadType: 96 },
];

for (const { what, body, payloadType } of SHAPES) {
  Deno.test(`werift-rtp reads every RTP header field of ${what}`, async () => {
    await using server = await startServer({ args: ["--source", "tones"] });
    using phone = new Phone();
    const { media } = await hearing(server, phone, body);
    assert.equal(media.payloadType, payloadType);
    const packets = phone.rtp.map(rtpOf);
    assertHeaders(packets, media);
    assert.equal(new Set(packets.map(({ payload }) => payload.length)).size, 1, "not a constant bit rate");
    phone.rtp.forEach((heard, i) => assert.deepEqual(packets[i].serialize(), bytesOf(heard)));
  });

  Deno.test(`werift-rtp reads the redundancy of ${what}, and fills every gap of a single packet with it`, async () => {
    await using server = await startServer({ args: ["--source", "tones"] });
    using phone = new Phone();
    const { media, sdp } = await hearing(server, phone, { ...body, redundancy: 1 });
    assert.equal(media.payloadType, 98);
    assert.match(sdp, new RegExp(`^m=audio \\d+ RTP/AVP 98 ${payloadType}\\r$`, "m"));
    assert.match(sdp, new RegExp(`^a=fmtp:98 ${payloadType}/${payloadType}\\r$`, "m"));
    const packets = phone.rtp.map(rtpOf), reds = packets.map(({ payload }) => Red.deSerialize(payload));
    assertHeaders(packets, media);
    reds.forEach(({ blocks }, i) => {
      const primary = { blockPT: payloadType, block: blocks.at(-1)!.block };
      const earlier = i === 0
        ? []
        : [{ blockPT: payloadType, timestampOffset: FRAME, block: reds[i - 1].blocks.at(-1)!.block }];
      assert.deepEqual(blocks, [...earlier, primary]);
    });

    const handler = new RedHandler();
    const repaired = reds.flatMap((red, i) => i % 2 === 0 ? handler.push(red, packets[i]) : []);
    assert.deepEqual(
      repaired.map(({ header }) => header.timestamp),
      packets.slice(0, repaired.length).map(({ header }) => header.timestamp),
    );
    assert.ok(repaired.length >= packets.length - 1);
  });
}

Deno.test("werift-rtp reads a sender report and the SDP's CNAME each second", async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  using phone = new Phone();
  const { media, sdp } = await hearing(server, phone, { mode: "channels", channels: [1, 2] });
  await phone.until(() => phone.rtcp.length >= 2);
  const cname = new RegExp(`^a=ssrc:${media.ssrc} cname:(\\S+)\\r$`, "m").exec(sdp)?.[1];
  assert.ok(cname);

  const reports = phone.rtcp.slice(0, 2).map((heard) => {
    const [report, description, ...more] = RtcpPacketConverter.deSerialize(bytesOf(heard));
    assert.ok(report instanceof RtcpSrPacket && description instanceof RtcpSourceDescriptionPacket);
    assert.deepEqual(more, []);
    assert.deepEqual([report.ssrc, report.reports], [media.ssrc, []]);
    assert.deepEqual(
      description.chunks.map(({ source, items }) => ({ source, items: items.map((item) => ({ ...item })) })),
      [
        { source: media.ssrc, items: [{ type: CNAME, text: cname }] },
      ],
    );

    // One socket, so what was sent before the report has arrived before it.
    const before = phone.rtp.map(rtpOf).slice(0, report.senderInfo.packetCount);
    assert.equal(report.senderInfo.octetCount, before.reduce((sum, { payload }) => sum + payload.length, 0));
    const newest = before.at(-1)!.header.timestamp;
    assert.ok(Math.abs(modulo32(report.senderInfo.rtpTimestamp - newest) | 0) < 48_000);
    const seconds = Number(report.senderInfo.ntpTimestamp) / 2 ** 32;
    assert.ok(Math.abs(seconds - NTP_TO_UNIX_SECONDS - heard.at / 1000) < 5, "NTP time of the report");
    return { seconds, timestamp: report.senderInfo.rtpTimestamp, packets: report.senderInfo.packetCount };
  });
  const [first, second] = reports;
  const elapsed = second.seconds - first.seconds;
  const captured = modulo32(second.timestamp - first.timestamp) / 48_000;
  assert.ok(Math.abs(elapsed - captured) < 0.05, `${elapsed} s by NTP, ${captured} s by RTP`);
  assert.ok(Math.abs((second.packets - first.packets) * FRAME_MS / 1000 - elapsed) < 0.1);
});

Deno.test("the status knows what a receiver report of werift-rtp says", async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  using phone = new Phone();
  const { media } = await hearing(server, phone, { mode: "mix" });
  await phone.until(() => phone.rtcp.length >= 1);
  const [sent] = RtcpPacketConverter.deSerialize(bytesOf(phone.rtcp[0]));
  assert.ok(sent instanceof RtcpSrPacket);
  const report = new RtcpRrPacket({
    ssrc: 77,
    reports: [
      new RtcpReceiverInfo({
        ssrc: media.ssrc,
        fractionLost: 64,
        packetsLost: 12,
        highestSequence: rtpOf(phone.rtp.at(-1)!).header.sequenceNumber,
        jitter: 96,
        lsr: Number(sent.senderInfo.ntpTimestamp >> 16n & 0xffff_ffffn),
        dlsr: 0,
      }),
    ],
  });
  const description = new RtcpSourceDescriptionPacket({
    chunks: [
      new SourceDescriptionChunk({ source: 77, items: [new SourceDescriptionItem({ type: CNAME, text: "ana" })] }),
    ],
  });
  await phone.send(Buffer.concat([report.serialize(), description.serialize()]), media.port);
  // The server has read it when it has answered the binding that came behind it.
  const answers = phone.answers;
  await phone.bind(media.port, media.username, media.password);
  await phone.until(() => phone.answers > answers);

  const { sessions: [session], dropped } = (await server.call("GET", "/api/v1/status")).body;
  assert.equal(session.latency.lossPercent, 25);
  assert.equal(session.latency.jitterMs, 2);
  assert.ok(session.latency.networkMs > 0 && session.latency.networkMs < 10_000, `${session.latency.networkMs} ms`);
  assert.equal(dropped.rtcp, 0);
});

Deno.test("a session that is deleted ends with a compound packet whose last part is its BYE", async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  using phone = new Phone();
  const { session, media } = await hearing(server, phone, { mode: "mix" });
  const last = () => phone.rtcp.length === 0 ? null : bytesOf(phone.rtcp.at(-1)!);
  const isBye = (bytes: Buffer | null) => bytes !== null && bytes.at(-7) === BYE;
  assert.equal((await server.call("DELETE", `/api/v1/sessions/${session}`)).status, 204);
  await phone.until(() => isBye(last()));
  const bytes = last()!;
  assert.deepEqual([...bytes.subarray(-8, -4)], [0x81, BYE, 0, 1]);
  assert.equal(bytes.readUInt32BE(bytes.length - 4), media.ssrc);
  // werift-rtp knows no BYE; what stands before it makes the compound packet valid.
  const [report, description] = RtcpPacketConverter.deSerialize(bytes);
  assert.ok(report instanceof RtcpRrPacket && description instanceof RtcpSourceDescriptionPacket);
  assert.deepEqual([report.ssrc, report.reports, description.chunks[0].source], [media.ssrc, [], media.ssrc]);
});
