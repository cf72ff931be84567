/**
 * Why a session of ours is over, and what to do about it: join again after a restart of the server, but never fight for
 * the place. In: what was seen before a request was refused. Out: a verdict, or how long to wait. Pure; main isolate.
 */
import type { Refused } from "./session.ts";

/** A session that we joined again, and that ends within this, was taken by somebody. */
const SOON_MS = 10_000;
/** So often in a row, and it is another listener that does as we do. */
const TIMES = 3;
/** Before the next try to join; the last one for all after it. */
const BACK_OFF_MS = [500, 1000, 2000, 4000, 5000];
/** No server is believed that asks for more. */
const MAX_WAIT_MS = 60_000;

/**
 * `removed`: somebody ended it on purpose. `contested`: another listener uses our device id. `restarted`, `gone`: join
 * again.
 */
export type Verdict = "removed" | "contested" | "restarted" | "gone";

/** Our claim to the session that we have now. */
export class Claim {
  #unreachable = false;
  #joinedAgainAt = -Infinity;
  #takenInARow = 0;

  /** The server knows our session. */
  answered(): void {
    this.#unreachable = false;
  }

  /** The server doesn't answer: it may be on its way to be another one. */
  unreachable(): void {
    this.#unreachable = true;
  }

  /** Is it known why a token would be refused now? */
  explained(dismissed: boolean): boolean {
    return this.#unreachable || dismissed;
  }

  /** `time` in milliseconds, of any clock. */
  joinedAgain(time: number): void {
    this.#joinedAgainAt = time;
    this.#unreachable = false;
  }

  /** Our token is refused. `dismissed`: the server said BYE before. */
  refused(time: number, dismissed: boolean): Verdict {
    if (this.#unreachable) {
      this.#takenInARow = 0;
      return "restarted";
    }
    if (dismissed) return "removed";
    this.#takenInARow = time - this.#joinedAgainAt < SOON_MS ? this.#takenInARow + 1 : 0;
    return this.#takenInARow >= TIMES ? "contested" : "gone";
  }
}

/** How long to wait after the join was refused for the `failures`-th time in a row (from 1); null: there is no use in it. */
export function waitToJoin(refused: Pick<Refused, "status" | "retryAfterMs">, failures: number): number | null {
  const { status, retryAfterMs } = refused;
  const backOff = BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1];
  if (status === 429 || status === 503) return Math.min(MAX_WAIT_MS, retryAfterMs ?? backOff);
  return status === 0 || status >= 500 ? backOff : null;
}
