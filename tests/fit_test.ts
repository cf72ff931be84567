/** The size of datagrams: measured against libopus and against what is really written; what fits, and what is advised. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Application, Bandwidth, createEncoder, EncoderCtl } from "libopus-wasm";
import type { Shape } from "../core/messages.ts";
import { type BitRate, bitRate, FRAMES, msToSamples } from "../core/units.ts";
import { advice, datagramBytes, fits, highestFitting, LADDER, MAX_DATAGRAM, opusBytes } from "../send/fit.ts";
import { appendPlain, appendSelfDelimited } from "../send/multistream.ts";
import { RED_MAX_BYTES, RED_MAX_OFFSET, writeRedHeader } from "../send/red.ts";
import { writeRtpHeader } from "../send/rtp.ts";

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const sixteen: Shape = { mode: "channels", channels: range(16), frame: 240, bitrate: bitRate(96_000), redundancy: 0 };

const anyRate = fc.integer({ min: 16_000, max: 256_000 }).map(bitRate);
const anyShape: fc.Arbitrary<Shape> = fc.record({
  mode: fc.constantFrom("channels" as const, "mix" as const, "mono" as const),
  channels: fc.integer({ min: 1, max: 64 }).map(range),
  frame: fc.constantFrom(...FRAMES),
  bitrate: fc.oneof(fc.constantFrom(...LADDER), anyRate),
  redundancy: fc.constantFrom(0 as const, 1 as const),
}).map((shape) => shape.mode === "mix" ? { ...shape, channels: [] } : shape);

for (const channels of [1, 2] as const) {
  for (const frame of FRAMES) {
    Deno.test(`opusBytes() is what libopus gives for ${frame} samples of ${channels === 1 ? "mono" : "stereo"}`, async () => {
      using encoder = await createEncoder({
        channels,
        application: Application.RestrictedLowDelay,
        frameSize: frame,
        vbr: false,
        complexity: 0,
      });
      encoder.encoderCtl(EncoderCtl.SetBandwidth, Bandwidth.Fullband);
      encoder.encoderCtl(EncoderCtl.SetForceChannels, channels);
      const silence = new Float32Array(frame * channels);
      const noise = silence.map((_, i) => Math.sin(i * i) * 0.5);
      const measure = (rate: BitRate) => {
        encoder.setBitrate(rate);
        for (const pcm of [noise, silence]) {
          assert.equal(encoder.encodeFloat(pcm).length, opusBytes(rate, frame), `${rate} b/s`);
        }
      };
      for (const rate of LADDER) measure(rate);
      for (const rate of [16_001, 44_100, 100_000, 255_999]) measure(bitRate(rate));
      fc.assert(fc.property(anyRate, measure), { numRuns: 100 });
    });
  }
}

/** Writes the datagram of a shape as a sender does; its bytes, or −1 where RFC 2198 has no room for them. */
function writtenBytes(shape: Shape): number {
  const opus = new Uint8Array(opusBytes(shape.bitrate, shape.frame)).fill(1);
  opus[0] = 0xe0;
  const out = new Uint8Array(1 << 16);
  const streams = shape.mode === "channels" ? shape.channels.length : 1;
  const payload = (at: number) => {
    let bytes = 0;
    for (let k = 1; k < streams; k++) bytes += appendSelfDelimited(opus, opus.length, out, at + bytes);
    return bytes + appendPlain(opus, opus.length, out, at + bytes);
  };
  const header = writeRtpHeader(out, 0, 97, false, 0, 0, 0);
  if (shape.redundancy === 0) return header + payload(header);
  const earlier = payload(0);
  if (earlier > RED_MAX_BYTES) return -1;
  const red = writeRedHeader(out, header, 97, shape.frame, earlier);
  return header + red + earlier + payload(header + red + earlier);
}

Deno.test("datagramBytes() is what a sender writes, and fits() is true if that is at most 1452 bytes", () => {
  fc.assert(
    fc.property(anyShape, (shape) => {
      const bytes = writtenBytes(shape);
      assert.equal(fits(shape), bytes >= 0 && bytes <= MAX_DATAGRAM);
      if (bytes >= 0) assert.equal(datagramBytes(shape), bytes);
    }),
    { numRuns: 500 },
  );
});

