/**
 * A stereo limiter that looks ahead: however loud what goes in, nothing that comes out is above the ceiling, and the gain
 * never steps. Below the ceiling it is a delay of {@link LIMITER_DELAY} samples and changes no bit. Pure; any thread; one
 * for each mix; allocates nothing after the constructor.
 *
 * ```
 * need = min(1, ceiling / louder of left and right) ─▶ smallest of the last 49 ─▶ falls at once, rises slowly ─▶ mean of the last 49 ─▶ gain
 * samples ───────────────────────────────────────────▶ 48 samples later ─────────────────────────────────────────────────────────▶ × gain
 * ```
 *
 * Each of the 49 gains that the mean is made of knows the sample that comes out now, so none is above what that sample
 * needs, and neither is their mean.
 */
import { dbToGain, type Decibels, decibels, SAMPLE_RATE, type Samples, samples } from "./units.ts";

/** How much later a sample comes out than it went in, always: 1 ms, which is also the time of the attack. */
export const LIMITER_DELAY: Samples = samples(48);
/** Where a mix ends if nobody says otherwise: what is decoded after a lossy codec overshoots a little. */
export const CEILING_DB: Decibels = decibels(-1);
/** {@link CEILING_DB} as a linear factor. */
export const CEILING: number = dbToGain(CEILING_DB);

const WINDOW = LIMITER_DELAY + 1;
/** Samples in the delay line, left and right. */
const HELD = 2 * LIMITER_DELAY;
/** Gains are whole numbers up to this: their sums are exact, for however many hours. */
const UNITY = 2 ** 40;
const FULL = WINDOW * UNITY;
/** Part of the way back to 1 that the gain goes with each sample: 100 ms to 1/e. Faster, and low notes distort. */
const RELEASE = 1 - Math.exp(-1 / (0.1 * SAMPLE_RATE));
/** From here (0.001 dB) the way back ends. */
const NEARLY = Math.round(UNITY * (1 - 1e-4));
/** Part of the way that the ceiling goes with each sample when it is changed: 2 ms to 1/e. */
const GLIDE = 1 - Math.exp(-1 / (0.002 * SAMPLE_RATE));

/** The state of one limiter. */
export class Limiter {
  /** Smallest gain of the samples that came out last, linear: 1 = untouched. */
  gain = 1;
  /** Peak of the samples that came out last, linear. */
  peak = 0;
  /** The samples that haven't come out yet, interleaved, the oldest first. */
  readonly #line: Float32Array;
  /** Time goes in rounds of 49 samples; this many of the round at hand have gone by. */
  #hold = 0;
  /** What the samples of this round need, and the smallest of that. */
  readonly #needs = new Float64Array(WINDOW);
  #least = UNITY;
  /** The smallest need of the last round from each of its samples on. With {@link #least} it gives that of the last 49. */
  readonly #later = new Float64Array(WINDOW + 1).fill(UNITY);
  /** The gains of the last 49 samples, before the mean is taken. */
  readonly #held = new Float64Array(WINDOW).fill(UNITY);
  #sum = FULL;
  #released = UNITY;
  /** Samples since a gain was less than 1, at most 49: then the limiter is at rest. */
  #rest: number = WINDOW;
  /** The ceiling, on its way to what was asked for; negative: there was none yet. */
  #ceiling = -1;

  /** `line`: room for the samples that haven't come out, of whoever delays them by himself ({@link pass}). */
  constructor(line: Float32Array = new Float32Array(HELD)) {
    this.#line = line;
  }

  /**
   * Forgets the samples that haven't come out, and every gain: as new.
   * @hot
   */
  reset(): void {
    this.gain = 1;
    this.peak = 0;
    this.#line.fill(0);
    this.#ceiling = -1;
    this.#calm();
  }

  /**
   * Brings what hasn't come out yet down to silence: nothing follows it.
   * @hot
   */
  fadeOut(): void {
    for (let i = 0; i < HELD; i++) this.#line[i] *= 1 - ((i >> 1) + 1) / WINDOW;
  }

