/**
 * The line to the server (docs/PROTOCOL.md, Live): the state as the server has it with our own unanswered moves on top,
 * status, events, meters. It connects again by itself. In: a secret, moves. Out: events "change", "status", "events",
 * "meters", "refused" (detail: the problem), "closed". Browser's main thread.
 */
import { Moves } from "./live_moves.js";
import { merge, withoutNulls } from "./merge.js";

const WAITS_MS = [500, 1000, 2000, 4000, 5000];
/** Full, slow or held off: trying sooner makes it worse. */
const LONG_WAIT_MS = 10_000;
/** The server says something every second. */
const SILENCE_MS = 4000;
/** Closing codes after which trying again can't help. */
const FINAL = new Set([4400, 4401, 4403]);
const SLOW = new Set([4409, 4413, 4429]);

/** @typedef {{ code: number, reason: string, final: boolean }} LiveProblem */

export class Live extends EventTarget {
  /** The newest answer of the server to `status`, null before the first. @type {any} */
  status = null;
  /** The oldest first. @type {{ time: number, kind: string, text: string }[]} */
  events = [];
  /** Why there is no connection, null while there is one. @type {LiveProblem | null} */
  problem = null;
  #secret;
  /** @type {WebSocket | null} */
  #socket = null;
  /** What the server has told. @type {any} */
  #told = null;
  /** With our moves on top; the same object until something changes. @type {any} */
  #shown = null;
  #version = 0;
  #synced = false;
  #asked = false;
  #moves = new Moves((message) => this.#send(message));
  #failures = 0;
  #retry = 0;
  #watch = 0;
  #closed = false;
  /** What is metered: asked for again after a reconnection. */
  #metered = { channels: /** @type {number[]} */ ([]), seats: /** @type {string[]} */ ([]) };
  #levels = new Uint8Array(0);
  #wake = () => {
    if (document.hidden || this.connected || this.problem?.final) return;
    clearTimeout(this.#retry);
    this.#connect();
  };

  /** @param {string} secret session token or engineer key */
  constructor(secret) {
    super();
    this.#secret = secret;
    globalThis.addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    this.#connect();
  }

  /** docs/PROTOCOL.md, Snapshot; null before the first. Immutable: what didn't change is the same object. */
  get state() {
    return this.#shown;
  }
  /** False from the moment at which the server isn't heard: nothing may be moved then. */
  get connected() {
    return this.#synced;
  }

  /**
   * Moves faders of a seat's mix. Says nothing while there is no connection.
   * @param {string} seat
   * @param {any} patch the body of PATCH /api/v1/seats/{id}/mix
   * @param {string} [gesture] changes of one gesture are undone together
   */
  move(seat, patch, gesture) {
    const message = { type: "mix", seat, patch, ...(gesture === undefined ? {} : { gesture }) };
    this.#post(`mix ${seat} ${gesture ?? ""}`, message, { seats: { [seat]: { mix: withoutNulls(patch) } } });
  }

  /**
   * Changes an input's strip (engineer).
   * @param {number} channel
   * @param {any} patch the body of PATCH /api/v1/channels/{n}
   */
  channel(channel, patch) {
    const part = { channels: { [channel]: withoutNulls(patch, ["colour"]) } };
    this.#post(`channel ${channel}`, { type: "channel", channel, patch }, part);
  }

