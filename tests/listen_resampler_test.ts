import assert from "node:assert/strict";
import fc from "fast-check";
import { SAMPLE_RATE } from "../core/units.ts";
import { Resampler } from "../listen/resampler.ts";
import { frequencyOf, levelAt, roughness } from "./listen_stage.ts";

const BLOCK = 120;

/** Plays `seconds` of a tone per channel at the speeds that `speedAt` gives (asked for before each block of the output). */
function play(frequencies: number[], seconds: number, speedAt: (second: number) => number): Float32Array[] {
  const resampler = new Resampler(frequencies.length), width = frequencies.length;
  const out = new Float32Array(BLOCK * width), played = frequencies.map(() => new Float32Array(seconds * SAMPLE_RATE));
  let stored = 0;
  for (let at = 0; at + BLOCK <= seconds * SAMPLE_RATE; at += BLOCK) {
    resampler.speed = speedAt(at / SAMPLE_RATE);
    while (resampler.ahead < resampler.needed(BLOCK)) {
      const to = resampler.writeAt();
      for (let i = 0; i < BLOCK; i++, stored++) {
        frequencies.forEach((frequency, channel) =>
          resampler.stored[to + i * resampler.stride + channel] = Math.sin(
            2 * Math.PI * frequency * stored / SAMPLE_RATE,
          )
        );
      }
      resampler.commit(BLOCK);
    }
    resampler.render(out, BLOCK);
    for (let i = 0; i < BLOCK; i++) played.forEach((signal, channel) => signal[at + i] = out[i * width + channel]);
  }
  return played;
}

/** Largest second difference of a sine of amplitude 1. */
const smoothness = (frequency: number): number => (2 * Math.sin(Math.PI * frequency / SAMPLE_RATE)) ** 2;

Deno.test("a tone keeps its level, and its frequency is multiplied by the speed, at any speed within half a percent", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 50, max: 18_000 }),
      fc.double({ min: -0.005, max: 0.005, noNaN: true }),
      (frequency, change) => {
        const [signal] = play([frequency], 1, () => 1 + change);
        // The speed itself is reached within 25 ms.
        const settled = signal.subarray(SAMPLE_RATE / 10), expected = frequency * (1 + change);
        assert.ok(Math.abs(frequencyOf(settled, expected) - expected) < 0.02, `${frequencyOf(settled, expected)} Hz`);
        assert.ok(Math.abs(20 * Math.log10(levelAt(settled, expected))) < 0.02, `${levelAt(settled, expected)}`);
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("speeds that jump leave no trace of a jump in the sound", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 4000 }),
      fc.array(fc.constantFrom(1, 1, 0.995, 1.005, 1.00002, 0.9999), { minLength: 2, maxLength: 20 }),
      (frequency, speeds) => {
        const [signal] = play([frequency], 1, (second) => speeds[Math.floor(second * 20) % speeds.length]);
        const roughest = roughness(signal.subarray(100));
        // 1.2 %: the tone itself is up to half a percent higher, and its curvature twice that.
        assert.ok(
          roughest < smoothness(frequency) * 1.012 + 2e-5,
          `${roughest} where ${smoothness(frequency)} is smooth`,
        );
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("speed 1 copies sample by sample, and comes back to that after any other speed", () => {
  const frequency = 1234;
  const [signal] = play([frequency], 2, (second) => second < 0.5 || second > 1 ? 1 : 1.0007);
  for (let i = 0; i < SAMPLE_RATE / 2; i++) {
    assert.equal(signal[i], Math.fround(Math.sin(2 * Math.PI * frequency * i / SAMPLE_RATE)));
  }
  // Afterwards it is a copy again, from some whole sample on.
  const from = 3 * SAMPLE_RATE / 2;
  const shifts = Array.from({ length: 40 }, (_, shift) => shift).filter((shift) =>
    signal[from] === Math.fround(Math.sin(2 * Math.PI * frequency * (from + shift) / SAMPLE_RATE))
  );
  assert.equal(shifts.length, 1);
  for (let i = from; i < from + 4800; i++) {
    assert.equal(signal[i], Math.fround(Math.sin(2 * Math.PI * frequency * (i + shifts[0]) / SAMPLE_RATE)));
  }
});

Deno.test("channels don't hear each other, however many there are", () => {
  for (const channels of [1, 2, 3, 16]) {
    const frequencies = Array.from({ length: channels }, (_, channel) => 200 + 100 * channel);
    const played = play(frequencies, 0.3, () => 1.0005);
    played.forEach((signal, channel) => {
      const settled = signal.subarray(4800);
      for (const other of frequencies) {
        const level = levelAt(settled, other * 1.0005);
        if (other === frequencies[channel]) assert.ok(Math.abs(level - 1) < 0.01, `${channel + 1}: ${level}`);
        else if (Math.abs(other - frequencies[channel]) === 100) {
          assert.ok(level < 1e-4, `${other} in ${channel + 1}: ${level}`);
        }
      }
    });
  }
});