Deno.test("datagramBytes() of 16 channels, 5 ms, 96 kb/s is 12 + 16 × 60 + 15", () => {
  assert.equal(datagramBytes(sixteen), 987);
  assert.equal(datagramBytes({ ...sixteen, redundancy: 1 }), 12 + 5 + 2 * 975);
  assert.equal(datagramBytes({ ...sixteen, mode: "mix", channels: [] }), 72);
  assert.equal(datagramBytes({ ...sixteen, mode: "mono" }), 72);
});

Deno.test("datagramBytes() counts one byte for a frame's length up to 251, and two from 252 on", () => {
  const three: Shape = { ...sixteen, channels: range(3), frame: 480 };
  assert.equal(datagramBytes({ ...three, bitrate: bitRate(201_600) }), 12 + 3 * 252 + 2 * 1);
  assert.equal(datagramBytes({ ...three, bitrate: bitRate(202_400) }), 12 + 3 * 253 + 2 * 2);
  assert.equal(writtenBytes({ ...three, bitrate: bitRate(202_400) }), 775);
});

Deno.test("what fits keeps RFC 2198's limits of an earlier packet", () => {
  fc.assert(fc.property(anyShape, (shape) => {
    if (shape.redundancy === 0 || !fits(shape)) return;
    assert.ok((datagramBytes(shape) - 17) / 2 <= RED_MAX_BYTES && shape.frame <= RED_MAX_OFFSET);
  }));
});

Deno.test("highestFitting() takes the start if it fits, on the ladder or not", () => {
  assert.equal(highestFitting(sixteen, bitRate(100_000)), 100_000);
  assert.equal(highestFitting(sixteen, bitRate(96_000)), 96_000);
});

Deno.test("highestFitting() runs down the ladder from the start", () => {
  assert.equal(highestFitting(sixteen, bitRate(256_000)), 128_000);
  assert.equal(highestFitting(sixteen, bitRate(150_000)), 128_000);
  assert.equal(highestFitting({ ...sixteen, redundancy: 1 }, bitRate(128_000)), 64_000);
});

Deno.test("highestFitting() gives null if not even the lowest rate fits", () => {
  assert.equal(highestFitting({ ...sixteen, channels: range(64), frame: 480, redundancy: 1 }, bitRate(96_000)), null);
});

Deno.test("highestFitting() fits, is never above the start, and no step between them fits", () => {
  fc.assert(fc.property(anyShape, (shape) => {
    const rate = highestFitting(shape, shape.bitrate);
    if (rate !== null) assert.ok(rate <= shape.bitrate && fits({ ...shape, bitrate: rate }));
    for (const step of LADDER) {
      if (step < shape.bitrate && (rate === null || step > rate)) assert.ok(!fits({ ...shape, bitrate: step }));
    }
  }));
});

Deno.test("advice() says what is too long, and each change that makes it fit", () => {
  assert.equal(
    advice({ ...sixteen, frame: 480, bitrate: bitRate(128_000) }),
    "a packet has at most 1452 bytes: this one would have 2587; it fits with bitrate 64000, or frameMs 5, or 8 channels",
  );
});

Deno.test("advice() names at least one change for whatever doesn't fit, and each of them fits", () => {
  const bad = anyShape.filter((shape) => !fits(shape));
  fc.assert(
    fc.property(bad, (shape) => {
      const text = advice(shape);
      const found = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? NaN);
      const bitrate = found(/bitrate (\d+)/), frameMs = found(/frameMs ([\d.]+)/), channels = found(/(\d+) channels?/);
      const changes: Shape[] = [];
      if (bitrate) changes.push({ ...shape, bitrate: bitRate(bitrate) });
      if (frameMs) changes.push({ ...shape, frame: msToSamples(frameMs) as unknown as Shape["frame"] });
      if (channels) changes.push({ ...shape, channels: range(channels) });
      if (text.includes("redundancy 0")) changes.push({ ...shape, redundancy: 0 });
      assert.notEqual(changes.length, 0);
      for (const change of changes) assert.ok(fits(change), text);
    }),
    { numRuns: 50 },
  );
});
