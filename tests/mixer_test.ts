/** The desk's sums, gains, trims and meters; where mixes begin softly is in mixer_fade_test.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Board, createBoard } from "../core/board.ts";
import { LIMITER_DELAY } from "../core/limiter.ts";
import { BLOCK, dbToGain, gainToDb, msToSamples } from "../core/units.ts";
import { Mixer } from "../mix/mixer.ts";

const board = () => new Board(createBoard(1, 4));
/** Blocks until a new mix is at its full level: 50 ms, and the limiter's delay. */
const RISEN = 20;
/** As good as no limiter. */
const HIGH = 1e6;
/** An ordinary change. */
const MS = 5;

const settings = (gains: Iterable<number>, rampMs = MS, ceiling = HIGH) => ({
  gains: Float32Array.from(gains),
  ceiling,
  rampMs,
});

/** Interleaved block in which channel c has the constant value `levels[c]`. */
const constant = (levels: number[]) =>
  Float32Array.from({ length: BLOCK * levels.length }, (_, i) => levels[i % levels.length]);

/** Plays blocks and returns one mix, interleaved, of all of them. */
function play(mixer: Mixer, block: Float32Array, count: number, mix = 0): number[] {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    mixer.read(block);
    mixer.render(mixer.mixes.get(mix)!);
    out.push(...mixer.mixes.get(mix)!.output);
  }
  return out;
}
const left = (out: number[]) => out.filter((_, i) => i % 2 === 0);
/** A mixer with mix 0, at its full level. */
function risen(gains: number[], block: Float32Array, ceiling = HIGH): Mixer {
  const mixer = new Mixer(gains.length / 2, board().main);
  mixer.setMix(0, settings(gains, MS, ceiling));
  play(mixer, block, RISEN);
  return mixer;
}

