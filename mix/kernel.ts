/**
 * The mixer's arithmetic with its memory: kernel.wasm (from kernel.as), where four samples at a time are trimmed and summed.
 * In: interleaved blocks and gains, written where they lie. Out: channels, their levels, and mixes, read where they lie. Main
 * isolate; allocates in the constructors.
 *
 * ```
 * 0           the kernel's own
 * TRIMS       value, step, end of MAX_CHANNELS channels each, as far apart as a mix's
 * METERS      of MAX_CHANNELS channels: loudest magnitude, then sum of squares
 * INPUTS      channel n (from 0), BLOCK samples each
 * then        a block as it comes, interleaved
 * then        mix n: gains' value, step, end (left and right of MAX_CHANNELS channels each), its line
 * ```
 *
 * A mix's **line** is stereo frames: LIMITER_DELAY that are older than the block at hand, then those of the block. The
 * first BLOCK are what comes out, the rest waits for the next block.
 */
import { LIMITER_DELAY } from "../core/limiter.ts";
import { BLOCK, MAX_CHANNELS } from "../core/units.ts";
import type { Gains } from "./ramp.ts";

const PAGE = 65_536;
const TRIMS = 2048, METERS = 4096, INPUTS = 8192;
const PLANE_BYTES = 4 * BLOCK, GAINS_BYTES = 8 * MAX_CHANNELS;
const LINE_AT = 3 * GAINS_BYTES, LINE_BYTES = 8 * (LIMITER_DELAY + BLOCK);
const MIX_BYTES = LINE_AT + LINE_BYTES;

interface Exports {
  /** Makes the inputs of a block, and its meters; returns how many samples were no sound. */
  trim(samples: number, channels: number, trims: number, count: number, inputs: number, meters: number): number;
  /** Shifts a mix's line and puts the next block's sum into it. */
  sum(inputs: number, channels: number, mix: number, count: number): void;
  /** The loudest of BLOCK stereo frames. */
  peak(at: number): number;
}

const MODULE = new WebAssembly.Module(Deno.readFileSync(new URL("./kernel.wasm", import.meta.url)));

export class Kernel {
  readonly inputs: Float32Array;
  /** Interleaved. */
  readonly samples: Float32Array;
  /** One for each channel: see {@link Ramp}. */
  readonly trims: Gains;
  /** Of each channel, in the block that was trimmed last: its loudest magnitude, the sum of its squares. */
  readonly peaks: Float32Array;
  readonly squares: Float32Array;
  readonly #channels: number;
  readonly #samplesAt: number;
  readonly #buffer: ArrayBufferLike;
  readonly #exports: Exports;

  /** Room for mixes 0 … `mixes` − 1. The system gives memory only for those that are made. */
  constructor(channels: number, mixes: number) {
    const bytes = INPUTS + 2 * channels * PLANE_BYTES + mixes * MIX_BYTES, pages = Math.ceil(bytes / PAGE);
    // It never grows: views of it stay good.
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#exports = new WebAssembly.Instance(MODULE, { env: { memory } }).exports as unknown as Exports;
    this.#channels = channels;
    this.#buffer = memory.buffer;
    this.inputs = new Float32Array(this.#buffer, INPUTS, channels * BLOCK);
    this.#samplesAt = INPUTS + channels * PLANE_BYTES;
    this.samples = new Float32Array(this.#buffer, this.#samplesAt, channels * BLOCK);
    const gains = (at: number) => new Float32Array(this.#buffer, TRIMS + at * GAINS_BYTES, channels);
    this.trims = { value: gains(0), step: gains(1), end: gains(2) };
    this.peaks = new Float32Array(this.#buffer, METERS, channels);
    this.squares = new Float32Array(this.#buffer, METERS + 4 * MAX_CHANNELS, channels);
  }

  /** Where a mix lies. */
  place(mix: number): MixPlace {
    return new MixPlace(
      this.#buffer,
      this.#samplesAt + this.#channels * PLANE_BYTES + mix * MIX_BYTES,
      2 * this.#channels,
    );
  }

  /** @hot Trims `samples` into the inputs. `count`: samples within which trims move. How many were no sound. */
  trim(count: number): number {
    return this.#exports.trim(this.#samplesAt, this.#channels, TRIMS, count, INPUTS, METERS);
  }

  /** @hot The next block of a mix, out of the inputs. `count`: samples within which its gains move. */
  sum(mix: MixPlace, count: number): void {
    this.#exports.sum(INPUTS, this.#channels, mix.at, count);
  }

  /** @hot The loudest of the BLOCK frames that have gone into a mix's line last. */
  peakIn(mix: MixPlace): number {
    return this.#exports.peak(mix.lineAt + 8 * LIMITER_DELAY);
  }

  /** @hot The loudest of the BLOCK frames that come out of it. */
  peakOut(mix: MixPlace): number {
    return this.#exports.peak(mix.lineAt);
  }
}

/** A mix's memory in the kernel, as views. */
export class MixPlace {
  /** Addresses: of all of it, of its line. */
  readonly at: number;
  readonly lineAt: number;
  /** Gains, left and right of each channel: see {@link Ramp}. */
  readonly value: Float32Array;
  readonly step: Float32Array;
  readonly end: Float32Array;
  readonly line: Float32Array;
  /** Of the line: what comes out, what has come in last, and what comes out of the next block first. */
  readonly out: Float32Array;
  readonly fresh: Float32Array;
  readonly held: Float32Array;

  constructor(buffer: ArrayBufferLike, at: number, gains: number) {
    this.at = at;
    this.value = new Float32Array(buffer, at, gains);
    this.step = new Float32Array(buffer, at + GAINS_BYTES, gains);
    this.end = new Float32Array(buffer, at + 2 * GAINS_BYTES, gains);
    const line = this.lineAt = at + LINE_AT;
    this.line = new Float32Array(buffer, line, LINE_BYTES / 4);
    this.out = new Float32Array(buffer, line, 2 * BLOCK);
    this.fresh = new Float32Array(buffer, line + 8 * LIMITER_DELAY, 2 * BLOCK);
    this.held = new Float32Array(buffer, line + 8 * BLOCK, 2 * LIMITER_DELAY);
    this.line.fill(0);
  }
}
