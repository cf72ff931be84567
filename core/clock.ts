/**
 * The one clock: milliseconds since the Unix epoch, with sub-microsecond steps, comparable between isolates and
 * processes of a machine (`process.hrtime` is not), unless the wall clock was set between their starts: see
 * {@link followWallClock} and {@link keepTime}. Any thread; {@link now} makes at most a number, {@link stamp} nothing.
 */
import type { Milliseconds } from "./units.ts";

let origin = performance.timeOrigin;
/** The time now. It never goes back in an isolate, even when the wall clock is set. */
export const now = (): Milliseconds => (origin + performance.now()) as Milliseconds;

/** A wall clock that is this far away was set; by less it may be slewed. */
const STEP_MS = 100;
/** To be called before anything is timed: isolates that begin now agree with this one, though the wall clock was set. */
export function followWallClock(): void {
  const step = Date.now() - now();
  if (Math.abs(step) > STEP_MS) origin += step;
}

const SYMBOLS = {
  /** int clock_gettime(clockid_t clock, struct timespec *time) */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** The clock that `performance.now()` reads too. */
const CLOCK_MONOTONIC = 1;
const TRIES = 10;

/** undefined: not tried yet; null: not to be had, then `performance.now()` must do. */
let libc: Deno.DynamicLibrary<typeof SYMBOLS> | null | undefined;
/** struct timespec as 32-bit halves. */
const timespec = new Uint32Array(new ArrayBuffer(16)), timespecBytes = new Uint8Array(timespec.buffer);
/** What the monotonic clock said, and what must be added to it. */
const monotonic = new Float64Array(2);

/** @hot Reads the monotonic clock. */
function readMonotonic(library: Deno.DynamicLibrary<typeof SYMBOLS>): void {
  library.symbols.clock_gettime(CLOCK_MONOTONIC, timespecBytes);
  monotonic[0] = timespec[0] * 1000 + timespec[2] / 1e6;
}

function open(): void {
  try {
    libc = Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    libc = null;
    return;
  }
  // Between the two readings the thread may be held up: the least difference is the true one.
  monotonic[1] = Infinity;
  for (let i = 0; i < TRIES; i++) {
    readMonotonic(libc);
    monotonic[1] = Math.min(monotonic[1], now() - monotonic[0]);
  }
}

/**
 * The time now, into `times[at]`. For the sound's way: a fraction that a function takes or returns is an object on the
 * heap, unless the compiler happens to inline the call, and `performance.now()` is such a function; one in an array never
 * is. The first call of a thread opens libc.
 * @hot
 */
export function stamp(times: Float64Array, at: number): void {
  if (libc === undefined) open();
  if (libc) {
    readMonotonic(libc);
    times[at] = monotonic[1] + monotonic[0];
  } else times[at] = origin + performance.now();
}

/** What {@link now} is ahead of the machine's monotonic clock; NaN where that can't be read. */
export function aheadOfMonotonic(): number {
  if (libc === undefined) open();
  return libc ? monotonic[1] : NaN;
}

/**
 * From now on {@link now} and {@link stamp} tell what those of the isolate tell whose {@link aheadOfMonotonic} this is. To
 * be called before either is used.
 */
export function keepTime(ahead: number): void {
  const difference = ahead - aheadOfMonotonic();
  if (Number.isNaN(difference)) return;
  origin += difference;
  monotonic[1] = ahead;
}

/** Seconds from 1900 (NTP) to 1970 (Unix), RFC 5905 section 6. */
export const NTP_EPOCH_SECONDS = 2_208_988_800;
