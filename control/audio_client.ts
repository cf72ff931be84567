/**
 * One page that listens: control is its phone. In: a WebSocket, and the datagrams that a send worker sends to a UDP socket
 * of ours on this machine, which STUN bindings keep open. Out: those datagrams on the WebSocket as they are, RTP and RTCP;
 * the page's RTCP to the send worker, so that loss, jitter and round trip are the page's own. Nothing queues: who doesn't
 * read loses datagrams, as on a network. Control worker; allocates for each datagram.
 */
// @ts-types="@types/ws"
import type { WebSocket } from "ws";
import { logger } from "../core/log.ts";
import { writeBye } from "../send/rtcp.ts";
import { kindOfDatagram } from "../send/rtp.ts";
import { TRANSACTION_ID_BYTES, writeBindingRequest } from "../send/stun.ts";
import { samplesToMs } from "../core/units.ts";
import { readAudioMessage } from "./audio_messages.ts";
import type { House, Session } from "./house.ts";
import { Allowance, BEHIND_MS, Close, HELLO_MS, LINGER_MS } from "./live_limits.ts";
import { Refusal } from "./problem.ts";
import { secretsOf } from "./routing.ts";
import { callerOf } from "./secrets.ts";

/** Another page listens to this session now; trying again would only take it away from that one. */
export const TAKEN = 4410;
/**
 * What waits in our own memory is older than so much audio: no page buffers more. Less would take what comes at once after
 * a stall of ours for congestion.
 */
const WAITING_MS = 60;
/**
 * A ping that isn't answered for so long: the network, or the page, has stopped. What the kernel holds can't be taken back,
 * so that this is the most of old audio that comes after a stall.
 */
const STALLED_MS = 250;
const PING_MS = 100;
/** Each costs a UDP socket, and some percent of a core. */
const MAX_PAGES = 64;
/** As phones do. */
const BINDING_MS = 1000;
const DATAGRAM_BYTES = 2048;

/** What is the same for all of them. */
export interface AudioHall {
  readonly house: House;
  /** Who listens to each session. */
  readonly listeners: Map<Session, AudioClient>;
}

export class AudioClient {
  readonly address: string;
  /** Datagrams that came for it and weren't passed on. */
  dropped = 0;
  readonly #hall: AudioHall;
  readonly #house: House;
  readonly #page: WebSocket;
  readonly #since: number;
  readonly #allowance: Allowance;
  readonly #ssrc = crypto.getRandomValues(new Uint32Array(1))[0];
  #session: Session | null = null;
  #media: Deno.DatagramConn | null = null;
  #boundAt = -Infinity;
  /** When a ping was sent: the last one, and the one that isn't answered. */
  #lastPingAt = -Infinity;
  #pingedAt = Infinity;
  #closed = false;

