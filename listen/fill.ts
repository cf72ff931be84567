/**
 * How full an output device's buffer is kept: so that a little is left whenever we come to fill it up, however late, and
 * no more. It begins full; what is never missed is given up, what was missed comes back at once for longer. In: what
 * the device has left. Out: how much it is to have. The listener's audio thread; allocates nothing after the constructor.
 */
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";

const PER_MS = SAMPLE_RATE / 1000;
/** Frames that are left at the worst moment: 1.3 ms. */
const LEFT = 64;
/** What hasn't been missed for so long is given up; after each time that this was wrong, for twice as long. */
const WATCH_MS = 5000, LONGEST_MS = 640_000;
/** The fill follows at this speed, in milliseconds for each: 0.4 %, and the playing speed makes up for it. */
const MOVE = 0.004;
/** Less than this isn't worth moving for. */
const SHRINK_FROM = 24;

export class Fill {
  readonly #capacity: number;
  /** Frames. */
  #now: number;
  #wanted: number;
  /** The most that was missing of late, as it would be from an endless buffer. */
  #missed = 0;
  #watchMs = WATCH_MS;
  #since = -Infinity;
  #seenAt = -Infinity;
  /** How much faster than time the device takes samples, while it is filled or emptied: 0.004, −0.004 or less. */
  pull = 0;

  /** `capacity`: frames. */
  constructor(capacity: number) {
    this.#capacity = this.#now = this.#wanted = capacity;
  }

  /** @hot Frames that the device is to have when it has just been filled up. */
  get frames(): number {
    return Math.floor(this.#now);
  }

  /** @hot At `time` the device has `left` frames, just before it is filled up; none: it ran dry, who knows how long ago. */
  see(time: number, left: number): void {
    if (this.#since === -Infinity) this.#since = this.#seenAt = time;
    const missed = left > 0 ? this.frames - left : this.frames + BLOCK - LEFT;
    if (missed > this.#missed) this.#missed = missed;
    if (missed + LEFT > this.#wanted && this.#wanted < this.#capacity) {
      this.#wanted = Math.min(this.#capacity, missed + LEFT);
      this.#watchMs = Math.min(LONGEST_MS, 2 * this.#watchMs);
      this.#watch(time);
    } else if (time - this.#since >= this.#watchMs) {
      if (this.#missed + LEFT <= this.#wanted - SHRINK_FROM) this.#wanted = this.#missed + LEFT;
      this.#watch(time);
    }
    this.#move(time);
  }

  /** @hot */
  #watch(time: number): void {
    this.#since = time;
    this.#missed = 0;
  }

  /** @hot */
  #move(time: number): void {
    const passed = PER_MS * Math.min(100, time - this.#seenAt);
    if (passed <= 0) return;
    this.#seenAt = time;
    const step = Math.max(-MOVE * passed, Math.min(MOVE * passed, this.#wanted - this.#now));
    this.#now += step;
    this.pull = step / passed;
  }
}
