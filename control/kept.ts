/**
 * The join code and the engineer key on disk: made at the first start, readable for the owner only (0600), kept, and
 * replaced when the engineer wants new ones. Main isolate, once at start; `keepSecret` in the control worker; allocates.
 */
import { randomBytes, randomInt } from "node:crypto";
import { replaceFile, replaceFileSync } from "./durable.ts";
import { FlagError } from "./flags.ts";

/** No letters that are mistaken for one another on a dark stage. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LENGTH = 6;
/** 128 bits. */
const KEY_BYTES = 16;

const SECRET = /^[\x21-\x7e]{4,64}$/;

export const makeCode = () => Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
export const makeKey = () => randomBytes(KEY_BYTES).toString("base64url");

const contentOf = (value: string) => new TextEncoder().encode(`${value}\n`);

export interface Secrets {
  readonly joinCode: string;
  readonly engineerKey: string;
  /** The file that holds the engineer key; null when it was given. */
  readonly engineerKeyFile: string | null;
}

function kept(directory: string, name: string, make: () => string): { value: string; file: string } {
  const file = `${directory}/${name}`;
  try {
    const value = Deno.readTextFileSync(file).trim();
    if (SECRET.test(value)) {
      Deno.chmodSync(file, 0o600);
      return { value, file };
    }
    throw new Error(`read ${file}: it holds no secret of ours; remove it to have a new one made`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const value = make();
  replaceFileSync(file, contentOf(value));
  return { value, file };
}

/** Open as long as the process lives. */
let hold: Deno.FsFile | null = null;

/**
 * Holds the state directory until this process ends, however it ends: two servers would overwrite each other's state.
 * Returns why it can't be held (a read-only disk, say), else null. @throws FlagError if another server holds it.
 */
export function holdDirectory(directory: string): string | null {
  const file = `${directory}/lock`;
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    hold = Deno.openSync(file, { write: true, create: true, mode: 0o600 });
    if (hold.tryLockSync(true)) return null;
  } catch (error) {
    return `cannot hold ${file}: ${(error as Error).message}`;
  }
  throw new FlagError(`--state-dir ${directory} is in use by another server: end it, or choose another directory`);
}

/** Given secrets win and are not written. @throws FlagError if the directory can't be used, Error that names the file. */
export function keepSecrets(directory: string, joinCode: string | null, engineerKey: string | null): Secrets {
  try {
    return secretsIn(directory, joinCode, engineerKey);
  } catch (error) {
    // Of the system: a file in its place, no permission, no space.
    const { code, message } = error as Error & { code?: string };
    if (code === undefined) throw error;
    throw new FlagError(`--state-dir must be a directory that can be written: ${directory}: ${message}`);
  }
}

function secretsIn(directory: string, joinCode: string | null, engineerKey: string | null): Secrets {
  const key = engineerKey === null ? kept(directory, "engineer-key", makeKey) : null;
  return {
    joinCode: joinCode ?? kept(directory, "join-code", makeCode).value,
    engineerKey: engineerKey ?? key!.value,
    engineerKeyFile: key?.file ?? null,
  };
}

let keeping: Promise<void> = Promise.resolve();

/**
 * Puts a secret in the place of the one that is kept: after this, on disk whatever happens. One at a time, in the order
 * of the calls. @throws Error that names the file, if it can't be written; RangeError if the next start would refuse it.
 */
export async function keepSecret(directory: string, name: "join-code" | "engineer-key", value: string): Promise<void> {
  if (!SECRET.test(value)) throw new RangeError(`cannot keep ${name}: it must have 4 to 64 characters without blanks`);
  const file = `${directory}/${name}`;
  const written = keeping.then(() => replaceFile(file, contentOf(value)));
  keeping = written.catch(() => {});
  try {
    await written;
  } catch (error) {
    throw new Error(`cannot write ${file}: ${(error as Error).message}`);
  }
}
