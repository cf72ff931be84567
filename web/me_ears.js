/**
 * Listening in this page to this page's own session. The player is fetched once the line is up, so that the press on the
 * button starts it at once: browsers allow sound only then. In: the token, the line. Out: `cannot`, `state`, "change".
 * Browser's main thread.
 */
import { call } from "./api.js";

export class Ears extends EventTarget {
  /** Why it can't be done here: "https", "browser"; null: it can, or nobody knows yet. @type {"https" | "browser" | null} */
  cannot = null;
  /** The player is there. */
  ready = false;
  #token;
  #live;
  /** @type {any} */
  #listening = null;
  #preparing = false;
  #closed = false;

  /** @param {string} token @param {import("./live.js").Live} live */
  constructor(token, live) {
    super();
    this.#token = token;
    this.#live = live;
  }

  /** listen.js's states; "off" without a player. */
  get state() {
    return this.#listening?.state ?? "off";
  }
  get on() {
    const { state } = this;
    return state !== "off" && state !== "failed" && state !== "ended" && state !== "taken";
  }
  /** What the output takes, in ms; null while nothing is known. @returns {number | null} */
  get outputMs() {
    return this.#listening?.stats?.outputMs ?? null;
  }
  /** What went wrong, for people. @returns {string | null} */
  get problem() {
    return this.#listening?.problem ?? null;
  }

  /** Fetches the player; may be called again and again. */
  async prepare() {
    const session = this.#live.state?.session;
    if (this.#preparing || this.#closed || session === undefined) return;
    this.#preparing = true;
    try {
      const [{ canListen, Listening }] = await Promise.all([import("./listen.js"), import("./listen_words.js")]);
      this.cannot = canListen();
      if (this.cannot === null) {
        const { media } = await call("GET", `/api/v1/sessions/${session}`, undefined, this.#token);
        if (this.#closed) return;
        this.#listening = new Listening({ session, token: this.#token, media, live: this.#live });
        this.#listening.addEventListener("change", () => this.#say());
      }
      this.ready = true;
    } catch {
      // The next time that the line is up.
      this.#preparing = false;
    }
    this.#say();
  }

  /** From a press. */
  toggle() {
    if (this.#listening === null) return;
    void (this.on ? this.#listening.stop() : this.#listening.start());
    this.#say();
  }

  close() {
    this.#closed = true;
    void this.#listening?.stop();
  }

  #say() {
    this.dispatchEvent(new Event("change"));
  }
}

/** This page over HTTPS, null if the server has none. @param {number | undefined} port @param {string} fragment */
export async function safeAddress(port, fragment) {
  if (port === undefined) return null;
  const { secureAddress } = await import("./listen.js");
  return secureAddress(port, fragment);
}