  constructor(page: WebSocket, address: string, hall: AudioHall) {
    this.#page = page;
    this.address = address;
    this.#hall = hall;
    this.#house = hall.house;
    this.#since = this.#house.clock();
    this.#allowance = new Allowance(this.#since);
    page.on("message", (data, binary) => this.#guarded(() => this.#receive(data as Uint8Array, binary)));
    page.on("pong", () => this.#pingedAt = Infinity);
    page.on("ping", () => this.#guarded(() => this.#spend()));
    // The library closes with the code that RFC 6455 has for it.
    page.on("error", () => {});
    page.once("close", () => this.#end(true));
  }

  /** Bytes that it hasn't taken yet. */
  get waiting(): number {
    return this.#page.bufferedAmount;
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    // Whoever takes its place has the stream already.
    this.#end(code !== TAKEN);
    this.#page.close(code, reason);
    const cut = setTimeout(() => this.#page.terminate(), LINGER_MS);
    this.#page.once("close", () => clearTimeout(cut));
  }

  /** Ends if its session has. */
  look(): void {
    const session = this.#session;
    if (session === null || this.#house.sessions.get(session.id) === session) return;
    this.close(Close.WrongSecret, "the session has ended");
  }

  /** It hasn't said hello. */
  get silent(): boolean {
    return this.#session === null && !this.#closed;
  }

  /** Twenty times a second. */
  beat(): void {
    if (this.#closed) return;
    const time = this.#house.clock();
    if (this.#session === null) {
      if (time - this.#since >= HELLO_MS) this.close(Close.NoHello, "no hello came");
      return;
    }
    if (time - this.#boundAt >= BINDING_MS) this.#bind(time);
    if (time - this.#pingedAt >= BEHIND_MS) return this.close(Close.Behind, "no ping was answered for 10 s");
    if (this.#pingedAt !== Infinity || time - this.#lastPingAt < PING_MS) return;
    this.#pingedAt = this.#lastPingAt = time;
    this.#page.ping();
  }

  /** Frees what it holds. `bye`: the stream pauses. */
  #end(bye: boolean): void {
    const session = this.#session, media = this.#media;
    this.#closed = true;
    this.#session = this.#media = null;
    if (session !== null && this.#hall.listeners.get(session) === this) {
      this.#hall.listeners.delete(session);
      session.page = undefined;
    }
    if (media === null) return;
    const out = new Uint8Array(64);
    const said = bye && session !== null
      ? media.send(out.subarray(0, writeBye(out, 0, this.#ssrc, new TextEncoder().encode("page"))), this.#to(session))
      : Promise.resolve(0);
    void said.catch(() => 0).then(() => media.close());
  }

  #guarded(action: () => void): void {
    if (this.#closed) return;
    try {
      action();
    } catch (error) {
      logger("control").error("a message of a page that listens failed: {error}", {
        error: (error as Error).stack ?? String(error),
      });
      this.close(Close.Failed, "the server failed at this message, and logged why");
    }
  }

  #spend(): boolean {
    if (this.#allowance.take(this.#house.clock())) return true;
    this.close(Close.TooFast, "too many messages in a second");
    return false;
  }

  #receive(data: Uint8Array, binary: boolean): void {
    if (!this.#spend()) return;
    if (binary) {
      if (this.#session === null) return this.close(Close.NotUnderstood, "say hello first");
      return this.#forward(data);
    }
    const message = readAudioMessage(data.toString());
    if (typeof message === "string") return this.close(Close.NotUnderstood, message);
    if (message.type === "ping") {
      return this.#page.send(JSON.stringify({ type: "pong", time: message.time, serverTime: this.#house.clock() }));
    }
    if (this.#session !== null) return this.close(Close.NotUnderstood, "hello was said already");
    this.#greet(message.secret);
  }

  #greet(secret: string): void {
    const house = this.#house;
    let session: Session;
    try {
      const caller = callerOf(secretsOf(house), `Bearer ${secret}`, this.address, house.clock());
      if (caller.kind !== "session") return this.close(Close.NotAllowed, "join first: this takes a session's token");
      session = caller.session;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return this.close(error.status === 429 ? Close.TooFast : Close.WrongSecret, error.message);
    }
    const { listeners } = this.#hall, former = listeners.get(session);
    if (former === undefined && listeners.size >= MAX_PAGES) {
      return this.close(Close.TooMany, `${MAX_PAGES} pages listen already`);
    }
    former?.close(TAKEN, "another page listens to this session now");
    this.#hall.listeners.set(session, this);
    this.#session = session;
    session.page = this.address;
    this.#media = Deno.listenDatagram({ transport: "udp", hostname: this.#to(session).hostname, port: 0 });
    void this.#listen(this.#media, session);
    this.#bind(house.clock());
  }

  /** The media port of its session's send worker, on this machine. */
  #to({ placed }: Session): Deno.NetAddr {
    const { http: { address }, mediaPorts } = this.#house.options;
    const hostname = address === "::" || address === "0.0.0.0" ? "127.0.0.1" : address;
    return { transport: "udp", hostname, port: mediaPorts[placed.worker] };
  }

  /** Consent to go on (RFC 7675). */
  #bind(time: number): void {
    this.#boundAt = time;
    const { username, password } = this.#session!.saved, out = new Uint8Array(128);
    const id = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
    this.#say(out.subarray(0, writeBindingRequest(out, 0, id, username, password)));
  }

  /** The page's reports; nothing else: who is bound, and where, is ours to say. */
  #forward(data: Uint8Array): void {
    if (data.length < 8 || data.length > DATAGRAM_BYTES || kindOfDatagram(data[0], data[1]) !== "rtcp") {
      return this.close(Close.NotUnderstood, "a binary message must be RTCP");
    }
    this.#say(data);
  }

  #say(bytes: Uint8Array): void {
    // What can't be sent is lost, as on a network.
    void this.#media?.send(bytes, this.#to(this.#session!)).catch(() => {});
  }

  async #listen(media: Deno.DatagramConn, session: Session): Promise<void> {
    const { port } = this.#to(session), row = new Uint8Array(DATAGRAM_BYTES);
    for (;;) {
      let bytes: Uint8Array, from: Deno.Addr;
      try {
        [bytes, from] = await media.receive(row);
      } catch {
        return; // closed
      }
      if (this.#closed) return;
      if ((from as Deno.NetAddr).port !== port || bytes.length < 2) continue;
      if (kindOfDatagram(bytes[0], bytes[1]) === "stun") continue;
      if (this.#isLate(bytes.length, session)) this.dropped++;
      else this.#page.send(bytes.slice());
    }
  }

  /** Would it come too late to be heard? */
  #isLate(bytes: number, { shape }: Session): boolean {
    const waiting = this.waiting;
    if (waiting > 0 && waiting > WAITING_MS / samplesToMs(shape.frame) * bytes) return true;
    return this.#house.clock() - this.#pingedAt > STALLED_MS;
  }
}
