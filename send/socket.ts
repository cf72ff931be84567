/**
 * The media socket of one sender: datagrams are written in place into rows of one preallocated batch and leave with one
 * system call. socket_linux.ts does it through libc, socket_deno.ts elsewhere. Addresses are endpoints (core/endpoint.ts).
 * A socket belongs to one isolate. Sending and receiving never wait; a full send buffer drops, and counts.
 */
import type { Endpoint } from "../core/endpoint.ts";
import type { Milliseconds } from "../core/units.ts";

/** Datagrams in a batch: more clients than that make two system calls. */
export const BATCH = 128;
/** Bytes of a row; the contract's largest datagram is 1452. */
export const ROW_BYTES = 1536;
/** The largest datagram that we look at; STUN and RTCP are far smaller. */
export const RECEIVE_BYTES = 2048;
/** Asked of the kernel for each direction: 10 ms frames of 300 clients fit, a second of silence does not. */
export const SOCKET_BUFFER_BYTES = 1 << 20;

export interface MediaSocket extends Disposable {
  readonly port: number;
  /** The operating system's handle, for the worker that may have to take over; −1 where there is none. */
  readonly descriptor: number;
  /** The batch: row i begins at i × ROW_BYTES. */
  readonly rows: Uint8Array;
  /** Index into `rows` where the next datagram is to be written. */
  readonly at: number;
  /** Datagrams in the batch. */
  readonly count: number;
  /** Datagrams that the system didn't take, ever. */
  readonly dropped: number;
  /** Appends the datagram written at {@link at}; sends the batch if it is full. */
  push(bytes: number, to: Endpoint): void;
  /** Sends the batch. */
  flush(): void;
  /** Takes one waiting datagram into {@link incoming}, its sender into {@link from}; its length, or −1 when none waits. */
  receive(): number;
  readonly incoming: Uint8Array;
  readonly from: Endpoint;
  /** When it had arrived, by the kernel where that tells: our own delay in looking isn't in it. */
  readonly arrivedAt: Milliseconds;
}

export interface SocketOptions {
  readonly address: string;
  readonly port: number;
  readonly descriptor: number;
  readonly dscp: number;
}
