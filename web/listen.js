/**
 * Listening in the browser: `new Listening({ session, token, media, live })`, `start()` from a click, `stop()`. Sound comes
 * by WebSocket into a worker, which decodes, and through shared memory to the sound card. It reports its delay, follows
 * what the engineer changes, connects again by itself, and keeps the screen on. In: the answer to a join. Out: sound,
 * `state`, `stats`, events "change" and "stats". Browser's main thread.
 */
import { call as callServer } from "./api.js";
import "./listen_words.js";
import { canListen, secureAddress } from "./listen_can.js";
import { gainsOf } from "./listen_mix.js";
import { Output } from "./listen_output.js";
import { ringMemory } from "./listen_ring.js";
import { t } from "./words.js";

export { canListen, secureAddress };

/** How long the peaks of `level` are kept. */
const LEVEL_MS = 50;
const STOP_MS = 1000;

/**
 * @typedef {"off" | "starting" | "waiting" | "playing" | "lost" | "ended" | "taken" | "failed"} ListenState
 * @typedef {{ session: string, token: string, media: any, live?: any, call?: typeof callServer }} ListenOptions
 */

export class Listening extends EventTarget {
  /** @type {ListenState} */
  state = "off";
  /** Why it failed, for people; else null. @type {string | null} */
  problem = null;
  /** The last second's; null before the first. @type {any} */
  stats = null;
  #options;
  #call;
  #media;
  #volume = 1;
  /** @type {Output | null} */
  #output = null;
  /** @type {Worker | null} */
  #worker = null;
  /** @type {any} */
  #lock = null;
  /** Of the session as the state shows it: when it changes, there is something to ask for. */
  #shape = "";
  /** What the gains were made of. @type {any[]} */
  #mixed = [];
  #asking = false;
  /** What the worker says of the line. @type {ListenState} */
  #line = "starting";
  #level = { left: 0, right: 0 };
  #levelAt = 0;
  #changed = () => this.#follow();
  #shown = () => {
    if (document.hidden) return;
    this.#output?.wake();
    this.#worker?.postMessage({ kind: "wake" });
    void this.#stayAwake();
  };

  /** @param {ListenOptions} options `live`: the page's line to the server (live.js), if it has one */
  constructor(options) {
    super();
    this.#options = options;
    this.#call = options.call ?? callServer;
    this.#media = options.media;
  }

  /** Never rejects: see `state`. */
  async start() {
    if (this.#output !== null) return;
    const why = canListen();
    if (why !== null) return this.#say("failed", t(`listen.cannot.${why}`));
    this.#say("starting");
    const memory = ringMemory();
    /** @type {Output | null} */
    let output = null;
    try {
      output = this.#output = new Output(memory);
      output.volume = this.#volume;
      output.addEventListener("change", () => this.#sounding());
      const { port1, port2 } = new MessageChannel();
      await output.open(memory, port1);
      if (this.#output !== output) return;
      this.#work(memory, port2);
    } catch (error) {
      if (this.#output === output) await this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  async stop() {
    await this.#end();
    this.#sayEnded("off");
  }

  /** Peaks of what was played in the last 50 ms, linear. */
  get level() {
    if (this.#output === null) return { left: 0, right: 0 };
    if (performance.now() - this.#levelAt > LEVEL_MS) {
      this.#levelAt = performance.now();
      this.#level = this.#output.takeLevel();
    }
    return this.#level;
  }
  get volume() {
    return this.#volume;
  }
  set volume(volume) {
    this.#volume = volume;
    if (this.#output) this.#output.volume = volume;
  }

  /** @param {SharedArrayBuffer} memory @param {MessagePort} worklet */
  #work(memory, worklet) {
    const { session, token, live } = this.#options, output = /** @type {Output} */ (this.#output);
    const worker = this.#worker = new Worker(new URL("./listen_worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => void this.#fail(event.message ?? "the audio worker can't be loaded");
    const url = new URL("/api/v1/audio", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const start = { kind: "start", url: url.href, session, token, media: this.#media, memory, worklet };
    worker.postMessage({ ...start, burst: output.burst }, [worklet]);
    live?.addEventListener("change", this.#changed);
    document.addEventListener("visibilitychange", this.#shown);
    this.#mixed = [];
    this.#follow();
    if (!live) void this.#ask();
    void this.#stayAwake();
  }

  async #end() {
    const output = this.#output, worker = this.#worker, lock = this.#lock;
    this.#output = this.#worker = this.#lock = null;
    this.stats = null;
    this.#options.live?.removeEventListener("change", this.#changed);
    document.removeEventListener("visibilitychange", this.#shown);
    void lock?.release().catch(() => {});
    if (worker) {
      // Its goodbye to the server goes first.
      await new Promise((resolve) => {
        worker.onmessage = ({ data }) => data.kind === "stopped" && resolve(null);
        setTimeout(resolve, STOP_MS);
        worker.postMessage({ kind: "stop" });
      });
      worker.terminate();
    }
    await output?.close();
  }

  /** @param {string} reason */
  async #fail(reason) {
    await this.#end();
    this.#sayEnded("failed", reason);
  }

  /** Unless it was started again while it ended. @param {ListenState} state @param {string | null} problem */
  #sayEnded(state, problem = null) {
    if (this.#output === null) this.#say(state, problem);
  }

  /** @param {ListenState} state @param {string | null} problem */
  #say(state, problem = null) {
    if (state === this.state && problem === this.problem) return;
    this.state = state;
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {any} message of the worker */
  #receive(message) {
    switch (message.kind) {
      case "state":
        if (message.state === "failed") return void this.#fail(message.reason);
        if (message.state === "ended" || message.state === "taken") return void this.#over(message.state);
        this.#line = message.state;
        return this.#sounding();
      case "stats":
        return void this.#report(message.stats);
      case "doubt":
        return void this.#ask();
      case "failed":
        return void this.#fail(message.reason);
    }
  }
  /** Playing is what is heard: the system may keep it silent (no touch yet, a phone call). */
  #sounding() {
    if (this.#output === null) return;
    this.#say(this.#line === "playing" && !this.#output.runs ? "waiting" : this.#line);
  }

  /** @param {"ended" | "taken"} state */
  async #over(state) {
    await this.#end();
    this.#sayEnded(state);
  }

  /** @param {any} seen of the worker */
  async #report(seen) {
    const output = this.#output, { session, token, live } = this.#options;
    if (output === null) return;
    this.#worker?.postMessage({ kind: "burst", burst: output.burst });
    const { outputMs } = output, { workletMs } = seen;
    this.stats = { ...seen, outputMs, delayMs: workletMs === null ? null : workletMs + outputMs };
    this.dispatchEvent(new Event("stats"));
    if (!live) void this.#ask();
    if (seen.bufferMs === null || this.state !== "playing") return;
    const body = { bufferMs: seen.bufferMs, outputMs };
    // Who doesn't answer is asked again in a second; who refuses us says so on the line too.
    await this.#call("POST", `/api/v1/sessions/${session}/report`, body, token).catch(() => {});
  }

  /** After each change of the live state. */
  #follow() {
    const { live, session } = this.#options, state = live?.state;
    const { [session]: own } = state?.sessions ?? {};
    if (own === undefined) return;
    const { name: _, ...shape } = own, text = JSON.stringify(shape);
    if (this.#shape !== "" && this.#shape !== text) void this.#ask();
    this.#shape = text;
    this.#mix(state.seats[own.seat]?.mix, state.groups);
  }

  /** @param {any} mix @param {any} groups as the state shows them: what didn't change is the same object */
  #mix(mix, groups) {
    const { channels } = this.#media, wanted = [mix, groups, channels];
    if (!channels || !mix || wanted.every((one, i) => one === this.#mixed[i])) return;
    this.#mixed = wanted;
    this.#worker?.postMessage({ kind: "gains", gains: gainsOf(mix, groups, channels) });
  }

  /** Reads the session again: its shape may have changed, and without a live state its mix. */
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    const { session, token, live } = this.#options;
    try {
      const { media, mix } = await this.#call("GET", `/api/v1/sessions/${session}`, undefined, token);
      const list = live || !media.channels ? [] : await this.#call("GET", "/api/v1/groups", undefined, token);
      if (this.#worker === null) return;
      if (JSON.stringify(media) !== JSON.stringify(this.#media)) {
        this.#media = media;
        this.#worker.postMessage({ kind: "media", media });
      }
      if (live) this.#follow();
      else this.#mix(mix, Object.fromEntries(list.map((/** @type {any} */ group) => [group.group, group])));
    } catch {
      // Asked again in a second, or at the next doubt.
    } finally {
      this.#asking = false;
    }
  }

  async #stayAwake() {
    const { wakeLock } = /** @type {any} */ (navigator);
    if (!wakeLock || document.hidden) return;
    const lock = await wakeLock.request("screen").catch(() => null);
    if (this.#output === null) return void lock?.release().catch(() => {});
    this.#lock = lock;
  }
}
