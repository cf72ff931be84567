/**
 * Where a mix begins softly: silence until the next boundary that all frames have in common, so that no listener's first
 * frame begins in the middle of the rise, then up. A matter of positions alone: nothing passes when nobody listens.
 * Main isolate; allocates nothing.
 */
import { FRAME_GRID, msToSamples } from "../core/units.ts";

/** Of a mix that begins, goes on after a rest, or comes back with the source. */
export const FADE = msToSamples(50);
/** After a hole that is hardly one: it only must not click. */
export const QUICK_FADE = msToSamples(5);
/** Up to here (10 ms) a hole in the samples is hardly one. */
export const SMALL_HOLE = msToSamples(10);

export class Fade {
  #at = 0;
  #end = 0;

  /** @hot A rise of `length` samples for what begins at `position`; never a steeper one than is under way. */
  begin(position: number, length: number): void {
    const under = this.#end > this.#at && position < this.#end ? this.#end - this.#at : 0;
    this.#at = Math.ceil(position / FRAME_GRID) * FRAME_GRID;
    this.#end = this.#at + (length > under ? length : under);
  }

  /** @hot Is a sample at `position` below its full level? */
  holds(position: number): boolean {
    return position < this.#end;
  }

  /** @hot Brings down `frames` interleaved stereo frames, the first of which is at `position`. */
  apply(samples: Float32Array, position: number, frames: number): void {
    const at = this.#at, length = this.#end - at;
    for (let i = 0; i < frames; i++) {
      const along = (position + i - at) / length;
      if (along >= 1) return;
      const gain = along > 0 ? along * along * (3 - 2 * along) : 0;
      samples[2 * i] *= gain;
      samples[2 * i + 1] *= gain;
    }
  }
}
