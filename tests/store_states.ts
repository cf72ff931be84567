/**
 * Any state that fits the schema, for properties with fast-check; sound or not. Identifiers come from a few, so that they
 * meet, miss and contradict one another.
 */
import fc from "fast-check";
import * as shapes from "../control/state.ts";

const maybe = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: null });
const all = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) => fc.record<T>(model, { noNullPrototype: true });
const flag = fc.boolean();
/** JSON has no −0. */
const number = (min: number, max: number) =>
  fc.oneof(fc.integer({ min, max }), fc.double({ min, max, noNaN: true })).map((value) => value + 0);
const record = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>, maxKeys: number) =>
  fc.dictionary(key, value, { maxKeys, noNullPrototype: true });
const idOf = (prefix: string) => fc.nat(5).map((n) => `${prefix}_id-${n}`);

const seatId = idOf("seat"), groupId = idOf("group"), sceneId = idOf("scene");
/** The ends, and close enough together for pairs that overlap. */
const channel = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 62, max: 64 }),
  fc.integer({ min: 1, max: 64 }),
);
const channelKey = channel.map(String);
const channels = fc.uniqueArray(channel, { minLength: 1, maxLength: 5 });
const name = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((text) =>
  shapes.Name.safeParse(text).success
);
const colour = maybe(fc.constantFrom("#e0a030", "#000000"));
const device = fc.nat(4).map((n) => `device-${n}-x`);
const time = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
const gainDb = fc.oneof(fc.constantFrom(-120, 0, 10), number(-120, 10));

const someChannel = all({
  name: maybe(name),
  colour,
  trimDb: number(-60, 20),
  mute: flag,
  link: flag,
  hidden: flag,
});
const strip = all({ gainDb, pan: number(-1, 1), mute: flag, solo: flag });
const fader = all({ gainDb, mute: flag });
const orFresh = <T>(arb: fc.Arbitrary<T>, fresh: T) => fc.oneof({ weight: 4, arbitrary: arb }, fc.constant(fresh));

const mix: fc.Arbitrary<shapes.Mix> = all({
  channels: record(channelKey, orFresh(strip, shapes.FRESH_STRIP), 8),
  groups: record(groupId, orFresh(fader, shapes.FRESH_GROUP_FADER), 3),
  master: fader,
  limiter: all({ ceilingDb: number(-20, 0) }),
});
const group: fc.Arbitrary<shapes.Group> = all({ name, colour, channels });
const seat: fc.Arbitrary<shapes.Seat> = all({
  name,
  colour,
  channels: maybe(channels),
  device: maybe(device),
  invite: fc.constantFrom("ABCDEFGH", "23456789ABC"),
  locked: flag,
  recallSafe: flag,
  maxGainDb: gainDb,
  casual: flag,
  joinedAt: time,
  mix,
});
const session: fc.Arbitrary<shapes.SavedSession> = all({
  seat: seatId,
  name,
  device,
  tokenKey: fc.string({ minLength: 4, maxLength: 128 }),
  host: fc.constantFrom("", "2001:db8::1"),
  username: fc.constant("user"),
  password: fc.constant('a "quoted" one\\'),
  ssrc: fc.integer({ min: 1, max: 0xffffffff }),
  cname: fc.constant("cname"),
  worker: fc.nat(63),
  mode: fc.constantFrom("channels", "mix"),
  channels: maybe(channels),
  frameMs: fc.constantFrom(2.5, 5, 10),
  bitrate: maybe(fc.integer({ min: 16_000, max: 256_000 })),
  redundancy: fc.constantFrom(0, 1),
  cue: maybe(seatId),
  pfl: maybe(channels),
  engineer: flag,
  joinedAt: time,
});
const channelRecord = record(channelKey, orFresh(someChannel, shapes.FRESH_CHANNEL), 8);
const scene: fc.Arbitrary<shapes.Scene> = all({
  name,
  savedAt: time,
  channels: channelRecord,
  groups: record(groupId, group, 2),
  mixes: record(seatId, mix, 2),
});

/** Fits the schema. */
export const anyState: fc.Arbitrary<shapes.State> = all({
  version: fc.constant(shapes.STATE_VERSION),
  channels: channelRecord,
  groups: record(groupId, group, 3),
  seats: record(seatId, seat, 5),
  order: fc.array(seatId, { maxLength: 8 }),
  sessions: record(idOf("s"), session, 6),
  scenes: record(sceneId, scene, 2),
});
