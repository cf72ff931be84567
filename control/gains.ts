/**
 * From a mix as the desk knows it (decibels, pan, mute, solo, groups, master) to the linear gains that the main isolate
 * multiplies with. Pure; control worker; allocates.
 */
import { dbToGain } from "../core/units.ts";
import { type Group, type Mix, type Strip, stripOf } from "./state.ts";

/** This and less is off. */
const OFF_DB = -120;

/** Left by cos, right by sin of (pan + 1)·π/4: −3 dB each at the centre, and exactly nothing on the far side. */
export function panGains(pan: number): readonly [left: number, right: number] {
  if (pan <= -1) return [1, 0];
  if (pan >= 1) return [0, 1];
  const angle = (pan + 1) * Math.PI / 4;
  return [Math.cos(angle), Math.sin(angle)];
}

/** Every channel of the mix, as many as there are inputs; no fader above `maxGainDb`. */
export const stripsOf = (mix: Mix, inputs: number, maxGainDb: number): Strip[] =>
  Array.from({ length: inputs }, (_, i) => {
    const strip = stripOf(mix, i + 1);
    return strip.gainDb > maxGainDb ? { ...strip, gainDb: maxGainDb } : strip;
  });

/** The groups' part for each channel: decibels that add up; −Infinity where one is muted or off. */
function groupDb(mix: Mix, groups: Readonly<Record<string, Group>>, inputs: number, maxGainDb: number): number[] {
  const db = new Array<number>(inputs + 1).fill(0);
  for (const [id, { channels }] of Object.entries(groups)) {
    const fader = mix.groups[id];
    const gainDb = Math.min(fader?.gainDb ?? 0, maxGainDb);
    const add = fader?.mute || gainDb <= OFF_DB ? -Infinity : gainDb;
    for (const channel of channels) if (channel <= inputs) db[channel] += add;
  }
  return db;
}

export interface Desk {
  readonly mix: Mix;
  readonly groups: Readonly<Record<string, Group>>;
  /** Channel numbers; the others are silent. */
  readonly allowed: readonly number[];
  readonly inputs: number;
  /** No fader counts for more. */
  readonly maxGainDb: number;
}

/**
 * Linear gains: left and right for each input, interleaved. Mute wins over solo; while any allowed channel is soloed,
 * only soloed ones sound. The decibels of a channel, its groups and the master add up.
 */
export function gainsOf({ mix, groups, allowed, inputs, maxGainDb }: Desk): Float32Array {
  const gains = new Float32Array(2 * inputs);
  const masterDb = Math.min(mix.master.gainDb, maxGainDb);
  if (mix.master.mute || masterDb <= OFF_DB) return gains;
  const strips = stripsOf(mix, inputs, maxGainDb), groupsDb = groupDb(mix, groups, inputs, maxGainDb);
  const heard = allowed.filter((channel) => channel <= inputs);
  const soloed = heard.some((channel) => strips[channel - 1].solo);
  for (const channel of heard) {
    const { gainDb, pan, mute, solo } = strips[channel - 1];
    if (mute || gainDb <= OFF_DB || (soloed && !solo)) continue;
    const [left, right] = panGains(pan);
    const gain = dbToGain(gainDb + groupsDb[channel] + masterDb);
    gains[2 * channel - 2] = gain * left;
    gains[2 * channel - 1] = gain * right;
  }
  return gains;
}