  /** @hot Every gain is 1. */
  #calm(): void {
    this.#hold = 0;
    this.#least = UNITY;
    this.#later.fill(UNITY);
    this.#held.fill(UNITY);
    this.#sum = FULL;
    this.#released = UNITY;
    this.#rest = WINDOW;
  }

  /**
   * Takes `frames` interleaved stereo frames of `from`, and gives as many in `to`, which must be another array. Samples
   * must be finite. `ceiling`: linear, at least 0; a change of it glides, it is all but reached after 10 ms.
   * @hot
   */
  process(from: Float32Array, to: Float32Array, frames: number, ceiling: number): void {
    if (this.#ceiling < 0) this.#ceiling = ceiling;
    const line = this.#line, length = 2 * frames, carried = length < HELD ? length : HELD, passed = length - carried;
    let early = 0, middle = 0, late = 0;
    for (let i = 0; i < carried; i++) {
      const sample = to[i] = line[i], size = Math.abs(sample);
      if (size > early) early = size;
    }
    for (let i = 0; i < passed; i++) {
      const sample = to[i + HELD] = from[i], size = Math.abs(sample);
      if (size > middle) middle = size;
    }
    if (length < HELD) line.copyWithin(0, length);
    for (let i = passed, at = HELD - carried; i < length; i++, at++) {
      const sample = line[at] = from[i], size = Math.abs(sample);
      if (size > late) late = size;
    }
    this.#limit(from, 0, to, frames, ceiling, late > middle ? late : middle, early > middle ? early : middle);
  }

  /**
   * The same for one who delays by himself: `line` is LIMITER_DELAY frames that went in before, and then `frames` that go in
   * now, the loudest of which is `peakIn`. The first `frames` of it come out, and are brought down where they are;
   * `peakOut` is the loudest of them.
   * @hot
   */
  pass(line: Float32Array, frames: number, ceiling: number, peakIn: number, peakOut: number): void {
    if (this.#ceiling < 0) this.#ceiling = ceiling;
    this.#limit(line, HELD, line, frames, ceiling, peakIn, peakOut);
  }

  /** @hot Brings down in `to` what went into `from`, from index `at` on, LIMITER_DELAY earlier. */
  #limit(
    from: Float32Array,
    at: number,
    to: Float32Array,
    frames: number,
    wanted: number,
    peakIn: number,
    peakOut: number,
  ): void {
    this.gain = 1;
    this.peak = peakOut;
    if (peakIn <= wanted && this.#rest === WINDOW && this.#ceiling === wanted) return;
    const needs = this.#needs, later = this.#later, held = this.#held;
    let hold = this.#hold, least = this.#least;
    let sum = this.#sum, released = this.#released, rest = this.#rest, ceiling = this.#ceiling;
    let lowest = FULL, peak = 0;
    for (let i = 0; i < 2 * frames; i += 2) {
      const left = Math.abs(from[at + i]), right = Math.abs(from[at + i + 1]);
      const size = left > right ? left : right;
      if (ceiling !== wanted) {
        ceiling += (wanted - ceiling) * GLIDE;
        const off = ceiling - wanted;
        if (off < 1e-6 && off > -1e-6) ceiling = wanted;
      }
      const need = size > ceiling ? Math.floor(ceiling / size * UNITY) : UNITY;
      needs[hold] = need;
      if (need < least) least = need;
      const earlier = later[hold + 1], smallest = earlier < least ? earlier : least;
      released += Math.floor((UNITY - released) * RELEASE);
      if (released >= NEARLY) released = UNITY;
      if (released > smallest) released = smallest;
      sum += released - held[hold];
      held[hold] = released;
      if (++hold === WINDOW) {
        hold = 0;
        least = UNITY;
        this.#turn();
      }
      rest = released < UNITY ? 0 : rest < WINDOW ? rest + 1 : WINDOW;
      if (sum < lowest) lowest = sum;
      const gain = sum / FULL;
      to[i] *= gain;
      to[i + 1] *= gain;
      const outLeft = Math.abs(to[i]), outRight = Math.abs(to[i + 1]);
      if (outLeft > peak) peak = outLeft;
      if (outRight > peak) peak = outRight;
    }
    this.gain = lowest / FULL;
    this.peak = peak;
    this.#ceiling = ceiling;
    if (rest === WINDOW) {
      this.#calm();
      return;
    }
    this.#hold = hold;
    this.#least = least;
    this.#sum = sum;
    this.#released = released;
    this.#rest = rest;
  }

  /** @hot A round ends. */
  #turn(): void {
    const needs = this.#needs, later = this.#later;
    let least = UNITY;
    for (let i = WINDOW - 1; i >= 0; i--) {
      if (needs[i] < least) least = needs[i];
      later[i] = least;
    }
  }
}
