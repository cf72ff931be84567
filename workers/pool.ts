/**
 * The fixed pool of send workers, as the main isolate sees it. Each worker gets of each block what it said it needs: written
 * straight into a ring in shared memory, or in an ArrayBuffer that is transferred, which is the only allocation of a block.
 * A worker that throws, or stands still, is replaced: the next one adopts its socket and its rows on the board, so its
 * clients hear a gap and the others nothing.
 */
import { BlockView, isMix, mixOf, type Source } from "../core/block.ts";
import { type Board, Flow, type WorkerRow } from "../core/board.ts";
import { now } from "../core/clock.ts";
import { logger } from "../core/log.ts";
import { createHandoff, HANDOFF_BLOCKS, HandoffWriter } from "../core/handoff.ts";
import { never, type Receiver, type SendOptions, type SendToMain, type ServeMessage } from "../core/messages.ts";
import { makeIdle } from "../core/realtime.ts";
import type { RtpTimestamp } from "../core/units.ts";
import type { SendPath } from "../mix/engine.ts";
import { fillBlock } from "../mix/fill.ts";
import type { Mixer } from "../mix/mixer.ts";
import { Nursery, type SendWorker } from "./handles.ts";
import { MAX_BLOCK_BYTES } from "./limits.ts";

/** A worker that works off nothing while so many blocks come by (400 ms) hangs. */
const HANG_BLOCKS = 150;
/** ... which a source that isn't paced by a clock delivers in no time: that alone is no hang. */
const HANG_MS = 300;
/** Why such a worker is replaced. */
const HUNG = `it stands still: ${HANG_BLOCKS} blocks (400 ms) came by and it worked off none`;
/**
 * So many replacements within so long come at once. Then each waits twice as long as the one before, up to a bound: a
 * worker that can't live may cost the others nothing, and one that hangs leaves its memory behind.
 */
const AT_ONCE = 3;
const REMEMBERED_MS = 60_000;
const FIRST_DELAY_MS = 1000;
const MOST_DELAY_MS = 30_000;
/** A worker that doesn't say `stopped` within this when it is told to stop is ended. */
const STOP_MS = 600;
/** ... and one that isn't ready within this can't be had. */
const START_MS = 30_000;

const log = logger("pool");

export interface PoolOptions {
  readonly script: URL;
  readonly size: number;
  /** By a ring in shared memory for each worker, or each block in an ArrayBuffer that is transferred. */
  readonly handoff: "shared" | "transfer";
  readonly send: Omit<SendOptions, "worker" | "port" | "descriptor">;
  /** UDP port of the first worker; the others follow. 0: any. */
  readonly mediaPort: number;
  readonly reshaped: (request: number, timestamp: RtpTimestamp) => void;
}

/** Milliseconds to wait with a replacement when there were `earlier` ones within the last minute. */
const replacementDelay = (earlier: number): number =>
  earlier < AT_ONCE ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (earlier - AT_ONCE), MOST_DELAY_MS);

class Member {
  readonly index: number;
  readonly row: WorkerRow;
  readonly receivers = new Map<number, Receiver>();
  sources: readonly Source[] = [];
  port: number;
  descriptor = -1;
  worker: SendWorker | null = null;
  ready = false;
  /** Blocks handed over; compared with those worked off. */
  posted = 0;
  /** The row's count when it last moved, and blocks since. */
  seen = 0;
  still = 0;
  /** Time of the block at which it last moved. */
  movedAt = 0;
  /** The system's number of its thread. */
  thread = 0;
  /** When it was replaced, within the last minute. */
  replacedAt: number[] = [];
  /** Settled by the worker's next `ready` or `failed`, and `stopped`. */
  started = Promise.withResolvers<void>();
  readonly stopped = Promise.withResolvers<void>();

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
  readonly #nursery: Nursery;
  /** Waits for its first message, so that a replacement takes over at once. */
  #spare: SendWorker | null = null;
  #mixes: number[] = [];
  #stopping = false;
  /** What encodes, by name and version. */
  codec = "";

