/**
 * The one clock: milliseconds since the Unix epoch, with sub-microsecond steps, comparable between isolates and
 * processes of a machine (`process.hrtime` is not). Any thread; allocates nothing.
 */
import type { Milliseconds } from "./units.ts";

const origin = performance.timeOrigin;
/** The time now. It never goes back in an isolate, even when the wall clock is set. */
export const now = (): Milliseconds => (origin + performance.now()) as Milliseconds;

/** Seconds from 1900 (NTP) to 1970 (Unix), RFC 5905 section 6. */
export const NTP_EPOCH_SECONDS = 2_208_988_800;
