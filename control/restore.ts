/**
 * The state of the last run, from disk. In: the directory. Out: a sound state, and what the engineer should know of how
 * it was come by. What is damaged is put aside and never written over; what can't be read, or is a newer version's, is an
 * error, and nothing is touched. Control worker, once at start; allocates.
 */
import { beside, discardSync, duplicateSync, syncDirectorySync } from "./durable.ts";
import { sound } from "./sound.ts";
import { FRESH_STATE, State, STATE_VERSION } from "./state.ts";

export const stateFile = (directory: string): string => `${directory}/state.json`;
/** The one before it. */
export const lastFile = (directory: string): string => `${directory}/state.last.json`;
/** No state of ours comes near; more would hold up the start, and is refused by the store. */
export const MOST_BYTES = 64 * 1024 * 1024;
/** Damaged files that are kept. */
const MOST_DAMAGED = 5;
const DAMAGED_NAME = /^state\.damaged-.+\.json$/;

/** A tree as an older version wrote it. */
export type Tree = Record<string, unknown>;
/** The step at n makes version n into version n + 1; it may throw. The number itself is seen to. */
export type Migrations = Readonly<Record<number, (tree: Tree) => Tree>>;
export const MIGRATIONS: Migrations = {};

export interface Restored {
  readonly state: State;
  /** For the engineer: a line each. */
  readonly warnings: string[];
}

const reasonOf = (error: unknown): string => (error as Error).message.split("\n")[0];

/** There is a file, and it is no use. */
class Damaged extends Error {}

/** Runs what fails only where the content is wrong. */
function expecting<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Damaged(`${what}: ${reasonOf(error)}`);
  }
}

/** null: there is none. @throws Damaged, Error if it can't be read. */
function textOf(file: string): string | null {
  let bytes: Uint8Array;
  try {
    const { isFile, size } = Deno.statSync(file);
    if (!isFile) throw new Error("it isn't a file");
    if (size > MOST_BYTES) throw new Damaged(`it is larger than ${MOST_BYTES >> 20} MiB`);
    bytes = Deno.readFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Damaged) throw error;
    // The disk itself.
    if ((error as { code?: string }).code === "EIO") throw new Damaged(reasonOf(error));
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`);
  }
  return expecting("it isn't text", () => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

/** @throws Damaged, Error if a newer version wrote it. */
function stateOf(text: string, file: string, migrations: Migrations): State {
  let tree = expecting("it isn't JSON", () => JSON.parse(text)) as Tree;
  const found = tree?.version;
  if (typeof found !== "number" || !Number.isInteger(found)) throw new Damaged("it has no version");
  if (found > STATE_VERSION) {
    throw new Error(
      `cannot read ${file}: a newer Foldback wrote it (version ${found}, this one knows ${STATE_VERSION}); nothing was changed`,
    );
  }
  for (let version = found; version < STATE_VERSION; version++) {
    const step = migrations[version];
    if (step === undefined) throw new Damaged(`nothing is known of version ${version}`);
    tree = { ...expecting(`it isn't a state of version ${version}`, () => step(tree)), version: version + 1 };
  }
  const { data, error } = State.safeParse(tree);
  if (error !== undefined) throw new Damaged(`${error.issues[0].path.join(".")}: ${error.issues[0].message}`);
  return sound(data);
}

/** null: there is none. @throws Error if it can't be read or is a newer version's. */
function attempt(file: string, migrations: Migrations): State | Damaged | null {
  try {
    const text = textOf(file);
    return text === null ? null : stateOf(text, file, migrations);
  } catch (error) {
    if (error instanceof Damaged) return error;
    throw error;
  }
}

/** Keeps a copy of each file under a new name, and of all of those the newest few. @returns the new names. */
function putAside(directory: string, files: readonly string[]): string[] {
  const known = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => DAMAGED_NAME.test(name));
  const names: string[] = [];
  let time = Date.now();
  for (const file of files) {
    let name: string;
    do name = `state.damaged-${new Date(time++).toISOString().replaceAll(":", "")}.json`; while (known.includes(name));
    duplicateSync(file, `${directory}/${name}`);
    names.push(name);
  }
  // Those that were just made stay, wherever the clock stood when the others were.
  known.sort().splice(names.length - MOST_DAMAGED);
  for (const name of known) Deno.removeSync(`${directory}/${name}`);
  return names;
}

/** What a write that was cut off has left; on a disk that can't be written it stays. */
function clean(directory: string): void {
  for (const file of [stateFile(directory), lastFile(directory)]) {
    try {
      discardSync(beside(file));
    } catch { /* the next write will say so */ }
  }
}

/** Sets the files right after damage. @returns what became of them, for the warning. */
function repair(directory: string, damaged: readonly string[], last: boolean): string {
  const file = stateFile(directory);
  try {
    const names = putAside(directory, damaged);
    if (last) Deno.renameSync(lastFile(directory), file); // a copy would want space
    else for (const path of damaged) discardSync(path);
    syncDirectorySync(directory);
    return names.length === 0 ? "" : `; kept as ${names.join(" and ")}`;
  } catch (error) {
    return `; setting this right failed: ${reasonOf(error)}`;
  }
}

/** @throws Error that names the file, if one can't be read or a newer version wrote it. */
export function restore(directory: string, migrations: Migrations): Restored {
  const file = stateFile(directory), last = lastFile(directory);
  const present = attempt(file, migrations);
  if (present !== null && !(present instanceof Damaged)) {
    clean(directory);
    return { state: present, warnings: [] };
  }
  const before = attempt(last, migrations);
  if (present === null && before === null) {
    clean(directory);
    return { state: FRESH_STATE, warnings: [] };
  }
  const good = before === null || before instanceof Damaged ? null : before;
  const damaged: string[] = [], faults: string[] = [];
  for (const [path, found] of [[file, present], [last, before]] as const) {
    if (!(found instanceof Damaged)) continue;
    damaged.push(path);
    faults.push(`${path} is damaged (${found.message})`);
  }
  if (present === null) faults.unshift(`${file} is missing`);
  const now = good === null ? "starting afresh" : "going on with the state before it";
  const outcome = repair(directory, damaged, good !== null);
  clean(directory);
  return { state: good ?? FRESH_STATE, warnings: [`${faults.join(", ")}: ${now}${outcome}`] };
}
