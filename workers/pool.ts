/**
 * The fixed pool of send workers, as the main isolate sees it. Each block costs one ArrayBuffer for each worker, with what
 * that worker said it needs; it is transferred, never copied across. A worker that throws, or stands still, is replaced:
 * the next one adopts its socket and its rows on the board, so its clients hear a gap and the others nothing.
 */
import { BlockView, isMix, mixOf, type Source } from "../core/block.ts";
import type { Board, WorkerRow } from "../core/board.ts";
import { logger } from "../core/log.ts";
import { never, type Receiver, type SendOptions, type SendToMain, type ServeMessage } from "../core/messages.ts";
import type { RtpTimestamp } from "../core/units.ts";
import type { SendPath } from "../mix/engine.ts";
import { fillBlock } from "../mix/fill.ts";
import type { Mixer } from "../mix/mixer.ts";
import { MAX_BLOCK_BYTES } from "./limits.ts";

/** Blocks that may wait for a worker: 85 ms. What comes beyond is withheld: old audio is worth nothing. */
const BACKLOG = 32;
/** A worker that works off nothing while so many blocks come by (400 ms) hangs. */
const HANG_BLOCKS = 150;
/** A worker that dies within this of its start isn't started again at once. */
const SHORT_LIFE_MS = 5000;
const RESTART_DELAY_MS = 1000;
/** A worker that doesn't say `stopped` within this when it is told to stop is ended. */
const STOP_MS = 1000;
/** ... and one that isn't ready within this can't be had. */
const START_MS = 10_000;

const log = logger("pool");

export interface PoolOptions {
  readonly script: URL;
  readonly size: number;
  readonly send: Omit<SendOptions, "worker" | "port" | "descriptor">;
  /** UDP port of the first worker; the others follow. 0: any. */
  readonly mediaPort: number;
  readonly reshaped: (request: number, timestamp: RtpTimestamp) => void;
}

class Member {
  readonly index: number;
  readonly row: WorkerRow;
  readonly receivers = new Map<number, Receiver>();
  sources: readonly Source[] = [];
  port: number;
  descriptor = -1;
  worker: Worker | null = null;
  ready = false;
  /** Blocks posted; compared with those worked off. */
  posted = 0;
  /** The row's count when it last moved, and blocks since. */
  seen = 0;
  still = 0;
  startedAt = 0;
  /** Resolves with the worker's next `ready` or `stopped`. */
  readonly answers = new Map<"ready" | "stopped", PromiseWithResolvers<void>>();

  constructor(index: number, row: WorkerRow, port: number) {
    this.index = index;
    this.row = row;
    this.port = port;
  }
}

export class Pool implements SendPath {
  readonly #options: PoolOptions;
  readonly #members: Member[];
  readonly #view = new BlockView(MAX_BLOCK_BYTES);
  readonly #board: Board;
  #mixes: number[] = [];
  #stopping = false;

