/**
 * Mixes: who hears which, and the gains that the main isolate makes them with. A mix is made only while a receiver hears
 * it. Control worker; allocates.
 */
import { dbToGain } from "../core/units.ts";
import { gainsOf, type MixPatch, patchMix } from "./gains.ts";
import { type House, type KeptMix, newMix } from "./house.ts";
import type { MixView } from "./schemas.ts";
import { existing } from "./shapes.ts";

/** Devices whose mix is kept; beyond that the one that joined longest ago is forgotten. */
export const MAX_DEVICES = 1000;
/** A mix that nobody hears any more is still made for so long: its last receiver may be in the middle of a change. */
const IDLE_MS = 1000;

function postGains(house: House, mix: KeptMix): void {
  if (mix.number < 0) return;
  house.post({ kind: "mix", mix: mix.number, gains: gainsOf(mix.settings, mix.allowed) });
}

/** From now on a receiver hears it. Returns its number, made before anything asks for it. */
export function useMix(house: House, mix: KeptMix): number {
  mix.users++;
  if (mix.number < 0) {
    let number = 0;
    while (house.made.has(number)) number++;
    mix.number = number;
    house.made.set(number, mix);
    postGains(house, mix);
  }
  return mix.number;
}

export function leaveMix(house: House, mix: KeptMix): void {
  mix.users--;
  mix.idleSince = house.clock();
}

/** Ends the mixes that nobody hears any more. Once a second. */
export function sweepMixes(house: House): void {
  for (const [number, mix] of house.made) {
    if (mix.users > 0 || house.clock() - mix.idleSince < IDLE_MS) continue;
    house.made.delete(number);
    mix.number = -1;
    house.post({ kind: "mix", mix: number, gains: null });
  }
}

/** @throws Refusal 409 if it names a channel that doesn't exist. */
export function changeMix(house: House, mix: KeptMix, patch: MixPatch): void {
  existing(Object.keys(patch.channels ?? {}).map(Number), house.inputs);
  mix.settings = patchMix(mix.settings, patch);
  postGains(house, mix);
}

export function limitMix(house: House, mix: KeptMix, allowed: readonly number[]): void {
  mix.allowed = allowed;
  postGains(house, mix);
}

/** The device's mix, a fresh one if it has none; forgets the one that joined longest ago if there are too many. */
export function mixOfDevice(house: House, device: string): KeptMix {
  const mix = house.mixes.get(device) ?? newMix(house, []);
  house.mixes.delete(device);
  house.mixes.set(device, mix);
  if (house.mixes.size > MAX_DEVICES) {
    for (const [other, { users }] of house.mixes) {
      if (other === device || users > 0 || house.devices.has(other)) continue;
      house.mixes.delete(other);
      break;
    }
  }
  return mix;
}

/** The whole mix, every channel listed. */
export function mixView({ settings }: KeptMix): MixView {
  return {
    channels: Object.fromEntries(settings.strips.map((strip, i) => [i + 1, { ...strip }])),
    master: { ...settings.master },
  };
}

/** The engineer's trims, as linear gains, to the main isolate. */
export function postTrims(house: House): void {
  house.post({ kind: "trims", gains: Float32Array.from(house.channels, ({ trimDb }) => dbToGain(trimDb)) });
}
