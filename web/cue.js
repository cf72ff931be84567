/**
 * Listening here to what a seat gets: a session of the engineer's own, with that seat's cue. The player is loaded at the
 * first use. Out: "change". Browser's main thread.
 */
import { call, explain } from "./api.js";
import { t } from "./words.js";

const KEPT = "foldback.cue";
/** How the console's own sessions are told from phones. */
export const CUE_DEVICE = "console-cue-";

/** This tab's own device. */
function device() {
  const made = () => CUE_DEVICE + crypto.getRandomValues(new Uint32Array(2)).join("");
  try {
    const kept = sessionStorage.getItem(KEPT) ?? made();
    sessionStorage.setItem(KEPT, kept);
    return kept;
  } catch {
    return made();
  }
}

export class Cue extends EventTarget {
  /** Whose mix is heard. @type {string | null} */
  seat = null;
  busy = false;
  /** Linear, 0 … 1. */
  volume = 1;
  #secret;
  #live;
  #say;
  /** @type {any} */
  #listening = null;
  /** @type {string | null} */
  #session = null;

  /** @param {string} secret engineer key @param {import("./live.js").Live} live @param {(text: string, bad?: boolean) => void} say */
  constructor(secret, live, say) {
    super();
    this.#secret = secret;
    this.#live = live;
    this.#say = say;
  }

  /** How it goes, for people. */
  get text() {
    return this.#listening === null ? "" : this.#listening.problem ?? t(`listen.state.${this.#listening.state}`);
  }

  /** From the stage to the ear; null: not known yet. @returns {number | null} */
  get delayMs() {
    return this.#listening?.stats?.delayMs ?? null;
  }

  /** @param {number} volume */
  turn(volume) {
    this.volume = volume;
    if (this.#listening !== null) this.#listening.volume = volume;
    this.dispatchEvent(new Event("change"));
  }

  /** Begins, changes over without a gap, or ends when this seat is heard already. @param {string} seat */
  async toggle(seat) {
    if (this.busy) return;
    this.#set(this.seat, true);
    try {
      if (this.seat === seat) await this.stop();
      else if (this.#session !== null) {
        const session = this.#session;
        await call("PATCH", `/api/v1/sessions/${session}`, { cue: seat }, this.#secret);
        if (this.#session === session) this.#set(seat);
      } else await this.#start(seat);
    } catch (error) {
      this.#say(explain(error), true);
      await this.stop();
    }
    this.#set(this.seat, false);
  }

  async stop() {
    const session = this.#session, listening = this.#listening;
    // At once: another seat may be listened to before this has ended.
    this.#session = this.#listening = null;
    this.#set(null);
    await listening?.stop();
    if (session !== null) await call("DELETE", `/api/v1/sessions/${session}`, undefined, this.#secret).catch(() => {});
  }

  /** @param {string} seat */
  async #start(seat) {
    const { canListen, Listening } = await import("./listen.js");
    const cannot = canListen();
    if (cannot !== null) return this.#say(t(`listen.cannot.${cannot}`), true);
    const wish = { name: t("con.cue.name"), device: device(), mode: "mix", frameMs: 5, cue: seat };
    const joined = await call("POST", "/api/v1/sessions", wish, this.#secret);
    this.#session = joined.session;
    const { session, token, media } = joined;
    this.#listening = new Listening({ session, token, media, live: this.#live });
    this.#listening.volume = this.volume;
    this.#listening.addEventListener("change", () => this.#followed());
    this.#listening.addEventListener("stats", () => this.dispatchEvent(new Event("change")));
    this.#set(seat);
    await this.#listening.start();
  }

  #followed() {
    const { state } = this.#listening ?? {};
    if (state === "failed" || state === "ended" || state === "taken") {
      this.#say(this.text, true);
      void this.stop();
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string | null} seat @param {boolean} [busy] */
  #set(seat, busy = this.busy) {
    this.seat = seat;
    this.busy = busy;
    this.dispatchEvent(new Event("change"));
  }
}
