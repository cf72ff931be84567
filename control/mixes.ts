/**
 * Mixes on their way to the main isolate: who hears which, and the gains that they are made with. A mix is made only
 * while a receiver hears it. Control worker; allocates.
 */
import { dbToGain } from "../core/units.ts";
import { gainsOf, stripsOf } from "./gains.ts";
import type { HeardMix, House } from "./house.ts";
import { unavailable } from "./problem.ts";
import type { MixView } from "./schemas.ts";
import { allChannels } from "./shapes.ts";
import { channelOf, FRESH_GROUP_FADER, FRESH_MIX, type Mix, type Seat, type State } from "./state.ts";

/** Any change of a gain takes so long: no click, no waiting. */
export const RAMP_MS = 5;
/** A mix that nobody hears any more is still made for so long: its last receiver may be in the middle of a change. */
const IDLE_MS = 1000;
const NO_LIMIT_DB = 10;

function postMix(house: House, mix: HeardMix, rampMs: number): void {
  if (mix.number < 0) return;
  const { state, inputs } = house;
  const seat = mix.seat === null ? undefined : state.seats[mix.seat];
  // The mix of a seat that is gone is silent for whoever still hears it.
  const allowed = mix.seat !== null && seat === undefined ? [] : mix.allowed;
  const settings = seat?.mix ?? mix.own;
  const maxGainDb = seat?.maxGainDb ?? NO_LIMIT_DB;
  house.post({
    kind: "mix",
    mix: mix.number,
    settings: {
      gains: gainsOf({ mix: settings, groups: state.groups, allowed, inputs, maxGainDb }),
      ceiling: dbToGain(settings.limiter.ceilingDb),
      rampMs,
    },
  });
}

/** The trims as linear gains, mutes included. */
const trimsOf = (state: State, inputs: number): Float32Array =>
  Float32Array.from({ length: inputs }, (_, i) => {
    const { trimDb, mute } = channelOf(state, i + 1);
    return mute ? 0 : dbToGain(trimDb);
  });

/** Tells the main isolate, if the trims aren't what they were in `before`. */
export function postTrims(house: House, before: State, rampMs: number): void {
  const gains = trimsOf(house.state, house.inputs), was = trimsOf(before, house.inputs);
  if (gains.some((gain, i) => gain !== was[i])) house.post({ kind: "trims", gains, rampMs });
}

/** After a change: what the main isolate must know of it. */
export function postDifference(house: House, before: State, rampMs: number): void {
  const { state } = house;
  if (state.channels !== before.channels) postTrims(house, before, rampMs);
  for (const mix of house.made.values()) {
    if (mix.seat === null) continue;
    const seat = state.seats[mix.seat], old = before.seats[mix.seat];
    if (state.groups !== before.groups || seat?.mix !== old?.mix || seat?.maxGainDb !== old?.maxGainDb) {
      postMix(house, mix, rampMs);
    }
  }
}

const heard = (seat: string | null, own: Mix, allowed: readonly number[]): HeardMix => ({
  seat,
  own,
  allowed,
  number: -1,
  users: 0,
  idleSince: 0,
});

/** Channels that exist and that the seat may hear; `wanted` null: all of them. */
export const heardChannels = (house: House, wanted: readonly number[] | null, seat: Seat): readonly number[] =>
  (wanted ?? seat.channels ?? allChannels(house.inputs)).filter((channel) =>
    channel <= house.inputs && (seat.channels?.includes(channel) ?? true)
  );

/** The seat's mix, as whoever sits there hears it; where nobody ever sat, of all that the seat may hear. */
export function mixOfSeat(house: House, seat: string): HeardMix {
  const known = house.heard.get(seat) ??
    heard(seat, FRESH_MIX, heardChannels(house, null, house.state.seats[seat]));
  house.heard.set(seat, known);
  return known;
}

/** A mix of these channels that is nobody's. */
export const freeMix = (channels: readonly number[]): HeardMix => heard(null, FRESH_MIX, channels);

/** These inputs by themselves, at the level that they come in. */
export const pflMix = (channels: readonly number[]): HeardMix =>
  heard(null, { ...FRESH_MIX, master: { gainDb: 0, mute: false } }, channels);

/** The lowest number that is free; where none is, that of the mix which nobody has heard for longest. @throws Refusal 503 */
function freeNumber(house: House): number {
  const room = house.board.main.mixPeaks.length;
  if (house.made.size >= room) {
    const idle = [...house.made.values()].filter(({ users }) => users === 0);
    if (idle.length === 0) throw unavailable(`all the ${room} mixes that can be made are heard`);
    endMix(house, idle.reduce((a, b) => b.idleSince < a.idleSince ? b : a));
  }
  let number = 0;
  while (house.made.has(number)) number++;
  return number;
}

/** From now on a receiver hears it. Returns its number, made before anything asks for it. @throws Refusal 503 */
export function useMix(house: House, mix: HeardMix): number {
  if (mix.number < 0) {
    mix.number = freeNumber(house);
    house.made.set(mix.number, mix);
    postMix(house, mix, RAMP_MS);
  }
  mix.users++;
  return mix.number;
}

export function leaveMix(house: House, mix: HeardMix): void {
  mix.users--;
  mix.idleSince = house.clock();
}

function endMix(house: House, mix: HeardMix): void {
  house.made.delete(mix.number);
  house.post({ kind: "mix", mix: mix.number, settings: null });
  mix.number = -1;
  if (mix.seat !== null && !(mix.seat in house.state.seats)) house.heard.delete(mix.seat);
}

/** Ends the mixes that nobody hears any more. Once a second. */
export function sweepMixes(house: House): void {
  for (const mix of house.made.values()) {
    if (mix.users === 0 && house.clock() - mix.idleSince >= IDLE_MS) endMix(house, mix);
  }
}

export function limitMix(house: House, mix: HeardMix, allowed: readonly number[]): void {
  if (mix.allowed.length === allowed.length && mix.allowed.every((channel, i) => channel === allowed[i])) return;
  mix.allowed = allowed;
  postMix(house, mix, RAMP_MS);
}

/** The whole mix, every channel and group listed, no fader above the limit. */
export function mixView(state: State, mix: Mix, inputs: number, maxGainDb: number): MixView {
  const limited = <T extends { readonly gainDb: number }>(fader: T): T =>
    fader.gainDb > maxGainDb ? { ...fader, gainDb: maxGainDb } : fader;
  return {
    channels: Object.fromEntries(stripsOf(mix, inputs, maxGainDb).map((strip, i) => [i + 1, strip])),
    groups: Object.fromEntries(
      Object.keys(state.groups).map((id) => [id, limited(mix.groups[id] ?? FRESH_GROUP_FADER)]),
    ),
    master: limited(mix.master),
    limiter: mix.limiter,
  };
}
