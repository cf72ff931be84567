/**
 * Cuts blocks of 128 samples into Opus frames of 120, 240 or 480: 15 blocks give 16 frames of 120. All frames of a size
 * begin at multiples of that size, counted from position 0, so every stream of a size shares one of these and copies its
 * own samples as told. Where samples are missing the frame under way is dropped and the next begins on the grid.
 * Runs in a send worker, once per block and size; allocates nothing.
 *
 * ```
 * reframer.begin(position);
 * for (let at = 0; at < BLOCK; at = reframer.step(at)) { copy `reframer.copy` samples to `reframer.into`; if (reframer.full) encode }
 * ```
 */
import { BLOCK, type Frame } from "../core/units.ts";

/** Plans the copies from blocks to frames of one length; the samples themselves it never sees. */
export class Reframer {
  /** Samples per channel of a frame. */
  readonly frame: Frame;
  /** Position of the first sample of the frame under way. */
  start = 0;
  /** Samples to copy from `at` in this step; 0 while skipping to the grid. */
  copy = 0;
  /** Where in the frame they go. */
  into = 0;
  /** The frame is complete with this step's samples. */
  full = false;
  /** The frame under way began in an earlier block, or with this one, without a gap so far. */
  #fill = 0;
  #position = -1;
  #skip = 0;

  /** Nothing is under way: the first block counts as after a gap. */
  constructor(frame: Frame) {
    this.frame = frame;
  }

  /**
   * A block begins at `position`, in samples. True if samples before it are missing: what was begun is void.
   * @hot
   */
  begin(position: number): boolean {
    const gap = position !== this.#position;
    if (gap) {
      this.#fill = 0;
      const beyond = position % this.frame;
      this.#skip = beyond === 0 ? 0 : this.frame - beyond;
      this.#position = position;
    }
    return gap;
  }

  /**
   * Plans the copy that begins `at` samples into the block, and returns where it ends, at most {@link BLOCK}.
   * @hot
   */
  step(at: number): number {
    const left = BLOCK - at;
    this.full = false;
    if (this.#skip > 0) {
      const skipped = this.#skip < left ? this.#skip : left;
      this.#skip -= skipped;
      this.#position += skipped;
      this.copy = 0;
      return at + skipped;
    }
    if (this.#fill === 0) this.start = this.#position;
    const wanted = this.frame - this.#fill;
    this.copy = wanted < left ? wanted : left;
    this.into = this.#fill;
    this.#fill += this.copy;
    this.#position += this.copy;
    if (this.#fill === this.frame) {
      this.full = true;
      this.#fill = 0;
    }
    return at + this.copy;
  }
}
