/**
 * What a band plays, for listening to a codec: the demo band's channels alone and together, tones, and speech (Debian's
 * espeak-ng where there is one, else the demo band's talkback). In: a length. Out: signals at 48 kHz, the same each time.
 * Main isolate of the benchmark; allocates.
 */
import { Demo, demoNames } from "../capture/demo.ts";
import { BEAT } from "../capture/demo_score.ts";
import { Tones } from "../capture/tones.ts";
import { BLOCK, dbToGain, SAMPLE_RATE } from "../core/units.ts";

export interface Material {
  readonly name: string;
  /** One or two channels of the same length. */
  readonly channels: readonly Float32Array[];
}

const CHANNELS = 16;
/** The first chorus: everybody plays. */
const FROM = 8 * 4 * BEAT;
/** Which of the band's channels make up a material. */
const PARTS = {
  singing: ["Voice 1"],
  drums: ["Kick", "Snare", "Hats", "Toms"],
  bass: ["Bass"],
  guitar: ["Guitar L"],
  keys: ["Keys L", "Pads"],
} as const;
/** To the left, to the right; the others in the middle. */
const LEFT = ["Guitar L", "Keys L", "Voice 2"], RIGHT = ["Guitar R", "Keys R", "Voice 3"];
const NOT_HEARD = ["Click", "Talkback"];

const SAID = "Can I have more of the guitar in my ears, please? Six, seven, eight. The singer should be louder, " +
  "and the snare drum is too much for me. Shall we check the chorus once more?";

/** Each channel of the band by its name. */
function recorded(length: number): Map<string, Float32Array> {
  const demo = new Demo(CHANNELS), block = new Float32Array(BLOCK * CHANNELS);
  const tracks = new Map(demoNames(CHANNELS).map((name) => [name, new Float32Array(length)]));
  for (let at = 0; at < length; at += BLOCK) {
    demo.render(FROM + at, block, 0, BLOCK);
    [...tracks.values()].forEach((track, channel) => {
      for (let i = 0; i < BLOCK; i++) track[at + i] = block[i * CHANNELS + channel];
    });
  }
  return tracks;
}

function sum(length: number, tracks: Iterable<readonly [Float32Array, number]>): Float32Array {
  const out = new Float32Array(length);
  for (const [track, gain] of tracks) for (let i = 0; i < length; i++) out[i] += gain * track[i];
  return out;
}

function tones(length: number): Float32Array {
  const source = new Tones(CHANNELS), block = new Float32Array(BLOCK * CHANNELS), out = new Float32Array(length);
  for (let at = 0; at < length; at += BLOCK) {
    source.render(at, block, 0);
    for (let i = 0; i < BLOCK; i++) {
      out[at + i] = (block[i * CHANNELS + 1] + block[i * CHANNELS + 6] + block[i * CHANNELS + 15]) / 3;
    }
  }
  return out;
}

/** At another rate, by a windowed sinc of 32 zero crossings; `rate` below ours. */
function resampled(signal: Float32Array, rate: number, length: number): Float32Array {
  const WIDTH = 16;
  return Float32Array.from({ length }, (_, i) => {
    const at = i * rate / SAMPLE_RATE, whole = Math.floor(at);
    let value = 0;
    for (let k = Math.max(0, whole - WIDTH + 1); k <= Math.min(signal.length - 1, whole + WIDTH); k++) {
      const x = at - k, sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      value += signal[k] * sinc * (0.5 + 0.5 * Math.cos(Math.PI * x / WIDTH));
    }
    return value;
  });
}

/** What espeak-ng says (mono, 16 bits, its own rate); null without it. */
async function spoken(length: number): Promise<Float32Array | null> {
  try {
    const command = new Deno.Command("espeak-ng", { args: ["-s", "150", "--stdout", SAID], stderr: "null" });
    const { success, stdout } = await command.output();
    if (!success || stdout.length <= 44) return null;
    const view = new DataView(stdout.buffer, stdout.byteOffset), rate = view.getUint32(24, true);
    const pcm = Float32Array.from(
      { length: (stdout.length - 44) >> 1 },
      (_, i) => view.getInt16(44 + 2 * i, true) / 0x8000,
    );
    return resampled(pcm, rate, length);
  } catch {
    return null;
  }
}

/** `seconds` of each. The last one is stereo: the whole band. */
export async function materials(seconds: number): Promise<Material[]> {
  const length = Math.floor(seconds * SAMPLE_RATE / BLOCK) * BLOCK, tracks = recorded(length);
  const speech = await spoken(length);
  const side = (loud: readonly string[], soft: readonly string[]) =>
    sum(
      length,
      [...tracks].filter(([name]) => !NOT_HEARD.includes(name)).map(([name, track]) =>
        [track, dbToGain(-6) * (loud.includes(name) ? 1 : soft.includes(name) ? 0.2 : 0.7)] as const
      ),
    );
  return [
    speech === null
      ? { name: "speech (syllables)", channels: [tracks.get("Talkback")!] }
      : { name: "speech", channels: [speech] },
    ...Object.entries(PARTS).map(([name, parts]) => ({
      name,
      channels: [sum(length, parts.map((part) => [tracks.get(part)!, dbToGain(-3)] as const))],
    })),
    { name: "tones", channels: [tones(length)] },
    { name: "the band, stereo", channels: [side(LEFT, RIGHT), side(RIGHT, LEFT)] },
  ];
}
