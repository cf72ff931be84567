/**
 * Levels for those who show meters. In: the board's peaks, sums of squares and limiter gains, which the main isolate keeps.
 * Out: one short binary message for each client, with what it shows. Control worker, 20 times a second and only while
 * somebody shows meters; allocates.
 */
import { BLOCK, MAX_CHANNELS } from "../core/units.ts";
import type { House } from "./house.ts";

const METERS_MESSAGE = 1;
/** The quietest and the step of a level's byte; and of a limiter's. */
const FLOOR_DB = -100;
const LEVEL_STEPS_PER_DB = 2;
const LIMITER_STEPS_PER_DB = 4;

/** What a client shows, in its order. */
export interface Shown {
  readonly channels: readonly number[];
  readonly seats: readonly string[];
}
export const NOTHING_SHOWN: Shown = { channels: [], seats: [] };

/** A state as a client sees it (views.ts): what isn't in there is silent. */
export interface Visible {
  readonly channels: object;
  readonly seats: object;
}

/** A linear level as a byte v: (v/2 − 100) dBFS, 0 is silence, 255 is +27.5 and more. */
export function levelByte(level: number): number {
  if (!(level > 0)) return 0;
  return Math.max(0, Math.min(255, Math.round((20 * Math.log10(level) - FLOOR_DB) * LEVEL_STEPS_PER_DB)));
}

/** A linear gain of at most 1 as a byte v: v/4 dB less, at most 63.75. */
export function limiterByte(gain: number): number {
  if (!(gain < 1)) return 0;
  return Math.min(255, Math.round(-20 * Math.log10(Math.max(gain, 0)) * LIMITER_STEPS_PER_DB));
}

/** The only reader of the board's peaks: reading starts them anew. */
export class MeterReader {
  readonly #house: House;
  /** Of each input: peak and RMS, as bytes. */
  readonly #inputs = new Uint8Array(2 * MAX_CHANNELS);
  /** Of each mix, by its number: peak and limiter, as bytes. */
  readonly #mixes: Uint8Array;
  readonly #squares: Float64Array;
  #blocks = 0;

  constructor(house: House) {
    this.#house = house;
    const { mixPeaks, squares } = house.board.main;
    this.#mixes = new Uint8Array(2 * mixPeaks.length);
    this.#squares = new Float64Array(squares.length);
  }
  /** From now on counts: what was there before nobody wanted to see. */
  begin(): void {
    const { main } = this.#house.board;
    main.peaks.fill(0);
    main.mixPeaks.fill(0);
    main.mixGains.fill(1);
    this.#squares.set(main.squares);
    this.#blocks = main.blocks;
  }
  /** Takes what has gathered since the last time. */
  read(): void {
    const { main } = this.#house.board, { peaks, squares, mixPeaks, mixGains } = main;
    const { blocks } = main, samples = ((blocks - this.#blocks) >>> 0) * BLOCK;
    this.#blocks = blocks;
    for (let i = 0; i < this.#house.inputs; i++) {
      const sum = squares[i];
      this.#inputs[2 * i] = levelByte(peaks[i]);
      this.#inputs[2 * i + 1] = samples === 0 ? 0 : levelByte(Math.sqrt((sum - this.#squares[i]) / samples));
      this.#squares[i] = sum;
      peaks[i] = 0;
    }
    for (const number of this.#house.made.keys()) {
      this.#mixes[2 * number] = levelByte(mixPeaks[number]);
      this.#mixes[2 * number + 1] = limiterByte(mixGains[number]);
      mixPeaks[number] = 0;
      mixGains[number] = 1;
    }
  }
  /** What was read last, for one client. Channels that it doesn't see and mixes that aren't made are silent. */
  message(shown: Shown, visible: Visible): Uint8Array {
    const bytes = new Uint8Array(3 + 2 * (shown.channels.length + shown.seats.length));
    bytes[0] = METERS_MESSAGE;
    bytes[1] = shown.channels.length;
    bytes[2] = shown.seats.length;
    let at = 3;
    const put = (from: Uint8Array, index: number, may: boolean) => {
      if (may) bytes.set(from.subarray(2 * index, 2 * index + 2), at);
      at += 2;
    };
    for (const channel of shown.channels) {
      put(this.#inputs, channel - 1, Object.hasOwn(visible.channels, channel));
    }
    for (const id of shown.seats) {
      const number = this.#house.heard.get(id)?.number ?? -1;
      put(this.#mixes, number, number >= 0 && Object.hasOwn(visible.seats, id));
    }
    return bytes;
  }
}
