/**
 * Bodies that change the state, right ones and spoiled ones, for properties with fast-check. "seat:2", "group:1" stand for
 * ids, which nobody knows beforehand: see `named` (state_moves.ts).
 */
import fc from "fast-check";
import { Colour, Name } from "../control/state.ts";

/** Of the house that they are for. */
export const INPUTS = 8;
/** As a number of a seat, a group …: one that isn't there. */
export const MOST_PICK = 12;

export const some = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) => fc.record(model, { requiredKeys: [] });
export const orNull = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: null, freq: 6 });
export const number = (min: number, max: number) =>
  fc.oneof(fc.constantFrom(min, max, 0, -0), fc.integer({ min, max }), fc.double({ min, max, noNaN: true }));
const gainDb = number(-120, 10);
const channel = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 1, max: INPUTS }) },
  { weight: 1, arbitrary: fc.constant(INPUTS + 1) },
);
export const channels = fc.uniqueArray(channel, { minLength: 1, maxLength: 5 });
export const name = fc.oneof(
  fc.constantFrom("Ana", "Bo", "\u{1f3b9}"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 8 }).filter((text) => Name.safeParse(text).success),
);
export const colour = orNull(fc.constantFrom("#e0a030", "#000000").filter((text) => Colour.safeParse(text).success));
const stripPatch = some({
  gainDb: orNull(gainDb),
  pan: orNull(number(-1, 1)),
  mute: orNull(fc.boolean()),
  solo: orNull(fc.boolean()),
});
const faderPatch = some({ gainDb: orNull(gainDb), mute: orNull(fc.boolean()) });
const byChannel = <T>(value: fc.Arbitrary<T>) =>
  fc.dictionary(channel.map(String), value, { maxKeys: 4, noNullPrototype: true });
/** Groups and seats by number; {@link named} puts the ids in their place. */
const byNumber = <T>(prefix: string, value: fc.Arbitrary<T>) =>
  fc.dictionary(fc.nat(MOST_PICK).map((n) => `${prefix}:${n}`), value, { maxKeys: 3, noNullPrototype: true });
export const mixPatch = some({
  channels: orNull(byChannel(orNull(stripPatch))),
  groups: orNull(byNumber("group", orNull(faderPatch))),
  master: orNull(faderPatch),
  limiter: orNull(some({ ceilingDb: orNull(number(-20, 0)) })),
});
export const seatPatch = some({
  name,
  colour,
  channels: orNull(channels),
  locked: fc.boolean(),
  recallSafe: fc.boolean(),
  maxGainDb: orNull(gainDb),
});
export const device = fc.nat(5).map((n) => `device-${n}`);
const sessionPatch = {
  mode: fc.constantFrom("mix", "channels"),
  channels,
  frameMs: fc.constantFrom(2.5, 5, 10),
  bitrate: fc.constantFrom(16_000, 96_000),
  redundancy: fc.constantFrom(0, 1),
};
const ears = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: orNull(fc.nat(MOST_PICK).map((n) => `seat:${n}`)).map((cue) => ({ mode: "mix", cue })) },
  { weight: 1, arbitrary: orNull(channels).map((pfl) => ({ mode: "mix", pfl })) },
);
export const wish = fc.tuple(some(sessionPatch), ears).map(([wish, heard]) => ({ ...wish, ...heard }));
const strip = fc.record({ gainDb, pan: number(-1, 1), mute: fc.boolean(), solo: fc.boolean() });
const fader = fc.record({ gainDb, mute: fc.boolean() });
const desk = fc.record({
  name: orNull(name),
  colour,
  trimDb: number(-60, 20),
  mute: fc.boolean(),
  link: fc.boolean(),
  hidden: fc.boolean(),
});
const mix = fc.record({
  channels: byChannel(strip),
  groups: byNumber("group", fader),
  master: fader,
  limiter: fc.record({ ceilingDb: number(-20, 0) }),
});
export const scene = fc.record({
  name,
  savedAt: number(0, 1e12),
  channels: byChannel(desk),
  groups: fc.dictionary(fc.nat(3).map((n) => `group_in-${n}`), fc.record({ name, colour, channels }), {
    maxKeys: 2,
    noNullPrototype: true,
  }),
  mixes: byNumber("seat", mix),
}, { requiredKeys: ["name", "channels", "groups", "mixes"] });

/** What somebody sends who doesn't read the page, or reads it closely. */
export const junk = fc.oneof(
  fc.constantFrom<unknown>(-0, 1e9, -1e9, 10.000001, -120.000001, 0.5, "0", "", null, true, [], {}, [1, 1], [0], [65]),
  fc.constantFrom<unknown>(
    "constructor",
    { gainDb: -3 },
    { constructor: { gainDb: -3 } },
    { toString: { mute: true } },
    { 64: {} },
    "a\nb",
    "\ud800",
  ),
  fc.constantFrom<unknown>("seat:0", "group:0", { "group:0": { gainDb: 0 } }, "seat_nobody", { seat_nobody: {} }),
  fc.jsonValue({ maxDepth: 2 }),
);
/** The body with one of its parts replaced, or one put in that doesn't belong. */
export function spoiled(body: unknown, part: number, put: unknown, key: string): unknown {
  const whole = structuredClone({ body }), places: [Record<string, unknown>, string][] = [];
  const walk = (holder: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(holder)) {
      places.push([holder, name]);
      if (typeof value !== "object" || value === null) continue;
      if (!Array.isArray(value)) places.push([value as Record<string, unknown>, key]);
      walk(value as Record<string, unknown>);
    }
  };
  walk(whole);
  const [holder, name] = places[part % places.length];
  holder[name] = put;
  return whole.body;
}
