/**
 * Durations counted in shared memory: one isolate records, any isolate reads. Counts only grow; a reader that wants
 * "the last ten seconds" subtracts an earlier copy. Buckets are log-linear, 32 to the octave (3 % wide), from
 * nanoseconds to 68 s, as in HdrHistogram. Recording allocates nothing.
 */

const SUB = 32;
/** Counts (Uint32) in one histogram. */
export const BUCKETS = 32 * 32;
/** What the counts of one histogram take of shared memory. */
export const HISTOGRAM_BYTES = BUCKETS * 4;

/** A double and its halves, the low one first. */
const float = new Float64Array(1), word = new Uint32Array(float.buffer);
/** What the exponent's bias and the first octave's five bits put before the buckets. */
const OCTAVE_0 = (1023 + 4) * SUB;

/**
 * The bucket of a duration in nanoseconds, 0 … {@link BUCKETS} − 1: negative ones and NaN in the first, those
 * beyond the range in the last.
 * @hot
 */
export function bucketOf(nanoseconds: number): number {
  if (!(nanoseconds >= SUB)) return nanoseconds > 0 ? nanoseconds | 0 : 0;
  // A double's bits are exponent and mantissa: the exponent counts the octaves, the mantissa's first five bits its parts.
  float[0] = nanoseconds;
  const bucket = (word[1] >>> 15) - OCTAVE_0;
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** The bucket of the time from `times[from]` to `times[to]`, in milliseconds. @hot */
export function bucketBetween(times: Float64Array, from: number, to: number): number {
  return bucketOf((times[to] - times[from]) * 1e6);
}

/** The middle of a bucket, in nanoseconds. */
export function bucketMiddle(bucket: number): number {
  if (bucket < SUB) return bucket;
  const octave = Math.floor(bucket / SUB) - 1;
  return (SUB + bucket % SUB + 0.5) * 2 ** octave;
}

/**
 * Counts one duration in milliseconds. `counts`: {@link BUCKETS} long; this isolate alone may write it.
 * @hot
 */
export function record(counts: Uint32Array, ms: number): void {
  counts[bucketOf(ms * 1e6)]++;
}

/** Percentiles in milliseconds, each the middle of its bucket; all zero when nothing was counted. */
export interface Percentiles {
  /** How many durations were counted: this one has no unit. */
  count: number;
  /** The median. */
  p50: number;
  /** 99 of 100 are no longer. */
  p99: number;
  /** 999 of 1000 are no longer. */
  p999: number;
  /** Of the longest duration. */
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
