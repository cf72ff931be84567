/**
 * The ring of blocks between the capture worker, which alone writes, and the main isolate, which alone reads. Shared
 * memory, no lock: data first, the index last with one atomic store, then its bell (bell.ts), on which the main isolate
 * sleeps. Nothing here allocates after the constructor.
 *
 * A block is {@link BLOCK} samples of every channel, interleaved float32 as PortAudio delivers it, with the position of
 * its first sample since the start (samples that the card lost are counted in) and the time at which its last sample
 * had arrived.
 */
import { Bell } from "./bell.ts";
import { BLOCK } from "./units.ts";

/** Blocks that the ring has room for, one of them always empty: 168 ms, longer than any garbage collection that we have seen, shorter than anybody would want to hear. */
export const RING_BLOCKS = 64;
const META = 2; // Float64 per block: position, time
/** Indices into the Int32 control words, behind the bell's two. */
export const enum Word {
  /** Blocks written, modulo 2³². */
  Written = 2,
  /** Blocks read, modulo 2³². */
  Read,
  /** Blocks thrown away because the reader was a whole ring behind. */
  Overflows,
  /** Samples lost before we read them, as the device reported or as seen by the clock. */
  Overruns,
  /** 1 while a device delivers, 0 while silence stands in for it. */
  Live,
  /** Set by main: the capture worker ends. */
  Stop,
  /** Microseconds of processor time that the capture thread has used, modulo 2³². */
  Cpu,
  Count,
}
const CONTROL_BYTES = 64;

export interface RingMemory {
  readonly memory: SharedArrayBuffer;
  readonly channels: number;
}

export function createRing(channels: number): RingMemory {
  const bytes = CONTROL_BYTES + RING_BLOCKS * (META * 8 + channels * BLOCK * 4);
  return { memory: new SharedArrayBuffer(bytes), channels };
}

class RingViews {
  readonly channels: number;
  /** The main isolate's. */
  readonly bell: Bell;
  readonly words: Int32Array;
  /** position, time for each slot */
  protected readonly meta: Float64Array;
  /** Interleaved; slot k begins at k × channels × BLOCK. */
  readonly samples: Float32Array;
  readonly blockSamples: number;

  constructor(ring: RingMemory) {
    this.channels = ring.channels;
    this.bell = new Bell(ring.memory);
    this.blockSamples = ring.channels * BLOCK;
    this.words = new Int32Array(ring.memory, 0, CONTROL_BYTES / 4);
    this.meta = new Float64Array(ring.memory, CONTROL_BYTES, RING_BLOCKS * META);
    this.samples = new Float32Array(
      ring.memory,
      CONTROL_BYTES + RING_BLOCKS * META * 8,
      RING_BLOCKS * this.blockSamples,
    );
  }
}

/** The capture worker's end. */
export class RingWriter extends RingViews {
  /** @hot Index into `samples` at which the next block goes; it is the writer's until {@link commit}. */
  offset(): number {
    return (Atomics.load(this.words, Word.Written) & (RING_BLOCKS - 1)) * this.blockSamples;
  }

  /** @hot Publishes the block at {@link offset}. A reader that is a whole ring behind loses it: counted, never waited for. */
  commit(position: number, time: number): boolean {
    const written = Atomics.load(this.words, Word.Written);
    if (((written - Atomics.load(this.words, Word.Read)) | 0) >= RING_BLOCKS - 1) {
      Atomics.add(this.words, Word.Overflows, 1);
      return false;
    }
    const slot = written & (RING_BLOCKS - 1);
    this.meta[slot * META] = position;
    this.meta[slot * META + 1] = time;
    Atomics.store(this.words, Word.Written, (written + 1) | 0);
    this.bell.ring();
    return true;
  }

  get stopped(): boolean {
    return Atomics.load(this.words, Word.Stop) !== 0;
  }
}

/** The main isolate's end. */
export class RingReader extends RingViews {
  /** One for each slot. */
  readonly #blocks: readonly Float32Array[];

  constructor(ring: RingMemory) {
    super(ring);
    this.#blocks = Array.from(
      { length: RING_BLOCKS },
      (_, i) => this.samples.subarray(i * this.blockSamples, (i + 1) * this.blockSamples),
    );
  }
  /** @hot Blocks that wait to be read. */
  waiting(): number {
    return (Atomics.load(this.words, Word.Written) - Atomics.load(this.words, Word.Read)) | 0;
  }
  /** @hot The oldest waiting block, interleaved; the reader's until {@link release}. */
  block(): Float32Array {
    return this.#blocks[Atomics.load(this.words, Word.Read) & (RING_BLOCKS - 1)];
  }
  /** @hot Position of the first sample of the oldest waiting block. */
  position(): number {
    return this.meta[(Atomics.load(this.words, Word.Read) & (RING_BLOCKS - 1)) * META];
  }
  /** @hot When the last sample of the oldest waiting block had arrived, on the clock of clock.ts. */
  time(): number {
    return this.meta[(Atomics.load(this.words, Word.Read) & (RING_BLOCKS - 1)) * META + 1];
  }
  /** @hot Gives the oldest waiting block back to the writer. */
  release(): void {
    Atomics.add(this.words, Word.Read, 1);
  }
  /** Resolves when a block waits, or when the bell rings for something else. */
  async wait(): Promise<void> {
    const rung = this.bell.rung();
    if (this.waiting() === 0) await this.bell.wait(rung);
  }
  stop(): void {
    Atomics.store(this.words, Word.Stop, 1);
    Atomics.notify(this.words, Word.Stop);
  }
}
