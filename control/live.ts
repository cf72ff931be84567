/**
 * `GET /api/v1/live`: everybody who watches sees every move. In: WebSocket connections (RFC 6455), changes of the house.
 * Out: to each client the state and what changes of it (live_client.ts), gathered for 20 ms at most; status and events
 * once a second, meters twenty times. Control worker; allocates.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { ControlApp } from "./app.ts";
import { createReporter, type Reporter } from "./events.ts";
import type { House } from "./house.ts";
import { type Audience, LiveClient } from "./live_client.ts";
import { Close } from "./live_limits.ts";
import { plainAddress } from "./media.ts";
import { type JsonObject, patchBetween } from "./merge_patch.ts";
import { MeterReader } from "./meters.ts";
import { Refusal } from "./problem.ts";
import { statusOf } from "./status.ts";
import { createViews } from "./views.ts";

export const LIVE_PATH = "/api/v1/live";
/** As the longest body over HTTP. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** A message needn't come in many pieces. */
const MAX_FRAGMENTS = 64;
const MAX_CLIENTS = 200;
const MAX_CLIENTS_PER_ADDRESS = 20;
/** Faders that are moved change the state hundreds of times a second; nobody sees more than fifty. */
const GATHER_MS = 20;

/** The texts of what several clients get. */
function sharedTexts(): Pick<Audience, "patchText" | "snapshotText"> {
  let patch: { from: JsonObject; to: JsonObject; text: string | null } | null = null;
  let snapshot: { view: JsonObject; text: string } | null = null;
  return {
    patchText: (from, to) => {
      if (patch?.from === from && patch.to === to) return patch.text;
      const difference = patchBetween(from, to);
      patch = { from, to, text: difference === undefined ? null : JSON.stringify(difference) };
      return patch.text;
    },
    snapshotText: (view) => {
      if (snapshot?.view !== view) snapshot = { view, text: JSON.stringify(view) };
      return snapshot.text;
    },
  };
}

/** What somebody gets who asks without asking for a WebSocket. */
export function addLiveRoute(app: ControlApp): void {
  app.get(LIVE_PATH, () => {
    throw new Refusal(426, "this is a WebSocket", { headers: { upgrade: "websocket" } });
  });
}

export class Live {
  readonly #house: House;
  readonly #audience: Audience;
  readonly #reporter: Reporter;
  readonly #meters: MeterReader;
  readonly #clients = new Set<LiveClient>();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
  });
  #numbers = 0;
  #flushedAt = -Infinity;
  #planned = false;
  #metering = false;
  #stopped = false;
  /** Called when the last client is gone. */
  #empty: (() => void) | null = null;

  constructor(house: House) {
    this.#house = house;
    this.#audience = { house, views: createViews(house), ...sharedTexts() };
    this.#reporter = createReporter(house);
    this.#meters = new MeterReader(house);
    house.watchers.add(() => this.#changed());
  }

  /** Connections that are open. */
  get size(): number {
    return this.#clients.size;
  }
  /** Bytes that wait in their sockets because nobody reads them. */
  get waiting(): number {
    let sum = 0;
    for (const client of this.#clients) sum += client.waiting;
    return sum;
  }

  /** Takes over a connection that asks for a WebSocket here, and that may. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const address = plainAddress((socket as Socket).remoteAddress ?? "");
    this.#server.handleUpgrade(incoming, socket, head as never, (webSocket) => {
      const client = new LiveClient(webSocket, address, this.#numbers++, this.#audience);
      this.#clients.add(client);
      webSocket.once("close", () => {
        this.#clients.delete(client);
        if (this.#clients.size === 0) this.#empty?.();
      });
      if (this.#stopped) client.close(Close.Ending, "the server ends");
      else if (this.#clients.size > MAX_CLIENTS) client.close(Close.TooMany, `there are ${MAX_CLIENTS} live clients`);
      else if (this.#from(address) > MAX_CLIENTS_PER_ADDRESS) {
        client.close(Close.TooMany, `there are ${MAX_CLIENTS_PER_ADDRESS} live clients from this address`);
      }
    });
  }

  /** Twenty times a second. */
  beat(): void {
    for (const client of this.#clients) client.beat();
    const shown = [...this.#clients].filter(({ greeted, shown: { channels, seats } }) =>
      greeted && channels.length + seats.length > 0
    );
    const first = !this.#metering;
    this.#metering = shown.length > 0;
    if (!this.#metering) return;
    if (first) return this.#meters.begin();
    this.#meters.read();
    for (const client of shown) client.showMeters(this.#meters);
  }

  /** Once a second. */
  tick(): void {
    this.#reporter.tick();
    let text: string | null = null;
    const engineers = () => text ??= JSON.stringify(statusOf(this.#house, null));
    for (const client of this.#clients) client.tick(engineers);
  }

  /** Says goodbye to everybody; resolves when they are gone, at the latest when their connections are cut. */
  stop(): Promise<void> {
    this.#stopped = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#empty = resolve;
    if (this.#clients.size === 0) resolve();
    for (const client of this.#clients) client.close(Close.Ending, "the server ends");
    return promise;
  }

  #from(address: string): number {
    let count = 0;
    for (const client of this.#clients) if (client.address === address) count++;
    return count;
  }

  /**
   * Never tells anybody at once: the change may be one of several, and the mover's own comes first. After a pause it is
   * the next thing that happens.
   */
  #changed(): void {
    this.#reporter.changed();
    if (this.#planned || this.#clients.size === 0) return;
    this.#planned = true;
    const wait = this.#flushedAt + GATHER_MS - performance.now();
    if (wait <= 0) queueMicrotask(() => this.#flush());
    else setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    this.#planned = false;
    this.#flushedAt = performance.now();
    for (const client of this.#clients) client.flush();
  }
}
