// @ts-check
/**
 * The page's own mix, when it gets channels: from faders (docs/PROTOCOL.md, The mix) to linear gains, and from channels to
 * stereo. In: a mix as the state shows it, decoded channels. Out: interleaved stereo. {@link gainsOf}: the page's main
 * thread; {@link Mixdown}: its audio worker, which allocates nothing.
 */
import { Limiter, LIMITER_DELAY } from "./listen_limiter.js";

export { LIMITER_DELAY };
/** This and less is off. */
const OFF_DB = -120;
/** Part of the way to a new gain that is left after each sample: 5 ms to 1/e, no click. */
const GLIDE = Math.exp(-1 / 240);
/** What is heard first comes up from silence over so many frames: never a burst in the ear. */
const RISE = 2400;

/**
 * Left and right gain of each of `channels`, in the order of the streams; the last number is the limiter's ceiling.
 * @param {any} mix MixView
 * @param {Record<string, { channels: readonly number[] }>} groups
 * @param {readonly number[]} channels
 */
export function gainsOf(mix, groups, channels) {
  const gains = new Float32Array(2 * channels.length + 1), master = mix.master;
  gains[2 * channels.length] = 10 ** ((mix.limiter?.ceilingDb ?? -1) / 20);
  const soloed = channels.some((channel) => mix.channels[channel]?.solo);
  channels.forEach((channel, stream) => {
    const strip = mix.channels[channel];
    let db = strip?.gainDb ?? 0, silent = master.mute || master.gainDb <= OFF_DB || db <= OFF_DB;
    if (strip?.mute || (soloed && !strip?.solo)) silent = true;
    for (const [id, group] of Object.entries(groups)) {
      const fader = mix.groups?.[id];
      if (fader === undefined || !group.channels.includes(channel)) continue;
      if (fader.mute || fader.gainDb <= OFF_DB) silent = true;
      db += fader.gainDb;
    }
    if (silent) return;
    const gain = 10 ** ((db + master.gainDb) / 20), pan = strip?.pan ?? 0;
    gains[2 * stream] = pan >= 1 ? 0 : gain * Math.cos((pan + 1) * Math.PI / 4);
    gains[2 * stream + 1] = pan <= -1 ? 0 : gain * Math.sin((pan + 1) * Math.PI / 4);
  });
  return gains;
}

/** Sums channels to stereo: begins softly, changes of the gains glide, a limiter ends it. */
export class Mixdown {
  #limiter = new Limiter();
  #wanted = new Float32Array(0);
  #gains = new Float32Array(0);
  #risen = 0;
  #ceiling = 1;

  /** @param {Float32Array} gains of {@link gainsOf} */
  set(gains) {
    const streams = (gains.length - 1) / 2;
    if (2 * streams !== this.#wanted.length) this.#gains = gains.slice(0, 2 * streams);
    this.#wanted = gains.slice(0, 2 * streams);
    this.#ceiling = gains[2 * streams];
  }

  /** What comes now comes up from silence. */
  rise() {
    this.#risen = 0;
  }

  /**
   * @param {Float32Array} samples planar channels @param {(stream: number) => number} plane @param {number} streams
   * @param {number} frames @param {Float32Array} out interleaved stereo @param {number} at
   */
  apply(samples, plane, streams, frames, out, at) {
    out.fill(0, at, at + 2 * frames);
    // Until its gains have come, nothing is heard: better than all at full level.
    if (2 * streams !== this.#wanted.length) return;
    for (let stream = 0; stream < streams; stream++) {
      const toLeft = this.#wanted[2 * stream], toRight = this.#wanted[2 * stream + 1], from = plane(stream);
      let left = this.#gains[2 * stream], right = this.#gains[2 * stream + 1];
      for (let i = 0; i < frames; i++) {
        left = toLeft + (left - toLeft) * GLIDE;
        right = toRight + (right - toRight) * GLIDE;
        out[at + 2 * i] += left * samples[from + i];
        out[at + 2 * i + 1] += right * samples[from + i];
      }
      this.#gains[2 * stream] = left;
      this.#gains[2 * stream + 1] = right;
    }
    for (let i = 0; i < frames && this.#risen < RISE; i++) {
      const along = this.#risen++ / RISE, gain = along * along * (3 - 2 * along);
      out[at + 2 * i] *= gain;
      out[at + 2 * i + 1] *= gain;
    }
    this.#limiter.process(out, at, frames, this.#ceiling);
  }
}
