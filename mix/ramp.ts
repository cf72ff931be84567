/**
 * Gains on their way to where they were told to go, one straight piece for each block. Short ways are straight; long ones
 * (a scene's fade) go like a fader: evenly in the root of the gain, half of the time to −12 dB. A straight fade to silence
 * would seem to do nothing and then drop; one that is even in decibels would spend most of its time where nothing is
 * heard. Main isolate; allocates in the constructor.
 */
import { BLOCK, msToSamples } from "../core/units.ts";

/** The shortest way: what is shorter clicks. */
const SHORTEST = msToSamples(5);
/** From here on the way has a fader's curve. */
const LONG = msToSamples(50);

/** Where gains of the block at hand are found, the same number of each. */
export interface Gains {
  /** Before its first sample, linear. */
  readonly value: Float32Array;
  /** What each of the first {@link Ramp.count} samples adds. */
  readonly step: Float32Array;
  /** Behind its last sample. */
  readonly end: Float32Array;
}
const gainsOf = (count: number): Gains => ({
  value: new Float32Array(count),
  step: new Float32Array(count),
  end: new Float32Array(count),
});

export class Ramp implements Gains {
  readonly value: Float32Array;
  readonly step: Float32Array;
  readonly end: Float32Array;
  /** Samples of the block at hand within which gains change; from there on they are `end`. 0: they rest. */
  count = 0;
  readonly #from: Float32Array;
  readonly #target: Float32Array;
  /** Samples until a gain is there, and how many there were. */
  readonly #left: Int32Array;
  readonly #length: Int32Array;

  /** Keeps the gains of each block in `gains`. */
  constructor(initial: Float32Array, { value, step, end }: Gains = gainsOf(initial.length)) {
    this.value = value;
    this.step = step;
    this.end = end;
    value.set(initial);
    step.fill(0);
    end.set(initial);
    this.#from = initial.slice();
    this.#target = initial.slice();
    this.#left = new Int32Array(initial.length);
    this.#length = new Int32Array(initial.length);
  }

  /**
   * From the next block on to `target`, from where the gains are; takes `ms`, at least 5. A gain that is on its way to
   * the same target already goes on as it was told first: a touched fader doesn't hurry the rest of a fade.
   */
  to(target: Float32Array, ms: number): void {
    const length = Math.max(SHORTEST, msToSamples(ms));
    for (let i = 0; i < target.length; i++) {
      if (target[i] === this.#target[i]) continue;
      this.#from[i] = this.value[i];
      this.#target[i] = target[i];
      this.#left[i] = this.#length[i] = length;
    }
    this.#plan();
  }

  /** @hot A block has gone by. */
  pass(): void {
    if (this.count > 0) this.skip(BLOCK);
  }

  /** @hot So many samples have gone by, heard or not. */
  skip(samples: number): void {
    const left = this.#left;
    for (let i = 0; i < left.length; i++) {
      left[i] = left[i] > samples ? left[i] - samples : 0;
      this.value[i] = this.#at(i, left[i]);
    }
    this.#plan();
  }

  /** @hot The piece of the next block. */
  #plan(): void {
    const { value, end, step } = this, left = this.#left;
    let count = 0;
    for (let i = 0; i < left.length; i++) if (left[i] > count) count = left[i];
    this.count = count = count < BLOCK ? count : BLOCK;
    for (let i = 0; i < left.length; i++) {
      end[i] = this.#at(i, left[i] > count ? left[i] - count : 0);
      step[i] = count > 0 ? (end[i] - value[i]) / count : 0;
    }
  }

  /** @hot Gain i when `left` samples are left. */
  #at(i: number, left: number): number {
    const from = this.#from[i], target = this.#target[i];
    if (left === 0) return target;
    const part = left / this.#length[i];
    if (this.#length[i] < LONG) return target + (from - target) * part;
    const root = Math.sqrt(target) + (Math.sqrt(from) - Math.sqrt(target)) * part;
    return root * root;
  }
}
