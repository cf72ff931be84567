// @ts-check
/**
 * A stereo limiter that looks ahead by 1 ms: nothing that comes out is above the ceiling, and the gain never steps. Below
 * the ceiling it is a delay and changes no bit. The page's audio worker; allocates nothing after the constructor.
 *
 * need = min(1, ceiling / louder side) → smallest of the last 49 → falls at once, rises slowly → mean of the last 49 → gain
 */

/** How much later a sample comes out than it went in, always. */
export const LIMITER_DELAY = 48;
const WINDOW = LIMITER_DELAY + 1, HELD = 2 * LIMITER_DELAY;
/** Part of the way back to 1 that the gain goes with each sample: 100 ms to 1/e. */
const RELEASE = 1 - Math.exp(-1 / 4800);
const NEARLY = 1 - 1e-4;
/** A ring with room for the window, indexed by a mask. */
const RING = 64, MASK = RING - 1;

export class Limiter {
  /** The samples that haven't come out yet, interleaved, the oldest first. */
  #line = new Float32Array(HELD);
  /** Needs that may become the smallest, ascending, and when each went in. */
  #needs = new Float64Array(RING).fill(1);
  #times = new Float64Array(RING);
  #first = 0;
  #behind = 0;
  #time = 0;
  #held = new Float64Array(WINDOW).fill(1);
  #released = 1;
  /** Samples since the gain was less than 1, at most WINDOW: then it is at rest. */
  #rest = WINDOW;

  /**
   * Interleaved stereo in place: what comes out is what went in {@link LIMITER_DELAY} frames before.
   * @param {Float32Array} samples @param {number} at index of the first @param {number} frames
   * @param {number} ceiling linear
   */
  process(samples, at, frames, ceiling) {
    const line = this.#line, needs = this.#needs, times = this.#times, held = this.#held;
    for (let i = 0; i < frames; i++, this.#time++) {
      const index = at + 2 * i, slot = 2 * (this.#time % LIMITER_DELAY);
      const left = samples[index], right = samples[index + 1], size = Math.max(Math.abs(left), Math.abs(right));
      const need = size > ceiling ? ceiling / size : 1;
      while (this.#behind !== this.#first && needs[(this.#behind - 1) & MASK] >= need) {
        this.#behind = (this.#behind - 1) & MASK;
      }
      needs[this.#behind] = need;
      times[this.#behind] = this.#time;
      this.#behind = (this.#behind + 1) & MASK;
      if (times[this.#first] + WINDOW <= this.#time) this.#first = (this.#first + 1) & MASK;
      let released = this.#released + (1 - this.#released) * RELEASE;
      if (released >= NEARLY) released = 1;
      this.#released = released = Math.min(released, needs[this.#first]);
      held[this.#time % WINDOW] = released;
      this.#rest = released < 1 ? 0 : Math.min(WINDOW, this.#rest + 1);
      const gain = this.#rest === WINDOW ? 1 : mean(held);
      samples[index] = line[slot] * gain;
      samples[index + 1] = line[slot + 1] * gain;
      line[slot] = left;
      line[slot + 1] = right;
    }
  }
}

/** Summed anew while something is limited: no rounding adds up over hours. */
function mean(/** @type {Float64Array} */ values) {
  let sum = 0;
  for (let i = 0; i < WINDOW; i++) sum += values[i];
  return sum / WINDOW;
}
