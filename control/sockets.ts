/**
 * What every WebSocket path of ours has in common: connections are taken over from the HTTP server, counted, and said
 * goodbye to. In: upgrades (RFC 6455). Out: a client for each, made by whoever owns the path. Control worker; allocates.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { type WebSocket, WebSocketServer } from "ws";
import type { ControlApp } from "./app.ts";
import { Close } from "./live_limits.ts";
import { plainAddress } from "./media.ts";
import { Refusal } from "./problem.ts";

/** One connection, as long as it is open. */
export interface SocketClient {
  readonly address: string;
  /** Bytes that it hasn't read yet. */
  readonly waiting: number;
  close(code: Close, reason: string): void;
}

export interface SocketRules<Client> {
  /** Of one message. */
  readonly maxBytes: number;
  readonly maxFragments: number;
  readonly welcome: (socket: WebSocket, address: string) => Client;
  /** Why this one is too many, itself counted; null: it isn't. */
  readonly refusal: (client: Client) => string | null;
  /** A connection has ended. */
  readonly left?: (client: Client) => void;
}

/** What somebody gets who asks without asking for a WebSocket. */
export function addSocketRoute(app: ControlApp, path: string): void {
  app.get(path, () => {
    throw new Refusal(426, "this is a WebSocket", { headers: { upgrade: "websocket" } });
  });
}

export class Sockets<Client extends SocketClient> {
  readonly clients = new Set<Client>();
  readonly #rules: SocketRules<Client>;
  readonly #server: WebSocketServer;
  #stopped = false;
  /** Called when the last client is gone. */
  #empty: (() => void) | null = null;

  constructor(rules: SocketRules<Client>) {
    this.#rules = rules;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: rules.maxBytes,
      maxFragments: rules.maxFragments,
    });
  }

  /** Bytes that wait in all of them because nobody reads them. */
  get waiting(): number {
    let sum = 0;
    for (const client of this.clients) sum += client.waiting;
    return sum;
  }

  /** Takes over a connection that asks for a WebSocket here, and that may. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const address = plainAddress((socket as Socket).remoteAddress ?? "");
    this.#server.handleUpgrade(incoming, socket, head as never, (webSocket) => {
      const client = this.#rules.welcome(webSocket, address);
      this.clients.add(client);
      webSocket.once("close", () => {
        this.clients.delete(client);
        this.#rules.left?.(client);
        if (this.clients.size === 0) this.#empty?.();
      });
      if (this.#stopped) return client.close(Close.Ending, "the server ends");
      const refusal = this.#rules.refusal(client);
      if (refusal !== null) client.close(Close.TooMany, refusal);
    });
  }

  /** Says goodbye to everybody; resolves when they are gone, at the latest when their connections are cut. */
  stop(): Promise<void> {
    this.#stopped = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#empty = resolve;
    if (this.clients.size === 0) resolve();
    for (const client of this.clients) client.close(Close.Ending, "the server ends");
    return promise;
  }
}
