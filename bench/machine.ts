/** Which machine a measurement was made on, and what others took of it meanwhile. Linux's /proc; main isolate. */

export interface Machine {
  readonly date: string;
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  readonly deno: string;
}

export function machine(): Machine {
  const cpu = /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1];
  return {
    date: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    cores: navigator.hardwareConcurrency,
    cpu: cpu ?? Deno.build.arch,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
  };
}

/** [all, stolen] of the processor's time since the start, of all cores, in clock ticks (proc(5), /proc/stat). */
function ticks(): [number, number] {
  const [line] = Deno.readTextFileSync("/proc/stat").split("\n");
  // user nice system idle iowait irq softirq steal; guest time is counted in user's.
  const columns = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return [columns.reduce((sum, ticks) => sum + ticks, 0), columns[7] ?? 0];
}

/** Call the answer for the percentage, since this call, of all cores' time that the hypervisor gave to others. */
export function watchSteal(): () => number {
  const [all, stolen] = ticks();
  return () => {
    const [allNow, stolenNow] = ticks();
    return allNow > all ? 100 * (stolenNow - stolen) / (allNow - all) : 0;
  };
}
