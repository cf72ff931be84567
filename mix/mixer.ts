/**
 * The desk: interleaved blocks from the ring become planar channels with their trims, and stereo mixes of them, each of
 * which begins softly (fade.ts) and ends in a limiter. Every change of a gain is ramped (ramp.ts), so nothing clicks. What
 * isn't a number becomes silence. Runs in the main isolate; allocates nothing after a mix has been made.
 */
import type { MainRow } from "../core/board.ts";
import { Limiter } from "../core/limiter.ts";
import type { MixSettings } from "../core/messages.ts";
import { RING_BLOCKS } from "../core/ring.ts";
import { BLOCK } from "../core/units.ts";
import { FADE, Fade, QUICK_FADE, SMALL_HOLE } from "./fade.ts";
import { Kernel, type MixPlace } from "./kernel.ts";
import { Ramp } from "./ramp.ts";

/** Before every block. */
const NEVER = -(2 ** 30);

/** A stereo sum. */
export class Mix {
  /** Its row on the board. */
  readonly number: number;
  /** Interleaved left and right: {@link BLOCK} frames, the first of which went in LIMITER_DELAY before the block at hand. */
  readonly output: Float32Array;
  readonly place: MixPlace;
  /** Coefficients left, right of each channel. */
  readonly ramp: Ramp;
  readonly limiter: Limiter;
  readonly fade: Fade = new Fade();
  ceiling: number;
  /** Number of the block that it was made of last. */
  block: number = NEVER;

  constructor(number: number, settings: MixSettings, place: MixPlace) {
    this.number = number;
    this.place = place;
    this.output = place.out;
    this.ramp = new Ramp(settings.gains, place);
    this.limiter = new Limiter(place.held);
    this.ceiling = settings.ceiling;
  }
}

export class Mixer {
  readonly channels: number;
  /** Planar: channel n (from 0) begins at n × BLOCK; trimmed. */
  readonly inputs: Float32Array;
  /** Each of them. */
  readonly planes: readonly Float32Array[];
  readonly mixes: Map<number, Mix> = new Map();
  readonly #kernel: Kernel;
  readonly #trims: Ramp;
  readonly #row: MainRow;
  /** Blocks read. */
  #block = 0;
  /** Of the first sample of the block at hand, and of the one behind its last. */
  #position = 0;
  #next = 0;
  #live = true;
  /** Blocks that may still be the silence that stood in for a device, though it is back. */
  #awaited = 0;
  /** Length of the rise that the block at hand needs; 0: it follows on the one before. */
  #rise = 0;
  /** The device went before the block at hand: this is silence that stands in for it. */
  #ended = false;

  constructor(channels: number, row: MainRow) {
    this.channels = channels;
    this.#kernel = new Kernel(channels, row.mixPeaks.length);
    const inputs = this.inputs = this.#kernel.inputs;
    this.planes = Array.from({ length: channels }, (_, i) => inputs.subarray(i * BLOCK, (i + 1) * BLOCK));
    this.#trims = new Ramp(new Float32Array(channels).fill(1), this.#kernel.trims);
    this.#row = row;
  }

  /** Linear, one for each channel. */
  setTrims(gains: Float32Array, rampMs: number): void {
    this.#trims.to(gains, rampMs);
  }

  /** A mix that is new begins with these gains, one that exists goes there. `mix`: its number, and its row on the board. */
  setMix(mix: number, settings: MixSettings): void {
    const known = this.mixes.get(mix);
    if (known) {
      known.ramp.to(settings.gains, settings.rampMs);
      known.ceiling = settings.ceiling;
      return;
    }
    this.mixes.set(mix, new Mix(mix, settings, this.#kernel.place(mix)));
    this.#row.mixPeaks[mix] = 0;
    this.#row.mixGains[mix] = 1;
  }

  removeMix(mix: number): void {
    this.mixes.delete(mix);
  }

  /**
   * Takes a block, interleaved. `position` of its first sample; `live`: a device delivers now. After samples that are
   * missing, and when a device is back, mixes come up from silence.
   * @hot
   */
  read(block: Float32Array, position: number = this.#next, live = true): void {
    const lost = this.#block === 0 ? 0 : position - this.#next;
    this.#rise = lost === 0 ? 0 : lost > 0 && lost <= SMALL_HOLE ? QUICK_FADE : FADE;
    if (live && !this.#live) this.#awaited = RING_BLOCKS;
    this.#ended = !live && this.#live;
    this.#live = live;
    this.#block++;
    this.#position = position;
    this.#next = position + BLOCK;
    const loudest = this.#trim(block);
    if (this.#awaited === 0) return;
    // The device's first block may still lie in the ring, behind silence.
    this.#awaited = loudest > 0 ? 0 : this.#awaited - 1;
    this.#rise = FADE;
  }

  /** @hot Fills the inputs; returns the largest magnitude in them. */
  #trim(block: Float32Array): number {
    const kernel = this.#kernel, { peaks, squares } = this.#row;
    let loudest = 0;
    kernel.samples.set(block);
    const bad = kernel.trim(this.#trims.count);
    this.#trims.pass();
    if (bad > 0) this.#row.badSamples += bad;
    for (let channel = 0; channel < this.channels; channel++) {
      const peak = kernel.peaks[channel];
      squares[channel] += kernel.squares[channel];
      if (peak > peaks[channel]) peaks[channel] = peak;
      if (peak > loudest) loudest = peak;
    }
    return loudest;
  }

  /** @hot Makes a mix of the channels read last; once for each block. */
  render(mix: Mix): void {
    const { limiter, ramp, fade, place, number } = mix, kernel = this.#kernel, { mixPeaks, mixGains } = this.#row;
    const rested = this.#block - 1 - mix.block, position = this.#position;
    mix.block = this.#block;
    if (rested > 0 || this.#rise > 0) {
      // What the limiter still holds belongs before the hole.
      limiter.reset();
      fade.begin(position, rested > 0 ? FADE : this.#rise);
      if (rested > 0) ramp.skip(rested * BLOCK);
    } else if (this.#ended) limiter.fadeOut();
    kernel.sum(place, ramp.count);
    ramp.pass();
    if (fade.holds(position)) fade.apply(place.fresh, position, BLOCK);
    limiter.pass(place.line, BLOCK, mix.ceiling, kernel.peakIn(place), kernel.peakOut(place));
    if (limiter.peak > mixPeaks[number]) mixPeaks[number] = limiter.peak;
    if (limiter.gain < mixGains[number]) mixGains[number] = limiter.gain;
  }
}
