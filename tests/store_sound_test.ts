/** What a state is repaired to: each rule, that doing it twice is doing it once, and that what is right stays itself. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { sound } from "../control/sound.ts";
import {
  FRESH_CHANNEL,
  FRESH_GROUP_FADER,
  FRESH_STRIP,
  MAX_SEATS,
  type Mix,
  pairOf,
  State,
  type Strip,
  stripOf,
} from "../control/state.ts";
import { changed, stage } from "./store_stage.ts";
import { anyState } from "./store_states.ts";

const values = Object.values;
const distinct = (list: readonly unknown[]) => new Set(list).size === list.length;
const strip = (change: Partial<Strip>): Strip => ({ ...FRESH_STRIP, ...change });
const linked = { ...FRESH_CHANNEL, link: true };

/** A stage whose channels and first seat's mix are these. */
function withMix(channels: State["channels"], mix: Partial<Mix>, maxGainDb = 10, groups: State["groups"] = {}): State {
  const state = stage(1), [id] = state.order, seat = state.seats[id];
  return {
    ...state,
    channels,
    groups,
    seats: { [id]: { ...seat, maxGainDb, mix: { ...seat.mix, channels: {}, ...mix } } },
  };
}
const mixOf = (state: State): Mix => state.seats[state.order[0]].mix;

Deno.test("repairing twice is repairing once, and what is right stays the same object", () => {
  fc.assert(
    fc.property(anyState, (state) => {
      const before = structuredClone(state), once = sound(state);
      assert.deepEqual(state, before, "what was given isn't changed");
      assert.equal(sound(once), once);
      assert.deepEqual(sound(structuredClone(once)), once);
      assert.ok(State.safeParse(once).success);
    }),
    { numRuns: 500 },
  );
});

