/**
 * What only the operating system can say or do about threads and their memory: real-time priority, processor time used,
 * stepping aside, giving back what is free.
 * A synchronous FFI call runs on the isolate's own thread, so each isolate speaks for itself alone. libc is opened at
 * the first call, never at import. Any thread; only the first call allocates.
 */

const SYMBOLS = {
  /** int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param); 0 is the calling thread */
  sched_setscheduler: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  /** int clock_gettime(clockid_t clock, struct timespec *time) */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  /** pid_t gettid(void) */
  gettid: { parameters: [], result: "i32" },
  /** int malloc_trim(size_t pad); glibc's own, other libraries go without */
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  /** int tgkill(pid_t tgid, pid_t tid, int sig); signal 0 only asks whether this process has that thread */
  tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SCHED_FIFO = 1, SCHED_IDLE = 5;
/** Threads that this one starts (of V8, of libjack) must not become real-time by inheritance. */
const SCHED_RESET_ON_FORK = 0x4000_0000;
const CLOCK_THREAD_CPUTIME_ID = 3;

let libc: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
const timespec = new BigInt64Array(2);

/** @throws Error where there is no glibc of this name. */
const symbols = () => (libc ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;

/**
 * Asks for SCHED_FIFO at `priority` (1 to 99, larger is more urgent) for the calling thread.
 * @returns null when it was granted, else why not.
 */
export function becomeRealTime(priority: number): string | null {
  if (!Number.isInteger(priority) || priority < 1 || priority > 99) {
    throw new RangeError(`cannot ask for real-time priority: must be 1 to 99: is ${priority}`);
  }
  if (Deno.build.os !== "linux") return `not available on ${Deno.build.os}`;
  try {
    const set = symbols().sched_setscheduler;
    // EINVAL is ruled out above: what remains is EPERM.
    return set(0, SCHED_FIFO | SCHED_RESET_ON_FORK, new Int32Array([priority])) === 0
      ? null
      : "not permitted: needs CAP_SYS_NICE or an rtprio limit (ulimit -r)";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The system's number of the calling thread; 0 where that can't be asked. */
export function threadNumber(): number {
  if (Deno.build.os !== "linux") return 0;
  try {
    return symbols().gettid();
  } catch {
    return 0;
  }
}

/**
 * Leaves a thread of this process only the time that nobody else wants. For one that hangs: nothing can end it, and at
 * real-time priority it would keep a core to itself.
 */
export function makeIdle(thread: number): void {
  if (thread === 0) return; // no number, no libc
  const { tgkill, sched_setscheduler } = symbols();
  if (tgkill(Deno.pid, thread, 0) === 0) sched_setscheduler(thread, SCHED_IDLE, new Int32Array([0]));
}

/**
 * Gives the system back what the whole process has freed. Reading and compiling a thread's modules leaves some 30 MB that
 * glibc keeps for that thread, which never needs them again. Takes some 10 ms the first time, then below 1.
 */
export function returnFreeMemory(): void {
  if (Deno.build.os !== "linux") return;
  try {
    symbols().malloc_trim?.(0n);
  } catch { /* no glibc */ }
}

/** Processor time that the calling thread has used since it began, in microseconds; 0 where that can't be asked. */
export function threadCpuMicroseconds(): number {
  if (Deno.build.os !== "linux") return 0;
  try {
    if (symbols().clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec) !== 0) return 0;
  } catch {
    return 0;
  }
  return Number(timespec[0] * 1_000_000n + timespec[1] / 1000n);
}
