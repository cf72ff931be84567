import assert from "node:assert/strict";
import fc from "fast-check";
import { FRAMES } from "../core/units.ts";
import { StreamDecoders } from "../listen/decoders.ts";
import { LADDER, MAX_DATAGRAM, opusBytes } from "../send/fit.ts";
import { appendPlain, appendSelfDelimited } from "../send/multistream.ts";

/** A packet as long as the codec makes it; what is in it doesn't matter. */
function packetOf(streams: number, bytes: number, toc: number, seed: number): Uint8Array {
  const out = new Uint8Array(streams * (bytes + 2));
  let at = 0;
  for (let stream = 0; stream < streams; stream++) {
    const part = Uint8Array.from({ length: bytes }, (_, i) => Math.imul(i + 31 * stream + seed, 0x9e3779b1) >>> 24);
    part[0] = toc;
    at += (stream < streams - 1 ? appendSelfDelimited : appendPlain)(part, bytes, out, at);
  }
  return out.subarray(0, at);
}

/** Full-band CELT of 2.5, 5, 10 ms (RFC 6716 section 3.1). */
const tocOfFrame = (frame: number) => (28 + FRAMES.indexOf(frame as 120)) << 3;

Deno.test("a packet fits the decoders for as many streams as it has, whatever its frame and its bitrate", async () => {
  const most = 8;
  const decoders = await Promise.all(Array.from({ length: most }, (_, i) => StreamDecoders.create(i + 1, false)));
  const rates = fc.constantFrom(...LADDER), counts = fc.integer({ min: 1, max: most });
  fc.assert(
    fc.property(counts, counts, rates, fc.constantFrom(...FRAMES), fc.nat(), (sent, agreed, rate, frame, seed) => {
      const packet = packetOf(sent, opusBytes(rate, frame), tocOfFrame(frame), seed);
      fc.pre(packet.length <= MAX_DATAGRAM);
      assert.equal(decoders[agreed - 1].fits(packet, 0, packet.length, rate), sent === agreed);
    }),
    { numRuns: 500 },
  );
  decoders.forEach((one) => one[Symbol.dispose]());
});

Deno.test("nothing fits that is stereo instead of mono, longer than 10 ms, cut off, or no packet", async () => {
  using mono = await StreamDecoders.create(2, false), stereo = await StreamDecoders.create(1, true);
  const bytes = opusBytes(96_000, 240), toc = tocOfFrame(240);
  const fits = (decoders: StreamDecoders, packet: Uint8Array) => decoders.fits(packet, 0, packet.length, 96_000);
  assert.equal(fits(mono, packetOf(2, bytes, toc, 1)), true);
  assert.equal(fits(mono, packetOf(2, bytes, toc | 4, 1)), false);
  assert.equal(fits(stereo, packetOf(1, bytes, toc | 4, 1)), true);
  assert.equal(fits(stereo, packetOf(1, bytes, toc, 1)), false);
  assert.equal(fits(mono, packetOf(2, bytes, 31 << 3, 1)), false);
  for (let length = 0; length < 2 * bytes; length++) {
    assert.equal(fits(mono, packetOf(2, bytes, toc, 1).subarray(0, length)), false);
  }
});
