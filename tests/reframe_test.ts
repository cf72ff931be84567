import assert from "node:assert/strict";
import fc from "fast-check";
import { BLOCK, type Frame, FRAMES } from "../core/units.ts";
import { Reframer } from "../send/reframe.ts";

/** Runs blocks at these positions through a reframer; sample values are their positions. */
function reframe(frame: Frame, positions: number[]): { start: number; samples: number[] }[] {
  const reframer = new Reframer(frame), frames: { start: number; samples: number[] }[] = [];
  let gathered = new Array<number>(frame).fill(NaN);
  for (const position of positions) {
    reframer.begin(position);
    for (let at = 0; at < BLOCK;) {
      const next = reframer.step(at);
      for (let i = 0; i < reframer.copy; i++) gathered[reframer.into + i] = position + at + i;
      if (reframer.full) {
        frames.push({ start: reframer.start, samples: gathered });
        gathered = new Array<number>(frame).fill(NaN);
      }
      at = next;
    }
  }
  return frames;
}

const frames = fc.constantFrom(...FRAMES);

Deno.test("15 blocks of 128 give 16 frames of 120, in order and without a hole", () => {
  const result = reframe(120, Array.from({ length: 15 }, (_, i) => i * BLOCK));
  assert.equal(result.length, 16);
  assert.deepEqual(result.flatMap(({ samples }) => samples), Array.from({ length: 1920 }, (_, i) => i));
});

Deno.test("every frame begins on the grid and holds consecutive samples, whatever was lost between blocks", () => {
  fc.assert(
    fc.property(
      frames,
      fc.nat(10_000),
      fc.array(fc.oneof(fc.constant(0), fc.nat(2000)), { maxLength: 60 }),
      (frame, first, gaps) => {
        let position = first;
        const positions = gaps.map((gap) => (position += BLOCK + gap) - BLOCK);
        const available = new Set(positions.flatMap((start) => Array.from({ length: BLOCK }, (_, i) => start + i)));
        const result = reframe(frame, positions);
        for (const { start, samples } of result) {
          assert.equal(start % frame, 0);
          assert.deepEqual(
            samples,
            Array.from({ length: frame }, (_, i) => start + i),
          );
        }
        // Nothing that could be sent is left out: each grid frame whose samples all came is there once.
        const whole = [...new Set([...available].map((sample) => Math.floor(sample / frame) * frame))]
          .filter((start) =>
            Array.from({ length: frame }, (_, i) => start + i).every((sample) => available.has(sample))
          );
        assert.deepEqual(result.map(({ start }) => start), whole.sort((a, b) => a - b));
      },
    ),
  );
});
