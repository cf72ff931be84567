/** The measures of `bench --quality`, against what is known: copies, gains, noise; and the codec's own delay. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Material, materials } from "../bench/materials.ts";
import { coded, withoutDc } from "../bench/quality.ts";
import { logSpectralDistance, segmentalSnr } from "../bench/quality_measures.ts";
import { FRAMES } from "../core/units.ts";
import { loadOpus } from "../wasm/opus.ts";

/** Noise that is the same for the same seed, −1 to 1. */
function noise(length: number, seed: number): Float32Array {
  let state = seed | 1;
  return Float32Array.from({ length }, () => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return state / 0x8000_0000;
  });
}
const LENGTH = 9600;
const seeds = fc.integer({ min: 1, max: 1e9 });
const near = (real: number, wanted: number, within: number) =>
  assert.ok(Math.abs(real - wanted) <= within, `${real} instead of ${wanted}`);

Deno.test("property: a copy has no distance, and as little noise as can be said", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const signal = noise(LENGTH, seed);
      assert.equal(segmentalSnr(signal, signal.slice()), 60);
      assert.equal(logSpectralDistance(signal, signal.slice()), 0);
    }),
    { numRuns: 20 },
  );
});

Deno.test("property: a gain is a distance of its decibels, and a noise of its difference from 1", () => {
  fc.assert(
    fc.property(seeds, fc.double({ min: 0.2, max: 0.98, noNaN: true }), (seed, gain) => {
      const signal = noise(LENGTH, seed), softer = signal.map((sample) => sample * gain);
      near(segmentalSnr(signal, softer), -20 * Math.log10(1 - gain), 0.01);
      near(logSpectralDistance(signal, softer), -20 * Math.log10(gain), 0.01);
    }),
    { numRuns: 20 },
  );
});

Deno.test("property: added noise is heard at its level, and more of it is further away", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 6, max: 50 }), (seed, db) => {
      const signal = noise(LENGTH, seed), other = noise(LENGTH, seed + 77);
      const noisy = (level: number) => signal.map((sample, i) => sample + other[i] * 10 ** (-level / 20));
      near(segmentalSnr(signal, noisy(db)), db, 0.5);
      assert.ok(logSpectralDistance(signal, noisy(db)) < logSpectralDistance(signal, noisy(db - 6)));
    }),
    { numRuns: 20 },
  );
});

Deno.test("silence isn't measured", () => {
  const signal = noise(LENGTH, 5), half = signal.map((sample, i) => i < LENGTH / 2 ? sample : 0);
  const coded = half.map((sample, i) => i < LENGTH / 2 ? sample * 0.9 : 0.001);
  near(segmentalSnr(half, coded), 20, 0.01);
  assert.ok(Number.isNaN(segmentalSnr(new Float32Array(LENGTH), signal)));
  assert.ok(Number.isNaN(logSpectralDistance(new Float32Array(LENGTH), signal)));
});

Deno.test("the codec's delay is taken out to the sample, at every frame length, in mono and stereo", async () => {
  await loadOpus();
  const band = await materials(0.5), stereo = band.at(-1)!, mono = band.find(({ name }) => name === "guitar")!;
  assert.deepEqual([mono.channels.length, stereo.channels.length], [1, 2]);
  for (const material of [mono, stereo] satisfies Material[]) {
    for (const frame of FRAMES) {
      const { channels } = await coded(material, frame, 160, 0);
      channels.forEach((channel, c) => {
        const from = 4800, to = channel.length - 2000;
        const at = (shift: number) =>
          segmentalSnr(withoutDc(material.channels[c]).subarray(from, to), channel.subarray(from + shift, to + shift));
        for (const shift of [-2, -1, 1, 2]) {
          assert.ok(at(0) > at(shift) + 3, `${frame}, ${shift}: ${at(0)}, ${at(shift)}`);
        }
      });
    }
  }
});

Deno.test("every material can be heard, and is the same each time", async () => {
  const [once, again] = [await materials(0.5), await materials(0.5)];
  assert.ok(once.length >= 6);
  once.forEach(({ name, channels }, i) => {
    for (const [c, channel] of channels.entries()) {
      const peak = channel.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      assert.ok(peak > 0.05 && peak <= 1, `${name}: ${peak}`);
      assert.deepEqual(channel, again[i].channels[c]);
    }
  });
});
