/**
 * What becomes of a mix when somebody moves it: merging, defaults, linked channels, limits. Pure functions from one
 * immutable mix to the next, which is the same object where nothing changes. Control worker; allocates.
 */
import type { z } from "@hono/zod-openapi";
import { type FieldError, Refusal } from "./problem.ts";
import type { MixPatchBody } from "./schemas.ts";
import {
  type Fader,
  FRESH_GROUP_FADER,
  FRESH_MIX,
  FRESH_STRIP,
  type Mix,
  pairOf,
  type Seat,
  type State,
  type Strip,
  stripOf,
} from "./state.ts";

/** Only what is named changes; null is back to what a fresh mix has. Keys are channel numbers and groups' ids. */
export type MixPatch = z.output<typeof MixPatchBody>;

type Patch<T> = { readonly [Key in keyof T]?: T[Key] | null | undefined };

/** `base` with the patch merged into it. */
export function merged<T extends object>(base: T, fresh: T, patch: Patch<T> | null | undefined): T {
  if (patch === undefined) return base;
  if (patch === null) return fresh;
  const next = { ...base };
  let changed = false;
  for (const key of Object.keys(patch) as (keyof T)[]) {
    const given = patch[key];
    if (given === undefined) continue;
    const value = given === null ? fresh[key] : given as T[keyof T];
    if (Object.is(next[key], value)) continue;
    next[key] = value;
    changed = true;
  }
  return changed ? next : base;
}

const same = <T extends object>(a: T, b: T): boolean =>
  (Object.keys(a) as (keyof T)[]).every((key) => Object.is(a[key], b[key]));

const sameEntries = <T extends object>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): boolean =>
  a === b || (Object.keys(a).length === Object.keys(b).length &&
    Object.keys(a).every((key) => Object.hasOwn(b, key) && same(a[key], b[key])));

/** Do both say the same, whichever objects they are? */
export const sameMix = (a: Mix, b: Mix): boolean =>
  a === b || (sameEntries(a.channels, b.channels) && sameEntries(a.groups, b.groups) && same(a.master, b.master) &&
    same(a.limiter, b.limiter));

/** `record` with one entry set, or left out where it is as `fresh`. */
export function withEntry<T extends object>(
  record: Readonly<Record<string, T>>,
  key: string | number,
  value: T,
  fresh: T,
): Record<string, T> {
  const known = record[key];
  if (known !== undefined ? same(known, value) : same(value, fresh)) return record;
  if (!same(value, fresh)) return { ...record, [key]: value };
  const { [key]: _, ...rest } = record;
  return rest;
}

/** The other channel of a linked pair: moves along, panned to the other side. */
export const mirrored = (strip: Strip): Strip => ({ ...strip, pan: 0 - strip.pan });

function patchedStrips(state: State, mix: Mix, patch: MixPatch["channels"]): Mix["channels"] {
  if (patch === undefined) return mix.channels;
  let strips = mix.channels;
  if (patch === null) {
    // Linked channels are apart in a fresh mix, too.
    strips = {};
    for (const key of Object.keys(state.channels)) {
      if (!state.channels[key].link) continue;
      strips[key] = { ...FRESH_STRIP, pan: -1 };
      strips[Number(key) + 1] = { ...FRESH_STRIP, pan: 1 };
    }
    return strips;
  }
  // Of a pair whose two channels are named the lower wins.
  for (const key of Object.keys(patch).sort((a, b) => Number(b) - Number(a))) {
    const channel = Number(key), pair = pairOf(state, channel);
    const fresh = pair === null ? FRESH_STRIP : { ...FRESH_STRIP, pan: channel === pair[0] ? -1 : 1 };
    const strip = merged(strips[key] ?? FRESH_STRIP, fresh, patch[key]);
    strips = withEntry(strips, channel, strip, FRESH_STRIP);
    if (pair !== null) {
      strips = withEntry(strips, channel === pair[0] ? pair[1] : pair[0], mirrored(strip), FRESH_STRIP);
    }
  }
  return strips;
}

