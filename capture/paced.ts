/**
 * Sources that are computed rather than captured, at exactly 48 kHz by the machine's clock. In: something that renders.
 * Out: blocks in the ring, each as its last sample falls due. Capture worker; the loop allocates nothing.
 */
import { now } from "../core/clock.ts";
import { RING_BLOCKS, type RingWriter, Word } from "../core/ring.ts";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";
import type { Pulse } from "./pulse.ts";

export interface Renderer {
  /** Writes `frames` frames from sample `position` on, interleaved, into `out` at `at`. Allocates nothing. */
  render(position: number, out: Float32Array, at: number, frames: number): void;
}

const SAMPLE_MS = 1000 / SAMPLE_RATE;
/** After a stall longer than the ring what was missed is left out, not sent in a burst. */
const RING_MS = RING_BLOCKS * BLOCK * SAMPLE_MS;

/** @hot Delivers until the ring says stop. `first` is called after the first block. */
export function deliver(source: Renderer, ring: RingWriter, pulse: Pulse, first: () => void): void {
  const start = now();
  let position = 0, began = false;
  Atomics.store(ring.words, Word.Live, 1);
  while (!ring.stopped) {
    source.render(position, ring.samples, ring.offset(), BLOCK);
    const due = start + (position + BLOCK) * SAMPLE_MS;
    const ms = due - now();
    // A sleep ends some tens of microseconds late (timer slack, a wake-up). The block keeps its due time.
    if (ms > 0 && Atomics.wait(ring.words, Word.Stop, 0, ms) !== "timed-out") return;
    const behind = now() - due;
    if (behind > RING_MS) {
      const missed = Math.floor(behind / SAMPLE_MS / BLOCK) * BLOCK;
      Atomics.add(ring.words, Word.Overruns, missed);
      position += missed;
      continue;
    }
    ring.commit(position, due);
    if (!began) first();
    began = true;
    position += BLOCK;
    pulse.beat();
  }
}
