/**
 * Cores, their governor, a quota; and how many send workers follow from that. In: the plan, /sys. Out: a finding. Main
 * isolate; allocates.
 */
import { type Check, type Finding, green, yellow } from "./check.ts";
import type { Plan } from "./plan.ts";

const CPUS = "/sys/devices/system/cpu";

/** Deno lets nobody without every permission read /sys. */
let forbidden = false;

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch (error) {
    forbidden ||= error instanceof Deno.errors.NotCapable;
    return null;
  }
}

/** The governors that are in use, each once; empty where there is none to be seen. */
function governorsOf(cores: number): string[] {
  const found = Array.from({ length: cores }, (_, cpu) => read(`${CPUS}/cpu${cpu}/cpufreq/scaling_governor`));
  return [...new Set(found.filter((name) => name !== null))].sort();
}

/** Cores that a control group leaves us, or null for all (cgroup v2, cpu.max: "QUOTA PERIOD" or "max PERIOD"). */
function quotaOf(): number | null {
  const [quota, period] = (read("/sys/fs/cgroup/cpu.max") ?? "max").split(" ").map(Number);
  return quota > 0 && period > 0 ? quota / period : null;
}

function look({ start }: Plan): Finding {
  const cores = navigator.hardwareConcurrency, governors = governorsOf(cores), quota = quotaOf();
  const { size, why } = start.poolSize;
  const values = { cores, governors, quota, poolSize: size, poolSizeWhy: why, machine: Deno.build.arch };
  const governor = forbidden
    ? "governor unknown (that needs every permission)"
    : governors.length === 0
    ? "no governor to be seen (usual in a virtual machine)"
    : `governor ${governors.join(" and ")}`;
  const says = `${cores} core${cores > 1 ? "s" : ""}, ${governor}; ${size} send worker${size > 1 ? "s" : ""} (${why})`;
  if (quota !== null && quota < cores) {
    return yellow(
      `${says}; a quota of ${quota} cores stops every thread for up to 100 ms when it is used up`,
      "take the quota away (docker run without --cpus, a unit without CPUQuota)",
      values,
    );
  }
  if (size > cores) return yellow(says, `no more workers than cores: leave --pool-size out`, values);
  if (governors.some((name) => name !== "performance")) {
    return yellow(
      `${says}; cores that slow down between blocks wake up late`,
      "cpupower frequency-set -g performance (Debian: linux-cpupower), or a governor set at boot",
      values,
    );
  }
  if (cores < 2) return yellow(says, "a second core: capture, mixing and encoding share this one", values);
  return green(says, values);
}

/** Cores, governor, pool size. */
export const processor: Check = { id: "processor", run: look };
