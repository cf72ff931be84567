/**
 * Says when nothing is heard any more, and when it is again: once each. In: the audio worker's statistics. Out: notes.
 * Main isolate; may allocate.
 */
import type { Media, Stats } from "./messages.ts";

/** Seconds without a packet, or without an answer, before we say so. */
const SILENCE_SECONDS = 3;

export class Silence {
  readonly #note: (text: string) => void;
  #ssrc = 0;
  #received = 0;
  /** SSRC of a session that is over: it was said elsewhere. */
  #over = -1;
  #silent = 0;
  #unanswered = 0;
  #saidSilent = false;
  #saidUnanswered = false;

  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  /** It was said elsewhere that this session is over: audio is back with another one. */
  over({ ssrc }: Media): void {
    this.#over = ssrc;
    this.#saidSilent = true;
  }

  second({ ssrc, received, bound }: Stats, { host, port }: Media): void {
    const came = ssrc !== this.#over && received > (ssrc === this.#ssrc ? this.#received : 0);
    this.#ssrc = ssrc;
    this.#received = received;
    this.#silent = came ? 0 : this.#silent + 1;
    this.#unanswered = bound ? 0 : this.#unanswered + 1;
    if (this.#unanswered >= SILENCE_SECONDS && !this.#saidUnanswered) {
      this.#saidUnanswered = true;
      const why = this.#received > 0 ? "any more" : "(is a firewall in the way?)";
      this.#note(`no answer from UDP ${host}:${port} ${why}; trying on`);
    } else if (bound && this.#silent >= SILENCE_SECONDS && !this.#saidSilent) {
      this.#saidSilent = true;
      this.#note(`bound, but no audio for ${SILENCE_SECONDS} s; trying on`);
    }
    if (came && (this.#saidSilent || this.#saidUnanswered)) {
      this.#saidSilent = this.#saidUnanswered = false;
      this.#note("audio is back");
    }
  }
}
