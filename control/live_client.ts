/**
 * One live client: what it says, and what it is believed to see. In: its messages, the house. Out: snapshots, patches,
 * acks, refusals on its WebSocket. It never costs more memory than one state and what its socket holds: who doesn't read
 * gets nothing new until it has. Control worker; allocates.
 */
// @ts-types="@types/ws"
import type { WebSocket } from "ws";
import { logger } from "../core/log.ts";
import { eventsAfter } from "./events.ts";
import type { House, Session } from "./house.ts";
import {
  Allowance,
  BEHIND_MS,
  Close,
  CONGESTED_BYTES,
  CONGESTED_FOR_METERS_BYTES,
  HELLO_MS,
  LINGER_MS,
  MESSAGES_PER_SECOND,
  MOST_WAITING_BYTES,
} from "./live_limits.ts";
import { type ClientMessage, type Move, readMessage } from "./live_messages.ts";
import { attemptMove, partOf } from "./live_moves.ts";
import { type JsonObject, mergePatch } from "./merge_patch.ts";
import { type MeterReader, NOTHING_SHOWN, type Shown, type Visible } from "./meters.ts";
import { problemBody, Refusal } from "./problem.ts";
import { secretsOf } from "./routing.ts";
import { type Caller, callerOf } from "./secrets.ts";
import { statusOf } from "./status.ts";
import type { Views } from "./views.ts";

/** What all clients have in common. */
export interface Audience {
  readonly house: House;
  readonly views: Views;
  /** The patch as text, null if there is nothing to say; the last one is remembered, for who saw the same. */
  readonly patchText: (from: JsonObject, to: JsonObject) => string | null;
  readonly snapshotText: (view: JsonObject) => string;
}

export class LiveClient {
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #audience: Audience;
  readonly #house: House;
  /** Of this connection: no other has it. */
  readonly #number: number;
  readonly #since: number;
  readonly #allowance: Allowance;
  /** What it shows of the meters. */
  shown: Shown = NOTHING_SHOWN;
  #closed = false;
  #caller: Caller<Session> | null = null;
  /** The engineer's key at the hello. */
  #key = "";
  /** The state as the client has it, when it has read everything; null: it needs a snapshot. */
  #seen: JsonObject | null = null;
  #version = 1;
  #events = 0;
  #congestedAt: number | null = null;
  /** When a ping was sent that isn't answered yet. */
  #pingedAt: number | null = null;

  constructor(socket: WebSocket, address: string, number: number, audience: Audience) {
    this.address = address;
    this.#number = number;
    this.#socket = socket;
    this.#audience = audience;
    this.#house = audience.house;
    this.#since = this.#house.clock();
    this.#allowance = new Allowance(this.#since);
    socket.on("message", (data, binary) => this.#guarded(() => this.#receive(data.toString(), binary)));
    socket.on("pong", () =>
      this.#guarded(() => {
        this.#pingedAt = null;
        this.#spend();
      }));
    socket.on("ping", () => this.#guarded(() => this.#spend()));
    // The library closes with the code that RFC 6455 has for it.
    socket.on("error", () => {});
  }
  /** Has said hello, and stays. */
  get greeted(): boolean {
    return this.#caller !== null && !this.#closed;
  }
  get isEngineer(): boolean {
    return this.#caller?.kind === "engineer";
  }

