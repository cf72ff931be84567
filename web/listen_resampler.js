// @ts-check
/**
 * Plays stereo a little faster or slower than it was captured: windowed-sinc interpolation between stored frames, so that
 * two clocks are matched and the buffer's depth changes without a click. In: interleaved stereo, as much as comes. Out:
 * interleaved stereo, as much as is asked for. At speed 1 it comes to rest in an exact copy. The page's audio worker;
 * allocates nothing after the constructor.
 */

/** Frames that one output frame is made of: flat to 20 kHz, images 90 dB down. */
const TAPS = 32;
/** Frames beyond the one that is heard that must be there: 0.33 ms. */
export const KERNEL_AHEAD = TAPS / 2;
const PHASES = 256;
const KAISER_BETA = 9;
/** The speed changes in small steps, each so many frames long, by so much at most. */
const STEP_FRAMES = 24, STEP_CHANGE = 0.0001;
/** How fast a fraction of a frame is made up for before the exact copy begins. */
const SETTLE = 0.0005;
const CAPACITY = 8192;
/** The most that is stored at once. */
export const MOST_PUSHED = 960;

/** @param {number} x */
function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

/** Row p holds the coefficients for a position p / PHASES of a frame after a stored one. */
function sincTable() {
  const table = new Float32Array((PHASES + 1) * TAPS);
  for (let row = 0; row <= PHASES; row++) {
    const weights = Array.from({ length: TAPS }, (_, tap) => {
      const x = tap - (TAPS / 2 - 1) - row / PHASES;
      const window = Math.abs(x) >= TAPS / 2 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - (x / (TAPS / 2)) ** 2));
      return (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
    });
    const sum = weights.reduce((total, weight) => total + weight);
    weights.forEach((weight, tap) => table[row * TAPS + tap] = weight / sum);
  }
  return table;
}

export class Resampler {
  /** Stored frames; the next {@link commit} begins at {@link writeAt}. */
  stored = new Float32Array(2 * CAPACITY);
  #table = sincTable();
  #write = KERNEL_AHEAD;
  /** The frame that is heard next, and how far behind it. */
  #read = KERNEL_AHEAD;
  #fraction = 0;
  #speed = 1;
  /** Stored frames played for each output frame; approached in small steps. */
  speed = 1;

  /** Stored frames that aren't played yet; not whole while resampling. */
  get ahead() {
    return this.#write - this.#read - this.#fraction;
  }
  /** Output frames that can be rendered now, whatever the speed does meanwhile. */
  get ready() {
    const fastest = Math.max(this.#speed, this.speed) + SETTLE;
    return Math.max(0, Math.floor((this.ahead - KERNEL_AHEAD - 1) / fastest));
  }
  /** Index into {@link stored} of the next frame; {@link MOST_PUSHED} of them fit there. */
  writeAt() {
    if (this.#write + MOST_PUSHED > CAPACITY) {
      const drop = this.#read - KERNEL_AHEAD;
      this.stored.copyWithin(0, 2 * drop, 2 * this.#write);
      this.#read -= drop;
      this.#write -= drop;
    }
    return 2 * this.#write;
  }
  /** @param {number} frames */
  commit(frames) {
    this.#write += frames;
  }

  /** @param {Float32Array} out @param {number} frames at most {@link ready} */
  render(out, frames) {
    let at = 0;
    while (at < frames) {
      if (this.speed === 1 && this.#speed === 1 && this.#fraction === 0) return this.#copy(out, at, frames - at);
      const count = Math.min(STEP_FRAMES, frames - at), change = this.speed - this.#speed;
      this.#speed += Math.max(-STEP_CHANGE, Math.min(STEP_CHANGE, change));
      if (this.speed === 1 && this.#speed === 1) this.#settle(out, at, count);
      else this.#interpolate(out, at, count, this.#speed);
      at += count;
    }
  }

  /** On the way to the exact copy: plays the rest of a frame, forwards or backwards, whichever is nearer. */
  #settle(/** @type {Float32Array} */ out, /** @type {number} */ at, /** @type {number} */ count) {
    const rest = this.#fraction < 0.5 ? -this.#fraction : 1 - this.#fraction;
    const change = Math.max(-SETTLE, Math.min(SETTLE, rest / count));
    this.#interpolate(out, at, count, 1 + change);
    if (change !== rest / count) return;
    if (this.#fraction > 0.5) this.#read++;
    this.#fraction = 0;
  }

  #copy(/** @type {Float32Array} */ out, /** @type {number} */ at, /** @type {number} */ count) {
    const { stored } = this;
    for (let i = 0, from = 2 * this.#read, to = 2 * at; i < 2 * count; i++) out[to + i] = stored[from + i];
    this.#read += count;
  }

  /** @param {Float32Array} out @param {number} at @param {number} count @param {number} speed */
  #interpolate(out, at, count, speed) {
    const { stored } = this, table = this.#table;
    let read = this.#read, fraction = this.#fraction;
    for (let i = at; i < at + count; i++) {
      const phase = fraction * PHASES, row = phase | 0, share = phase - row;
      let left = 0, right = 0;
      for (let tap = 0, t = row * TAPS, s = 2 * (read - (TAPS / 2 - 1)); tap < TAPS; tap++, t++, s += 2) {
        const weight = table[t] + share * (table[t + TAPS] - table[t]);
        left += weight * stored[s];
        right += weight * stored[s + 1];
      }
      out[2 * i] = left;
      out[2 * i + 1] = right;
      fraction += speed;
      const whole = fraction | 0;
      read += whole;
      fraction -= whole;
    }
    this.#read = read;
    this.#fraction = fraction;
  }
}
