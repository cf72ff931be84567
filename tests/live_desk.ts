/**
 * A live client as docs/PROTOCOL.md describes one: it keeps the state by merging patches, shows its own moves on top until
 * they are answered, and takes a gap in the versions for a failure. And a bare one, whose every byte a test decides on.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { ENGINEER, type FakeHouse } from "./control_fake.ts";

/** Nothing here takes a second; a machine that is busy with other things may. */
const GUARD_MS = 20_000;

// deno-lint-ignore no-explicit-any
export type Any = any;

/** RFC 7396 section 2, as it is written there. */
export function merge(target: Any, patch: Any): Any {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  if (target === null || typeof target !== "object" || Array.isArray(target)) target = {};
  const result = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value);
  }
  return result;
}

/** What of a move is known before its answer: nulls aren't. */
const known = (patch: Any): Any =>
  patch === null || typeof patch !== "object" || Array.isArray(patch) ? patch : Object.fromEntries(
    Object.entries(patch).filter(([, value]) => value !== null).map(([name, value]) => [name, known(value)]),
  );

export const within = <T>(what: string, promise: Promise<T>): Promise<T> => {
  const { promise: guard, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} never came`)), GUARD_MS);
  return Promise.race([promise, guard]).finally(() => clearTimeout(timer));
};

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export class Desk {
  readonly socket: WebSocket;
  /** All that came, as it came. */
  readonly texts: string[] = [];
  readonly patches: Any[] = [];
  readonly events: Any[] = [];
  readonly statuses: Any[] = [];
  readonly meters: Uint8Array[] = [];
  readonly closed: Promise<Closing>;
  state: Any = null;
  version = 0;
  failure: Error | null = null;
  #closing: Closing | null = null;
  #ids = 0;
  #snapshots = 0;
  readonly #pending = new Map<number, { patch: Any; answer: (message: Any) => void }>();
  #waiting: { met: () => boolean; resolve: () => void }[] = [];

  constructor(port: number, { from, headers }: { from?: string; headers?: Record<string, string> } = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/live`, {
      perMessageDeflate: false,
      localAddress: from,
      headers,
    });
    const { promise, resolve } = Promise.withResolvers<Closing>();
    this.closed = within("the end", promise);
    this.closed.catch(() => {});
    this.socket.on("close", (code, reason) => {
      this.#closing = { code, reason: reason.toString() };
      resolve(this.#closing);
      this.#look();
    });
    this.socket.on("error", (error) => this.failure ??= error);
    this.socket.on("message", (data: Buffer, binary) => {
      if (binary) this.meters.push(new Uint8Array(data));
      else this.#receive(data.toString());
      this.#look();
    });
  }
  /** Connected, greeted, with its first snapshot. */
  static async open(house: FakeHouse, secret: string = ENGINEER, from?: string): Promise<Desk> {
    const desk = new Desk(house.port, { from });
    await desk.opened();
    desk.send({ type: "hello", secret });
    await desk.until(() => desk.state !== null);
    return desk;
  }
  opened(): Promise<void> {
    return this.until(() => this.socket.readyState === WebSocket.OPEN);
  }
  send(message: Any): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }
  /** Resolves when it is so, looking after each message; rejects when the connection ends before. */
  until(met: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const whole = () => {
      if (met()) return true;
      if (this.#closing !== null) reject(new Error(`closed: ${JSON.stringify(this.#closing)}`));
      return false;
    };
    if (whole()) return Promise.resolve();
    this.#waiting.push({ met: whole, resolve });
    if (this.socket.readyState === WebSocket.CONNECTING) this.socket.once("open", () => this.#look());
    return within(String(met), promise);
  }
  /** The answer: `ack`, or `refused`. */
  mix(seat: string, patch: Any, gesture?: string): Promise<Any> {
    return this.#move({ type: "mix", seat, patch, gesture }, { seats: { [seat]: { mix: patch } } });
  }
  channel(channel: number, patch: Any): Promise<Any> {
    return this.#move({ type: "channel", channel, patch }, { channels: { [channel]: patch } });
  }
  async snapshot(): Promise<Any> {
    const before = this.#snapshots;
    this.send({ type: "snapshot" });
    await this.until(() => this.#snapshots > before);
    return this.state;
  }
  /** The state as a musician sees it on the screen. */
  get shown(): Any {
    return [...this.#pending.values()].reduce((state, { patch }) => merge(state, patch), this.state);
  }
  get waits(): boolean {
    return this.#pending.size > 0;
  }
  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  #move(message: Any, patch: Any): Promise<Any> {
    const { promise, resolve } = Promise.withResolvers<Any>();
    const id = this.#ids++;
    this.#pending.set(id, { patch: known(patch), answer: resolve });
    this.send({ ...message, id });
    return within(`the answer to move ${id}`, promise);
  }
  #look(): void {
    this.#waiting = this.#waiting.filter(({ met, resolve }) => {
      if (!met()) return true;
      resolve();
      return false;
    });
  }
  #receive(text: string): void {
    this.texts.push(text);
    const message = JSON.parse(text);
    switch (message.type) {
      case "snapshot":
        this.state = message.state;
        this.version = message.version;
        this.#snapshots++;
        return;
      case "patch":
        this.patches.push(message.patch);
        if (message.version !== this.version + 1) this.failure = new Error(`version ${message.version} came early`);
        this.version = message.version;
        this.state = merge(this.state, message.patch);
        return;
      case "ack":
      case "refused": {
        const move = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.type === "ack") this.state = merge(this.state, move?.patch ?? {});
        return move?.answer(message);
      }
      case "status":
        this.statuses.push(message.status);
        return;
      case "events":
        this.events.push(...message.events);
        return;
      default:
        this.failure = new Error(`what is ${text}?`);
    }
  }
}

