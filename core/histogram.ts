/**
 * Durations counted in shared memory: one isolate records, any isolate reads. Counts only grow; a reader that wants
 * "the last ten seconds" subtracts an earlier copy. Buckets are log-linear, 32 to the octave (3 % wide), from
 * nanoseconds to 34 s, as in HdrHistogram. Recording allocates nothing.
 */

const SUB = 32;
/** Counts (Uint32) in one histogram. */
export const BUCKETS = 32 * 32;
export const HISTOGRAM_BYTES = BUCKETS * 4;

/** @hot The bucket of a duration in nanoseconds. */
export function bucketOf(nanoseconds: number): number {
  const value = nanoseconds > 0 ? nanoseconds : 0;
  if (value < SUB) return value | 0;
  // 2^35 is beyond int32: halve until the five bits below the leading one remain.
  let scaled = value, octave = 0;
  while (scaled >= 2 * SUB) {
    scaled /= 2;
    octave++;
  }
  const bucket = (octave + 1) * SUB + ((scaled | 0) - SUB);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** The middle of a bucket, in nanoseconds. */
export function bucketMiddle(bucket: number): number {
  if (bucket < SUB) return bucket;
  const octave = Math.floor(bucket / SUB) - 1;
  return (SUB + bucket % SUB + 0.5) * 2 ** octave;
}

/** @hot Counts one duration in milliseconds. */
export function record(counts: Uint32Array, ms: number): void {
  counts[bucketOf(ms * 1e6)]++;
}

/** Percentiles in milliseconds; all zero when nothing was counted. */
export interface Percentiles {
  count: number;
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

/** What `counts` holds more than `earlier`, in milliseconds (or another unit, by `scale` per nanosecond). */
export function percentiles(counts: Uint32Array, earlier?: Uint32Array, scale = 1e-6): Percentiles {
  let total = 0;
  const delta = counts.map((count, i) => (count - (earlier?.[i] ?? 0)) >>> 0);
  for (const count of delta) total += count;
  const at = (share: number) => {
    let seen = 0;
    const wanted = Math.max(1, Math.ceil(total * share));
    for (let i = 0; i < BUCKETS; i++) if ((seen += delta[i]) >= wanted) return bucketMiddle(i) * scale;
    return 0;
  };
  return { count: total, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
