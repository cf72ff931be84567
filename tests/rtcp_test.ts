/** RTCP: golden packets, round trips, time arithmetic, and another's parser. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { RtcpPacketConverter, RtcpRrPacket, RtcpSourceDescriptionPacket, RtcpSrPacket } from "werift-rtp";
import {
  ntpMiddle,
  readRtcp,
  roundTripMs,
  RTCP_MAX_BYTES,
  writeBye,
  writeReceiverReport,
  writeSenderReport,
} from "../send/rtcp.ts";
import { golden, goldenNames, readInside, truncations, written } from "./packets.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const cname = fc.uint8Array({ minLength: 1, maxLength: 255, size: "max" });
const report = fc.record({
  ssrc: uint32,
  fractionLost: fc.integer({ min: 0, max: 255 }),
  cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  highestSequence: uint32,
  jitter: uint32,
  lastSr: uint32,
  delaySinceLastSr: uint32,
}, { noNullPrototype: true });
/** Unix milliseconds from 1970 to 2100: the NTP era ends in 2036. */
const time = fc.double({ min: 1, max: 4_102_444_800_000, noNaN: true });
const NEW_YEAR_2024 = Date.UTC(2024, 0, 1);

Deno.test("writeSenderReport() writes the golden SR + SDES", () => {
  const packet = written((out, at) =>
    writeSenderReport(out, at, 0x12345678, NEW_YEAR_2024 + 250, 4294967176, 1000, 100_000, utf8("fold@pa"))
  );
  assert.deepEqual(packet, golden("rtcp-sr"));
});

Deno.test("writeReceiverReport() writes the golden RR + SDES", () => {
  const packet = written((out, at) =>
    writeReceiverReport(out, at, 99, utf8("hi"), {
      ssrc: 0x12345678,
      fractionLost: 64,
      cumulativeLost: -2,
      highestSequence: 0x20007,
      jitter: 42,
      lastSr: 0x83004000,
      delaySinceLastSr: 0x18000,
    })
  );
  assert.deepEqual(packet, golden("rtcp-rr"));
});

Deno.test("writeBye() writes the golden RR + SDES + BYE", () => {
  assert.deepEqual(written((out, at) => writeBye(out, at, 99, utf8("a"))), golden("rtcp-bye"));
});

Deno.test("readRtcp() reads the golden SR", () => {
  assert.deepEqual(readInside(golden("rtcp-sr"), readRtcp), {
    senderReports: [{
      ssrc: 0x12345678,
      ntpMiddle: 0x7f004000,
      ntpMs: NEW_YEAR_2024 + 250,
      rtpTimestamp: 4294967176,
      packets: 1000,
      octets: 100_000,
    }],
    reports: [],
    byes: [],
  });
});

Deno.test("readRtcp() reads the golden RR, its loss signed", () => {
  const reports = readInside(golden("rtcp-rr"), readRtcp)?.reports;
  assert.deepEqual(reports, [{
    reporter: 99,
    ssrc: 0x12345678,
    fractionLost: 64,
    cumulativeLost: -2,
    highestSequence: 0x20007,
    jitter: 42,
    lastSr: 0x83004000,
    delaySinceLastSr: 0x18000,
  }]);
});

Deno.test("readRtcp() reads BYEs, skips what it doesn't know, and takes padding in the last packet", () => {
  assert.deepEqual(readInside(golden("rtcp-bye"), readRtcp)?.byes, [99]);
  assert.deepEqual(readInside(golden("rtcp-padded-bye-with-reason"), readRtcp)?.byes, [99, 100]);
});

for (const name of goldenNames("rtcp-broken-")) {
  Deno.test(`readRtcp() refuses ${name}`, () => assert.equal(readInside(golden(name), readRtcp), null));
}

Deno.test("readRtcp() refuses more reports or packets than it has use for", () => {
  const full = new Uint8Array(8 + 31 * 24);
  full.set([0x80 | 31, 201, 0, full.length / 4 - 1]);
  const twice = [...full, ...full], thrice = [...twice, ...full];
  assert.equal(readInside(Uint8Array.from(twice), readRtcp)?.reports.length, 62);
  assert.equal(readInside(Uint8Array.from(thrice), readRtcp), null);
  const empty = [0x80, 201, 0, 1, 0, 0, 0, 99];
  const many = (count: number) => Uint8Array.from(Array.from({ length: count }, () => empty).flat());
  assert.notEqual(readInside(many(32), readRtcp), null);
  assert.equal(readInside(many(33), readRtcp), null);
});

Deno.test("readRtcp() reads the SR that writeSenderReport() wrote, across the end of the NTP era too", () => {
  fc.assert(fc.property(uint32, time, uint32, uint32, uint32, cname, (ssrc, ms, timestamp, packets, octets, name) => {
    const bytes = written((out, at) => writeSenderReport(out, at, ssrc, ms, timestamp, packets, octets, name));
    assert.ok(bytes.length % 4 === 0 && bytes.length <= RTCP_MAX_BYTES);
    const [{ ntpMs, ...rest }] = readInside(bytes, readRtcp)!.senderReports;
    assert.deepEqual(rest, { ssrc, ntpMiddle: ntpMiddle(ms), rtpTimestamp: timestamp, packets, octets });
    assert.ok(Math.abs(ntpMs - ms) < 0.001, `${ntpMs} for ${ms}`);
  }));
});