let marks = 0;
/** Until each of them has seen everything that was done so far; channel 1 must be visible to all. */
export async function settled(house: FakeHouse, ...desks: Desk[]): Promise<void> {
  const name = `mark ${++marks}`;
  await house.call("PATCH", "/api/v1/channels/1", { body: { name } });
  for (const desk of desks) {
    await desk.until(() => desk.state.channels["1"].name === name && !desk.waits);
    assert.equal(desk.failure, null);
  }
}

/** A WebSocket connection by hand. */
export class BareClient {
  readonly #connection: Deno.Conn;
  #unread = Buffer.alloc(0);

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }
  static async open(
    port: number,
    { more = "", path = "/api/v1/live", host = `127.0.0.1:${port}` } = {},
  ): Promise<{ client: BareClient; head: string }> {
    const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    const client = new BareClient(connection);
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    await client.write(Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${more}\r\n`,
    ));
    let end = -1;
    while ((end = client.#unread.indexOf("\r\n\r\n")) < 0 && await client.#more());
    const head = client.#unread.subarray(0, end).toString();
    client.#unread = client.#unread.subarray(end + 4);
    return { client, head };
  }
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }
  /** One frame, masked as a client must (RFC 6455 section 5.2), with a mask of zeros. */
  frame(opcode: number, payload: string | Uint8Array, fin = true): Promise<void> {
    const bytes = Buffer.from(payload as string);
    const head = Buffer.alloc(bytes.length < 126 ? 6 : bytes.length < 65_536 ? 8 : 14);
    head[0] = (fin ? 0x80 : 0) | opcode;
    if (bytes.length < 126) head[1] = 0x80 | bytes.length;
    else if (bytes.length < 65_536) {
      head[1] = 0x80 | 126;
      head.writeUInt16BE(bytes.length, 2);
    } else {
      head[1] = 0x80 | 127;
      head.writeBigUInt64BE(BigInt(bytes.length), 2);
    }
    return this.write(Buffer.concat([head, bytes]));
  }
  text(message: Any): Promise<void> {
    return this.frame(1, JSON.stringify(message));
  }
  /** The next frame; null at the end of the connection. */
  async next(): Promise<{ opcode: number; payload: Buffer } | null> {
    return await within("a frame", this.#next());
  }
  async #next(): Promise<{ opcode: number; payload: Buffer } | null> {
    const need = async (bytes: number) => {
      while (this.#unread.length < bytes) if (!await this.#more()) return false;
      return true;
    };
    if (!await need(2)) return null;
    let length = this.#unread[1] & 0x7f, at = 2;
    if (length === 126) {
      if (!await need(4)) return null;
      length = this.#unread.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (!await need(10)) return null;
      length = Number(this.#unread.readBigUInt64BE(2));
      at = 10;
    }
    if (!await need(at + length)) return null;
    const opcode = this.#unread[0] & 0x0f, payload = this.#unread.subarray(at, at + length);
    this.#unread = this.#unread.subarray(at + length);
    return { opcode, payload };
  }
  /** The code that the server closes with, after whatever else comes; null if the connection just ends. */
  async closing(): Promise<number | null> {
    for (let frame; (frame = await this.next()) !== null;) {
      if (frame.opcode === 8) return frame.payload.readUInt16BE(0);
    }
    return null;
  }
  async #more(): Promise<boolean> {
    const bytes = new Uint8Array(256 * 1024);
    const count = await this.#connection.read(bytes).catch(() => null);
    if (count === null) return false;
    this.#unread = Buffer.concat([this.#unread, bytes.subarray(0, count)]);
    return true;
  }
  end(): void {
    this.#connection.close();
  }
}

/** The same state again, from the server as a whole. */
export async function assertWhole(...desks: Desk[]): Promise<void> {
  for (const desk of desks) {
    const { state } = desk;
    assert.deepEqual(state, await desk.snapshot());
  }
}
