/** The mixer's compiled arithmetic, beside the same sum written plainly, and beside its own source. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LIMITER_DELAY } from "../core/limiter.ts";
import { BLOCK } from "../core/units.ts";
import { Kernel } from "../mix/kernel.ts";
import { compileKernel } from "../packaging/kernel.ts";

Deno.test("the kernel that is kept is what its source compiles to", async () => {
  const kept = await Deno.readFile(new URL("../mix/kernel.wasm", import.meta.url));
  assert.deepEqual(await compileKernel(), kept, "deno task kernel makes it anew");
});

const gain = fc.oneof(fc.constant(0), fc.float({ min: -4, max: 4, noNaN: true }));
const level = fc.float({ min: -2, max: 2, noNaN: true });
const strips = fc.array(fc.record({ from: fc.tuple(gain, gain), to: fc.tuple(gain, gain) }), {
  minLength: 1,
  maxLength: 64,
});
const count = fc.oneof(fc.constant(0), fc.constant(BLOCK), fc.integer({ min: 1, max: BLOCK }));

Deno.test("a block of a mix is the plain sum, whichever gains move for however long, and the line goes on", () => {
  fc.assert(
    fc.property(strips, count, fc.array(level, { minLength: 1, maxLength: 50 }), (strips, count, samples) => {
      const kernel = new Kernel(strips.length, 3), mix = kernel.place(1), others = [kernel.place(0), kernel.place(2)];
      for (const other of others) other.line.fill(7);
      kernel.inputs.forEach((_, i, all) => all[i] = samples[(i * 7 + (i >> 7)) % samples.length]);
      const before = mix.line.map((_, i) => i);
      mix.line.set(before);
      strips.forEach(({ from, to }, channel) => {
        for (const side of [0, 1]) {
          const k = 2 * channel + side;
          mix.end[k] = to[side];
          mix.value[k] = count > 0 ? from[side] : to[side];
          mix.step[k] = count > 0 ? (mix.end[k] - mix.value[k]) / count : 0;
        }
      });
      kernel.sum(mix, count);
      assert.deepEqual(mix.line.slice(0, 2 * LIMITER_DELAY), before.slice(2 * BLOCK));
      mix.fresh.forEach((got, at) => {
        const i = at >> 1, side = at & 1;
        let sum = 0, size = 0;
        for (let channel = 0; channel < strips.length; channel++) {
          const k = 2 * channel + side;
          const gain = i < count ? mix.value[k] + (i + 1) * mix.step[k] : mix.end[k];
          sum += gain * kernel.inputs[channel * BLOCK + i];
          size += Math.max(Math.abs(mix.value[k]), Math.abs(mix.end[k])) * 2;
        }
        assert.ok(Math.abs(got - sum) <= size * 64 * 2 ** -24 + 1e-40, `${got}, not ${sum}, at ${at}`);
      });
      const loudest = (samples: Float32Array) => samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
      assert.equal(kernel.peakIn(mix), loudest(mix.fresh));
      assert.equal(kernel.peakOut(mix), loudest(mix.out));
      for (const other of others) assert.ok(other.line.every((sample) => sample === 7), "it kept to its place");
    }),
    { numRuns: 200 },
  );
});

Deno.test("a block is trimmed as plainly, whichever trims move for however long; what is no sound is silence, and counted", () => {
  const rough = fc.oneof(level, level, fc.constantFrom(NaN, Infinity, -Infinity, 1e9, 1e-30, 0));
  fc.assert(
    fc.property(strips, count, fc.array(rough, { minLength: 1, maxLength: 50 }), (strips, count, samples) => {
      const channels = strips.length, kernel = new Kernel(channels, 1), { value, step, end } = kernel.trims;
      const mix = kernel.place(0);
      mix.line.fill(7);
      kernel.samples.forEach((_, i, all) => all[i] = samples[(i * 7 + (i >> 5)) % samples.length]);
      strips.forEach(({ from, to }, channel) => {
        end[channel] = to[0];
        value[channel] = count > 0 ? from[0] : to[0];
        step[channel] = count > 0 ? (end[channel] - value[channel]) / count : 0;
      });
      const bad = kernel.trim(count);
      let silenced = 0;
      for (let channel = 0; channel < channels; channel++) {
        let peak = 0, square = 0;
        for (let i = 0; i < BLOCK; i++) {
          const gain = i < count ? value[channel] + (i + 1) * step[channel] : end[channel];
          const sample = kernel.samples[i * channels + channel], wanted = sample * gain;
          const got = kernel.inputs[channel * BLOCK + i];
          if (!(Math.abs(wanted) <= 1e6)) { // NaN compares as false
            silenced++;
            assert.equal(got, 0);
          } else {
            const size = Math.abs(sample) * (Math.abs(value[channel]) + Math.abs(end[channel])) * 2;
            assert.ok(Math.abs(got - wanted) <= size * 2 ** -22 + 1e-40, `${got}, not ${wanted}`);
          }
          peak = Math.max(peak, Math.abs(got));
          square += got * got;
        }
        assert.equal(kernel.peaks[channel], peak);
        assert.ok(Math.abs(kernel.squares[channel] - square) <= square * 1e-5 + 1e-30);
      }
      assert.equal(bad, silenced);
      assert.ok(mix.line.every((sample) => sample === 7), "it kept to its place");
    }),
    { numRuns: 200 },
  );
});
