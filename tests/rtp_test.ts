/** RTP headers and what shares a socket with them: golden packets, properties, and another's parser. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { RtpPacket as WeriftRtpPacket } from "werift-rtp";
import { kindOfDatagram, PAYLOAD_TYPE_RED, RTP_HEADER_BYTES, RtpPacket, writeRtpHeader } from "../send/rtp.ts";
import { golden, goldenNames, INSIDE_AT, readInside, truncations, written } from "./packets.ts";

const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const header = fc.record({
  payloadType: fc.integer({ min: 0, max: 127 }),
  marker: fc.boolean(),
  sequence: uint16,
  timestamp: uint32,
  ssrc: uint32,
}, { noNullPrototype: true });
type Header = typeof header extends fc.Arbitrary<infer T> ? T : never;

const write = ({ payloadType, marker, sequence, timestamp, ssrc }: Header, payload: Uint8Array) =>
  written((out, at) => {
    const bytes = writeRtpHeader(out, at, payloadType, marker, sequence, timestamp, ssrc);
    out.set(payload, at + bytes);
    return bytes + payload.length;
  });

/** The fields, or null where it isn't RTP. */
function read(packet: Uint8Array, at: number, length: number) {
  const rtp = new RtpPacket();
  return rtp.read(packet, at, length) ? { ...rtp } : null;
}

Deno.test("writeRtpHeader() writes the golden packet", () => {
  const bytes = write(
    { payloadType: 97, marker: true, sequence: 65535, timestamp: 480, ssrc: 0x12345678 },
    Uint8Array.of(0xaa, 0xbb, 0xcc),
  );
  assert.deepEqual(bytes, golden("rtp-marker"));
});

Deno.test("RtpPacket reads CSRCs, extension and padding past", () => {
  const packet = golden("rtp-everything");
  assert.deepEqual(read(packet, 0, packet.length), {
    payloadType: 96,
    marker: false,
    sequence: 1,
    timestamp: 4294967176,
    ssrc: 0xdeadbeef,
    payloadAt: 28,
    payloadBytes: 3,
  });
});

Deno.test("RtpPacket reads a packet that is only padding as one without payload", () => {
  assert.equal(readInside(golden("rtp-only-padding"), read)?.payloadBytes, 0);
});

for (const name of goldenNames("rtp-broken-")) {
  Deno.test(`RtpPacket refuses ${name}`, () => assert.equal(readInside(golden(name), read), null));
}

Deno.test("RtpPacket reads what writeRtpHeader() wrote", () => {
  fc.assert(fc.property(header, fc.uint8Array({ maxLength: 200 }), (fields, payload) => {
    const packet = write(fields, payload);
    assert.deepEqual(readInside(packet, read), {
      ...fields,
      payloadAt: INSIDE_AT + RTP_HEADER_BYTES,
      payloadBytes: payload.length,
    });
  }));
});

Deno.test("one RtpPacket reads one packet after the other", () => {
  const rtp = new RtpPacket(), first = golden("rtp-everything"), second = golden("rtp-marker");
  assert.ok(rtp.read(first, 0, first.length));
  assert.ok(rtp.read(second, 0, second.length));
  assert.deepEqual({ ...rtp }, read(second, 0, second.length));
});

Deno.test("werift-rtp reads what writeRtpHeader() wrote", () => {
  fc.assert(fc.property(header, fc.uint8Array({ minLength: 1, maxLength: 200 }), (fields, payload) => {
    const { header, payload: got } = WeriftRtpPacket.deSerialize(Buffer.from(write(fields, payload)));
    const { payloadType, marker, sequenceNumber, timestamp, ssrc } = header;
    assert.deepEqual({ payloadType, marker, sequence: sequenceNumber, timestamp, ssrc }, fields);
    assert.deepEqual(new Uint8Array(got), payload);
  }));
});

Deno.test("RtpPacket never finds a payload outside of the packet, whatever the bytes", () => {
  const first = fc.integer({ min: 0x80, max: 0xbf });
  fc.assert(fc.property(first, fc.uint8Array({ maxLength: 120 }), (first, rest) => {
    const bytes = Uint8Array.of(first, ...rest);
    const rtp = readInside(bytes, read);
    if (rtp === null) return;
    assert.ok(rtp.payloadAt >= INSIDE_AT + RTP_HEADER_BYTES && rtp.payloadBytes >= 0);
    assert.ok(rtp.payloadAt + rtp.payloadBytes <= INSIDE_AT + bytes.length);
  }));
});

Deno.test("RtpPacket refuses a packet cut off anywhere in its headers", () => {
  const packet = golden("rtp-everything");
  // From byte 28 on there is payload, and a last byte of it that isn't a count of padding.
  for (const cut of truncations(packet.slice(0, 32))) assert.equal(readInside(cut, read), null, `${cut.length} bytes`);
});

Deno.test("kindOfDatagram() tells STUN, RTP and RTCP apart for every first byte", () => {
  for (let first = 0; first < 256; first++) {
    const expected = first <= 3 ? "stun" : first >= 128 && first <= 191 ? "rtp" : "other";
    assert.equal(kindOfDatagram(first, 0), expected, `first byte ${first}`);
  }
});

Deno.test("kindOfDatagram() takes our RTP with and without marker for RTP, and RTCP's packet types for RTCP", () => {
  for (let payloadType = 96; payloadType <= PAYLOAD_TYPE_RED; payloadType++) {
    assert.equal(kindOfDatagram(0x80, payloadType), "rtp");
    assert.equal(kindOfDatagram(0x80, payloadType | 0x80), "rtp");
  }
  for (const name of ["rtcp-sr", "rtcp-rr", "rtcp-bye"]) {
    const packet = golden(name);
    assert.equal(kindOfDatagram(packet[0], packet[1]), "rtcp");
  }
  for (const type of [191, 224]) assert.equal(kindOfDatagram(0x80, type), "rtp");
  for (const type of [192, 223]) assert.equal(kindOfDatagram(0x80, type), "rtcp");
});