  private constructor(options: PoolOptions, board: Board) {
    this.#options = options;
    this.#board = board;
    this.#members = Array.from(
      { length: options.size },
      (_, i) => new Member(i, board.workers[i], options.mediaPort === 0 ? 0 : options.mediaPort + i),
    );
  }

  /** @throws Error when a worker can't start: its port is taken, say. */
  static async open(options: PoolOptions, board: Board): Promise<Pool> {
    const pool = new Pool(options, board);
    try {
      await Promise.all(pool.#members.map((member) => pool.#start(member)));
    } catch (error) {
      for (const member of pool.#members) member.worker?.terminate();
      throw error;
    }
    return pool;
  }

  get ports(): readonly number[] {
    return this.#members.map((member) => member.port);
  }

  get mixes(): readonly number[] {
    return this.#mixes;
  }

  apply(message: ServeMessage): void {
    const member = this.#members[message.worker];
    if (message.kind === "serve") member.receivers.set(message.receiver.slot, message.receiver);
    else if (message.kind === "close") member.receivers.delete(message.slot);
    else {
      const receiver = member.receivers.get(message.slot);
      // What a replacement would be told: the newest shape.
      if (receiver) member.receivers.set(message.slot, { ...receiver, shape: message.shape, mix: message.mix });
    }
    if (member.ready) member.worker!.postMessage(message);
  }

  /** @hot */
  handOver(mixer: Mixer, position: number, time: number): void {
    for (let i = 0; i < this.#members.length; i++) {
      const member = this.#members[i];
      if (!member.ready) continue;
      const done = member.row.blocks;
      if (done !== member.seen || member.posted === done) {
        member.seen = done;
        member.still = 0;
      } else if (++member.still > HANG_BLOCKS) {
        this.#replace(member, "stands still");
        continue;
      }
      if (((member.posted - done) | 0) >= BACKLOG) {
        this.#board.main.withheld++;
        continue;
      }
      this.#post(member, fillBlock(this.#view, member.sources, mixer, position, time));
    }
  }

  /** @hot The one allocation of a block: the buffer that is given away. */
  #post(member: Member, bytes: number): void {
    // allocates: a transferred buffer can't be used again
    const buffer = this.#view.bytes.buffer.slice(0, bytes);
    // allocates: the list of what is transferred
    member.worker!.postMessage(buffer, [buffer]);
    member.posted = (member.posted + 1) >>> 0;
  }

  async #start(member: Member): Promise<void> {
    const worker = new Worker(this.#options.script, {
      type: "module",
      name: `send ${member.index}`,
      deno: { permissions: { ffi: true, net: true, read: false, write: false, env: false, run: false, sys: false } },
    } as WorkerOptions);
    const ready = Promise.withResolvers<void>();
    member.worker = worker;
    member.startedAt = performance.now();
    member.answers.set("ready", ready);
    worker.onmessage = ({ data }: MessageEvent<SendToMain>) => {
      if (member.worker === worker) this.#heard(member, data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      ready.reject(new Error(event.message));
      if (member.worker === worker && member.ready) this.#replace(member, `failed: ${event.message}`);
    };
    worker.postMessage({
      kind: "start",
      options: { ...this.#options.send, worker: member.index, port: member.port, descriptor: member.descriptor },
    });
    // deno-lint-ignore foldback/device-clock -- a guard, not a pace
    const guard = setTimeout(() => ready.reject(new Error(`send worker ${member.index} doesn't start`)), START_MS);
    try {
      await ready.promise;
    } finally {
      clearTimeout(guard);
    }
    member.posted = member.seen = member.row.blocks;
    member.still = 0;
    member.sources = [];
    for (const receiver of member.receivers.values()) {
      worker.postMessage({ kind: "serve", worker: member.index, receiver });
    }
    member.ready = true;
  }

  #heard(member: Member, message: SendToMain): void {
    switch (message.kind) {
      case "ready":
        member.port = message.port;
        member.descriptor = message.descriptor;
        member.answers.get("ready")?.resolve();
        break;
      case "failed":
        member.answers.get("ready")?.reject(new Error(message.reason));
        break;
      case "needs":
        member.sources = message.sources;
        this.#mixes = [...new Set(this.#members.flatMap(({ sources }) => sources.filter(isMix).map(mixOf)))];
        break;
      case "reshaped":
        this.#options.reshaped(message.request, message.timestamp);
        break;
      case "stopped":
        member.answers.get("stopped")?.resolve();
        break;
      default:
        never(message);
    }
  }

  /** Ends what is left of a worker and starts another in its place. */
  #replace(member: Member, why: string): void {
    if (this.#stopping) return;
    member.ready = false;
    member.worker?.terminate();
    member.worker = null;
    member.row.restarts++;
    log.error("Send worker {index} {why}; replaced.", { index: member.index, why });
    const delay = performance.now() - member.startedAt < SHORT_LIFE_MS && member.row.restarts > 1
      ? RESTART_DELAY_MS
      : 0;
    // deno-lint-ignore foldback/device-clock -- a rest before the next try
    setTimeout(() => {
      if (this.#stopping) return;
      this.#start(member).catch((error: Error) => this.#replace(member, `doesn't start: ${error.message}`));
    }, delay);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#members.map(async (member) => {
      if (!member.ready) return member.worker?.terminate();
      const stopped = Promise.withResolvers<void>();
      member.answers.set("stopped", stopped);
      member.worker!.postMessage({ kind: "stop" });
      // deno-lint-ignore foldback/device-clock -- a guard, not a pace
      const guard = setTimeout(() => {
        log.warn("Send worker {index} doesn't stop; ended.", { index: member.index });
        member.worker!.terminate();
        stopped.resolve();
      }, STOP_MS);
      await stopped.promise;
      clearTimeout(guard);
    }));
  }
}
