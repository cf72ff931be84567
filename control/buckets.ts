/**
 * The thousand buckets of a duration's histogram (core/histogram.ts) gathered into the few that are shown and sent.
 * Pure; control worker; allocates.
 */
import { bucketMiddle, BUCKETS } from "../core/histogram.ts";

/** Upper bounds in seconds: around a block (2.67 ms) and the frames (2.5, 5, 10 ms) finest. */
export const BOUNDS: readonly number[] = //
  [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1.5e-3, 2e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 1];

export interface Gathered {
  /** How many durations lie between the bound before and each of {@link BOUNDS}; one more for those beyond the last. */
  readonly counts: readonly number[];
  readonly count: number;
  /** In seconds, made of bucket middles (within 2 %). */
  readonly sum: number;
}

/** `counts`: of one histogram, as they were recorded. */
export function gathered(counts: Uint32Array): Gathered {
  const found = Array.from({ length: BOUNDS.length + 1 }, () => 0);
  let bound = 0, count = 0, sum = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const middle = bucketMiddle(bucket) * 1e-9;
    while (bound < BOUNDS.length && middle > BOUNDS[bound]) bound++;
    found[bound] += counts[bucket];
    count += counts[bucket];
    sum += counts[bucket] * middle;
  }
  return { counts: found, count, sum };
}