  /**
   * What is shown of the meters from now on.
   * @param {readonly number[]} channels
   * @param {readonly string[]} seats
   */
  meters(channels, seats) {
    this.#metered = { channels: [...channels], seats: [...seats] };
    this.#levels = new Uint8Array(0);
    if (this.#synced) this.#send({ type: "meters", ...this.#metered });
  }

  /**
   * The level of an input since the last "meters" event: dBFS, −∞ for silence. Null: nothing is known.
   * @param {number} channel
   * @returns {{ peakDb: number, rmsDb: number } | null}
   */
  level(channel) {
    const at = 3 + 2 * this.#metered.channels.indexOf(channel);
    if (at < 3 || this.#levels.length === 0) return null;
    return { peakDb: levelDb(this.#levels[at]), rmsDb: levelDb(this.#levels[at + 1]) };
  }

  /**
   * The level of a seat's mix behind its limiter, and how much that takes away.
   * @param {string} seat
   * @returns {{ peakDb: number, limiterDb: number } | null}
   */
  seatLevel(seat) {
    const { channels, seats } = this.#metered;
    const index = seats.indexOf(seat), at = 3 + 2 * (channels.length + index);
    if (index < 0 || this.#levels.length === 0) return null;
    return { peakDb: levelDb(this.#levels[at]), limiterDb: this.#levels[at + 1] / 4 };
  }

  close() {
    this.#closed = true;
    globalThis.removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#moves.clear();
    this.#synced = false;
    this.#drop();
  }

  /** @param {string} name @param {unknown} [detail] */
  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {unknown} message */
  #send(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  #connect() {
    if (this.#closed) return;
    this.#drop();
    const url = new URL("/api/v1/live", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = this.#socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#send({ type: "hello", secret: this.#secret });
    socket.onmessage = ({ data }) => {
      this.#heard();
      if (typeof data === "string") this.#receive(JSON.parse(data));
      else this.#receiveMeters(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    this.#heard();
  }

  /** Forgets a connection without waiting for its end. */
  #drop() {
    if (this.#socket === null) return;
    this.#socket.onmessage = this.#socket.onclose = this.#socket.onopen = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** A network that went away says nothing, and doesn't close either. */
  #heard() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lost(1006, "silence"), SILENCE_MS);
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    clearTimeout(this.#watch);
    this.#drop();
    this.#synced = this.#asked = false;
    this.#moves.clear();
    this.#levels = new Uint8Array(0);
    const final = FINAL.has(code);
    this.problem = { code, reason, final };
    this.#show();
    this.#say("closed", this.problem);
    if (final || this.#closed) return;
    const wait = SLOW.has(code) ? LONG_WAIT_MS : WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)];
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  /** @param {any} message */
  #receive(message) {
    switch (message.type) {
      case "snapshot":
        this.#told = message.state;
        this.#version = message.version;
        this.#greet();
        return this.#show();
      case "patch":
        if (message.version !== this.#version + 1) return this.#askAgain();
        this.#version++;
        this.#told = merge(this.#told, message.patch);
        return this.#show();
      case "ack":
      case "refused":
        return this.#answered(message);
      case "status":
        this.status = message.status;
        return this.#say("status");
      case "events":
        this.events = [...this.events, ...message.events].slice(-200);
        return this.#say("events");
    }
  }

  #greet() {
    this.#asked = false;
    if (this.#synced) return;
    this.#synced = true;
    this.#failures = 0;
    this.problem = null;
    // The server tells all that it kept.
    this.events = [];
    const { channels, seats } = this.#metered;
    if (channels.length + seats.length > 0) this.#send({ type: "meters", channels, seats });
  }

  #askAgain() {
    if (this.#asked) return;
    this.#asked = true;
    this.#send({ type: "snapshot" });
  }

  /** @param {any} message ack or refused: they come in the order of our moves */
  #answered({ type, id, problem }) {
    const move = this.#moves.answered(id);
    if (move === null) return;
    if (type === "ack") this.#told = merge(this.#told, move.part);
    this.#show();
    if (type === "refused") this.#say("refused", problem);
  }

  #show() {
    this.#shown = this.#told === null ? null : this.#moves.over(this.#told);
    this.#say("change");
  }

  /** @param {string} key what may go together @param {any} message @param {any} part */
  #post(key, message, part) {
    if (!this.#synced) return;
    this.#moves.post(key, message, part);
    this.#show();
  }

  /** @param {Uint8Array} bytes 1, N, M, N × (peak, RMS), M × (peak, limiter) */
  #receiveMeters(bytes) {
    const { channels, seats } = this.#metered;
    // One that was under way when something else was asked for.
    if (bytes[0] !== 1 || bytes[1] !== channels.length || bytes[2] !== seats.length) return;
    this.#levels = bytes;
    this.#say("meters");
  }
}

/** @param {number} byte */
const levelDb = (byte) => byte === 0 ? -Infinity : byte / 2 - 100;
