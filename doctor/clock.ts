/**
 * Does the machine's clock run evenly? The monotonic clock, which audio goes by, against the wall clock since the doctor
 * began; whether something sets that one; and what both are read from. In: the system. Out: a finding. Main isolate;
 * allocates.
 */
import { type Check, type Finding, green, yellow } from "./check.ts";

/** A wall clock that moves by more than this against the other was set. Both are read to a millisecond. */
const STEP_MS = 5;
/** Sources that are read without a call of the kernel, in nanoseconds. Others take microseconds. */
const QUICK_SOURCES = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];

const difference = (): number => Date.now() - performance.now();
const begun = { difference: difference(), at: performance.now() };

const SYMBOLS = {
  /** int adjtimex(struct timex *buf) */
  adjtimex: { parameters: ["buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** struct timex on 64-bit Linux is 208 bytes; `status` is at 40. modes = 0 only reads. */
const TIMEX_BYTES = 208, STATUS_AT = 40, STA_UNSYNC = 0x40;

/** Whether something keeps the wall clock right (NTP, chrony, a hypervisor); null: nobody knows. */
function isSynchronised(): boolean | null {
  if (Deno.build.os !== "linux") return null;
  const timex = new Uint8Array(new ArrayBuffer(TIMEX_BYTES));
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const code = libc.symbols.adjtimex(timex);
  libc.close();
  return code < 0 ? null : (new DataView(timex.buffer).getInt32(STATUS_AT, true) & STA_UNSYNC) === 0;
}

function sourceOf(): string | null {
  try {
    return Deno.readTextFileSync("/sys/devices/system/clocksource/clocksource0/current_clocksource").trim();
  } catch {
    return null;
  }
}

function look(): Finding {
  const stepMs = difference() - begun.difference, seconds = (performance.now() - begun.at) / 1000;
  const synchronised = isSynchronised(), source = sourceOf();
  const values = { stepMs: Math.round(stepMs), seconds, synchronised, source };
  const kept = synchronised === null ? "" : synchronised ? ", kept right by NTP or the host" : ", kept right by nobody";
  const from = source === null ? "" : `, read from ${source}`;
  if (Math.abs(stepMs) > STEP_MS) {
    return yellow(
      `the wall clock was set by ${Math.round(stepMs)} ms in the last ${seconds.toFixed(0)} s${kept}${from}`,
      "let chrony or systemd-timesyncd settle before the show; sound goes by the other clock, but shown delays don't",
      values,
    );
  }
  if (source !== null && !QUICK_SOURCES.includes(source)) {
    return yellow(
      `no step in ${seconds.toFixed(0)} s${kept}${from}, which is slow to read`,
      "look for 'tsc' in dmesg: the kernel says why it doesn't trust it",
      values,
    );
  }
  return green(`no step of the wall clock in ${seconds.toFixed(0)} s${kept}${from}`, values);
}

/** Clocks. */
export const clock: Check = { id: "clock", run: look };
