/** What passes between the benchmark and its receivers' thread. */

/** One client as the server answered its join. */
export interface BenchClient {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly ssrc: number;
  /** Samples of one frame. */
  readonly frame: number;
}

export type ToReceivers = {
  readonly kind: "start";
  readonly host: string;
  readonly clients: readonly BenchClient[];
  readonly stop: SharedArrayBuffer;
};

/** Words of the shared stop flag: set 1 to begin counting, 2 to end. */
export const enum Phase {
  Warming = 0,
  Counting = 1,
  Ended = 2,
}

export interface Received {
  /** RTP datagrams, ever. */
  readonly received: number;
  /** Missing by sequence number, from each client's first to its last. */
  readonly lost: number;
  /** What the receivers' own sockets threw away. */
  readonly socketDrops: number;
  /** Clients that heard something. */
  readonly heard: number;
  /** Histogram of capture → receive. */
  readonly captureToReceive: Uint32Array;
}

export type FromReceivers =
  /** Every client hears. */
  | { readonly kind: "hearing" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "done"; readonly result: Received };
