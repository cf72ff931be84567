/**
 * The phone's own mix: the stored mix of a session becomes a gain to the left and to the right for each stream, and
 * channels become stereo for an output device. Pure; {@link Mixdown.apply} runs in the audio thread and allocates nothing.
 */
import { Limiter } from "../core/limiter.ts";
import { dbToGain, msToSamples } from "../core/units.ts";

/** As `GET /api/v1/sessions/{id}/mix` answers it. */
export interface MixState {
  readonly channels: Readonly<Record<string, ChannelMix>>;
  readonly groups: Readonly<Record<string, Fader>>;
  readonly master: Fader;
  readonly limiter: { readonly ceilingDb: number };
}
export interface Fader {
  readonly gainDb: number;
  readonly mute: boolean;
}
/** As `GET /api/v1/groups` answers them. */
export interface Group {
  readonly group: string;
  readonly channels: readonly number[];
}
export interface ChannelMix {
  readonly gainDb: number;
  /** −1 left … +1 right, constant power. */
  readonly pan: number;
  readonly mute: boolean;
  readonly solo: boolean;
}

const gainOf = ({ gainDb, mute }: Fader): number => mute ? 0 : dbToGain(gainDb);

/**
 * Writes left and right gain of each of `channels` (numbers from 1, in the order of the streams) into `gains`, and the
 * limiter's ceiling (linear) at its end.
 */
export function mixdownGains(
  mix: MixState,
  groups: readonly Group[],
  channels: readonly number[],
  gains: Float32Array,
): void {
  gains[gains.length - 1] = dbToGain(mix.limiter.ceilingDb);
  // As the server counts them: among the channels that are heard.
  const soloed = channels.some((channel) => mix.channels[channel]?.solo);
  const master = gainOf(mix.master);
  channels.forEach((channel, stream) => {
    const strip = mix.channels[channel];
    const silent = strip === undefined || (soloed && !strip.solo);
    const over = groups.filter(({ group, channels }) => channels.includes(channel) && group in mix.groups);
    const gain = silent
      ? 0
      : over.reduce((gain, { group }) => gain * gainOf(mix.groups[group]), master * gainOf(strip));
    const angle = ((strip?.pan ?? 0) + 1) * Math.PI / 4;
    gains[2 * stream] = gain * Math.cos(angle);
    gains[2 * stream + 1] = gain * Math.sin(angle);
  });
}

/** Part of the way to a new gain that is left after each sample: 5 ms to 1/e, no click. */
const GLIDE = Math.exp(-1 / 240);

/** What is heard first comes up from silence over so many samples: never a burst in the ear. */
const RISE = msToSamples(50);
/** Frames of the longest piece. */
const PIECE = 480;

/** Sums interleaved channels to interleaved stereo: begins softly, changes of the gains glide, and a limiter ends it. */
export class Mixdown {
  readonly #wanted: Float32Array;
  readonly #gains: Float32Array;
  readonly #sum = new Float32Array(2 * PIECE);
  readonly #limiter = new Limiter();
  /** Samples of the rise that have gone by; it waits for the first sound. */
  #risen = 0;

  /** `wanted`: as {@link mixdownGains} writes them; may be shared memory that another isolate writes. */
  constructor(wanted: Float32Array) {
    this.#wanted = wanted;
    this.#gains = Float32Array.from(wanted);
  }

  /** What comes now comes up from silence. */
  rise(): void {
    this.#risen = 0;
  }

  /** @hot `frames` frames (at most 480) of `channels` from `from` into `out`, where they come LIMITER_DELAY later. */
  apply(from: Float32Array, channels: number, frames: number, out: Float32Array): void {
    const gains = this.#gains, wanted = this.#wanted, sum = this.#sum;
    sum.fill(0, 0, 2 * frames);
    for (let channel = 0; channel < channels; channel++) {
      const toLeft = wanted[2 * channel], toRight = wanted[2 * channel + 1];
      let left = gains[2 * channel], right = gains[2 * channel + 1];
      for (let i = 0, s = channel; i < frames; i++, s += channels) {
        left = toLeft + (left - toLeft) * GLIDE;
        right = toRight + (right - toRight) * GLIDE;
        sum[2 * i] += left * from[s];
        sum[2 * i + 1] += right * from[s];
      }
      gains[2 * channel] = left;
      gains[2 * channel + 1] = right;
    }
    if (this.#risen < RISE) this.#rise(frames);
    this.#limiter.process(sum, out, frames, wanted[wanted.length - 1]);
  }

  /** @hot */
  #rise(frames: number): void {
    const sum = this.#sum;
    for (let i = 0; i < 2 * frames && this.#risen < RISE; i += 2) {
      if (this.#risen === 0 && sum[i] === 0 && sum[i + 1] === 0) continue;
      const along = this.#risen++ / RISE, gain = along * along * (3 - 2 * along);
      sum[i] *= gain;
      sum[i + 1] *= gain;
    }
  }
}
