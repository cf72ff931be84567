/**
 * `GET /api/v1/live`: everybody who watches sees every move. In: WebSocket connections (RFC 6455), changes of the house.
 * Out: to each client the state and what changes of it (live_client.ts), gathered for 20 ms at most; status and events
 * once a second, meters twenty times. Control worker; allocates.
 */
import { createReporter, type Reporter } from "./events.ts";
import type { House } from "./house.ts";
import { type Audience, LiveClient } from "./live_client.ts";
import { type JsonObject, patchBetween } from "./merge_patch.ts";
import { MeterReader } from "./meters.ts";
import { Sockets } from "./sockets.ts";
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

export class Live {
  readonly #house: House;
  readonly #audience: Audience;
  readonly #reporter: Reporter;
  readonly #meters: MeterReader;
  readonly sockets: Sockets<LiveClient>;
  #numbers = 0;
  #flushedAt = -Infinity;
  #planned = false;
  #metering = false;

  constructor(house: House) {
    this.#house = house;
    this.#audience = { house, views: createViews(house), ...sharedTexts() };
    this.#reporter = createReporter(house);
    this.#meters = new MeterReader(house);
    this.sockets = new Sockets({
      maxBytes: MAX_MESSAGE_BYTES,
      maxFragments: MAX_FRAGMENTS,
      welcome: (socket, address) => new LiveClient(socket, address, this.#numbers++, this.#audience),
      refusal: ({ address }) => this.#tooMany(address),
    });
    house.watchers.add(() => this.#changed());
  }

  /** Twenty times a second. */
  beat(): void {
    for (const client of this.sockets.clients) client.beat();
    const shown = [...this.sockets.clients].filter(({ greeted, shown: { channels, seats } }) =>
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
    for (const client of this.sockets.clients) client.tick(engineers);
  }

  #tooMany(address: string): string | null {
    const { clients } = this.sockets;
    if (clients.size > MAX_CLIENTS) return `there are ${MAX_CLIENTS} live clients`;
    let count = 0;
    for (const client of clients) if (client.address === address) count++;
    return count > MAX_CLIENTS_PER_ADDRESS
      ? `there are ${MAX_CLIENTS_PER_ADDRESS} live clients from this address`
      : null;
  }

  /**
   * Never tells anybody at once: the change may be one of several, and the mover's own comes first. After a pause it is
   * the next thing that happens.
   */
  #changed(): void {
    this.#reporter.changed();
    if (this.#planned || this.sockets.clients.size === 0) return;
    this.#planned = true;
    const wait = this.#flushedAt + GATHER_MS - performance.now();
    if (wait <= 0) queueMicrotask(() => this.#flush());
    else setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    this.#planned = false;
    this.#flushedAt = performance.now();
    for (const client of this.sockets.clients) client.flush();
  }
}