Deno.test("a mix is the sum of its channels by their gains, left and right, however many sound", () => {
  const gain = fc.oneof(fc.constant(0), fc.float({ min: 0, max: 3, noNaN: true }));
  const level = fc.float({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(gain, gain, level), { minLength: 1, maxLength: 16 }), (strips) => {
      const block = constant(strips.map(([, , value]) => value));
      const out = play(risen(strips.flatMap(([left, right]) => [left, right]), block), block, 1);
      const sum = (side: 0 | 1) => strips.reduce((total, strip) => total + Math.fround(strip[side]) * strip[2], 0);
      for (let i = 0; i < BLOCK; i++) {
        assert.ok(Math.abs(out[2 * i] - sum(0)) < 1e-4);
        assert.ok(Math.abs(out[2 * i + 1] - sum(1)) < 1e-4);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("a change of gain takes 5 ms in even steps and then stays", () => {
  const gain = fc.float({ min: 0, max: 3, noNaN: true });
  fc.assert(
    fc.property(gain, gain, (from, to) => {
      const mixer = risen([from, 0], constant([1]));
      mixer.setMix(0, settings([to, 0]));
      const curve = left(play(mixer, constant([1]), 4)).slice(LIMITER_DELAY);
      const ramp = msToSamples(5), step = (to - from) / ramp;
      curve.forEach((value, i) => {
        const expected = i < ramp ? from + step * (i + 1) : to;
        assert.ok(Math.abs(value - expected) < 1e-4, `sample ${i}: ${value}, not ${expected}`);
      });
      assert.equal(curve.at(-1), to);
    }),
    { numRuns: 50 },
  );
});

Deno.test("a change in the middle of a change goes on from where it is", () => {
  const mixer = risen([0, 0], constant([1]));
  mixer.setMix(0, settings([1, 1]));
  const before = left(play(mixer, constant([1]), 1)).at(-1)!;
  assert.ok(before > 0.2);
  mixer.setMix(0, settings([0, 0], 2000));
  mixer.setMix(0, settings([2, 2]));
  mixer.setMix(0, settings([0, 0]));
  const after = left(play(mixer, constant([1]), 4));
  // The first samples still belong to the way up: the limiter's delay.
  const course = [before, ...after];
  after.forEach((value, i) => {
    const step = value - course[i];
    assert.ok(i < LIMITER_DELAY ? step > 0 && step < 0.005 : step <= 0 && step > -0.005, `${step} at ${i}`);
  });
  assert.equal(after.at(-1), 0);
});

Deno.test("no change of gain is quicker than 5 ms, whatever it is told", () => {
  const mixer = risen([0, 0], constant([1]));
  mixer.setMix(0, settings([1, 1], 0));
  const curve = left(play(mixer, constant([1]), 3));
  curve.slice(1).forEach((value, i) => assert.ok(value - curve[i] < 0.005));
});

Deno.test("a fade of seconds goes like a fader, without a step, and ends exactly, when it was told to", () => {
  for (const [from, to] of [[0, 1], [1, 0], [0.1, 0.7]]) {
    const ms = 2000, length = msToSamples(ms), mixer = risen([from, 0], constant([1]));
    mixer.setMix(0, settings([to, 0], ms));
    const curve = left(play(mixer, constant([1]), Math.ceil(length / BLOCK) + 1)).slice(LIMITER_DELAY);
    curve.slice(1).forEach((value, i) => assert.ok(Math.abs(value - curve[i]) < 2.5 / length, `a step at ${i}`));
    const root = (Math.sqrt(Math.fround(from)) + Math.sqrt(Math.fround(to))) / 2;
    assert.ok(Math.abs(curve[length / 2] - root * root) < 1e-4);
    assert.notEqual(curve[length - 200], Math.fround(to));
    assert.ok(curve.slice(length).every((value) => value === Math.fround(to)));
  }
});

Deno.test("a fader that is touched during a fade moves at once, and the rest of the fade goes on", () => {
  const mixer = risen([0, 0, 0, 0], constant([1, 1]));
  mixer.setMix(0, settings([1, 0, 0, 0], 1000));
  play(mixer, constant([1, 1]), 100);
  mixer.setMix(0, settings([1, 0, 0, 0.5]));
  const out = play(mixer, constant([1, 1]), 4);
  assert.equal(out.at(-1), 0.5);
  assert.ok(out.at(-2)! > 0.05 && out.at(-2)! < 0.15, `${out.at(-2)}`);
  assert.equal(play(mixer, constant([1, 1]), 300).at(-2), 1);
});

/** What of a signal lies above 4 kHz (fourth order): sum of squares. */
function splatter(signal: readonly number[]): number {
  const w = 2 * Math.PI * 4000 / 48_000, cos = Math.cos(w);
  for (const q of [0.5412, 1.3066]) {
    const alpha = Math.sin(w) / (2 * q), b = (1 + cos) / 2 / (1 + alpha);
    let x1 = signal[0], x2 = x1, y1 = 0, y2 = 0;
    signal = signal.map((x) => {
      const y = b * (x - 2 * x1 + x2) + (2 * cos * y1 - (1 - alpha) * y2) / (1 + alpha);
      x2 = x1, x1 = x, y2 = y1, y1 = y;
      return y;
    });
  }
  return signal.reduce((sum, y) => sum + y * y, 0);
}

Deno.test("a fader thrown from −120 to +10 dB doesn't click", () => {
  const tone = (i: number) => 0.2 * Math.cos(2 * Math.PI * 100 * i / 48_000);
  const up = dbToGain(10), block = new Float32Array(BLOCK), mixer = risen([0, 0], block);
  const out: number[] = [];
  for (let b = 0; b < 20; b++) {
    // At the crest of the tone, where a jump is loudest.
    if (b === 15) mixer.setMix(0, settings([up, up]));
    block.forEach((_, i) => block[i] = tone(b * BLOCK + i));
    out.push(...left(play(mixer, block, 1)));
  }
  const jump = 15 * BLOCK + LIMITER_DELAY;
  const clicking = out.map((_, i) => i < jump ? 0 : up * tone(i - LIMITER_DELAY));
  assert.ok(Math.abs(out.at(-1)! - clicking.at(-1)!) < 1e-4);
  const steady = clicking.slice(jump).reduce((sum, x) => sum + x * x, 0);
  assert.ok(splatter(out) < steady * dbToGain(-60) ** 2, `${gainToDb(Math.sqrt(splatter(out) / steady))} dB`);
  assert.ok(splatter(out) < splatter(clicking) / 1000);
});

Deno.test("a trim holds for the channel and for every mix of it, and is ramped", () => {
  const block = constant([0.25, 0.25]), mixer = risen([1, 0, 0, 1], block);
  mixer.setTrims(new Float32Array([2, 1]), MS);
  const out = play(mixer, block, 4);
  left(out).slice(1).forEach((value, i) => assert.ok(Math.abs(value - left(out)[i]) < 0.01));
  assert.equal(out.at(-2), 0.5);
  assert.equal(out.at(-1), 0.25);
  assert.equal(mixer.inputs[BLOCK - 1], 0.5);
  assert.equal(mixer.inputs[2 * BLOCK - 1], 0.25);
});

Deno.test("a mix never goes above its ceiling, and its meters say how far it was brought down", () => {
  const { main } = board(), mixer = new Mixer(1, main), ceiling = 0.5;
  mixer.setMix(2, settings([2, 0.5], MS, ceiling));
  const block = Float32Array.from({ length: BLOCK }, (_, i) => i % 2 ? 1 : -1);
  const out = play(mixer, block, 60, 2);
  assert.ok(out.every((sample) => Math.abs(sample) <= ceiling));
  assert.equal(main.mixPeaks[2], Math.max(...out.map(Math.abs)));
  assert.ok(Math.abs(main.mixGains[2] - ceiling / 2) < 1e-6);
  assert.deepEqual([main.mixPeaks[1], main.mixGains[1]], [0, 1]);
  // The reader has taken them: from now on they say what happens from now on.
  main.mixPeaks[2] = 0;
  main.mixGains[2] = 1;
  mixer.setMix(2, settings([0.25, 0.25], MS, ceiling));
  play(mixer, block, 1000, 2);
  main.mixPeaks[2] = 0;
  main.mixGains[2] = 1;
  play(mixer, block, 5, 2);
  assert.deepEqual([main.mixPeaks[2], main.mixGains[2]], [0.25, 1]);
});

Deno.test("the sum of an input's squares gives its mean square", () => {
  const { main } = board(), mixer = new Mixer(2, main);
  for (let i = 0; i < 10; i++) mixer.read(constant([0.5, -0.25]));
  assert.equal(main.squares[0] / (10 * BLOCK), 0.25);
  assert.equal(main.squares[1] / (10 * BLOCK), 0.0625);
});

Deno.test("what isn't a finite number, or louder than any sound, becomes silence and is counted; peaks are kept", () => {
  const { main } = board(), mixer = new Mixer(2, main);
  mixer.setMix(0, settings([1, 1, 1, 1]));
  const block = constant([0.5, -0.75]);
  block[0] = NaN;
  block[2] = Infinity;
  block[5] = -Infinity;
  block[7] = 3e38;
  mixer.read(block);
  assert.deepEqual([...mixer.inputs.slice(0, 3)], [0, 0, 0.5]);
  assert.deepEqual([...mixer.inputs.slice(BLOCK, BLOCK + 5)], [-0.75, -0.75, 0, 0, -0.75]);
  assert.equal(main.badSamples, 4);
  assert.deepEqual([...main.peaks.slice(0, 2)], [0.5, 0.75]);
  assert.ok(Number.isFinite(main.squares[0] + main.squares[1]));
  assert.ok(play(mixer, block, 30).every(Number.isFinite));
});
