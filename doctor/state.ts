/**
 * Can the state be kept? In: the plan. Out: a finding; what is written to find out is removed again, and directories
 * that aren't there aren't made. Main isolate; allocates.
 */
import { statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Check, type Finding, green, reasonOf, red, yellow } from "./check.ts";
import type { Plan } from "./plan.ts";

/** The state and its copies are below 10 MB: with less than this, something else fills the disk. */
const LOW_BYTES = 100 * 2 ** 20;

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The directory, or the nearest one above it that is there. */
function nearest(directory: string): string {
  let path = resolve(directory);
  while (!exists(path)) path = dirname(path);
  return path;
}

/** Writes, syncs and removes a file. @throws the system's error. */
function tryToWrite(directory: string): void {
  const path = Deno.makeTempFileSync({ dir: directory, prefix: ".foldback-doctor-" });
  try {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new TextEncoder().encode("foldback\n"));
    file.syncSync();
  } finally {
    Deno.removeSync(path);
  }
}

/** Whether a server holds the directory (`holdDirectory`). */
function isHeld(directory: string): boolean {
  try {
    using file = Deno.openSync(`${directory}/lock`, { write: true });
    if (!file.tryLockSync(true)) return true;
    file.unlockSync();
  } catch {
    // No lock, so no server.
  }
  return false;
}

/** Bytes that we may still write there; null: that may not be asked. */
function freeBytes(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}

function look({ start: { stateDir } }: Plan): Finding {
  const HOW = "choose a directory of yours with --state-dir";
  let place: string;
  try {
    place = nearest(stateDir);
    tryToWrite(place);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = reasonOf(error);
    return red(`${stateDir} can't be written: ${reason}`, HOW, { directory: stateDir, writable: false, reason });
  }
  const free = freeBytes(place);
  const held = isHeld(stateDir), made = place === resolve(stateDir);
  const values = { directory: stateDir, writable: true, exists: made, held, freeBytes: free };
  const room = free === null ? "" : `, ${(free / 2 ** 20).toFixed(0)} MiB free`;
  const says = `${stateDir}${made ? "" : " (made at the first start)"} can be written${room}`;
  if (held) return yellow(`${says}; a server is using it now`, "that one must end before another starts on it", values);
  if (free !== null && free < LOW_BYTES) {
    return yellow(says, "make room: without it mixes and scenes can't be saved", values);
  }
  return green(says, values);
}

/** The state directory. */
export const state: Check = { id: "state", run: look };