Deno.test("every rule holds after a repair", () => {
  fc.assert(
    fc.property(anyState, (given) => {
      const { channels, groups, seats, order, sessions } = sound(given), ids = Object.keys(seats);
      assert.deepEqual([...order].sort(), [...ids].sort());
      assert.deepEqual(order.slice(0, 1), [...given.order, ...ids].filter((id) => id in seats).slice(0, 1));
      assert.ok(distinct(values(seats).map(({ device }) => device).filter((device) => device !== null)));
      assert.ok(
        distinct(values(sessions).map(({ seat }) => seat)) && distinct(values(sessions).map(({ device }) => device)),
      );
      for (const { seat, cue } of values(sessions)) assert.ok(seat in seats && (cue === null || cue in seats));
      const pairs = Object.keys(channels).map(Number).filter((channel) => channels[channel].link);
      assert.ok(distinct(pairs.flatMap((lower) => [lower, lower + 1])) && !pairs.includes(64));
      assert.ok(!values(channels).some((channel) => fc.stringify(channel) === fc.stringify(FRESH_CHANNEL)));
      for (const { mix, maxGainDb } of values(seats)) {
        for (const fader of [...values(mix.channels), ...values(mix.groups), mix.master]) {
          assert.ok(fader.gainDb <= maxGainDb);
        }
        assert.ok(Object.keys(mix.groups).every((id) => id in groups));
        for (const lower of pairs) {
          const { pan, ...rest } = stripOf(mix, lower);
          assert.deepEqual(stripOf(mix, lower + 1), { ...rest, pan: 0 - pan });
        }
        for (const listed of values(mix.channels)) assert.notDeepEqual(listed, FRESH_STRIP);
        for (const listed of values(mix.groups)) assert.notDeepEqual(listed, FRESH_GROUP_FADER);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("nothing is lost that is right: scenes, groups, seats, links, the newest sessions", () => {
  fc.assert(fc.property(anyState, (given) => {
    const repaired = sound(given);
    assert.equal(repaired.scenes, given.scenes);
    assert.equal(repaired.groups, given.groups);
    assert.deepEqual(Object.keys(repaired.seats), Object.keys(given.seats));
    for (const [key, { link, ...rest }] of Object.entries(given.channels)) {
      const { link: linked, ...others } = repaired.channels[key] ?? FRESH_CHANNEL;
      assert.deepEqual(others, rest);
      assert.equal(
        linked,
        link && key !== "64" && pairOf(repaired, Number(key))?.[1] !== Number(key),
        `link of ${key}`,
      );
    }
    for (const [id, session] of Object.entries(given.sessions)) {
      if (id in repaired.sessions || !(session.seat in given.seats)) continue;
      assert.ok(
        values(repaired.sessions).some((other) =>
          (other.seat === session.seat || other.device === session.device) && other.joinedAt >= session.joinedAt
        ),
        `${id} went for nothing`,
      );
    }
  }));
});

Deno.test("the order keeps what it knows, once each, and new seats come last", () => {
  const state = stage(4), [a, b, c, d] = state.order;
  assert.deepEqual(sound({ ...state, order: [c, "seat_nobody", a, c] }).order, [c, a, b, d]);
  assert.equal(sound(state), state);
});

Deno.test("of two sessions of a seat or a device the newest stays", () => {
  const state = stage(3), [first, second] = values(state.sessions);
  const sessions = {
    s_0: first,
    s_1: second,
    s_newer: { ...first, device: "another-device", joinedAt: first.joinedAt + 10 },
    s_device: { ...first, seat: second.seat, device: second.device, joinedAt: second.joinedAt - 1 },
    s_gone: { ...first, seat: "seat_nobody", device: "a-third-device", joinedAt: first.joinedAt + 99 },
    s_same: { ...second, name: "As old, and later" },
    s_cue: { ...values(state.sessions)[2], cue: "seat_nobody" },
  };
  const repaired = sound({ ...state, sessions }).sessions;
  assert.deepEqual(Object.keys(repaired), ["s_newer", "s_same", "s_cue"]);
  assert.equal(repaired.s_cue.cue, null);
});

Deno.test("a device is of the seat that was joined last", () => {
  const state = stage(3), [a, b, c] = state.order, device = "one-for-all";
  const seats = Object.fromEntries(state.order.map((id) => [id, { ...state.seats[id], device }]));
  seats[b] = { ...seats[b], joinedAt: 1.8e12 };
  const repaired = sound({ ...state, seats });
  assert.deepEqual([a, b, c].map((id) => repaired.seats[id].device), [null, device, null]);
});

Deno.test("pairs don't overlap, the lower one wins, and channel 64 isn't linked", () => {
  const state = sound(
    withMix({ 3: linked, 2: linked, 4: linked, 63: { ...linked, mute: true }, 64: linked, 9: FRESH_CHANNEL }, {}),
  );
  assert.deepEqual([1, 2, 3, 4, 5, 6, 63, 64].map((channel) => pairOf(state, channel)), [
    ...[null, [2, 3], [2, 3], [4, 5], [4, 5], null],
    ...[[63, 64], [63, 64]],
  ]);
  assert.deepEqual(Object.keys(state.channels), ["2", "4", "63"]);
});

Deno.test("the upper strip of a pair mirrors the lower one; a fresh pair isn't listed", () => {
  const lower = strip({ gainDb: -3, pan: -0.5, mute: true }), upper = strip({ gainDb: 5, pan: -0.5, solo: true });
  const mixed = (channels: Mix["channels"]) => mixOf(sound(withMix({ 1: linked }, { channels }))).channels;
  assert.deepEqual(mixed({ 1: lower, 2: upper }), { 1: lower, 2: { ...lower, pan: 0.5 } });
  assert.deepEqual(mixed({ 1: lower }), { 1: lower, 2: { ...lower, pan: 0.5 } });
  assert.deepEqual(mixed({ 2: upper }), {});
  assert.deepEqual(mixed({ 1: strip({ mute: true }) })[2], strip({ mute: true }), "the middle is no −0");
});

Deno.test("no fader is above its seat's limit, and groups that are gone aren't listed", () => {
  const groups = { group_here: { name: "Drums", colour: null, channels: [1] } };
  const channels = { 1: strip({ gainDb: 6 }), 2: strip({ gainDb: 6, pan: 1 }), 3: strip({ gainDb: -6 }) };
  const faders = { group_here: { gainDb: 3, mute: true }, group_gone: { gainDb: -3, mute: true } };
  const mix = mixOf(sound(withMix({}, { channels, groups: faders, master: { gainDb: 9, mute: false } }, 0, groups)));
  assert.deepEqual(mix.channels, { 2: strip({ pan: 1 }), 3: strip({ gainDb: -6 }) });
  assert.deepEqual(mix.groups, { group_here: { gainDb: 0, mute: true } });
  assert.deepEqual(mix.master, { gainDb: 0, mute: false });
});

Deno.test("of too many seats the casual ones go that joined longest ago, and their sessions", () => {
  const state = stage(MAX_SEATS + 2), [first, second, third] = state.order;
  const seats = { ...state.seats, [first]: { ...state.seats[first], casual: false } };
  const repaired = sound({ ...state, seats, order: state.order.slice(0, MAX_SEATS) });
  assert.equal(Object.keys(repaired.seats).length, MAX_SEATS);
  assert.deepEqual([first, second, third].map((id) => id in repaired.seats), [true, false, false]);
  assert.equal(Object.keys(repaired.sessions).length, MAX_SEATS);
  assert.ok(State.safeParse(repaired).success);
});

Deno.test("a repair shares what was right", () => {
  const state = changed(stage(3), 1), [a, b] = state.order;
  const repaired = sound({ ...state, seats: { ...state.seats, [a]: { ...state.seats[a], maxGainDb: -20 } } });
  assert.notEqual(repaired.seats[a], state.seats[a]);
  assert.equal(repaired.seats[b], state.seats[b]);
  assert.deepEqual([repaired.channels, repaired.sessions, repaired.order], [
    state.channels,
    state.sessions,
    state.order,
  ]);
  assert.ok(
    repaired.channels === state.channels && repaired.sessions === state.sessions && repaired.order === state.order,
  );
});
