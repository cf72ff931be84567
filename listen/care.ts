/**
 * What a listener looks after once a second: it reports its delay, reads the mix again, notices silence, and that it is
 * no longer wanted. In: the audio worker's statistics. Out: requests, notes, and the end when there is no going on. Main
 * isolate; may allocate.
 */
import type { Media, Stats } from "./messages.ts";
import { mixdownGains } from "./mixdown.ts";
import type { ListenOptions } from "./options.ts";
import { Refused, type Session } from "./session.ts";
import type { Printer } from "./statistics.ts";

/** Seconds without a packet, or without an answer, before we say so. */
const SILENCE_SECONDS = 3;
/** Seconds without HTTP and without a packet before we give up. */
const GONE_SECONDS = 10;

export interface Ending {
  /** Exit code. */
  readonly code: number;
  readonly reason: string;
}

export class Care {
  readonly #session: Session;
  readonly #media: Media;
  readonly #printer: Printer;
  readonly #end: (ending: Ending) => void;
  readonly #mixes: boolean;
  readonly #gains: Float32Array;
  #received = 0;
  #byes = 0;
  #silent = 0;
  #unanswered = 0;
  #unreachable = 0;
  #saidSilent = false;
  #saidUnanswered = false;
  #busy = false;

  constructor(
    session: Session,
    media: Media,
    options: ListenOptions,
    printer: Printer,
    end: (ending: Ending) => void,
    gains: Float32Array,
  ) {
    this.#session = session;
    this.#media = media;
    this.#printer = printer;
    this.#end = end;
    this.#mixes = options.play !== null && media.channels !== undefined;
    this.#gains = gains;
  }

  async second(stats: Stats): Promise<void> {
    this.#watch(stats);
    if (this.#busy) return;
    this.#busy = true;
    try {
      // Without packets there is no delay to speak of; the request still tells whether we are wanted.
      await this.#session.report(stats.bufferMs ?? 0, stats.outputMs);
      if (this.#mixes) mixdownGains(await this.#session.mix(), this.#media.channels!, this.#gains);
      this.#unreachable = 0;
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#busy = false;
    }
  }

  #refused(error: unknown): void {
    if (!(error instanceof Refused)) return this.#end({ code: 1, reason: String(error) });
    if (error.status === 401 || error.status === 404) {
      this.#end({
        code: 1,
        reason:
          "the session is over: the engineer ended it, this device joined again elsewhere, or the server was restarted",
      });
    } else if (error.status === 0) this.#unreachable++;
  }

  #watch(stats: Stats): void {
    const came = stats.totals.received > this.#received;
    this.#received = stats.totals.received;
    if (stats.byes > this.#byes) this.#printer.note("the server said goodbye");
    this.#byes = stats.byes;
    this.#silent = came ? 0 : this.#silent + 1;
    this.#unanswered = stats.bound ? 0 : this.#unanswered + 1;
    const { host, port } = this.#media;
    if (this.#unanswered >= SILENCE_SECONDS && !this.#saidUnanswered) {
      this.#saidUnanswered = true;
      const why = this.#received > 0 ? "any more" : "(is a firewall in the way?)";
      this.#printer.note(`no answer from UDP ${host}:${port} ${why}; trying on`);
    } else if (stats.bound && this.#silent >= SILENCE_SECONDS && !this.#saidSilent) {
      this.#saidSilent = true;
      this.#printer.note(`bound, but no audio for ${SILENCE_SECONDS} s; trying on`);
    }
    if (came && (this.#saidSilent || this.#saidUnanswered)) {
      this.#saidSilent = this.#saidUnanswered = false;
      this.#printer.note("audio is back");
    }
    if (this.#silent >= GONE_SECONDS && this.#unreachable > 1) {
      this.#end({ code: 1, reason: "the server is gone: no answer and no audio" });
    }
  }
}
