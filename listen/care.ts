/**
 * What a listener looks after: it reports its delay each second, asks for its session, follows the changes of it, joins
 * again when the server has forgotten it, notices silence, and that it is no longer wanted. In: the audio worker's
 * statistics and doubts. Out: requests, orders to the worker, notes, and the end when there is no going on. Main isolate;
 * may allocate.
 */
import { setTimeout as rest } from "node:timers/promises";
import { now } from "../core/clock.ts";
import { Claim, waitToJoin } from "./claim.ts";
import type { Line } from "./line.ts";
import { type Media, type Stats, widthOf } from "./messages.ts";
import type { ListenOptions } from "./options.ts";
import { Refused, resolved, Session } from "./session.ts";
import { Silence } from "./silence.ts";
import type { Printer } from "./statistics.ts";

/** After a doubt that an answer didn't settle (the change is under way, say) the next one is heeded so much later. */
const ASK_SOON_MS = 50, ASK_MS = 250;
/** A BYE comes within this after the end of a session; the contract's limit is 50. */
const BYE_MS = 200;
/** Doubts farther apart than this aren't about the same thing. */
const SETTLED_MS = 1000;

export interface Ending {
  /** Exit code. */
  readonly code: number;
  readonly reason: string;
}

const OVER = {
  removed: "the session is over: the engineer ended it, or this device joined again elsewhere",
  contested: "the session is over: another listener uses this device id (--device) and takes its place again and again",
};
const AGAIN = {
  restarted: "the server was restarted",
  gone: "the server doesn't know the session any more",
};

export class Care {
  #session: Session;
  /** What the worker was told last, as the server said it. */
  #media: Media;
  readonly #options: ListenOptions;
  readonly #printer: Printer;
  readonly #line: Line;
  readonly #end: (ending: Ending) => void;
  readonly #silence: Silence;
  readonly #claim = new Claim();
  readonly #leaving = new AbortController();
  #dismissed = false;
  #doubtedAt = -Infinity;
  #askedAt = -Infinity;
  #askAgainMs = 0;
  #busy = false;

  /** `line`: to a worker that was started with the session's media. */
  constructor(
    session: Session,
    options: ListenOptions,
    printer: Printer,
    line: Line,
    end: (ending: Ending) => void,
  ) {
    this.#session = session;
    this.#media = session.joined.media;
    this.#options = options;
    this.#printer = printer;
    this.#line = line;
    this.#end = end;
    this.#silence = new Silence((text) => printer.note(text));
  }

  /** Each second. */
  second(stats: Stats): void {
    this.#dismissed = stats.dismissed;
    this.#silence.second(stats, this.#media);
    void this.#ask(stats);
  }

  /** What comes isn't as agreed, or the server said BYE. */
  doubt(dismissed: boolean): void {
    if (dismissed && !this.#dismissed) this.#printer.note("the server said goodbye");
    this.#dismissed = dismissed;
    const time = now();
    if (time - this.#doubtedAt > SETTLED_MS) this.#askAgainMs = 0;
    this.#doubtedAt = time;
    if (time - this.#askedAt < this.#askAgainMs) return;
    this.#askAgainMs = this.#askAgainMs === 0 ? ASK_SOON_MS : ASK_MS;
    this.#askedAt = time;
    void this.#ask(null);
  }

  /** Nothing is looked after any more, whatever answers still come. */
  stop(): void {
    this.#leaving.abort();
  }

  /** Gives the place free; the session may be gone already, and the server too. */
  async leave(): Promise<void> {
    this.stop();
    await this.#session.leave().catch(() => {});
  }

  /** One question at a time: an answer that overtakes another would take the worker back. */
  async #ask(stats: Stats | null): Promise<void> {
    if (this.#busy || this.#leaving.signal.aborted) return;
    this.#busy = true;
    try {
      // Without packets there is no delay to speak of.
      if (stats !== null) await this.#session.report(stats.bufferMs ?? 0, stats.outputMs);
      if (this.#leaving.signal.aborted) return;
      const view = await this.#session.view(this.#leaving.signal), { media } = view;
      if (this.#leaving.signal.aborted) return;
      this.#claim.answered();
      this.#line.mix(view);
      if (!sameMedia(media, this.#media)) await this.#agree(media);
    } catch (error) {
      await this.#refused(error);
    } finally {
      this.#busy = false;
    }
  }

  /** The worker follows, if what it makes can still go where it goes. */
  async #agree(media: Media): Promise<void> {
    const { out } = this.#options, before = widthOf(this.#media), width = widthOf(media);
    if (out !== null && width !== before) {
      const reason = `cannot go on writing ${out}: it has ${before} channels, and the session now has ${width}`;
      return this.#end({ code: 1, reason });
    }
    const found = await resolved(media).catch(() => null);
    if (found === null) return; // no address now: the next answer differs as well
    this.#line.agree(found);
    this.#printer.changed(this.#media, media);
    this.#media = media;
    this.#askAgainMs = 0;
  }

  async #refused(error: unknown): Promise<void> {
    if (this.#leaving.signal.aborted) return;
    if (!(error instanceof Refused)) return this.#end({ code: 1, reason: String(error) });
    if (error.status === 0 || error.status >= 500) return this.#claim.unreachable();
    if (error.status !== 401 && error.status !== 404) return;
    // The token dies some milliseconds before the BYE is sent and seen.
    if (!this.#claim.explained(this.#dismissed)) await this.#rest(BYE_MS);
    if (this.#leaving.signal.aborted) return;
    const verdict = this.#claim.refused(now(), this.#dismissed);
    if (verdict === "removed" || verdict === "contested") this.#end({ code: 1, reason: OVER[verdict] });
    else await this.#joinAgain(AGAIN[verdict]);
  }

  /** Ends early when we leave. */
  #rest(ms: number): Promise<void> {
    return rest(ms, undefined, { signal: this.#leaving.signal }).catch(() => {});
  }

  async #joinAgain(why: string): Promise<void> {
    this.#printer.note(`joining again: ${why}`);
    this.#silence.over(this.#media);
    const { signal } = this.#leaving;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        this.#session = await Session.join(this.#options, signal);
        break;
      } catch (error) {
        const wait = error instanceof Refused ? waitToJoin(error, failures) : null;
        if (wait === null) return this.#end({ code: 1, reason: (error as Error).message });
        await this.#rest(wait);
      }
    }
    if (signal.aborted) return;
    const { joined } = this.#session;
    this.#claim.joinedAgain(now());
    this.#dismissed = false;
    this.#printer.joinedAgain(joined);
    this.#line.mix(joined);
    await this.#agree(joined.media);
  }
}

/** The server may name the fields in any order. */
function sameMedia(a: Media, b: Media): boolean {
  const keys = Object.keys({ ...a, ...b }) as (keyof Media)[];
  return keys.every((key) => String(a[key]) === String(b[key]));
}
