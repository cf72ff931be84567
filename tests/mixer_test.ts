import assert from "node:assert/strict";
import fc from "fast-check";
import { Board, createBoard } from "../core/board.ts";
import { BLOCK, msToSamples } from "../core/units.ts";
import { Mixer } from "../mix/mixer.ts";

const board = () => new Board(createBoard(1, 1));

/** Interleaved block in which channel c has the constant value `levels[c]`. */
const constant = (levels: number[]) =>
  Float32Array.from({ length: BLOCK * levels.length }, (_, i) => levels[i % levels.length]);

/** Plays blocks and returns one mix, interleaved, of all of them. */
function play(mixer: Mixer, block: Float32Array, count: number, mix = 0): number[] {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    mixer.read(block, 0);
    mixer.render(mixer.mixes.get(mix)!);
    out.push(...mixer.mixes.get(mix)!.output);
  }
  return out;
}

Deno.test("a mix is the sum of its channels by their gains, left and right", () => {
  const gain = fc.float({ min: 0, max: 3, noNaN: true }), level = fc.float({ min: -1, max: 1, noNaN: true });
  fc.assert(fc.property(fc.array(fc.tuple(gain, gain, level), { minLength: 1, maxLength: 16 }), (strips) => {
    const mixer = new Mixer(strips.length, board().main);
    mixer.setMix(0, Float32Array.from(strips.flatMap(([left, right]) => [left, right])));
    const out = play(mixer, constant(strips.map(([, , value]) => value)), 1);
    const sum = (side: 0 | 1) => strips.reduce((total, strip) => total + Math.fround(strip[side]) * strip[2], 0);
    for (let i = 0; i < BLOCK; i++) {
      assert.ok(Math.abs(out[2 * i] - sum(0)) < 1e-4);
      assert.ok(Math.abs(out[2 * i + 1] - sum(1)) < 1e-4);
    }
  }));
});

Deno.test("a change of gain takes 5 ms in even steps and then stays", () => {
  fc.assert(
    fc.property(fc.float({ min: 0, max: 3, noNaN: true }), fc.float({ min: 0, max: 3, noNaN: true }), (from, to) => {
      const mixer = new Mixer(1, board().main);
      mixer.setMix(0, new Float32Array([from, 0]));
      play(mixer, constant([1]), 1);
      mixer.setMix(0, new Float32Array([to, 0]));
      const left = play(mixer, constant([1]), 4).filter((_, i) => i % 2 === 0);
      const ramp = msToSamples(5), step = (to - from) / ramp;
      left.forEach((value, i) => {
        const expected = i < ramp ? from + step * (i + 1) : to;
        assert.ok(Math.abs(value - expected) < 1e-3, `sample ${i}: ${value}, not ${expected}`);
      });
    }),
  );
});

Deno.test("a change in the middle of a change goes on from where it is", () => {
  const mixer = new Mixer(1, board().main);
  mixer.setMix(0, new Float32Array([0, 0]));
  play(mixer, constant([1]), 1);
  mixer.setMix(0, new Float32Array([1, 1]));
  const before = play(mixer, constant([1]), 1).at(-2)!;
  mixer.setMix(0, new Float32Array([0, 0]));
  const after = play(mixer, constant([1]), 3).filter((_, i) => i % 2 === 0);
  assert.ok(Math.abs(after[0] - before) < 0.01);
  assert.equal(after.at(-1), 0);
});

Deno.test("a trim holds for the channel and for every mix of it, and is ramped", () => {
  const mixer = new Mixer(2, board().main);
  mixer.setMix(0, new Float32Array([1, 0, 0, 1]));
  mixer.setTrims(new Float32Array([2, 1]));
  const out = play(mixer, constant([0.25, 0.25]), 3);
  assert.ok(out[0] < 0.26);
  assert.equal(out.at(-2), 0.5);
  assert.equal(mixer.inputs[BLOCK - 1], 0.5);
  assert.equal(mixer.inputs[2 * BLOCK - 1], 0.25);
});

Deno.test("what isn't a finite number becomes silence and is counted; peaks are kept", () => {
  const { main } = board(), mixer = new Mixer(2, main);
  const block = constant([0.5, -0.75]);
  block[0] = NaN;
  block[2] = Infinity;
  block[5] = -Infinity;
  mixer.read(block, 0);
  assert.ok(mixer.inputs.every(Number.isFinite));
  assert.equal(main.badSamples, 3);
  assert.deepEqual([...main.peaks.subarray(0, 2)], [0.5, 0.75]);
});
