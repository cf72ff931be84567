/**
 * `GET /api/v1/audio`: pages hear what phones hear, the same datagrams by WebSocket. In: WebSocket connections (RFC 6455).
 * Out: a listener for each (audio_client.ts). Control worker; allocates.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { ControlApp } from "./app.ts";
import { AudioClient, type AudioHall } from "./audio_client.ts";
import type { House } from "./house.ts";
import { Close } from "./live_limits.ts";
import { plainAddress } from "./media.ts";
import { Refusal } from "./problem.ts";

export const AUDIO_PATH = "/api/v1/audio";
/** Each costs a UDP socket, and some percent of a core. */
const MAX_PAGES = 64;
/** Reports and pings. */
const MAX_MESSAGE_BYTES = 4 * 1024;
const MAX_FRAGMENTS = 8;

/** What somebody gets who asks without asking for a WebSocket. */
export function addAudioRoute(app: ControlApp): void {
  app.get(AUDIO_PATH, () => {
    throw new Refusal(426, "this is a WebSocket", { headers: { upgrade: "websocket" } });
  });
}

export class Audio {
  readonly #hall: AudioHall;
  readonly #pages = new Set<AudioClient>();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
  });
  #dropped = 0;
  #stopped = false;
  /** Called when the last page is gone. */
  #empty: (() => void) | null = null;

  constructor(house: House) {
    this.#hall = { house, listeners: new Map() };
    house.watchers.add(() => {
      for (const page of this.#hall.listeners.values()) page.look();
    });
  }

  /** Connections that are open. */
  get size(): number {
    return this.#pages.size;
  }
  /** Datagrams that weren't passed on because the page didn't read, since the start. */
  get dropped(): number {
    return [...this.#pages].reduce((sum, page) => sum + page.dropped, this.#dropped);
  }
  /** Bytes that wait in their sockets because nobody reads them. */
  get waiting(): number {
    return [...this.#pages].reduce((sum, page) => sum + page.waiting, 0);
  }

  /** Takes over a connection that asks for a WebSocket here, and that may. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const address = plainAddress((socket as Socket).remoteAddress ?? "");
    this.#server.handleUpgrade(incoming, socket, head as never, (webSocket) => {
      const page = new AudioClient(webSocket, address, this.#hall);
      this.#pages.add(page);
      webSocket.once("close", () => {
        this.#pages.delete(page);
        this.#dropped += page.dropped;
        if (this.#pages.size === 0) this.#empty?.();
      });
      if (this.#stopped) page.close(Close.Ending, "the server ends");
      else if (this.#pages.size > MAX_PAGES) page.close(Close.TooMany, `${MAX_PAGES} pages listen already`);
    });
  }

  /** Twenty times a second. */
  beat(): void {
    for (const page of this.#pages) page.beat();
  }

  /** Says goodbye to everybody; resolves when they are gone, at the latest when their connections are cut. */
  stop(): Promise<void> {
    this.#stopped = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#empty = resolve;
    if (this.#pages.size === 0) resolve();
    for (const page of this.#pages) page.close(Close.Ending, "the server ends");
    return promise;
  }
}
