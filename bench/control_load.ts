/**
 * What musicians and engineers do to a server while it sends: live clients that show meters, and faders that move. In: a
 * server's URL, its engineer key and the seats. Out: moves and what came back, counted. Main isolate of the benchmark.
 */

/** How much of it. */
export interface Load {
  readonly liveClients: number;
  readonly movesPerSecond: number;
}

export interface LoadFigures {
  readonly moves: number;
  readonly acknowledged: number;
  readonly messages: number;
  readonly bytes: number;
}

const OPEN_MS = 10_000;
const CHANNELS = Array.from({ length: 16 }, (_, i) => i + 1);

export class ControlLoad implements Disposable {
  readonly #sockets: WebSocket[] = [];
  readonly #seats: readonly string[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #moves = 0;
  #acknowledged = 0;
  #messages = 0;
  #bytes = 0;

  private constructor(seats: readonly string[]) {
    this.#seats = seats;
  }

  /** Opens the live clients and lets the faders move. @throws Error if a client isn't let in. */
  static async begin(url: string, key: string, seats: readonly string[], load: Load): Promise<ControlLoad> {
    const begun = new ControlLoad(seats);
    for (let i = 0; i < load.liveClients; i++) await begun.#open(url, key);
    begun.#timer = setInterval(() => begun.#move(), 1000 / load.movesPerSecond);
    return begun;
  }

  async #open(url: string, key: string): Promise<void> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1/live`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const guard = setTimeout(() => reject(new Error("a live client isn't answered")), OPEN_MS);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: "hello", secret: key }));
      socket.send(JSON.stringify({ type: "meters", channels: CHANNELS, seats: this.#seats.slice(0, 1) }));
    };
    socket.onmessage = ({ data }) => {
      const text = typeof data === "string";
      this.#messages++;
      this.#bytes += text ? data.length : data.byteLength;
      if (text && data.startsWith('{"type":"ack"')) this.#acknowledged++;
      if (text && data.startsWith('{"type":"snapshot"')) resolve();
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`a live client was closed: ${code} ${reason}`));
    this.#sockets.push(socket);
    await promise.finally(() => clearTimeout(guard));
  }

  #move(): void {
    const id = this.#moves++, seat = this.#seats[id % this.#seats.length];
    const channel = String(1 + (id * 7) % CHANNELS.length), gainDb = -30 + (id * 13) % 40;
    const patch = { channels: { [channel]: { gainDb } } };
    this.#sockets[id % this.#sockets.length].send(JSON.stringify({ type: "mix", id, seat, patch }));
  }

  get figures(): LoadFigures {
    return {
      moves: this.#moves,
      acknowledged: this.#acknowledged,
      messages: this.#messages,
      bytes: this.#bytes,
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) {
      socket.onclose = null;
      socket.close();
    }
  }
}
