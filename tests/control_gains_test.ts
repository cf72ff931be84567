import assert from "node:assert/strict";
import fc from "fast-check";
import { type Desk, gainsOf, panGains } from "../control/gains.ts";
import { freshMix, patchMix } from "../control/mix_changes.ts";
import { FRESH_CHANNEL, FRESH_STATE, type Mix, stripOf } from "../control/state.ts";

/** As a checked body has it: there is no −0. */
const within = (min: number, max: number) => fc.double({ min, max, noNaN: true }).map((value) => value + 0);
const dB = within(-120, 10);
const strip = fc.record({
  gainDb: dB,
  pan: within(-1, 1),
  mute: fc.boolean(),
  solo: fc.boolean(),
});
const fader = fc.record({ gainDb: dB, mute: fc.boolean() });
const inputs = 24;
const channel = fc.integer({ min: 1, max: inputs });
const channels = fc.uniqueArray(channel, { minLength: 1, maxLength: inputs });
const mix: fc.Arbitrary<Mix> = fc.record({
  channels: fc.dictionary(channel.map(String), strip),
  groups: fc.constant({}),
  master: fader,
  limiter: fc.constant({ ceilingDb: -1 }),
});
const desk: fc.Arbitrary<Desk> = fc.record({
  mix,
  groups: fc.constant({}),
  allowed: channels,
  inputs: fc.constant(inputs),
  maxGainDb: fc.constant(10),
});
const all = Array.from({ length: inputs }, (_, i) => i + 1);
const plain = (mix: Mix): Desk => ({ mix, groups: {}, allowed: all, inputs, maxGainDb: 10 });
const linear = (db: number) => db <= -120 ? 0 : Math.pow(10, db / 20);

Deno.test("gains are finite, never negative, two for each input, and never louder than gain times master", () => {
  fc.assert(fc.property(desk, (desk) => {
    const gains = gainsOf(desk), { mix } = desk;
    assert.equal(gains.length, 2 * inputs);
    for (const channel of all) {
      const most = linear(stripOf(mix, channel).gainDb) * linear(mix.master.gainDb) * (1 + 1e-6);
      for (const gain of gains.subarray(2 * channel - 2, 2 * channel)) {
        assert.ok(gain >= 0 && gain <= most, `${gain} > ${most}`);
      }
    }
  }));
});

Deno.test("no fader counts for more than the seat's limit", () => {
  fc.assert(fc.property(desk, dB, (desk, maxGainDb) => {
    for (const gain of gainsOf({ ...desk, maxGainDb })) assert.ok(gain <= linear(maxGainDb) ** 2 * (1 + 1e-6));
  }));
});

Deno.test("a group's fader moves its channels and no others; groups add up, and a muted one silences", () => {
  const groups = {
    group_drums: { name: "Drums", colour: null, channels: [1, 2] },
    group_kicks: { name: "Kicks", colour: null, channels: [2] },
  };
  fc.assert(fc.property(fader, fader, (drums, kicks) => {
    const base = freshMix(FRESH_STATE);
    const mix = { ...base, groups: { group_drums: drums, group_kicks: kicks } };
    const gains = gainsOf({ ...plain(mix), groups }), before = gainsOf(plain(base));
    const part = (fader: { gainDb: number; mute: boolean }) => fader.mute ? 0 : linear(fader.gainDb);
    const near = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(1, b) + 1e-6;
    assert.ok(near(gains[0], before[0] * part(drums)));
    assert.ok(near(gains[2], before[2] * part(drums) * part(kicks)));
    assert.equal(gains[4], before[4]);
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
  const gains = gainsOf(plain(freshMix(FRESH_STATE)));
  for (const gain of gains) assert.ok(Math.abs(gain - Math.SQRT1_2 * 10 ** (-12 / 20)) < 1e-7);
});

Deno.test("mute wins over solo, and while anything is soloed only soloed channels that aren't muted sound", () => {
  fc.assert(fc.property(desk, (desk) => {
    const gains = gainsOf(desk), { mix, allowed } = desk;
    const soloed = allowed.some((channel) => stripOf(mix, channel).solo);
    for (const channel of all) {
      const { mute, solo, gainDb } = stripOf(mix, channel);
      const silent = gains[2 * channel - 2] === 0 && gains[2 * channel - 1] === 0;
      const mustBeSilent = mute || mix.master.mute || !allowed.includes(channel) || (soloed && !solo);
      if (mustBeSilent) assert.ok(silent, `channel ${channel} sounds`);
      else if (gainDb > -60 && mix.master.gainDb > -60) assert.ok(!silent, `channel ${channel} is silent`);
    }
  }));
});

Deno.test("-120 dB is off, for a channel, a group and for the master", () => {
  const fresh = freshMix(FRESH_STATE);
  const off = patchMix(FRESH_STATE, fresh, { channels: { 1: { gainDb: -120 } } });
  assert.deepEqual([...gainsOf({ ...plain(off), allowed: [1] })], new Array(2 * inputs).fill(0));
  const none = patchMix(FRESH_STATE, fresh, { master: { gainDb: -120 } });
  assert.deepEqual([...gainsOf(plain(none))], new Array(2 * inputs).fill(0));
});

Deno.test("a patch changes what it names and nothing else, the last one wins, and null is back to the default", () => {
  const patch = fc.record({
    channels: fc.dictionary(
      fc.constantFrom("1", "2", "3"),
      fc.option(fc.record({ gainDb: fc.option(dB), mute: fc.option(fc.boolean()) }, { requiredKeys: [] })),
    ),
  });
  fc.assert(fc.property(fc.array(patch, { maxLength: 6 }), (patches) => {
    const fresh = freshMix(FRESH_STATE), blank = { gainDb: 0, pan: 0, mute: false, solo: false };
    const patched = patches.reduce<Mix>((m, p) => patchMix(FRESH_STATE, m, p), fresh);
    const expected = all.map(() => ({ ...blank }));
    for (const { channels } of patches) {
      for (const [channel, change] of Object.entries(channels)) {
        const index = Number(channel) - 1;
        if (change === null) expected[index] = { ...blank };
        else {
          if (change.gainDb !== undefined) expected[index].gainDb = change.gainDb ?? 0;
          if (change.mute !== undefined) expected[index].mute = change.mute ?? false;
        }
      }
    }
    assert.deepEqual(all.map((channel) => stripOf(patched, channel)), expected);
    assert.deepEqual(patched.master, fresh.master);
  }));
});

Deno.test("linked channels move together, panned apart, whichever of the two is moved", () => {
  const state = { ...FRESH_STATE, channels: { 3: { ...FRESH_CHANNEL, link: true } } };
  const strips = fc.record({ gainDb: dB, pan: within(-1, 1), mute: fc.boolean() });
  fc.assert(fc.property(fc.constantFrom("3", "4"), strips, (moved, patch) => {
    const mix = patchMix(state, freshMix(state), { channels: { [moved]: patch } });
    const lower = stripOf(mix, 3), upper = stripOf(mix, 4);
    assert.deepEqual({ ...upper, pan: 0 - upper.pan }, lower);
    assert.equal(stripOf(mix, Number(moved)).pan, patch.pan);
    assert.equal(lower.gainDb, patch.gainDb);
  }));
  const fresh = freshMix(state);
  assert.deepEqual([stripOf(fresh, 3).pan, stripOf(fresh, 4).pan], [-1, 1]);
});
