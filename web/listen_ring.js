// @ts-check
/**
 * The shared ring between the page's audio worker and its worklet: interleaved stereo float32, one writer (the worker), one
 * reader (the worklet), no lock. Counts are Int32 that wrap. The worker; allocates nothing after the constructor.
 */

/** Words of the head; the worklet has the same numbers. PEAK_* are float32. */
export const WRITE = 0, READ = 1, OUT = 2, SILENT = 3, UNDERRUNS = 4, PLAY = 5, LOW = 6, JUMP = 7;
export const PEAK_LEFT = 8, PEAK_RIGHT = 9, FROM = 10;
export const HEAD_WORDS = 16;
/** 0.34 s; a power of two. */
export const RING_FRAMES = 16_384;
export const ringMemory = () => new SharedArrayBuffer(4 * HEAD_WORDS + 8 * RING_FRAMES);

export class Ring {
  #words;
  #samples;

  /** @param {SharedArrayBuffer} memory */
  constructor(memory) {
    this.#words = new Int32Array(memory, 0, HEAD_WORDS);
    this.#samples = new Float32Array(memory, 4 * HEAD_WORDS, 2 * RING_FRAMES);
  }

  /** Frames that aren't played yet. */
  get level() {
    return (this.#words[WRITE] - Atomics.load(this.#words, READ)) | 0;
  }
  /** Frames that went to the card so far, silent ones too; wraps. */
  get out() {
    return Atomics.load(this.#words, OUT);
  }
  /** Frames of them that were silent because the ring was empty; wraps. */
  get silent() {
    return Atomics.load(this.#words, SILENT);
  }
  get underruns() {
    return Atomics.load(this.#words, UNDERRUNS);
  }
  /** The worklet says when less than so many frames are left. */
  set low(/** @type {number} */ frames) {
    Atomics.store(this.#words, LOW, frames);
  }
  set playing(/** @type {boolean} */ on) {
    Atomics.store(this.#words, PLAY, on ? 1 : 0);
  }
  /** What lies before the newest `frames` isn't played any more. */
  keep(/** @type {number} */ frames) {
    this.#words[FROM] = (this.#words[WRITE] - frames) | 0;
    Atomics.store(this.#words, JUMP, 1);
  }
  /** Has {@link keep} not been done yet? The level counts more than will be played. */
  get jumps() {
    return Atomics.load(this.#words, JUMP) === 1;
  }

  /**
   * Writes no more than half of the ring, the rest is for {@link silence}: a reader that stands still loses what comes.
   * What {@link keep} leaves out doesn't count.
   * @param {Float32Array} from interleaved @param {number} frames
   */
  push(from, frames) {
    const words = this.#words, samples = this.#samples, write = words[WRITE], { level } = this;
    const kept = this.jumps ? Math.min(level, (write - words[FROM]) | 0) : level;
    if (kept + frames > RING_FRAMES / 2 || level + frames > RING_FRAMES) return;
    for (let i = 0; i < frames; i++) {
      const at = 2 * ((write + i) & (RING_FRAMES - 1));
      samples[at] = from[2 * i];
      samples[at + 1] = from[2 * i + 1];
    }
    Atomics.store(words, WRITE, (write + frames) | 0);
  }

  /** @param {number} frames at most a quarter of the ring */
  silence(frames) {
    const words = this.#words, samples = this.#samples, write = words[WRITE];
    if (this.level + frames > RING_FRAMES) return;
    for (let i = 0; i < frames; i++) {
      const at = 2 * ((write + i) & (RING_FRAMES - 1));
      samples[at] = samples[at + 1] = 0;
    }
    Atomics.store(words, WRITE, (write + frames) | 0);
  }
}

/** The card has taken nothing for so long: it sleeps. */
const ASLEEP_MS = 200;

/** What the card has done: how much it has taken, how much of it was silent, and whether it sleeps. */
export class Card {
  #ring;
  #out;
  #silent;
  #movedAt = 0;
  /** Frames taken so far, without wraps. */
  frames = 0;
  asleep = false;
  /** Frames of silence since the last look, because the ring was empty. */
  silence = 0;
  /** It slept until the last look. */
  woke = false;

  /** @param {Ring} ring */
  constructor(ring) {
    this.#ring = ring;
    this.#out = ring.out;
    this.#silent = ring.silent;
  }

  /** @param {number} time in milliseconds; NaN: not known, nothing is said of sleep @param {boolean} plays */
  look(time, plays) {
    const { out, silent } = this.#ring;
    this.silence = (silent - this.#silent) | 0;
    this.#silent = silent;
    this.woke = false;
    if (out === this.#out) {
      if (plays && time - this.#movedAt > ASLEEP_MS) this.asleep = true;
      return;
    }
    this.frames += (out - this.#out) | 0;
    this.#out = out;
    if (!Number.isNaN(time)) this.#movedAt = time;
    this.woke = this.asleep;
    this.asleep = false;
  }
}