  private constructor(options: PoolOptions, board: Board) {
    this.#options = options;
    this.#board = board;
    this.#nursery = new Nursery(options.script, options.send.bell);
    this.#members = Array.from(
      { length: options.size },
      (_, i) => new Member(i, board.workers[i], options.mediaPort === 0 ? 0 : options.mediaPort + i),
    );
  }

  /** @throws Error when a worker can't start: its port is taken, say. */
  static async open(options: PoolOptions, board: Board): Promise<Pool> {
    const pool = new Pool(options, board);
    try {
      await Promise.all(
        pool.#members.map((member) => pool.#start(member, pool.#nursery.open(`send ${member.index}`))),
      );
    } catch (error) {
      for (const member of pool.#members) member.worker?.end();
      pool.#nursery[Symbol.dispose]();
      throw error;
    }
    pool.#raiseSpare();
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
    else if (message.kind === "close") {
      member.receivers.delete(message.slot);
      // A worker that is about to fail won't say so.
      this.#board.slots[message.slot].flow = Flow.Free;
    } else {
      const receiver = member.receivers.get(message.slot);
      // What a replacement would be told: the newest shape.
      if (receiver) member.receivers.set(message.slot, { ...receiver, shape: message.shape, mix: message.mix });
    }
    if (member.ready) member.worker!.post(message);
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
        member.movedAt = time;
      } else if (++member.still > HANG_BLOCKS && time - member.movedAt > HANG_MS) {
        this.#replace(member, HUNG);
        // Nothing ends a loop that never returns: worker.terminate() waits for it.
        makeIdle(member.thread);
        continue;
      }
      const ring = member.worker!.ring;
      if ((ring === null ? (member.posted - done) | 0 : ring.waiting()) >= HANDOFF_BLOCKS) {
        this.#board.main.withheld++;
        continue;
      }
      if (ring === null) {
        this.#give(member, fillBlock(this.#view, member.sources, mixer, position, time));
      } else {
        fillBlock(ring.next(), member.sources, mixer, position, time);
        ring.publish();
      }
      member.posted = (member.posted + 1) >>> 0;
    }
  }

  /** @hot The one allocation of a transferred block: the buffer that is given away. */
  #give(member: Member, bytes: number): void {
    // allocates: a transferred buffer can't be used again
    member.worker!.give(this.#view.bytes.slice(0, bytes).buffer);
  }

  async #start(member: Member, worker: SendWorker): Promise<void> {
    const { send } = this.#options, started = member.started = Promise.withResolvers<void>();
    member.worker = worker;
    worker.listener = {
      heard: (message) => this.#heard(member, message),
      failed: (reason) => {
        if (member.ready) this.#replace(member, reason);
        else started.reject(new Error(reason));
      },
    };
    const handoff = this.#options.handoff === "shared" ? createHandoff(MAX_BLOCK_BYTES) : null;
    worker.ring = handoff && new HandoffWriter(handoff);
    worker.post({
      kind: "start",
      handoff,
      options: { ...send, worker: member.index, port: member.port, descriptor: member.descriptor },
    });
    // deno-lint-ignore foldback/device-clock -- a guard, not a pace
    const guard = setTimeout(() => started.reject(new Error(`send worker ${member.index} doesn't start`)), START_MS);
    try {
      await started.promise;
    } finally {
      clearTimeout(guard);
    }
    member.posted = member.seen = member.row.blocks;
    member.still = 0;
    member.movedAt = now();
    member.sources = [];
    for (const receiver of member.receivers.values()) {
      worker.post({ kind: "serve", worker: member.index, receiver });
    }
    member.ready = true;
  }

  #heard(member: Member, message: SendToMain): void {
    switch (message.kind) {
      case "ready":
        member.port = message.port;
        member.descriptor = message.descriptor;
        member.thread = message.thread;
        this.codec = message.codec;
        member.started.resolve();
        break;
      case "failed":
        member.started.reject(new Error(message.reason));
        break;
      case "needs":
        member.sources = message.sources;
        this.#mixes = [...new Set(this.#members.flatMap(({ sources }) => sources.filter(isMix).map(mixOf)))];
        break;
      case "reshaped":
        this.#options.reshaped(message.request, message.timestamp);
        break;
      case "stopped":
        member.stopped.resolve();
        break;
      default:
        never(message);
    }
  }

  /** Ends what is left of a worker and starts another in its place. */
  #replace(member: Member, why: string): void {
    if (this.#stopping) return;
    member.ready = false;
    member.worker?.end();
    member.worker = null;
    member.row.restarts++;
    const time = performance.now();
    member.replacedAt = member.replacedAt.filter((at) => time - at < REMEMBERED_MS);
    const delay = replacementDelay(member.replacedAt.length);
    member.replacedAt.push(time);
    const again = delay === 0 ? "now" : `in ${delay / 1000} s`;
    log.error(`Send worker {index} failed and is replaced ${again}: {why}`, { index: member.index, why });
    // deno-lint-ignore foldback/device-clock -- a rest before the next try
    setTimeout(() => {
      if (this.#stopping) return;
      const worker = this.#spare ?? this.#nursery.spawn("send spare");
      this.#raiseSpare();
      this.#start(member, worker).catch((error: Error) => this.#replace(member, `it doesn't start: ${error.message}`));
    }, delay);
  }

  #raiseSpare(): void {
    const spare = this.#spare = this.#nursery.spawn("send spare");
    spare.listener = {
      heard: () => {},
      // The next one is made when it is needed.
      failed: (reason) => {
        log.error("The spare send worker failed: {reason}", { reason });
        spare.end();
        this.#spare = null;
      },
    };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#members.map(async (member) => {
      if (!member.ready) return;
      member.worker!.post({ kind: "stop" });
      // deno-lint-ignore foldback/device-clock -- a guard, not a pace
      const guard = setTimeout(() => {
        log.warn("Send worker {index} doesn't stop; ended.", { index: member.index });
        member.stopped.resolve();
      }, STOP_MS);
      await member.stopped.promise;
      clearTimeout(guard);
    }));
    this.#nursery[Symbol.dispose]();
  }
}
