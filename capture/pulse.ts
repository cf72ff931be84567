/**
 * Reports the processor time of the capture thread in the ring, once a second. In: one call for each block. Out:
 * Word.Cpu. Capture worker; allocates a few bytes a second, nothing per block.
 */
import { threadCpuMicroseconds } from "../core/realtime.ts";
import { type RingWriter, Word } from "../core/ring.ts";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";

const BLOCKS_PER_SECOND = SAMPLE_RATE / BLOCK;

export class Pulse {
  readonly #ring: RingWriter;
  #blocks = 0;

  constructor(ring: RingWriter) {
    this.#ring = ring;
    // The first question opens libc.
    threadCpuMicroseconds();
  }

  /** @hot */
  beat(): void {
    if (++this.#blocks < BLOCKS_PER_SECOND) return;
    this.#blocks = 0;
    Atomics.store(this.#ring.words, Word.Cpu, threadCpuMicroseconds() | 0);
  }
}