  /** Bytes that it hasn't taken yet. */
  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  close(code: Close, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close(code, reason);
    const cut = setTimeout(() => this.#socket.terminate(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(cut));
  }

  /** The newest state, unless it isn't read. Also closes whom the secret doesn't serve any more. */
  flush(): void {
    this.#guarded(() => this.#flush());
  }
  #flush(): void {
    if (!this.#stays() || this.#isCongested()) return;
    const view = this.#view(), { patchText, snapshotText } = this.#audience;
    if (this.#seen === null) {
      this.#send(`{"type":"snapshot","version":${this.#version},"state":${snapshotText(view)}}`);
    } else if (this.#seen !== view) {
      const patch = patchText(this.#seen, view);
      if (patch !== null) this.#send(`{"type":"patch","version":${++this.#version},"patch":${patch}}`);
    }
    this.#seen = view;
    if (!this.isEngineer) return;
    const events = eventsAfter(this.#house, this.#events);
    this.#events = this.#house.events.count;
    if (events.length > 0) this.#send(JSON.stringify({ type: "events", events }));
  }

  /** Twenty times a second: who doesn't say hello, and who doesn't read. */
  beat(): void {
    if (this.#closed) return;
    const time = this.#house.clock();
    if (this.#caller === null) {
      if (time - this.#since >= HELLO_MS) this.close(Close.NoHello, "no hello came");
      return;
    }
    const wasCongested = this.#congestedAt !== null;
    if (!this.#isCongested() && wasCongested) this.flush();
    const silentAt = Math.min(this.#congestedAt ?? Infinity, this.#pingedAt ?? Infinity);
    if (time - silentAt >= BEHIND_MS) this.close(Close.Behind, "nothing was read for 10 s");
  }

  /** Once a second. `engineers`: the status as all engineers see it. */
  tick(engineers: () => string): void {
    this.flush();
    this.#guarded(() => {
      if (this.#caller === null || this.#isCongested()) return;
      const status = this.#caller.kind === "session"
        ? JSON.stringify(statusOf(this.#house, this.#caller.session))
        : engineers();
      this.#send(`{"type":"status","status":${status}}`);
      if (this.#pingedAt !== null) return;
      this.#pingedAt = this.#house.clock();
      this.#socket.ping();
    });
  }

  showMeters(reader: MeterReader): void {
    this.#guarded(() => {
      if (!this.#stays() || this.waiting > CONGESTED_FOR_METERS_BYTES) return;
      this.#socket.send(reader.message(this.shown, this.#view() as JsonObject & Visible));
    });
  }

  #guarded(action: () => void): void {
    if (this.#closed) return;
    try {
      action();
    } catch (error) {
      logger("control").error("a live message failed: {error}", { error: (error as Error).stack ?? String(error) });
      this.close(Close.Failed, "the server failed at this message, and logged why");
    }
  }

  #send(text: string): void {
    if (!this.#closed) this.#socket.send(text);
  }

  #isCongested(): boolean {
    const congested = this.waiting > CONGESTED_BYTES;
    if (!congested) this.#congestedAt = null;
    else this.#congestedAt ??= this.#house.clock();
    return congested;
  }

  #spend(): boolean {
    if (this.#allowance.take(this.#house.clock())) return true;
    this.close(Close.TooFast, `more than ${MESSAGES_PER_SECOND} messages in a second`);
    return false;
  }

  /** Is its secret still good? */
  #stays(): boolean {
    const caller = this.#caller, house = this.#house;
    if (this.#closed || caller === null) return false;
    const good = caller.kind === "engineer"
      ? house.engineerKey === this.#key
      : caller.kind === "session" && house.sessions.get(caller.session.id) === caller.session;
    if (!good) this.close(Close.WrongSecret, "the secret is no longer valid");
    return good;
  }

  #view(): JsonObject {
    const { views } = this.#audience;
    return this.#caller?.kind === "session" ? views.musician(this.#caller.session) : views.engineer();
  }

  #receive(text: string, binary: boolean): void {
    if (!this.#spend()) return;
    if (binary) return this.close(Close.NotUnderstood, "a message must be text");
    const message = readMessage(text);
    if (typeof message === "string") return this.close(Close.NotUnderstood, message);
    if (this.#caller === null || message.type === "hello") return this.#greet(message);
    if (!this.#stays()) return;
    switch (message.type) {
      case "meters":
        this.shown = message;
        return;
      case "snapshot":
        this.#seen = null;
        return this.flush();
      default:
        return this.#move(message);
    }
  }

  #greet(message: ClientMessage): void {
    if (message.type !== "hello") return this.close(Close.NotUnderstood, "say hello first");
    if (this.#caller !== null) return this.close(Close.NotUnderstood, "hello was said already");
    const house = this.#house;
    let caller: Caller<Session>;
    try {
      caller = callerOf(secretsOf(house), `Bearer ${message.secret}`, this.address, house.clock());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return this.close(error.status === 429 ? Close.TooFast : Close.WrongSecret, error.message);
    }
    if (caller.kind !== "engineer" && caller.kind !== "session") {
      return this.close(Close.NotAllowed, "join first: this takes a session's token or the engineer key");
    }
    this.#caller = caller;
    this.#key = house.engineerKey;
    this.flush();
  }

  #move(message: Move): void {
    if (this.waiting > MOST_WAITING_BYTES) return this.close(Close.Behind, "answers weren't read");
    const refusal = attemptMove(this.#house, this.#caller!, message, this.#number);
    if (refusal !== null) {
      const problem = problemBody(refusal.status, refusal.message, refusal.errors);
      return this.#send(`{"type":"refused","id":${message.id},"problem":${problem}}`);
    }
    // From the ack on the client sees its own move: nobody has to tell it.
    if (this.#seen !== null) this.#seen = mergePatch(this.#seen, partOf(message)) as JsonObject;
    this.#send(`{"type":"ack","id":${message.id}}`);
  }
}
