/** Opus framing: golden packets of every frame code, properties, and real audio through assembly and splitting. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Application, Bandwidth, createDecoder, createEncoder, EncoderCtl, getPacketInfo } from "libopus-wasm";
import { appendPlain, appendSelfDelimited, selfDelimitedBytes, splitMultistream, tocOf } from "../send/multistream.ts";
import { golden, goldenNames, readInside, truncations, written } from "./packets.ts";

const MAX_STREAMS = 64;

function assemble(packets: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return written((out, at) => {
    let bytes = 0;
    packets.forEach((packet, k) => {
      const append = k < packets.length - 1 ? appendSelfDelimited : appendPlain;
      bytes += append(packet, packet.length, out, at + bytes);
    });
    return bytes;
  });
}

/** The plain packets, or null. */
function split(streams: number) {
  return (packet: Uint8Array, at: number, length: number): Uint8Array[] | null => {
    const out = new Uint8Array(length), offsets = new Int32Array(MAX_STREAMS), lengths = new Int32Array(MAX_STREAMS);
    if (!splitMultistream(packet, at, length, streams, out, offsets, lengths)) return null;
    return Array.from({ length: streams }, (_, k) => out.slice(offsets[k], offsets[k] + lengths[k]));
  };
}

/** RFC 6716 section 3.2.1 */
const lengthOf = (bytes: number) => bytes < 252 ? [bytes] : [252 + bytes % 4, (bytes - 252 - bytes % 4) / 4];
const flat = (frames: readonly Uint8Array[]) => frames.flatMap((frame) => [...frame]);

/** A plain packet made from its frames, by the letter of RFC 6716 section 3.2. */
function packetOf(config: number, code: number, frames: Uint8Array[], padding: number | null, variable: boolean) {
  const bytes = [config << 3 | code];
  if (code === 2) bytes.push(...lengthOf(frames[0].length));
  if (code === 3) {
    bytes.push(frames.length | (variable ? 0x80 : 0) | (padding === null ? 0 : 0x40));
    let left = padding ?? 0;
    for (; left > 254; left -= 254) bytes.push(255);
    if (padding !== null) bytes.push(left);
    if (variable) bytes.push(...frames.slice(0, -1).flatMap((frame) => lengthOf(frame.length)));
  }
  bytes.push(...flat(frames), ...new Array(code === 3 ? padding ?? 0 : 0).fill(0));
  return Uint8Array.from(bytes);
}

/** Packets of one duration: config 28 is 2.5 ms, so that up to 48 frames are allowed. */
const packetsOf = (count: number) => {
  const frame = fc.uint8Array({ maxLength: 300, size: "max" });
  const same = fc.integer({ min: 0, max: 300 }).chain((length) =>
    fc.array(fc.uint8Array({ minLength: length, maxLength: length }), { minLength: count, maxLength: count })
  );
  const any = fc.array(frame, { minLength: count, maxLength: count });
  const padding = fc.option(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 250, max: 600 })));
  const packets: fc.Arbitrary<Uint8Array>[] = [
    fc.tuple(same, padding).map(([frames, padding]) => packetOf(28, 3, frames, padding, false)),
    fc.tuple(any, padding).map(([frames, padding]) => packetOf(28, 3, frames, padding, true)),
  ];
  if (count === 1) packets.push(any.map((frames) => packetOf(28, 0, frames, null, false)));
  if (count === 2) {
    packets.push(same.map((frames) => packetOf(28, 1, frames, null, false)));
    packets.push(any.map((frames) => packetOf(28, 2, frames, null, false)));
  }
  return fc.oneof(...packets);
};

for (const name of goldenNames("opus-plain-")) {
  const plain = golden(name), delimited = golden(name.replace("plain", "delimited"));
  Deno.test(`appendSelfDelimited() frames ${name} as RFC 6716 appendix B says`, () => {
    assert.deepEqual(written((out, at) => appendSelfDelimited(plain, plain.length, out, at)), delimited);
    assert.equal(selfDelimitedBytes(plain, plain.length), delimited.length);
    assert.deepEqual(written((out, at) => appendPlain(plain, plain.length, out, at)), plain);
  });
  Deno.test(`splitMultistream() gives ${name} back, from the middle and from the end`, () => {
    assert.deepEqual(readInside(Uint8Array.from([...delimited, ...delimited, ...plain]), split(3)), [
      plain,
      plain,
      plain,
    ]);
  });
}

