/**
 * `GET /api/v1/audio`: pages hear what phones hear, the same datagrams by WebSocket. In: WebSocket connections. Out: a
 * listener for each (audio_client.ts). Control worker; allocates.
 */
import { AudioClient, type AudioHall } from "./audio_client.ts";
import type { House } from "./house.ts";
import { Sockets } from "./sockets.ts";

export const AUDIO_PATH = "/api/v1/audio";
/** Connections from one address that haven't said hello yet: all pages behind a proxy, when the server was restarted. */
const MAX_SILENT_PER_ADDRESS = 64;
/** Reports and pings. */
const MAX_MESSAGE_BYTES = 4 * 1024;
const MAX_FRAGMENTS = 8;

export class Audio {
  readonly #hall: AudioHall;
  readonly sockets: Sockets<AudioClient>;
  #dropped = 0;

  constructor(house: House) {
    this.#hall = { house, listeners: new Map() };
    this.sockets = new Sockets({
      maxBytes: MAX_MESSAGE_BYTES,
      maxFragments: MAX_FRAGMENTS,
      welcome: (socket, address) => new AudioClient(socket, address, this.#hall),
      refusal: ({ address }) => this.#silentFrom(address) > MAX_SILENT_PER_ADDRESS ? "say hello on those first" : null,
      left: ({ dropped }) => this.#dropped += dropped,
    });
    house.watchers.add(() => {
      for (const page of this.#hall.listeners.values()) page.look();
    });
  }

  #silentFrom(address: string): number {
    let count = 0;
    for (const page of this.sockets.clients) if (page.silent && page.address === address) count++;
    return count;
  }

  /** Datagrams that weren't passed on because the page didn't read, since the start. */
  get dropped(): number {
    return [...this.sockets.clients].reduce((sum, page) => sum + page.dropped, this.#dropped);
  }

  /** Twenty times a second. */
  beat(): void {
    for (const page of this.sockets.clients) page.beat();
  }
}
