import assert from "node:assert/strict";
import fc from "fast-check";
import { freshMix, gainsOf, type Mix, panGains, patchMix } from "../control/gains.ts";

const strip = fc.record({
  gainDb: fc.double({ min: -120, max: 10, noNaN: true }),
  pan: fc.double({ min: -1, max: 1, noNaN: true }),
  mute: fc.boolean(),
  solo: fc.boolean(),
});
const mix: fc.Arbitrary<Mix> = fc.record({
  strips: fc.array(strip, { minLength: 1, maxLength: 64 }),
  master: fc.record({ gainDb: fc.double({ min: -120, max: 10, noNaN: true }), mute: fc.boolean() }),
});
const mixAndAllowed = mix.chain((m) =>
  fc.record({ mix: fc.constant(m), allowed: fc.shuffledSubarray(m.strips.map((_, i) => i + 1)) })
);
const linear = (db: number) => db <= -120 ? 0 : Math.pow(10, db / 20);

Deno.test("gains are finite, never negative, two for each input, and never louder than gain times master", () => {
  fc.assert(fc.property(mixAndAllowed, ({ mix, allowed }) => {
    const gains = gainsOf(mix, allowed);
    assert.equal(gains.length, 2 * mix.strips.length);
    mix.strips.forEach(({ gainDb }, i) => {
      const most = linear(gainDb) * linear(mix.master.gainDb) * (1 + 1e-6);
      for (const gain of gains.subarray(2 * i, 2 * i + 2)) assert.ok(gain >= 0 && gain <= most, `${gain} > ${most}`);
    });
  }));
});

Deno.test("pan keeps the power: left² + right² is what it is at the centre", () => {
  fc.assert(fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (pan) => {
    const [left, right] = panGains(pan);
    assert.ok(Math.abs(left * left + right * right - 1) < 1e-12);
    const [mirroredLeft, mirroredRight] = panGains(-pan);
    assert.ok(Math.abs(left - mirroredRight) < 1e-12 && Math.abs(right - mirroredLeft) < 1e-12);
  }));
});

Deno.test("the centre is 3 dB down on both sides, and a side is silent on the other", () => {
  const [left, right] = panGains(0);
  assert.ok(Math.abs(20 * Math.log10(left) + 3.0103) < 1e-4);
  assert.equal(left.toFixed(12), right.toFixed(12));
  assert.deepEqual([...panGains(-1)], [1, 0]);
  assert.deepEqual([...panGains(1)], [0, 1]);
});

Deno.test("a fresh mix is every channel at 0 dB in the centre and the master at -12 dB", () => {
  const gains = gainsOf(freshMix(3), [1, 2, 3]);
  for (const gain of gains) assert.ok(Math.abs(gain - Math.SQRT1_2 * 10 ** (-12 / 20)) < 1e-7);
});

Deno.test("mute wins over solo, and while anything is soloed only soloed channels that aren't muted sound", () => {
  fc.assert(fc.property(mixAndAllowed, ({ mix, allowed }) => {
    const gains = gainsOf(mix, allowed);
    const soloed = allowed.some((channel) => mix.strips[channel - 1].solo);
    mix.strips.forEach(({ mute, solo, gainDb }, i) => {
      const silent = gains[2 * i] === 0 && gains[2 * i + 1] === 0;
      const mustBeSilent = mute || mix.master.mute || !allowed.includes(i + 1) || (soloed && !solo);
      if (mustBeSilent) assert.ok(silent, `channel ${i + 1} sounds`);
      else if (gainDb > -60 && mix.master.gainDb > -60) assert.ok(!silent, `channel ${i + 1} is silent`);
    });
  }));
});

Deno.test("-120 dB is off, for a channel and for the master", () => {
  const off = patchMix(freshMix(2), { channels: { 1: { gainDb: -120 } } });
  assert.deepEqual([...gainsOf(off, [1])], [0, 0, 0, 0]);
  assert.deepEqual([...gainsOf(patchMix(freshMix(2), { master: { gainDb: -120 } }), [1, 2])], [0, 0, 0, 0]);
});

Deno.test("a patch changes what it names and nothing else, and the last one wins", () => {
  const patch = fc.record({
    channels: fc.dictionary(
      fc.constantFrom("1", "2", "3"),
      fc.record({
        gainDb: fc.double({ min: -120, max: 10, noNaN: true }),
        mute: fc.boolean(),
      }, { requiredKeys: [] }),
    ),
  });
  fc.assert(fc.property(fc.array(patch, { maxLength: 6 }), (patches) => {
    const patched = patches.reduce((m, p) => patchMix(m, p), freshMix(4));
    const expected = freshMix(4).strips.map((strip) => ({ ...strip })) as Record<string, unknown>[];
    for (const { channels } of patches) {
      for (const [channel, change] of Object.entries(channels)) Object.assign(expected[Number(channel) - 1], change);
    }
    assert.deepEqual(patched.strips, expected);
    assert.deepEqual(patched.master, freshMix(4).master);
  }));
});