Deno.test("readRtcp() reads the report that writeReceiverReport() wrote", () => {
  fc.assert(fc.property(uint32, cname, report, (reporter, name, report) => {
    const bytes = written((out, at) => writeReceiverReport(out, at, reporter, name, report));
    assert.ok(bytes.length % 4 === 0 && bytes.length <= RTCP_MAX_BYTES);
    assert.deepEqual(readInside(bytes, readRtcp), { senderReports: [], byes: [], reports: [{ reporter, ...report }] });
  }));
});

Deno.test("writeReceiverReport() holds a loss beyond 24 bits at the limit", () => {
  for (const [lost, told] of [[1e9, 0x7fffff], [-1e9, -0x800000]]) {
    const loss = { fractionLost: 0, cumulativeLost: lost, jitter: 0, lastSr: 0, delaySinceLastSr: 0 };
    const bytes = written((out, at) =>
      writeReceiverReport(out, at, 1, utf8("a"), { ssrc: 2, highestSequence: 3, ...loss })
    );
    assert.equal(readRtcp(bytes, 0, bytes.length)?.reports[0].cumulativeLost, told);
  }
});

Deno.test("writeBye() is read as a BYE with any CNAME, and fits in RTCP_MAX_BYTES", () => {
  fc.assert(fc.property(uint32, cname, (ssrc, name) => {
    const bytes = written((out, at) => writeBye(out, at, ssrc, name));
    assert.ok(bytes.length <= RTCP_MAX_BYTES);
    assert.deepEqual(readInside(bytes, readRtcp), { senderReports: [], reports: [], byes: [ssrc] });
  }));
});

Deno.test("werift-rtp reads our SR, RR and SDES", () => {
  const text = fc.stringMatching(/^[a-z0-9@.-]{1,64}$/);
  fc.assert(
    fc.property(uint32, uint32, uint32, uint32, text, report, (ssrc, timestamp, packets, octets, name, report) => {
      const sr = written((out, at) =>
        writeSenderReport(out, at, ssrc, NEW_YEAR_2024 + 250, timestamp, packets, octets, utf8(name))
      );
      const rr = written((out, at) => writeReceiverReport(out, at, ssrc, utf8(name), report));
      const [sender, senderNames] = RtcpPacketConverter.deSerialize(Buffer.from(sr));
      assert.ok(sender instanceof RtcpSrPacket && senderNames instanceof RtcpSourceDescriptionPacket);
      assert.deepEqual({ ...sender.senderInfo }, {
        ntpTimestamp: 3913056000n << 32n | 0x40000000n,
        rtpTimestamp: timestamp,
        packetCount: packets,
        octetCount: octets,
      });
      const [receiver, receiverNames] = RtcpPacketConverter.deSerialize(Buffer.from(rr));
      assert.ok(receiver instanceof RtcpRrPacket && receiverNames instanceof RtcpSourceDescriptionPacket);
      const { packetsLost, lsr, dlsr, ...rest } = receiver.reports[0];
      // werift-rtp reads the 24 bits without their sign.
      const cumulativeLost = packetsLost << 8 >> 8;
      assert.deepEqual({ ...rest, cumulativeLost, lastSr: lsr, delaySinceLastSr: dlsr }, report);
      for (const { chunks: [chunk] } of [senderNames, receiverNames]) {
        assert.deepEqual([chunk.source, chunk.items[0].type, chunk.items[0].text], [ssrc, 1, name]);
      }
    }),
  );
});

Deno.test("readRtcp() never throws, whatever follows a header", () => {
  const start = fc.constantFrom([0x80, 200], [0x81, 201], [0x80, 201], [0xa0, 201], [0x82, 200]);
  fc.assert(
    fc.property(start, fc.integer({ min: 0, max: 20 }), fc.uint8Array({ maxLength: 120 }), (start, words, rest) => {
      readInside(Uint8Array.from([...start, 0, words, ...rest]), readRtcp);
    }),
  );
});

Deno.test("readRtcp() refuses a packet cut off anywhere but between two packets", () => {
  for (const [name, ends] of [["rtcp-sr", [28]], ["rtcp-rr", [32]], ["rtcp-bye", [8, 20]]] as const) {
    for (const cut of truncations(golden(name))) {
      const whole = ends.some((end) => end === cut.length);
      assert.equal(readInside(cut, readRtcp) !== null, whole, `${cut.length} bytes of ${name}`);
    }
  }
});

Deno.test("roundTripMs() is what was spent on the way, whatever the receiver held back", () => {
  const span = (max: number) => fc.double({ min: 0, max, noNaN: true });
  fc.assert(fc.property(time, span(5000), span(60_000), (sent, trip, held) => {
    const lastSr = ntpMiddle(sent);
    if (lastSr === 0) return;
    const measured = roundTripMs(sent + trip + held, lastSr, Math.floor(held * 65.536));
    assert.ok(Math.abs(measured - trip) < 0.05, `${measured} for ${trip}`);
  }));
});

Deno.test("roundTripMs() is 0 where the clocks' grain would make it negative, and -1 without an SR", () => {
  assert.equal(roundTripMs(NEW_YEAR_2024, ntpMiddle(NEW_YEAR_2024), 3), 0);
  assert.equal(roundTripMs(NEW_YEAR_2024, 0, 0), -1);
});
