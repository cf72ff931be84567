/**
 * The source for measuring: channel n is a sine of 100·n Hz at −12 dBFS, exact for ever, since every one of them repeats
 * after 480 samples at 48 kHz. In: a position. Out: interleaved float32. Capture worker; `render` allocates nothing.
 */
import { dbToGain, SAMPLE_RATE } from "../core/units.ts";

/** Samples after which 100 Hz and all its multiples begin anew. */
const PERIOD = SAMPLE_RATE / 100;

export const toneNames = (channels: number): string[] =>
  Array.from({ length: channels }, (_, i) => `Tone ${100 * (i + 1)} Hz`);

export class Tones {
  readonly #channels: number;
  /** One period, interleaved. */
  readonly #table: Float32Array;

  constructor(channels: number) {
    this.#channels = channels;
    this.#table = new Float32Array(PERIOD * channels);
    const level = dbToGain(-12);
    for (let i = 0; i < PERIOD; i++) {
      for (let channel = 0; channel < channels; channel++) {
        this.#table[i * channels + channel] = level * Math.sin(2 * Math.PI * (channel + 1) * i / PERIOD);
      }
    }
  }

  /** @hot Writes `frames` frames from sample `position` on, interleaved, into `out` at `at`. */
  render(position: number, out: Float32Array, at: number, frames: number): void {
    const length = this.#table.length;
    let from = (position % PERIOD) * this.#channels;
    for (let i = 0; i < frames * this.#channels; i++) {
      out[at + i] = this.#table[from++];
      if (from === length) from = 0;
    }
  }
}
