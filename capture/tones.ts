/**
 * The source for measuring: channel n is a sine of 100·n Hz at −12 dBFS, exact for ever, since every one of them repeats
 * after 480 samples at 48 kHz. In: a position. Out: interleaved float32. Capture worker; `render` allocates nothing.
 */
import { BLOCK, dbToGain, SAMPLE_RATE } from "../core/units.ts";

/** Samples after which 100 Hz and all its multiples begin anew. */
const PERIOD = SAMPLE_RATE / 100;

export const toneNames = (channels: number): string[] =>
  Array.from({ length: channels }, (_, i) => `Tone ${100 * (i + 1)} Hz`);

/** Blocks begin at multiples of BLOCK, so at multiples of this in the period. */
const STEP = 32;

export class Tones {
  /** What is played from each such place on, interleaved. */
  readonly #blocks: readonly Float32Array[];

  constructor(channels: number) {
    const table = new Float32Array((PERIOD + BLOCK) * channels), level = dbToGain(-12);
    for (let i = 0; i < PERIOD + BLOCK; i++) {
      for (let channel = 0; channel < channels; channel++) {
        table[i * channels + channel] = level * Math.sin(2 * Math.PI * (channel + 1) * (i % PERIOD) / PERIOD);
      }
    }
    this.#blocks = Array.from(
      { length: PERIOD / STEP },
      (_, place) => table.subarray(place * STEP * channels, (place * STEP + BLOCK) * channels),
    );
  }

  /** @hot Writes the block at `position`, a multiple of BLOCK, interleaved, into `out` at `at`. */
  render(position: number, out: Float32Array, at: number): void {
    out.set(this.#blocks[position % PERIOD / STEP], at);
  }
}
