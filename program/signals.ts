/** How the server is told to end. Main isolate, once. */

/** A terminal and `deno task` each send Ctrl-C on, within a millisecond: so close together two signals are one. */
const SAME_SIGNAL_MS = 300;

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
export function endSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => {
      if (first !== 0 && performance.now() - first > SAME_SIGNAL_MS) Deno.exit(signal === "SIGINT" ? 130 : 143);
      first ||= performance.now();
      resolve();
    });
  }
  return promise;
}