for (const name of goldenNames("opus-broken-")) {
  Deno.test(`${name} is neither framed nor split`, () => {
    const packet = golden(name), out = new Uint8Array(4096);
    assert.equal(selfDelimitedBytes(packet, packet.length), -1);
    assert.equal(appendSelfDelimited(packet, packet.length, out, 0), -1);
    assert.equal(appendPlain(packet, packet.length, out, 0), -1);
    assert.ok(out.every((byte) => byte === 0));
    assert.equal(readInside(packet, split(1)), null);
  });
}

Deno.test("an Opus packet's length counts, not the array's", () => {
  const roomy = Uint8Array.from([...golden("opus-plain-code2"), 9, 9, 9]);
  const bytes = written((out, at) => appendSelfDelimited(roomy, roomy.length - 3, out, at));
  assert.deepEqual(bytes, golden("opus-delimited-code2"));
});

Deno.test("splitMultistream() gives back what was assembled, whatever the frame codes", () => {
  const streams = fc.tuple(fc.constantFrom(1, 2, 3, 6), fc.integer({ min: 1, max: 4 }))
    .chain(([frames, count]) => fc.array(packetsOf(frames), { minLength: 1, maxLength: count }));
  fc.assert(fc.property(streams, (packets) => {
    const out = new Uint8Array(1 << 15);
    let bytes = 0;
    packets.forEach((packet, k) => {
      const last = k === packets.length - 1;
      const added = (last ? appendPlain : appendSelfDelimited)(packet, packet.length, out, bytes);
      assert.equal(added, last ? packet.length : selfDelimitedBytes(packet, packet.length));
      bytes += added;
    });
    assert.deepEqual(readInside(out.slice(0, bytes), split(packets.length)), packets);
  }));
});

Deno.test("splitMultistream() refuses streams that last differently, and no streams", () => {
  const code0 = golden("opus-delimited-code0"), code2 = golden("opus-plain-code2");
  assert.equal(readInside(Uint8Array.from([...code0, ...code2]), split(2)), null);
  assert.equal(readInside(code2, split(0)), null);
});

Deno.test("splitMultistream() refuses a packet cut off before its last stream's lengths are over", () => {
  const head = golden("opus-delimited-code3-variable"), packet = Uint8Array.from([...head, ...head.slice(0, -8), 0xff]);
  for (const cut of truncations(packet)) assert.equal(readInside(cut, split(2)), null, `${cut.length} bytes`);
});

Deno.test("splitMultistream() never writes more than it read, whatever the bytes", () => {
  const toc = fc.constantFrom(0xe0, 0xe1, 0xe2, 0xe3);
  fc.assert(fc.property(toc, fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (toc, rest, streams) => {
    const bytes = Uint8Array.of(toc, ...rest);
    const packets = readInside(bytes, split(streams));
    if (packets === null) return;
    assert.ok(flat(packets).length <= bytes.length - (streams - 1));
    for (const packet of packets) assert.notEqual(selfDelimitedBytes(packet, packet.length), -1);
  }));
});

Deno.test("tocOf() says what libopus says of every first byte", async () => {
  const names = new Map<Bandwidth, string>([
    [Bandwidth.Narrowband, "narrowband"],
    [Bandwidth.Mediumband, "mediumband"],
    [Bandwidth.Wideband, "wideband"],
    [Bandwidth.Superwideband, "superwideband"],
    [Bandwidth.Fullband, "fullband"],
  ]);
  for (let byte = 0; byte < 256; byte++) {
    // One frame, two equal ones, two of 0 and 1 bytes, one as code 3: whole packets, so that libopus takes them.
    const rest = [[1], [1, 1], [0, 1], [1, 1]][byte & 3];
    const info = await getPacketInfo(Uint8Array.of(byte, ...rest));
    const toc = tocOf(byte);
    assert.equal(toc.config, byte >> 3);
    assert.equal(toc.code, byte & 3);
    assert.equal(toc.frameSamples, info.samplesPerFrame, `first byte ${byte}`);
    assert.equal(toc.bandwidth, names.get(info.bandwidth), `first byte ${byte}`);
    assert.equal(toc.stereo, info.channels === 2, `first byte ${byte}`);
  }
});

