/**
 * The state's way to the disk. In: each new state. Out: `state.json`, at every moment whole, and the one before it as
 * `state.last.json`. Writing never holds anybody up: it is asynchronous, one at a time, the newest state wins, and a disk
 * that refuses is tried again. Control worker; allocates.
 */
import { beside, discard, duplicate, syncDirectory, writeBeside } from "./durable.ts";
import { lastFile, MIGRATIONS, type Migrations, MOST_BYTES, restore, type Restored, stateFile } from "./restore.ts";
import { FRESH_STATE, type State } from "./state.ts";
import { stateText } from "./state_text.ts";

/** A fader that is moved changes the state many times; and what is touched must be on disk within a second. */
const GATHER_MS = 200;
/** Between a write that failed and the next, doubled each time. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** @throws Error if a part of it fails; `state.json` is the old one or the new one. */
async function save(directory: string, state: State): Promise<void> {
  const file = stateFile(directory), bytes = new TextEncoder().encode(stateText(state));
  if (bytes.length > MOST_BYTES) {
    throw new Error(`it would have ${bytes.length} bytes, and ${MOST_BYTES} at most can be`);
  }
  await writeBeside(file, bytes);
  try {
    await duplicate(file, lastFile(directory));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) { // the first ever
      await discard(beside(file)).catch(() => {});
      throw error;
    }
  }
  await Deno.rename(beside(file), file);
  await syncDirectory(directory);
}

/** Keeps a state on disk: `load` first, then `touch` each new one, `stop` at the end. */
export class Store {
  readonly #directory: string | null;
  readonly #trouble: (text: string) => void;
  readonly #migrations: Migrations;
  #newest: State = FRESH_STATE;
  /** Touches so far; of those, how many the last write to begin had, and how many are on disk. */
  #touches = 0;
  #begun = 0;
  #saved = 0;
  /** When the oldest change that no write has begun with was touched. */
  #since = 0;
  #writing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #problem: string | null = null;
  #stopped = false;

  /**
   * @param directory null: everything stays in memory, and succeeds.
   * @param trouble Told in words, once when writing begins to fail, and once when it works again.
   */
  constructor(directory: string | null, trouble: (text: string) => void, migrations: Migrations = MIGRATIONS) {
    this.#directory = directory;
    this.#trouble = trouble;
    this.#migrations = migrations;
  }

  /** Why the last write failed; null if it succeeded. */
  get problem(): string | null {
    return this.#problem;
  }

  /**
   * The state of the last run, sound and checked; fresh if there is none. Once, before anything is touched.
   * @throws Error that names the file, if it can't be read or a newer version wrote it: writing would destroy it.
   */
  load(): Restored {
    if (this.#directory === null) return { state: FRESH_STATE, warnings: [] };
    const restored = restore(this.#directory, this.#migrations);
    this.#newest = restored.state;
    return restored;
  }

  /** From now on this is the state: on disk within a second. It must never be changed in place. */
  touch(state: State): void {
    if (this.#directory === null || state === this.#newest) return;
    if (this.#touches === this.#begun) this.#since = performance.now();
    this.#newest = state;
    this.#touches++;
    this.#plan();
  }

  /** Resolves when everything touched so far is on disk, or couldn't be written: see {@link problem}. Never rejects. */
  async settle(): Promise<void> {
    const goal = this.#touches;
    if (this.#writing !== null && this.#begun < goal) await this.#writing; // began too early
    if (this.#saved < goal) await this.#write();
  }

  /** The last write. What is touched later isn't written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    do await this.settle(); while (this.#saved < this.#touches && this.#problem === null);
    clearTimeout(this.#timer);
  }

  #plan(): void {
    if (this.#saved === this.#touches || this.#writing !== null || this.#timer !== undefined || this.#stopped) return;
    const wait = this.#problem === null ? this.#since + GATHER_MS - performance.now() : this.#retryMs;
    this.#timer = setTimeout(() => this.#write(), Math.max(0, wait));
  }

  /** The write that is under way, else a new one. */
  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#writing ??= this.#attempt().then(() => {
      this.#writing = null;
      this.#plan();
    });
  }

  async #attempt(): Promise<void> {
    const touches = this.#begun = this.#touches, file = stateFile(this.#directory!);
    try {
      await save(this.#directory!, this.#newest);
    } catch (error) {
      const failedBefore = this.#problem !== null;
      this.#retryMs = failedBefore ? Math.min(2 * this.#retryMs, LAST_RETRY_MS) : FIRST_RETRY_MS;
      this.#problem = `cannot write ${file}: ${(error as Error).message.split("\n")[0]}`;
      if (!failedBefore) {
        this.#trouble(`${this.#problem}; trying again: until then what is changed is lost at a restart`);
      }
      return;
    }
    this.#saved = touches;
    if (this.#problem === null) return;
    this.#problem = null;
    this.#trouble(`${file} is written again, and nothing is lost`);
  }
}
