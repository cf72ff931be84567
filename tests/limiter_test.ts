/** The limiter alone: what it must never let through, and what it must not touch. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CEILING, Limiter, LIMITER_DELAY } from "../core/limiter.ts";
import { dbToGain, msToSamples } from "../core/units.ts";

/** Float32 has 24 bits: a product may be rounded up by half of the last. */
const ROUNDING = 1 + 2 ** -23;
const DELAYED = 2 * LIMITER_DELAY;

interface Limited {
  readonly out: Float32Array;
  readonly lowest: number;
  readonly peak: number;
}

/** Everything through `limiter`, in pieces of these many frames in turn. */
function limit(limiter: Limiter, input: Float32Array, ceiling: number, pieces: readonly number[] = [128]): Limited {
  const out = new Float32Array(input.length);
  let lowest = 1, peak = 0;
  for (let at = 0, k = 0; at < input.length; k++) {
    const frames = Math.min(pieces[k % pieces.length], (input.length - at) / 2);
    const to = new Float32Array(2 * frames);
    limiter.process(input.slice(at, at + 2 * frames), to, frames, ceiling);
    out.set(to, at);
    lowest = Math.min(lowest, limiter.gain);
    peak = Math.max(peak, limiter.peak);
    at += 2 * frames;
  }
  return { out, lowest, peak };
}

const loudest = (samples: Float32Array): number =>
  samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
/** The same on both sides. */
const both = (frames: number, at: (i: number) => number): Float32Array =>
  Float32Array.from({ length: 2 * frames }, (_, i) => at(i >> 1));
/** Noise between −1 and 1 that is the same in each run. */
function noise(): () => number {
  let state = 1;
  return () => (state = Math.imul(state, 1664525) + 1013904223 | 0) / 2 ** 31;
}
/** The gain at each frame, seen by a pilot on the left that is far below the ceiling beside `right`. */
function gainCurve(right: Float32Array, ceiling: number, limiter = new Limiter()): number[] {
  const pilot = 2 ** -10;
  const { out } = limit(
    limiter,
    Float32Array.from({ length: 2 * right.length }, (_, i) => i % 2 ? right[i >> 1] : pilot),
    ceiling,
  );
  return Array.from({ length: right.length - LIMITER_DELAY }, (_, i) => out[2 * (i + LIMITER_DELAY)] / pilot);
}

const pieces = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 });
const anyFloat = fc.float({ noNaN: true, noDefaultInfinity: true });
/** Bursts of single values of whatever size, silence between. */
const bursts = fc.array(fc.record({ value: anyFloat, side: anyFloat, length: fc.integer({ min: 1, max: 200 }) }), {
  minLength: 1,
  maxLength: 30,
}).map((parts) =>
  Float32Array.from(parts.flatMap(({ value, side, length }) => Array.from({ length }, () => [value, side]).flat()))
);

Deno.test("nothing that comes out is above the ceiling, whatever finite goes in and however it is cut", () => {
  fc.assert(
    fc.property(bursts, pieces, fc.double({ min: 0.01, max: 1, noNaN: true }), (input, cuts, ceiling) => {
      const { out, peak } = limit(new Limiter(), input, ceiling, cuts);
      assert.ok(loudest(out) <= ceiling * ROUNDING, `${loudest(out)} above ${ceiling}`);
      assert.equal(peak, loudest(out));
    }),
    { numRuns: 300 },
  );
});

for (
  const [name, at] of [
    ["a square wave 12 dB over", (i) => i % 200 < 100 ? 4 * CEILING : -4 * CEILING],
    ["an impulse", (i) => i === 700 ? 100 : 0],
    ["an impulse before each quiet stretch", (i) => i % 49 === 0 ? 3 : 0.5],
    ["a ramp", (i) => i / 100],
    ["full-scale noise", noise()],
    ["noise 60 dB over", ((next) => () => 1000 * next())(noise())],
  ] satisfies [string, (i: number) => number][] as [string, (i: number) => number][]
) {
  Deno.test(`${name} stays below the ceiling and comes close to it, and the gain never steps`, () => {
    const input = both(24_000, at);
    const { out, lowest } = limit(new Limiter(), input, CEILING);
    assert.ok(loudest(out) <= CEILING * dbToGain(0.1));
    assert.ok(loudest(out) > CEILING * dbToGain(-6), `${loudest(out)} is far too low`);
    assert.ok(lowest < 1);
    const curve = gainCurve(input.filter((_, i) => i % 2 === 1), CEILING);
    assert.ok(Math.min(...curve) < 1);
    curve.slice(1).forEach((gain, i) => {
      assert.ok(Math.abs(gain - curve[i]) < 1 / (LIMITER_DELAY + 1) + 1e-6, `a step of ${gain - curve[i]} at ${i}`);
    });
  });
}