/** `count` packets of one mono tone with some noise. */
async function encodeTone(frequency: number, frame: number, bitrate: number, count: number): Promise<Uint8Array[]> {
  using encoder = await createEncoder({
    channels: 1,
    application: Application.RestrictedLowDelay,
    bitrate,
    frameSize: frame,
    vbr: false,
    complexity: 0,
  });
  encoder.encoderCtl(EncoderCtl.SetBandwidth, Bandwidth.Fullband);
  let seed = frequency;
  return Array.from({ length: count }, (_, k) => {
    const pcm = Float32Array.from({ length: frame }, (_, i) => {
      seed = seed * 16807 % 2147483647;
      return 0.4 * Math.sin(2 * Math.PI * frequency * (k * frame + i) / 48000) + 0.02 * (seed / 2147483647 - 0.5);
    });
    return encoder.encodeFloat(pcm).slice();
  });
}

async function decode(packets: readonly Uint8Array[]): Promise<number[]> {
  using decoder = await createDecoder({ channels: 1 });
  return packets.flatMap((packet) => [...decoder.decodeFloat(packet)]);
}

for (const [frame, bitrate] of [[120, 96_000], [240, 48_000], [480, 256_000]]) {
  Deno.test(`16 tones of ${frame} samples at ${bitrate} b/s sound the same alone and through a multistream packet`, async () => {
    const tones = await Promise.all(
      Array.from({ length: 16 }, (_, channel) => encodeTone(100 * (channel + 1), frame, bitrate, 8)),
    );
    const datagrams = tones[0].map((_, k) => assemble(tones.map((packets) => packets[k])));
    const parts = datagrams.map((datagram) => split(16)(datagram, 0, datagram.length)!);
    for (let channel = 0; channel < 16; channel++) {
      const heard = await decode(parts.map((packets) => packets[channel]));
      assert.ok(Math.max(...heard) > 0.3, "a tone, not silence");
      assert.deepEqual(heard, await decode(tones[channel]), `channel ${channel + 1}`);
    }
  });
}

Deno.test("packets of every frame code sound like their frames, after assembly and splitting", async () => {
  const loud = await encodeTone(400, 120, 128_000, 12), quiet = await encodeTone(400, 120, 64_000, 12);
  const frames = loud.map((packet) => packet.slice(1));
  // Frames of both rates one after the other: sizes that differ, from one and the same signal.
  const mixed = frames.map((frame, k) => k % 2 === 0 ? frame : quiet[k].slice(1));
  const inPieces = (all: Uint8Array[], count: number, code: number, padding: number | null, variable: boolean) =>
    Array.from(
      { length: all.length / count },
      (_, k) => packetOf(28, code, all.slice(k * count, (k + 1) * count), padding, variable),
    );
  const alone = await decode(loud);
  const aloneMixed = await decode(mixed.map((frame) => packetOf(28, 0, [frame], null, false)));
  const cases: [string, Uint8Array[], number[]][] = [
    ["code 1", inPieces(frames, 2, 1, null, false), alone],
    ["code 2", inPieces(mixed, 2, 2, null, false), aloneMixed],
    ["code 3, constant", inPieces(frames, 3, 3, null, false), alone],
    ["code 3, constant, padded", inPieces(frames, 4, 3, 300, false), alone],
    ["code 3, variable", inPieces(mixed, 4, 3, null, true), aloneMixed],
    ["code 3, variable, padded", inPieces(mixed, 3, 3, 5, true), aloneMixed],
  ];
  for (const [name, packets, expected] of cases) {
    const datagrams = packets.map((packet) => assemble([packet, packet]));
    const parts = datagrams.map((datagram) => split(2)(datagram, 0, datagram.length)!);
    for (const k of [0, 1]) {
      assert.deepEqual(await decode(parts.map((pair) => pair[k])), expected, `${name}, stream ${k}`);
    }
  }
});