function patchedGroups(mix: Mix, patch: MixPatch["groups"]): Mix["groups"] {
  if (patch === undefined) return mix.groups;
  if (patch === null) return {};
  let groups = mix.groups;
  for (const [id, change] of Object.entries(patch)) {
    const fader = merged<Fader>(groups[id] ?? FRESH_GROUP_FADER, FRESH_GROUP_FADER, change);
    groups = withEntry(groups, id, fader, FRESH_GROUP_FADER);
  }
  return groups;
}

/** Patches must have been checked: channels and groups that don't exist are the caller's to refuse. */
export function patchMix(state: State, mix: Mix, patch: MixPatch): Mix {
  const next: Mix = {
    channels: patchedStrips(state, mix, patch.channels),
    groups: patchedGroups(mix, patch.groups),
    master: merged(mix.master, FRESH_MIX.master, patch.master),
    limiter: merged(mix.limiter, FRESH_MIX.limiter, patch.limiter),
  };
  return sameMix(mix, next) ? mix : next;
}

/** A mix that nobody has touched. */
export const freshMix = (state: State): Mix => patchMix(state, FRESH_MIX, { channels: null });

/** The mix with no fader above the limit. */
export function clampedMix(mix: Mix, maxGainDb: number): Mix {
  const clamp = <T extends { gainDb: number }>(record: Readonly<Record<string, T>>, fresh: T): Record<string, T> => {
    let next = record;
    for (const [key, fader] of Object.entries(record)) {
      if (fader.gainDb > maxGainDb) next = withEntry(next, key, { ...fader, gainDb: maxGainDb }, fresh);
    }
    return next;
  };
  const next: Mix = {
    ...mix,
    channels: clamp(mix.channels, FRESH_STRIP),
    groups: clamp(mix.groups, FRESH_GROUP_FADER),
    master: mix.master.gainDb > maxGainDb ? { ...mix.master, gainDb: maxGainDb } : mix.master,
  };
  return same(mix, next) ? mix : next;
}

/** @throws Refusal 409 for channels and groups that don't exist; 400 for faders above the seat's limit. */
export function checkPatch(state: State, seat: Seat, patch: MixPatch, inputs: number): void {
  const missing = Object.keys(patch.channels ?? {}).filter((channel) => Number(channel) > inputs);
  if (missing.length > 0) throw new Refusal(409, `there are ${inputs} channels, and no ${missing.join(", ")}`);
  const strangers = Object.keys(patch.groups ?? {}).filter((id) => !Object.hasOwn(state.groups, id));
  if (strangers.length > 0) throw new Refusal(409, `there is no group ${strangers.join(", ")}`);
  const errors: FieldError[] = [];
  const check = (path: string, gainDb: number | null | undefined) => {
    if ((gainDb ?? -Infinity) <= seat.maxGainDb) return;
    errors.push({ path, message: `must be at most ${seat.maxGainDb}: the limit of this seat` });
  };
  for (const [channel, strip] of Object.entries(patch.channels ?? {})) {
    check(`channels.${channel}.gainDb`, strip?.gainDb);
  }
  for (const [id, fader] of Object.entries(patch.groups ?? {})) check(`groups.${id}.gainDb`, fader?.gainDb);
  check("master.gainDb", patch.master?.gainDb);
  if (errors.length > 0) throw new Refusal(400, "the body failed its check", { errors });
}

/** Linked from now on: the upper channel becomes as the lower, and both go apart. */
export const linkedMix = (mix: Mix, lower: number): Mix => {
  const strip: Strip = { ...stripOf(mix, lower), pan: -1 };
  const channels = withEntry(
    withEntry(mix.channels, lower, strip, FRESH_STRIP),
    lower + 1,
    mirrored(strip),
    FRESH_STRIP,
  );
  return channels === mix.channels ? mix : { ...mix, channels };
};
