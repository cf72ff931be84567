/**
 * A mix as the desk knows it (decibels, pan, mute, solo, master), and the linear gains that the main isolate multiplies
 * with. Pure; control worker; allocates.
 */
import { dbToGain } from "../core/units.ts";

export interface Strip {
  readonly gainDb: number;
  /** −1 left … +1 right. */
  readonly pan: number;
  readonly mute: boolean;
  readonly solo: boolean;
}

/** What somebody hears: one strip for each input, in order (channel 1 first), and a master. */
export interface Mix {
  readonly strips: readonly Strip[];
  readonly master: { readonly gainDb: number; readonly mute: boolean };
}

/** A change: only what is named changes. Keys are channel numbers. */
export interface MixPatch {
  readonly channels?: Readonly<Record<string, Partial<Strip>>>;
  readonly master?: Partial<Mix["master"]>;
}

const FRESH_STRIP: Strip = { gainDb: 0, pan: 0, mute: false, solo: false };
/** Sixteen channels at 0 dB add up: a fresh mix leaves them room. */
const FRESH_MASTER_DB = -12;

export const freshMix = (inputs: number): Mix => ({
  strips: Array.from({ length: inputs }, () => FRESH_STRIP),
  master: { gainDb: FRESH_MASTER_DB, mute: false },
});

/** The mix with the patch merged into it; channels that the mix doesn't have must be refused before. */
export function patchMix(mix: Mix, patch: MixPatch): Mix {
  const strips = mix.strips.map((strip, i) => ({ ...strip, ...patch.channels?.[i + 1] }));
  return { strips, master: { ...mix.master, ...patch.master } };
}

/** Left by cos, right by sin of (pan + 1)·π/4: −3 dB each at the centre, and exactly nothing on the far side. */
export function panGains(pan: number): readonly [left: number, right: number] {
  if (pan <= -1) return [1, 0];
  if (pan >= 1) return [0, 1];
  const angle = (pan + 1) * Math.PI / 4;
  return [Math.cos(angle), Math.sin(angle)];
}

/**
 * Linear gains: left and right for each input, interleaved. Only `allowed` channels (numbers from 1) sound. Mute wins
 * over solo; while any allowed channel is soloed, only soloed ones sound.
 */
export function gainsOf(mix: Mix, allowed: readonly number[]): Float32Array {
  const gains = new Float32Array(2 * mix.strips.length);
  if (mix.master.mute) return gains;
  const master = dbToGain(mix.master.gainDb);
  const soloed = allowed.some((channel) => mix.strips[channel - 1].solo);
  for (const channel of allowed) {
    const { gainDb, pan, mute, solo } = mix.strips[channel - 1];
    if (mute || (soloed && !solo)) continue;
    const [left, right] = panGains(pan);
    const gain = dbToGain(gainDb) * master;
    gains[2 * channel - 2] = gain * left;
    gains[2 * channel - 1] = gain * right;
  }
  return gains;
}
