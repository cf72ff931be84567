/**
 * What the main isolate hands to a send worker for each block: one ArrayBuffer with the channels and mixes that this
 * worker said it needs, and no others. It describes itself, so a change of needs can't be misread in flight:
 *
 * ```
 * Float64 position    of the first sample, since the start, lost samples included
 * Float64 time        when the last sample had arrived (clock.ts)
 * Int32   count       of sources
 * Int32   source[count], padded to 8 bytes
 * Float32 planes, in the order of the sources: a channel is BLOCK samples, a mix BLOCK interleaved stereo pairs
 * ```
 */
import { BLOCK, MAX_CHANNELS } from "./units.ts";

/** What can be encoded: a channel (0 … 63, counted from 0) or a mix (64 and up). */
export type Source = number & { readonly source: unique symbol };
export const channelSource = (channel: number): Source => (channel - 1) as Source;
export const mixSource = (mix: number): Source => (MAX_CHANNELS + mix) as Source;
export const isMix = (source: Source): boolean => source >= MAX_CHANNELS;
/** The mix's number, for a source that {@link isMix}. */
export const mixOf = (source: Source): number => source - MAX_CHANNELS;
/** Samples of one block of a source: a mix has two for each. */
export const widthOf = (source: Source): number => source >= MAX_CHANNELS ? 2 : 1;

const FIXED_BYTES = 20;
/** Where the planes begin, in bytes. */
export const planesAt = (count: number): number => (FIXED_BYTES + 4 * count + 7) & ~7;
export const blockBytes = (sources: ArrayLike<Source>): number => {
  let bytes = planesAt(sources.length);
  for (let i = 0; i < sources.length; i++) bytes += widthOf(sources[i]) * BLOCK * 4;
  return bytes;
};

/** A block's memory with its views made once: main fills one and copies it out, a worker copies into one and reads. */
export class BlockView {
  readonly bytes: Uint8Array;
  /** position, time */
  readonly head: Float64Array;
  /** Int32 words: [4] is the count, [5 …] the sources. */
  readonly words: Int32Array;
  /** Index 0 is the block's first byte: a plane at byte b begins at b / 4. */
  readonly samples: Float32Array;
  #first: Float32Array;

  /** `capacity` in bytes; in memory of its own, or from `at` on in a piece that others have views of too. Both multiples of 8. */
  constructor(capacity: number, memory: ArrayBufferLike = new ArrayBuffer(capacity), at = 0) {
    this.bytes = new Uint8Array(memory, at, capacity);
    this.head = new Float64Array(memory, at, 2);
    this.words = new Int32Array(memory, at, capacity / 4);
    this.#first = this.samples = new Float32Array(memory, at, capacity / 4);
  }
  /** @hot The first `count` of {@link samples}; another view only where the count has changed. */
  first(count: number): Float32Array {
    // allocates: after a change of what is needed
    if (this.#first.length !== count) this.#first = this.samples.subarray(0, count);
    return this.#first;
  }
  get position(): number {
    return this.head[0];
  }
  get time(): number {
    return this.head[1];
  }
  get count(): number {
    return this.words[4];
  }
  /** @hot The i-th source. */
  source(i: number): Source {
    return this.words[5 + i] as Source;
  }
}
