/**
 * The way back from real-time priority. In, out: nothing. Linux; any thread, for itself; allocates.
 */
const SYMBOLS = {
  /** int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param); 0 is the calling thread */
  sched_setscheduler: { parameters: ["i32", "i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Without the flag the system refuses: it may not be taken back (sched(7)). */
const SCHED_OTHER = 0, SCHED_RESET_ON_FORK = 0x4000_0000;

/** After `becomeRealTime`: the calling thread is like any other again. */
export function becomeOrdinary(): void {
  if (Deno.build.os !== "linux") return;
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  libc.symbols.sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, new Int32Array([0]));
  libc.close();
}
