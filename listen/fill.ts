/**
 * How full an output device's buffer is kept: so that a little is left whenever we come to fill it up, however late, and
 * no more. It begins full; what is never missed is given up, what was missed comes back at once and stays for longer. In: what
 * the device has left. Out: how much it is to have. The listener's audio thread; allocates nothing after the constructor.
 */
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";

const PER_MS = SAMPLE_RATE / 1000;
/** Frames that are left at the worst moment: 1.3 ms. */
const LEFT = 64;
/** What hasn't been missed for so long is given up. */
const WATCH_MS = 5000;
/** A level at which the device ran dry isn't gone back to before 10 s, and each time before twice as long, 11 minutes at most. */
const FIRST_BAN_MS = 10_000, LONGEST_BAN_MS = 640_000;
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
  #since = -Infinity;
  #seenAt = -Infinity;
  /** For each level, in blocks: until when it isn't gone back to, and for how long the next time. */
  readonly #banned: Float64Array;
  readonly #bans: Float64Array;
  /** How much faster than time the device takes samples, while it is filled or emptied: 0.004, −0.004 or less. */
  pull = 0;

  /** `capacity`: frames. */
  constructor(capacity: number) {
    this.#capacity = this.#now = this.#wanted = capacity;
    const levels = Math.ceil(capacity / BLOCK) + 1;
    this.#banned = new Float64Array(levels).fill(-Infinity);
    this.#bans = new Float64Array(levels).fill(FIRST_BAN_MS);
  }

  /** @hot Frames that the device is to have when it has just been filled up. */
  get frames(): number {
    return Math.floor(this.#now);
  }

  /** @hot At `time` the device has `left` frames, just before it is filled up; none: it ran dry, who knows how long ago. */
  see(time: number, left: number): void {
    if (this.#since === -Infinity) {
      // It has just been opened.
      this.#since = this.#seenAt = time;
      return;
    }
    const frames = this.frames;
    if (left <= 0 && this.#wanted < this.#capacity) this.#ban(Math.ceil(frames / BLOCK), time);
    const missed = left > 0 ? frames - left : frames + BLOCK - LEFT;
    if (missed > this.#missed) this.#missed = missed;
    if (missed + LEFT > this.#wanted && this.#wanted < this.#capacity) {
      this.#wanted = Math.min(this.#capacity, missed + LEFT);
      this.#watch(time);
    } else if (time - this.#since >= WATCH_MS) {
      const enough = Math.max(this.#missed + LEFT, this.#allowed(time));
      if (enough <= this.#wanted - SHRINK_FROM) this.#wanted = enough;
      this.#watch(time);
    }
    this.#move(time);
  }

  /** @hot */
  #ban(level: number, time: number): void {
    if (this.#banned[level] > time) return;
    this.#banned[level] = time + this.#bans[level];
    this.#bans[level] = Math.min(LONGEST_BAN_MS, 2 * this.#bans[level]);
  }

  /** @hot Frames above every level that isn't to be gone back to. */
  #allowed(time: number): number {
    let level = this.#banned.length - 1;
    while (level > 0 && this.#banned[level] <= time) level--;
    return level * BLOCK + LEFT;
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