Deno.test("below the ceiling not a bit is changed, only delayed", () => {
  const level = fc.float({ min: -0.5, max: 0.5, noNaN: true });
  fc.assert(fc.property(fc.array(fc.tuple(level, level), { minLength: 60, maxLength: 900 }), pieces, (frames, cuts) => {
    const input = Float32Array.from(frames.flat());
    const { out, lowest } = limit(new Limiter(), input, 0.5, cuts);
    assert.deepEqual(out.slice(0, DELAYED), new Float32Array(DELAYED));
    assert.deepEqual(out.slice(DELAYED), input.slice(0, -DELAYED));
    assert.equal(lowest, 1);
  }));
});

Deno.test("how the samples are cut into pieces makes no difference", () => {
  fc.assert(fc.property(bursts, pieces, (input, cuts) => {
    assert.deepEqual(limit(new Limiter(), input, 0.9, cuts).out, limit(new Limiter(), input, 0.9, [input.length]).out);
  }));
});

Deno.test("left and right get the same gain", () => {
  const input = both(4800, (i) => Math.sin(i / 20)).map((sample, i) => i % 2 ? 5 * sample : sample / 4);
  const { out } = limit(new Limiter(), input, 0.5);
  for (let i = 0; i < out.length; i += 2) assert.ok(Math.abs(out[i] * 20 - out[i + 1]) < 1e-6);
});

Deno.test("the gain is back at exactly 1 after the loud stretch, within 2 seconds, and without a step", () => {
  const next = noise();
  const right = Float32Array.from({ length: 240_000 }, (_, i) => i < 96_000 ? 8 * next() : 0.25 * next());
  const limiter = new Limiter(), curve = gainCurve(right, CEILING, limiter), back = curve.slice(96_000 + LIMITER_DELAY);
  assert.ok(back[0] < 0.2);
  assert.ok(back[msToSamples(50)] < 0.7, "it came back too fast for low notes");
  assert.ok(back[msToSamples(300)] > 0.9, "it came back too slowly");
  back.slice(1).forEach((gain, i) => assert.ok(gain >= back[i] - 1e-7, "it fell again"));
  assert.ok(back.slice(96_000).every((gain) => gain === 1));
  assert.equal(limiter.gain, 1);
});

Deno.test("a limiter that was reset has forgotten everything, and one knows nothing of another", () => {
  const next = noise(), input = both(3000, () => 4 * next()), quiet = both(3000, (i) => 0.8 * Math.sin(i / 9));
  const used = new Limiter(), other = new Limiter();
  limit(used, input, 0.25);
  assert.deepEqual(limit(other, quiet, CEILING).out, limit(new Limiter(), quiet, CEILING).out);
  used.reset();
  assert.deepEqual([used.gain, used.peak], [1, 0]);
  assert.deepEqual(limit(used, quiet, CEILING).out, limit(new Limiter(), quiet, CEILING).out);
});

Deno.test("a ceiling that is changed is reached gliding, down and up", () => {
  const limiter = new Limiter(), loud = new Float32Array(9600).fill(2);
  const high = gainCurve(loud, 1, limiter);
  const low = gainCurve(loud, 0.1, limiter);
  assert.ok(Math.abs(high.at(-1)! - 0.5) < 1e-6);
  // The curve begins a delay after the change.
  assert.ok(low[0] > 0.2 && low[0] <= 0.5);
  low.slice(1).forEach((gain, i) => assert.ok(low[i] - gain < 0.005 && low[i] - gain > -1e-7));
  assert.ok(low[msToSamples(10)] < 0.06);
  assert.ok(Math.abs(low.at(-1)! - 0.05) < 1e-6);
  const again = gainCurve(loud, 1, limiter);
  again.slice(1).forEach((gain, i) => assert.ok(gain - again[i] < 0.005 && gain - again[i] > -1e-7));
  assert.ok(again.at(-1)! > 0.3);
});

Deno.test("what hasn't come out yet can be faded out", () => {
  const limiter = new Limiter();
  limit(limiter, both(128, () => 0.5), 1);
  limiter.fadeOut();
  const { out } = limit(limiter, new Float32Array(256), 1);
  for (let i = 0; i < LIMITER_DELAY; i++) {
    assert.ok(Math.abs(out[2 * i] - 0.5 * (1 - (i + 1) / (LIMITER_DELAY + 1))) < 1e-6);
    assert.equal(out[2 * i], out[2 * i + 1]);
  }
  assert.equal(loudest(out.slice(DELAYED)), 0);
});
