/** Where a mix comes up from silence: at its start, after a rest, after a hole in the samples, with a device that is back. */
import assert from "node:assert/strict";
import { Board, createBoard } from "../core/board.ts";
import { LIMITER_DELAY } from "../core/limiter.ts";
import { BLOCK, FRAME_GRID, msToSamples } from "../core/units.ts";
import { Mixer } from "../mix/mixer.ts";

const FADE = msToSamples(50), QUICK = msToSamples(5);
const ONES = new Float32Array(BLOCK).fill(1), ZEROS = new Float32Array(BLOCK);

/** A desk with one channel and one mix of it on the left. */
class Desk {
  readonly mixer = new Mixer(1, new Board(createBoard(1, 1)).main);
  position = 0;
  live = true;

  constructor(rampMs = 5) {
    this.set(1, rampMs);
  }
  set(gain: number, rampMs = 5): void {
    this.mixer.setMix(0, { gains: new Float32Array([gain, 0]), ceiling: 2, rampMs });
  }
  /** Plays blocks; what the mix gives of them. */
  play(count: number, block = ONES, heard = true): number[] {
    const out: number[] = [];
    for (let i = 0; i < count; i++) {
      this.mixer.read(block, this.position, this.live);
      this.position += BLOCK;
      if (!heard) continue;
      const mix = this.mixer.mixes.get(0)!;
      this.mixer.render(mix);
      out.push(...mix.output.filter((_, side) => side % 2 === 0));
    }
    return out;
  }
}

/** The samples rise from nothing, `wait` after the first, for `length`, never by much at once, and stay at 1. */
function assertRise(out: number[], wait: number, length: number): void {
  const from = LIMITER_DELAY + wait;
  assert.ok(out.slice(0, from + 1).every((sample) => sample === 0), "something is heard before the rise");
  out.slice(1).forEach((sample, i) => {
    assert.ok(sample >= out[i] && sample - out[i] <= 1.6 / length, `${out[i]} … ${sample} at ${i}`);
  });
  assert.ok(Math.abs(out[from + length / 2] - 0.5) < 0.01);
  assert.ok(out[from + length - 2] < 1);
  assert.ok(out.slice(from + length).every((sample) => sample === 1));
  assert.ok(out.length > from + length);
}
/** From a position to the next at which all frames begin. */
const toGrid = (position: number): number => (FRAME_GRID - position % FRAME_GRID) % FRAME_GRID;

Deno.test("a mix that begins rises over 50 ms, from where a frame begins", () => {
  const desk = new Desk();
  assertRise(desk.play(30), 0, FADE);
  const late = new Desk();
  late.play(5, ONES, false);
  const wait = toGrid(late.position);
  assert.notEqual(wait, 0);
  assertRise(late.play(30), wait, FADE);
});

Deno.test("a mix that is heard again after a rest rises, and nothing is left of what was before", () => {
  const desk = new Desk();
  assert.equal(desk.play(30).at(-1), 1);
  desk.play(7, ONES, false);
  const wait = toGrid(desk.position);
  assertRise(desk.play(30), wait, FADE);
});

Deno.test("a mix that is told gains while nobody hears it begins with them; a fade goes on by the clock", () => {
  const desk = new Desk();
  desk.play(30);
  desk.play(1, ONES, false);
  desk.set(0.25, 1000);
  desk.play(376, ONES, false); // more than a second
  assert.ok(desk.play(40).slice(-BLOCK).every((sample) => sample === 0.25));
  desk.set(1, 1000);
  desk.play(1);
  desk.play(187, ONES, false); // half a second
  const half = desk.play(22).at(-1)!;
  assert.ok(half > 0.5 && half < 0.7, `${half}`);
});

Deno.test("after lost samples a mix rises: over 5 ms when they were few, else over 50", () => {
  for (const [lost, length] of [[1, QUICK], [BLOCK, QUICK], [480, QUICK], [481, FADE], [48_000, FADE], [-480, FADE]]) {
    const desk = new Desk();
    desk.play(40);
    desk.position += lost;
    const wait = toGrid(desk.position);
    assertRise(desk.play(40), wait, length);
  }
});

Deno.test("few lost samples during a rise don't make it steeper", () => {
  const desk = new Desk();
  desk.play(12);
  desk.position += 5;
  const wait = toGrid(desk.position);
  assertRise(desk.play(40), wait, FADE);
});

Deno.test("a device that is back rises over 50 ms, however much of the silence before it waits in the ring", () => {
  for (const waiting of [0, 1, 20, 63]) {
    const desk = new Desk();
    desk.play(30);
    desk.live = false;
    desk.play(10, ZEROS);
    desk.live = true;
    assert.ok(desk.play(waiting, ZEROS).every((sample) => sample === 0));
    const wait = toGrid(desk.position);
    assertRise(desk.play(30), wait, FADE);
  }
});

Deno.test("a silent input of a device that is there isn't taken for one that is back", () => {
  const desk = new Desk();
  desk.live = false;
  desk.play(10, ZEROS);
  desk.live = true;
  desk.play(100, ZEROS);
  assert.equal(desk.play(1)[LIMITER_DELAY], 1);
});

Deno.test("a device that goes doesn't leave its last sample standing: it is brought down", () => {
  const desk = new Desk();
  desk.play(30);
  desk.live = false;
  const out = desk.play(2, ZEROS);
  [1, ...out].slice(1).forEach((sample, i) => assert.ok([1, ...out][i] - sample < 0.03));
  assert.equal(out.at(-1), 0);
});

Deno.test("without holes a mix never falls: one that is rendered goes on, whatever others do", () => {
  const desk = new Desk();
  desk.play(30);
  desk.mixer.setMix(1, { gains: new Float32Array([1, 1]), ceiling: 2, rampMs: 5 });
  desk.mixer.setMix(2, { gains: new Float32Array([1, 1]), ceiling: 2, rampMs: 5 });
  desk.mixer.removeMix(1);
  assert.ok(desk.play(200).every((sample) => sample === 1));
});
