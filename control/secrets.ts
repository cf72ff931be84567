/**
 * Who is asking: tells apart the join code, session tokens, the engineer key and anything else, and holds off addresses
 * that guess. Control worker; allocates.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Refusal } from "./problem.ts";

/** No letters that are mistaken for one another on a dark stage. */
export const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/** Ten wrong secrets from one address within a minute hold it off for a minute. */
const WRONG_LIMIT = 10;
const WRONG_WINDOW_MS = 60_000;
const HELD_OFF_MS = 60_000;
/** Addresses remembered: a flood of addresses must not fill the memory. */
const MAX_ADDRESSES = 4096;

/** 256 random bits: a token. */
export const randomToken = (): string => randomBytes(32).toString("base64url");
/** `bytes` random bytes as letters, digits, `-` and `_`. */
export const randomText = (bytes: number): string => randomBytes(bytes).toString("base64url");

const digest = (secret: string): Uint8Array => createHash("sha256").update(secret).digest();
/** What a token is kept and found by: looking up a digest tells nothing about the token by its duration. */
export const tokenKey = (token: string): string => createHash("sha256").update(token).digest("base64url");

/** The secret of an Authorization header (RFC 6750 section 2.1), null without one. */
export function bearerOf(header: string | undefined): string | null {
  const match = header === undefined ? null : /^Bearer +(\S.*)$/i.exec(header.trim());
  return match === null ? null : match[1];
}

interface Guesses {
  readonly wrong: number[];
  heldUntil: number;
}

/** Addresses that sent wrong secrets. Bounded. */
export class GuessTable {
  readonly #addresses = new Map<string, Guesses>();

  get size(): number {
    return this.#addresses.size;
  }
  /** Milliseconds for which the address is still held off; 0 if it isn't. */
  heldFor(address: string, time: number): number {
    return Math.max(0, (this.#addresses.get(address)?.heldUntil ?? 0) - time);
  }
  /** Counts a wrong secret. */
  wrong(address: string, time: number): void {
    const guesses = this.#addresses.get(address) ?? { wrong: [], heldUntil: 0 };
    while (guesses.wrong.length > 0 && guesses.wrong[0] <= time - WRONG_WINDOW_MS) guesses.wrong.shift();
    guesses.wrong.push(time);
    if (guesses.wrong.length >= WRONG_LIMIT) {
      guesses.heldUntil = time + HELD_OFF_MS;
      guesses.wrong.length = 0;
    }
    // The map's order is the order of the last guess: the first entry is the one to forget.
    this.#addresses.delete(address);
    this.#addresses.set(address, guesses);
    if (this.#addresses.size > MAX_ADDRESSES) this.#forgetOne(time);
  }
  #forgetOne(time: number): void {
    let oldest: string | undefined;
    for (const [address, { heldUntil }] of this.#addresses) {
      oldest ??= address;
      if (heldUntil > time) continue;
      oldest = address;
      break;
    }
    if (oldest !== undefined) this.#addresses.delete(oldest);
  }
}

/** Who a right secret belongs to. */
export type Caller<Session> =
  | { readonly kind: "join" }
  /** The code of one seat. */
  | { readonly kind: "invite"; readonly seat: string }
  | { readonly kind: "session"; readonly session: Session }
  | { readonly kind: "engineer" };

export interface Secrets<Session> {
  readonly joinCode: string;
  readonly engineerKey: string;
  readonly guesses: GuessTable;
  /** The live session whose token has this key. */
  readonly sessionOf: (tokenKey: string) => Session | undefined;
  /** The seat whose invite has this key. */
  readonly seatOf: (inviteKey: string) => string | undefined;
}

/** @throws Refusal 401 for a missing or wrong secret, 429 while the address is held off. */
export function callerOf<Session>(
  secrets: Secrets<Session>,
  header: string | undefined,
  address: string,
  time: number,
): Caller<Session> {
  const secret = bearerOf(header);
  if (secret === null) throw unauthorized("this needs a secret: send `Authorization: Bearer SECRET`");
  const hash = digest(secret);
  if (timingSafeEqual(hash, digest(secrets.engineerKey))) return { kind: "engineer" };
  const session = secrets.sessionOf(tokenKey(secret));
  if (session !== undefined) return { kind: "session", session };
  // A code is typed on a phone, whose keyboard decides about capitals.
  const code = secret.toUpperCase();
  const join = timingSafeEqual(digest(code), digest(secrets.joinCode.toUpperCase()));
  const seat = secrets.seatOf(tokenKey(code));
  const held = secrets.guesses.heldFor(address, time);
  if (held > 0) {
    const seconds = Math.ceil(held / 1000);
    throw new Refusal(429, `too many wrong secrets came from this address: wait ${seconds} s`, {
      headers: { "retry-after": String(seconds) },
    });
  }
  if (join) return { kind: "join" };
  if (seat !== undefined) return { kind: "invite", seat };
  secrets.guesses.wrong(address, time);
  throw unauthorized("the secret is wrong or no longer valid", ', error="invalid_token"');
}

const unauthorized = (detail: string, more = "") =>
  new Refusal(401, detail, { headers: { "www-authenticate": `Bearer realm="foldback"${more}` } });
