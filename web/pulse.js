/**
 * What only /api/v1/timings tells: processor time, memory, withheld blocks. Asked every few seconds while the page is
 * seen. Out: "change". Browser's main thread.
 */
import { call } from "./api.js";

const EVERY_MS = 5000;
const FIRST_MS = 1000;

export class Pulse extends EventTarget {
  /** Of one core, since the last answer; null before the second. @type {number | null} */
  cpuPercent = null;
  /** @type {number | null} */
  rssBytes = null;
  /** @type {number | null} */
  withheld = null;
  #secret;
  #timer = 0;
  /** @type {{ timeMs: number, cpuUs: number } | null} */
  #last = null;
  #started = false;
  #closed = false;

  /** @param {string} secret engineer key */
  constructor(secret) {
    super();
    this.#secret = secret;
  }

  /** The second time, nothing. */
  start() {
    if (this.#started) return;
    this.#started = true;
    void this.#ask();
  }

  async #ask() {
    const first = this.#last === null;
    try {
      if (!document.hidden) this.#take(await call("GET", "/api/v1/timings", undefined, this.#secret));
    } catch { /* the line to the server says what is wrong */ }
    if (!this.#closed) this.#timer = setTimeout(() => this.#ask(), first ? FIRST_MS : EVERY_MS);
  }

  /** @param {any} timings */
  #take({ timeMs, cpuUs, rssBytes, withheld }) {
    const last = this.#last;
    // After a restart it begins anew.
    if (last !== null && cpuUs >= last.cpuUs && timeMs > last.timeMs) {
      this.cpuPercent = (cpuUs - last.cpuUs) / 10 / (timeMs - last.timeMs);
    }
    this.#last = { timeMs, cpuUs };
    this.rssBytes = rssBytes;
    this.withheld = withheld;
    this.dispatchEvent(new Event("change"));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
