/**
 * The one clock: milliseconds since the Unix epoch, with sub-microsecond steps, comparable between isolates and
 * processes of a machine (`process.hrtime` is not). Any thread; allocates nothing.
 */
import type { Milliseconds } from "./units.ts";

const origin = performance.timeOrigin;
/** The time now. It never goes back in an isolate, even when the wall clock is set. */
export const now = (): Milliseconds => (origin + performance.now()) as Milliseconds;

/**
 * The time now, into `times[at]`. For the sound's way: a fraction that a function takes or returns is an object on the
 * heap, unless the compiler happens to inline the call; one in an array never is.
 * @hot
 */
export function stamp(times: Float64Array, at: number): void {
  times[at] = origin + performance.now();
}

/** Seconds from 1900 (NTP) to 1970 (Unix), RFC 5905 section 6. */
export const NTP_EPOCH_SECONDS = 2_208_988_800;
