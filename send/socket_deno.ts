/**
 * UDP through Deno, for systems other than Linux: no DSCP, no dual stack, one promise a datagram. Deno queues silently when the send
 * buffer is full, so no more than {@link IN_FLIGHT} datagrams may be under way; the rest is dropped and counted.
 */
import { now } from "../core/clock.ts";
import { type Endpoint, ENDPOINT_BYTES, endpointOf, ipOf, portOf } from "../core/endpoint.ts";
import type { Milliseconds } from "../core/units.ts";
import { BATCH, type MediaSocket, RECEIVE_BYTES, ROW_BYTES, type SocketOptions } from "./socket.ts";

/** Two batches: 5 ms of sixty clients. */
const IN_FLIGHT = 2 * BATCH;
/** Datagrams that wait to be looked at; more are dropped, oldest first. */
const RECEIVE_QUEUE = 256;

class DenoSocket implements MediaSocket {
  readonly descriptor = -1;
  readonly port: number;
  readonly rows = new Uint8Array(BATCH * ROW_BYTES);
  readonly incoming = new Uint8Array(RECEIVE_BYTES);
  readonly from: Endpoint = new Uint8Array(ENDPOINT_BYTES);
  at = 0;
  count = 0;
  dropped = 0;
  readonly #socket: Deno.DatagramConn;
  readonly #lengths = new Uint16Array(BATCH);
  readonly #to: Deno.NetAddr[] = [];
  #queue: [Uint8Array, Deno.NetAddr][] = [];
  #sending = false;
  #received: [Uint8Array, Deno.NetAddr, Milliseconds][] = [];
  arrivedAt = 0 as Milliseconds;
  #closed = false;

  constructor(socket: Deno.DatagramConn) {
    this.#socket = socket;
    this.port = (socket.addr as Deno.NetAddr).port;
    this.#listen();
  }

  async #listen(): Promise<void> {
    while (!this.#closed) {
      try {
        const [data, from] = await this.#socket.receive();
        if (this.#received.length >= RECEIVE_QUEUE) this.#received.shift();
        this.#received.push([data, from as Deno.NetAddr, now()]);
      } catch {
        // A closed socket ends the loop; an ICMP error that some systems report here concerns one datagram only.
      }
    }
  }

  push(bytes: number, to: Endpoint): void {
    this.#lengths[this.count] = bytes;
    this.#to[this.count] = { transport: "udp", hostname: ipOf(to), port: portOf(to) };
    this.count++;
    this.at = this.count * ROW_BYTES;
    if (this.count === BATCH) this.flush();
  }

  flush(): void {
    for (let i = 0; i < this.count; i++) {
      if (this.#queue.length >= IN_FLIGHT) this.dropped++;
      // A copy: the row is written again before it has been sent.
      else this.#queue.push([this.rows.slice(i * ROW_BYTES, i * ROW_BYTES + this.#lengths[i]), this.#to[i]]);
    }
    this.count = 0;
    this.at = 0;
    if (!this.#sending) void this.#send();
  }

  /** One after the other: together they would overtake one another. */
  async #send(): Promise<void> {
    this.#sending = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      await this.#socket.send(next[0], next[1]).catch(() => this.dropped++);
    }
    this.#sending = false;
  }

  receive(): number {
    const next = this.#received.shift();
    if (!next) return -1;
    const [data, from, arrivedAt] = next;
    this.arrivedAt = arrivedAt;
    if (data.length > RECEIVE_BYTES) return 0;
    this.incoming.set(data);
    this.from.set(endpointOf(from.hostname, from.port));
    return data.length;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#socket.close();
  }
}

export function openDenoSocket({ address, port }: SocketOptions): MediaSocket {
  const hostname = address === "::" ? "0.0.0.0" : address;
  return new DenoSocket(Deno.listenDatagram({ transport: "udp", hostname, port }));
}
