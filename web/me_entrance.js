/**
 * How a musician comes in: which session this page shows, and what stands in the way. `#join=CODE` makes this browser a
 * phone of its own; `#token=…` shows the mix of another program's session and never joins, so that the program goes on.
 * In: the address, what is kept, a name and a code. Out: `step`, and "change". Browser's main thread.
 */
import { call, explain, Problem } from "./api.js";
import * as kept from "./me_kept.js";
import { t } from "./words.js";

const WAITS_S = [1, 2, 4, 5];
/** When the server doesn't say how long. */
const FULL_S = 5, HELD_OFF_S = 60;

/**
 * @typedef {{ kind: "ask", problem: (() => string) | null }} Ask a name or a code is missing
 * @typedef {{ kind: "joining" }} Joining
 * @typedef {{ kind: "waiting", problem: () => string, until: number }} Waiting until: performance.now()
 * @typedef {{ kind: "in", token: string, own: boolean, sure: boolean }} In sure: the server has just given it out
 * @typedef {{ kind: "ended", own: boolean }} Ended
 */
export class Entrance extends EventTarget {
  /** @type {Ask | Joining | Waiting | In | Ended} */
  step = { kind: "joining" };
  /** "" while there is none. */
  code = "";
  #timer = 0;
  #failures = 0;
  /** Answers to an earlier attempt don't count. */
  #attempt = 0;

  /** Begins from the address, or from what is kept. */
  start() {
    const { join, token } = kept.readAddress(location.hash);
    if (join !== null) {
      this.code = join;
      kept.keepRemote(null);
      if (token !== null) kept.keepSession({ code: join, token });
      this.#showCode();
      return this.#resumeOrJoin();
    }
    if (token !== null) {
      kept.keepRemote(token);
      history.replaceState(null, "", location.pathname);
    }
    const remote = kept.keptRemote();
    if (remote !== null) return this.#set({ kind: "in", token: remote, own: false, sure: false });
    this.code = kept.keptSession()?.code ?? "";
    this.#resumeOrJoin();
  }

  /** A session that this browser has is used again: joining would end it in its other tabs. */
  #resumeOrJoin() {
    const session = kept.keptSession();
    if (session !== null && session.code === this.code) {
      return this.#set({ kind: "in", token: session.token, own: true, sure: false });
    }
    if (this.code === "" || kept.keptName() === "") return this.#set({ kind: "ask", problem: null });
    void this.join();
  }

  /** @param {string} name @param {string} code as typed */
  submit(name, code) {
    const clean = kept.cleanName(name);
    if (clean !== "") kept.keepName(clean);
    this.code = kept.codeIn(code);
    if (clean === "") return this.#set({ kind: "ask", problem: () => t("me.name.missing") });
    if (this.code === "") return this.#set({ kind: "ask", problem: () => t("me.code.missing") });
    void this.join();
  }

  /** Back to the form. */
  ask() {
    this.#attempt++;
    this.#set({ kind: "ask", problem: null });
  }

  async join() {
    const attempt = ++this.#attempt, { code } = this;
    this.#set({ kind: "joining" });
    try {
      const { token } = await this.#ask({ name: kept.keptName(), device: kept.device(), mode: "mix" }, code);
      if (attempt !== this.#attempt) return;
      this.#failures = 0;
      kept.keepRemote(null);
      kept.keepSession({ code, token });
      this.#showCode();
      this.#set({ kind: "in", token, own: true, sure: true });
    } catch (error) {
      if (attempt === this.#attempt) this.#refused(error);
    }
  }

  /**
   * A server at its limit may have room for longer frames: some milliseconds more, instead of no sound.
   * @param {Record<string, unknown>} wish @param {string} code
   */
  async #ask(wish, code) {
    try {
      return await call("POST", "/api/v1/sessions", wish, code);
    } catch (error) {
      if (!(error instanceof Problem) || error.offer === null) throw error;
      return await call("POST", "/api/v1/sessions", { ...wish, ...error.offer }, code);
    }
  }

  /** The server doesn't know the token (any more). */
  lost() {
    const { step } = this;
    if (step.kind !== "in") return;
    if (step.own) this.#forget(step.token);
    else kept.keepRemote(null);
    this.#set({ kind: "ended", own: step.own });
  }

  /** The token that was kept is an old one: the phone was away for long, or the server has forgotten it. */
  stale() {
    const { step } = this;
    if (step.kind !== "in") return;
    if (!step.own) return this.lost();
    this.#forget(step.token);
    this.#resumeOrJoin();
  }

  /** After it ended: with what another tab has joined meanwhile, or anew. */
  again() {
    this.#resumeOrJoin();
  }

  /** Unless another tab has joined meanwhile: its session is this one's too. @param {string} token */
  #forget(token) {
    if (kept.keptSession()?.token === token) kept.keepSession(null);
  }

  /** Leaves for good: the next musician with this phone is asked for a name. @param {string} session */
  async leave(session) {
    const { step } = this;
    if (step.kind !== "in") return;
    const attempt = ++this.#attempt;
    if (step.own) {
      kept.keepSession(null);
      await call("DELETE", `/api/v1/sessions/${session}`, undefined, step.token).catch(() => {});
    } else kept.keepRemote(null);
    if (attempt !== this.#attempt) return;
    this.code = "";
    history.replaceState(null, "", location.pathname);
    this.ask();
  }

  /** @param {unknown} error */
  #refused(error) {
    const status = error instanceof Problem ? error.status : -1, { code } = this;
    switch (status) {
      case 0:
        return this.#wait(() => t("me.unreachable"), WAITS_S[Math.min(this.#failures++, WAITS_S.length - 1)]);
      case 429:
        return this.#wait(() => t("me.heldoff"), error.retryAfter ?? HELD_OFF_S);
      case 503:
        return this.#wait(
          () => t(error.code === "overloaded" ? "me.overloaded" : "me.full"),
          error.retryAfter ?? FULL_S,
        );
      case 401:
        return this.#set({ kind: "ask", problem: () => t("me.code.wrong", { code }) });
      case 403:
        return this.#set({ kind: "ask", problem: () => t("me.code.notone") });
    }
    this.#set({ kind: "ask", problem: () => explain(error) });
  }

  /** @param {() => string} problem @param {number} seconds */
  #wait(problem, seconds) {
    this.#set({ kind: "waiting", problem, until: performance.now() + seconds * 1000 });
    this.#timer = setTimeout(() => void this.join(), seconds * 1000);
  }

  /** Who opens the page again, or keeps it on the home screen, comes back. */
  #showCode() {
    history.replaceState(null, "", `${location.pathname}#join=${encodeURIComponent(this.code)}`);
  }

  #set(step) {
    clearTimeout(this.#timer);
    this.step = step;
    this.dispatchEvent(new Event("change"));
  }
}
