/**
 * The last ten seconds of a receiver's delay, out of a histogram that only grows: a copy each second, ten kept. Control
 * worker; the copies are made once and written over.
 */
import { BUCKETS, percentiles } from "../core/histogram.ts";
import { LOOKAHEAD, samplesToMs } from "../core/units.ts";

const COPIES = 10;

export interface LatencyWindow {
  readonly copies: Uint32Array[];
  /** Copies taken so far. */
  taken: number;
}

export const createLatencyWindow = (): LatencyWindow => ({ copies: [], taken: 0 });

/** Once a second. */
export function takeCopy(window: LatencyWindow, counts: Uint32Array): void {
  const copy = window.copies[window.taken % COPIES] ??= new Uint32Array(BUCKETS);
  copy.set(counts);
  window.taken++;
}

/** Half of the frames were sent within this, the codec's lookahead included; null when none was sent. */
export function serverMs(window: LatencyWindow, counts: Uint32Array): number | null {
  const earlier = window.taken < COPIES ? undefined : window.copies[window.taken % COPIES];
  const { count, p50 } = percentiles(counts, earlier);
  return count === 0 ? null : p50 + samplesToMs(LOOKAHEAD);
}
