/**
 * Which of PortAudio's inputs is meant, or best. In: an initialised PortAudio, what somebody typed. Out: devices. Main
 * isolate; allocates.
 */
import { MAX_CHANNELS } from "../core/units.ts";
import type { PortAudioDescription } from "../core/messages.ts";
import type { Device, PortAudio } from "./portaudio.ts";

/** A source that can't be had, in one line for people. */
export class SourceError extends Error {
  override name = "SourceError";
}

const inputsOf = (portaudio: PortAudio) => portaudio.devices().filter(({ inputs }) => inputs > 0);
const listed = (devices: readonly Device[]) =>
  devices.map(({ index, name, hostApi, inputs }) => `${index} ${name} (${hostApi}, ${inputs} in)`).join(", ") || "none";

/** The input that `wanted`, an index or (part of) a name, means. @throws SourceError unless it means exactly one. */
export function chooseDevice(portaudio: PortAudio, wanted: string | null): Device {
  const inputs = inputsOf(portaudio), usable = inputs.filter(({ isJack }) => !isJack);
  if (wanted === null) {
    const device = inputs.find(({ index }) => index === portaudio.defaultInput());
    const chosen = device && !device.isJack ? device : usable[0];
    if (chosen) return chosen;
    throw new SourceError(`cannot capture from the default input: there is none; inputs: ${listed(inputs)}`);
  }
  const full = ({ name, hostApi }: Device) => `${hostApi}: ${name}`;
  const lower = wanted.toLowerCase();
  const exact = /^\d+$/.test(wanted)
    ? inputs.filter(({ index }) => index === Number(wanted))
    : inputs.filter((device) => device.name === wanted || full(device) === wanted);
  const found = exact.length > 0 ? exact : inputs.filter((device) => full(device).toLowerCase().includes(lower));
  if (found.length === 1) return found[0];
  const why = found.length === 0 ? "there is no such input" : `it means ${found.length} inputs`;
  throw new SourceError(
    `cannot capture from ${JSON.stringify(wanted)}: ${why}; inputs: ${listed(found.length > 1 ? found : inputs)}`,
  );
}

type Named = Pick<Device, "name" | "hostApi">;

/** The inputs that have this one's name, in PortAudio's order. */
export const namesakes = (portaudio: PortAudio, { name, hostApi }: Named): Device[] =>
  inputsOf(portaudio).filter((device) => device.name === name && device.hostApi === hostApi);

/** "Scarlett: USB Audio (hw:1,0)" without the card's number, which is another when it comes back. */
const withoutNumber = (name: string): string => name.replace(/\(hw:\d+,/, "(hw:,");

/** The inputs that have this one's name but for the number, itself among them. */
export const kinOf = (portaudio: PortAudio, { name, hostApi }: Named): Device[] =>
  inputsOf(portaudio).filter((device) =>
    device.hostApi === hostApi && withoutNumber(device.name) === withoutNumber(name)
  );

/**
 * The device that was described, in a list that was made later. Not one that is only like it: of two equal interfaces the
 * other one may be what is left. @throws Error when it isn't there.
 */
export function findAgain(portaudio: PortAudio, { device, hostApi, twin, twins, kin }: PortAudioDescription): Device {
  const named = { name: device, hostApi }, same = namesakes(portaudio, named), alike = kinOf(portaudio, named);
  const renumbered = kin === 1 && alike.length === 1 ? alike[0] : undefined;
  const found = same.length >= twins ? same[twin] : same.length === 0 ? renumbered : undefined;
  if (!found) throw new Error(`cannot open ${device}: ${hostApi} has no such device`);
  return found;
}

/** ALSA's ways to a desktop's sound server, which claim any number of channels. */
const SOUND_SERVERS = ["default", "pipewire", "pulse", "sysdefault"];

/**
 * What may be chosen for somebody, best first: cards, then ALSA plugins that have a number of channels, then sound
 * servers, which have none. Never JACK; never another plugin that takes any number, ALSA's unpaced `null` for one.
 */
function rank({ isJack, isAlsa, name, inputs }: Device): number {
  if (isJack) return NaN;
  if (!isAlsa || /\(hw:\d/.test(name)) return 0;
  if (inputs <= MAX_CHANNELS) return 1;
  return SOUND_SERVERS.includes(name) ? 2 : NaN;
}

/** What may be chosen for somebody who wants `channels`, or any number (null): the best first. */
export function candidates(portaudio: PortAudio, channels: number | null): { device: Device; channels: number }[] {
  const fallback = portaudio.defaultInput();
  return inputsOf(portaudio)
    .filter((device) => !Number.isNaN(rank(device)) && device.inputs >= (channels ?? 1))
    .sort((a, b) => rank(a) - rank(b) || b.inputs - a.inputs || +(b.index === fallback) - +(a.index === fallback))
    .map((device) => ({
      device,
      channels: channels ?? (rank(device) === 2 ? 2 : Math.min(device.inputs, MAX_CHANNELS)),
    }));
}
