/**
 * What a live client may cost, and the codes that it is closed with (docs/PROTOCOL.md). Control worker; allocates nothing
 * but what it says.
 */

/** Why we close. Codes below 4000 are RFC 6455's own; the library adds 1002, 1007, 1008 and 1009. */
export const enum Close {
  Ending = 1001,
  Failed = 1011,
  NotUnderstood = 4400,
  WrongSecret = 4401,
  NotAllowed = 4403,
  NoHello = 4408,
  TooMany = 4409,
  Behind = 4413,
  TooFast = 4429,
}

/** From the connection to the hello. */
export const HELLO_MS = 5_000;
/** Pings among them. */
export const MESSAGES_PER_SECOND = 200;
/** More than this in its socket's buffer, and a client gets nothing new; a state of ten seats has 60 KiB. */
export const CONGESTED_BYTES = 256 * 1024;
/** Answers that wait so long that the client is dropped. */
export const MOST_WAITING_BYTES = 1024 * 1024;
/** Levels are worth nothing when they are late. */
export const CONGESTED_FOR_METERS_BYTES = 4 * 1024;
/** Without reading, or without answering a ping. */
export const BEHIND_MS = 10_000;
/** How long a client has to answer our closing before its connection is cut. */
export const LINGER_MS = 250;

/** A number of events per second that nobody may exceed, the first second's at once. */
export class Allowance {
  #left = MESSAGES_PER_SECOND;
  #at: number;
  constructor(time: number) {
    this.#at = time;
  }
  take(time: number): boolean {
    const fresh = Math.max(0, time - this.#at) * MESSAGES_PER_SECOND / 1000;
    this.#left = Math.min(MESSAGES_PER_SECOND, this.#left + fresh) - 1;
    this.#at = time;
    return this.#left >= 0;
  }
}
