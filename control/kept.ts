/**
 * The join code and the engineer key on disk: made at the first start, readable for the owner only (0600), kept. Main
 * isolate, once at start.
 */
import { randomBytes, randomInt } from "node:crypto";
import { FlagError } from "./flags.ts";

/** No letters that are mistaken for one another on a dark stage. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LENGTH = 6;
/** 128 bits. */
const KEY_BYTES = 16;
/** A longer file is none of ours. */
const MOST_BYTES = 256;

const makeCode = () => Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
const makeKey = () => randomBytes(KEY_BYTES).toString("base64url");

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
    if (/^[\x21-\x7e]{4,64}$/.test(value) && value.length < MOST_BYTES) {
      Deno.chmodSync(file, 0o600);
      return { value, file };
    }
    throw new Error(`read ${file}: it holds no secret of ours; remove it to have a new one made`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const value = make(), fresh = `${file}.new`;
  Deno.writeTextFileSync(fresh, value + "\n", { mode: 0o600 });
  Deno.chmodSync(fresh, 0o600); // the mode above holds for a new file only
  Deno.renameSync(fresh, file);
  return { value, file };
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
