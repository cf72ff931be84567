/**
 * From what was asked for (`--source`, `--channels`) to a source that is known to be there. In: text and a number. Out:
 * a description that the capture worker opens, or one clear line why not. Main isolate, before anything is opened for
 * good; allocates.
 */
import type { SourceDescription } from "../core/messages.ts";
import { MAX_CHANNELS } from "../core/units.ts";
import { alsaChannels, alsaNames } from "./alsa.ts";
import { BAND } from "./demo_score.ts";
import { demoNames } from "./demo.ts";
import { loadLibrary } from "./native.ts";
import { candidates, chooseDevice, kinOf, namesakes, SourceError } from "./choose.ts";
import { type Device, HOW_TO_INSTALL, PortAudio, PortAudioError, PortAudioMissing } from "./portaudio.ts";
import { toneNames } from "./tones.ts";
import { inspectWav, WavError } from "./wav.ts";

export { SourceError } from "./choose.ts";

export interface ResolvedSource {
  readonly description: SourceDescription;
  /** One line for people about what was chosen for them. */
  readonly note?: string;
}

const FORMS = "portaudio, portaudio:INDEX|NAME, alsa:PCM, wav:FILE, demo or tones";
const HOW_TO_CHOOSE = "choose with --source (the devices command lists what there is)";
const DEFAULT_TONES = 16;
/** Why a JACK server is no source. */
const JACK_REFUSED = "PortAudio's way into JACK damages every channel count but 2: " +
  'use an ALSA PCM of type "jack" with --source alsa:PCM';

const inputNames = (channels: number) => Array.from({ length: channels }, (_, i) => `Input ${i + 1}`);
const message = (error: unknown) => error instanceof Error ? error.message : String(error);

/**
 * `spec`: what `--source` says, null for the best there is; `channels`: what `--channels` says, null for as many as
 * the source has, at most 64. Looks, but leaves nothing open.
 * @throws SourceError
 */
export function resolveSource(spec: string | null, channels: number | null): ResolvedSource {
  if (channels !== null && (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS)) {
    throw new SourceError(`cannot capture ${channels} channels: must be 1 to ${MAX_CHANNELS}`);
  }
  if (spec === null) return bestSource(channels);
  const colon = spec.indexOf(":");
  const kind = colon < 0 ? spec : spec.slice(0, colon), rest = colon < 0 ? null : spec.slice(colon + 1);
  if (rest !== null && (rest === "" || rest.includes("\0"))) {
    throw new SourceError(`cannot use source ${JSON.stringify(spec)}: nothing valid follows the colon`);
  }
  if (kind === "demo" && rest === null) return { description: demo(channels ?? BAND.length) };
  if (kind === "tones" && rest === null) return { description: tones(channels ?? DEFAULT_TONES) };
  if (kind === "portaudio") return { description: portaudioSource(rest, channels) };
  if (kind === "alsa" && rest !== null) return { description: alsaSource(rest, channels) };
  if (kind === "wav" && rest !== null) return { description: wavSource(rest, channels) };
  throw new SourceError(`cannot use source ${JSON.stringify(spec)}: must be ${FORMS}`);
}

const demo = (channels: number): SourceDescription => ({
  kind: "demo",
  name: "demo band",
  channels,
  channelNames: demoNames(channels),
});

const tones = (channels: number): SourceDescription => ({
  kind: "tones",
  name: "test tones",
  channels,
  channelNames: toneNames(channels),
});

function wavSource(path: string, channels: number | null): SourceDescription {
  let own: number;
  try {
    own = inspectWav(path).channels;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new SourceError(`cannot play ${path}: there is no such file`);
    if (error instanceof WavError) throw new SourceError(`cannot play ${path}: ${error.message}`);
    throw new SourceError(`cannot play ${path}: it can't be read: ${message(error)}`);
  }
  if (channels !== null && channels !== own) {
    throw new SourceError(`cannot play ${channels} channels of ${path}: it has ${own}; leave --channels out`);
  }
  const name = path.split(/[/\\]/).at(-1) ?? path;
  return { kind: "wav", path, name, channels: own, channelNames: inputNames(own) };
}

/** Runs `work`, which needs PortAudio. @throws SourceError when there is none. */
function needingPortAudio<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof PortAudioMissing) throw new SourceError(`${error.message} (${HOW_TO_INSTALL})`);
    if (error instanceof PortAudioError) throw new SourceError(error.message);
    throw error;
  }
}

function alsaSource(pcm: string, channels: number | null): SourceDescription {
  const library = needingPortAudio(() => loadLibrary().name);
  let count: number;
  try {
    count = alsaChannels(pcm, channels);
  } catch (error) {
    const names = alsaNames();
    const list = names.length > 0 ? `; announced PCMs: ${names.join(", ")}` : "";
    throw new SourceError(`cannot capture from ALSA PCM ${JSON.stringify(pcm)}: ${message(error)}${list}`);
  }
  return { kind: "alsa", library, pcm, name: `${pcm} (ALSA)`, channels: count, channelNames: inputNames(count) };
}

function portaudioSource(wanted: string | null, channels: number | null): SourceDescription {
  return needingPortAudio(() => {
    using portaudio = new PortAudio();
    const device = chooseDevice(portaudio, wanted);
    if (device.isJack) throw new SourceError(`cannot capture from ${device.name}: ${JACK_REFUSED}`);
    const count = channels ?? Math.min(device.inputs, MAX_CHANNELS);
    if (count > device.inputs) {
      throw new SourceError(`cannot capture ${count} channels from ${device.name}: it has ${device.inputs}`);
    }
    const answer = portaudio.supports(device, count);
    if (answer !== "yes") {
      const reason = answer === "busy" ? "another program uses it" : answer;
      throw new SourceError(`cannot capture ${count} channels from ${device.name}: ${reason}`);
    }
    return describe(portaudio, device, count);
  });
}

function describe(portaudio: PortAudio, device: Device, channels: number): SourceDescription {
  const same = namesakes(portaudio, device);
  return {
    kind: "portaudio",
    library: portaudio.library.name,
    device: device.name,
    hostApi: device.hostApi,
    twin: same.findIndex(({ index }) => index === device.index),
    twins: same.length,
    kin: kinOf(portaudio, device).length,
    name: `${device.name} (${device.hostApi})`,
    channels,
    channelNames: inputNames(channels),
  };
}

/** The input with the most channels at 48 kHz, else the demo band. */
function bestSource(channels: number | null): ResolvedSource {
  let reason = "there is no input for 48 kHz";
  try {
    using portaudio = new PortAudio();
    for (const { device, channels: count } of candidates(portaudio, channels)) {
      if (portaudio.supports(device, count) !== "yes") continue;
      const description = describe(portaudio, device, count);
      return { description, note: `no --source given: ${description.name}, ${count} channels; ${HOW_TO_CHOOSE}` };
    }
  } catch (error) {
    if (!(error instanceof PortAudioMissing || error instanceof PortAudioError)) throw error;
    reason = error instanceof PortAudioMissing ? `${error.message} (${HOW_TO_INSTALL})` : error.message;
  }
  const description = demo(channels ?? BAND.length);
  return { description, note: `no --source given and ${reason}: the ${description.name} plays; ${HOW_TO_CHOOSE}` };
}
