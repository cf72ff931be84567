/**
 * The hand-over in shared memory: a ring of blocks between the main isolate, which alone writes, and one send worker,
 * which alone reads. No lock: the block first, its index last with one atomic store, then a notify. A slot holds one block
 * as block.ts describes it; the reader works in the slot itself and gives it back. Nothing here allocates after the
 * constructor.
 *
 * The reader's thread sleeps on the ring's bell (bell.ts), which rings for messages too.
 */
import { Bell } from "./bell.ts";
import { BlockView } from "./block.ts";

/** Blocks that may wait for a worker: 85 ms. What comes beyond is withheld: old audio is worth nothing. */
export const HANDOFF_BLOCKS = 32;
const CONTROL_BYTES = 64;
/** Indices into the Int32 control words, behind the bell's two. Counts are modulo 2³². */
const enum Word {
  /** Blocks written. */
  Written = 2,
  /** Blocks worked off. */
  Read,
  /** Set by the writer: the reader leaves. */
  End,
}

export interface HandoffMemory {
  readonly memory: SharedArrayBuffer;
  /** Bytes from one slot to the next. */
  readonly slotBytes: number;
}

/** `blockBytes`: of the largest block. The system gives memory only for what blocks have touched. */
export function createHandoff(blockBytes: number): HandoffMemory {
  const slotBytes = (blockBytes + 63) & ~63;
  return { memory: new SharedArrayBuffer(CONTROL_BYTES + HANDOFF_BLOCKS * slotBytes), slotBytes };
}

class HandoffViews {
  readonly bell: Bell;
  protected readonly words: Int32Array;
  protected readonly slots: readonly BlockView[];

  constructor({ memory, slotBytes }: HandoffMemory) {
    this.bell = new Bell(memory);
    this.words = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.slots = Array.from(
      { length: HANDOFF_BLOCKS },
      (_, i) => new BlockView(slotBytes, memory, CONTROL_BYTES + i * slotBytes),
    );
  }
  /** @hot Blocks that were written and not yet given back. */
  waiting(): number {
    return (Atomics.load(this.words, Word.Written) - Atomics.load(this.words, Word.Read)) | 0;
  }
}

/** The main isolate's end. */
export class HandoffWriter extends HandoffViews {
  /** @hot Where the next block goes. The writer's until {@link publish}, but only while fewer than HANDOFF_BLOCKS wait. */
  next(): BlockView {
    return this.slots[Atomics.load(this.words, Word.Written) & (HANDOFF_BLOCKS - 1)];
  }
  /** @hot Gives the block in {@link next} to the reader. */
  publish(): void {
    Atomics.add(this.words, Word.Written, 1);
    this.bell.ring();
  }
  /** Tells the reader to leave. */
  end(): void {
    Atomics.store(this.words, Word.End, 1);
    this.bell.ring();
  }
}

/** The send worker's end. */
export class HandoffReader extends HandoffViews {
  /** @hot The oldest waiting block; the reader's until {@link release}. */
  oldest(): BlockView {
    return this.slots[Atomics.load(this.words, Word.Read) & (HANDOFF_BLOCKS - 1)];
  }
  /** @hot Gives the slot of the oldest waiting block back to the writer. */
  release(): void {
    Atomics.add(this.words, Word.Read, 1);
  }
  /** @hot The reader is to leave. */
  ended(): boolean {
    return Atomics.load(this.words, Word.End) !== 0;
  }
}
