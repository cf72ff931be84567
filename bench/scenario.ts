/**
 * One measurement: a real server process on the paced software source, clients in this process, figures of the counted
 * seconds. The server's own times come from its histograms, its processor time and memory from the system's accounting of
 * that process alone, garbage collections from V8's trace.
 */
import { BUCKETS, percentiles } from "../core/histogram.ts";
import { now } from "../core/clock.ts";
import { ControlLoad, type Load, type LoadFigures } from "./control_load.ts";
import { BENCH_KEY, BenchServer, type Histogram, START_MS } from "./server.ts";
import { type BenchClient, type FromReceivers, Phase, type Received, type ToReceivers } from "./messages.ts";

/** Joins, first bindings and most compilation of hot code are over by then: in the fifth second it takes 0.5 % of a core, then 0.1. */
export const WARM_UP_MS = 6000;
/** Longer than what was sent last can be on its way. */
const SETTLE_MS = 300;

export interface Scenario {
  readonly clients: number;
  readonly channels: number;
  readonly frameMs: number;
  readonly mode: "channels" | "mix";
  readonly bitrate: number | null;
  /** No two clients share an encode: each has a bitrate of its own near `bitrate`, which must be there. */
  readonly distinct?: boolean;
  readonly seconds: number;
  readonly poolSize: string | null;
  readonly sendMode: "pool" | "sync" | "sync-unshared";
  /** null: as the server has it. */
  readonly handoff: "shared" | "transfer" | null;
  readonly codec: "auto" | "own" | "package";
  /** Live clients and moving faders meanwhile. */
  readonly load?: Load;
}

/** p50, p99, p99.9 and the longest. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Figures {
  readonly cpuPercent: number;
  readonly sourceCpuPercent: number;
  readonly rssMb: number;
  readonly mainBlockUs: Spread;
  readonly handoffUs: Spread;
  readonly captureToSendMs: Spread;
  readonly captureToReceiveMs: Spread;
  /** `sent` and `received` from the first to the last, warm-up included, so that they must be equal; the rest in the counted time. */
  readonly datagrams: {
    readonly sent: number;
    readonly received: number;
    readonly lost: number;
    readonly late: number;
    readonly sendBuffer: number;
    readonly receiverSocketDrops: number;
  };
  readonly encodesPerSecond: number;
  /** Of all isolates. */
  readonly garbageCollections: number;
  /** Of all but the main isolate's. */
  readonly workerCollections: number;
  readonly blocks: number;
  readonly withheldBlocks: number;
  readonly overruns: number;
  /** What the control load did, if there was one. */
  readonly load: LoadFigures | null;
}

const counts = (histograms: readonly Histogram[]): Uint32Array => {
  const sum = new Uint32Array(BUCKETS);
  for (const { buckets } of histograms) for (const [bucket, count] of buckets) sum[bucket] += count;
  return sum;
};

function spread(before: readonly Histogram[], after: readonly Histogram[], scale: number): Spread {
  const { p50, p99, p999, max } = percentiles(counts(after), counts(before), scale);
  return { p50, p99, p999, max };
}

/** The clients' thread: resolves `hearing` when everybody hears, `done` with what came in the counted time. */
function receive(host: string, clients: readonly BenchClient[], stop: SharedArrayBuffer) {
  const worker = new Worker(new URL("./receivers.ts", import.meta.url), { type: "module", name: "receivers" });
  const hearing = Promise.withResolvers<void>(), done = Promise.withResolvers<Received>();
  hearing.promise.catch(() => {});
  done.promise.catch(() => {});
  const fail = (reason: string) => {
    hearing.reject(new Error(reason));
    done.reject(new Error(reason));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(event.message);
  };
  worker.onmessage = ({ data }: MessageEvent<FromReceivers>) => {
    if (data.kind === "hearing") hearing.resolve();
    else if (data.kind === "failed") fail(data.reason);
    else {
      done.resolve(data.result);
      worker.terminate();
    }
  };
  const start: ToReceivers = { kind: "start", host, clients, stop };
  worker.postMessage(start);
  const guard = setTimeout(() => fail("not every client hears"), START_MS);
  return { hearing: hearing.promise.finally(() => clearTimeout(guard)), done: done.promise };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * `begin` may start something that goes on beside the clients.
 * @throws Error when the server doesn't start or not every client hears.
 */
export async function measure(
  scenario: Scenario,
  begin?: (server: BenchServer) => Promise<AsyncDisposable>,
): Promise<Figures> {
  await using server = new BenchServer(scenario);
  await server.ready();
  const clients: BenchClient[] = [];
  for (let i = 0; i < scenario.clients; i++) clients.push(await server.join(scenario, i));
  const stop = new SharedArrayBuffer(4), phase = new Int32Array(stop);
  const { hearing, done } = receive("127.0.0.1", clients, stop);
  await hearing;
  using load = scenario.load === undefined
    ? null
    : await ControlLoad.begin(server.url, BENCH_KEY, server.seats, scenario.load);
  await using _beside = await begin?.(server);
  await pause(WARM_UP_MS);

  const before = await server.timings();
  Atomics.store(phase, 0, Phase.Counting);
  const begun = now();
  await pause(scenario.seconds * 1000);
  const ended = now();
  const after = await server.timings();
  const wall = (after.timeMs - before.timeMs) / 1000;
  load?.[Symbol.dispose]();
  await server.silence();
  await pause(SETTLE_MS);
  const { datagrams: sent } = await server.timings();
  Atomics.store(phase, 0, Phase.Ended);
  const received = await done;
  const collections = await server.collections(begun, ended);

  return {
    cpuPercent: (after.cpuUs - before.cpuUs) / 1e4 / wall,
    sourceCpuPercent: ((after.sourceCpuUs - before.sourceCpuUs) >>> 0) / 1e4 / wall,
    rssMb: after.rssBytes / 1e6,
    mainBlockUs: spread([before.mainBlock], [after.mainBlock], 1e-3),
    handoffUs: spread([before.handoff], [after.handoff], 1e-3),
    captureToSendMs: spread(before.captureToSend, after.captureToSend, 1e-6),
    captureToReceiveMs: toSpread(received.captureToReceive),
    datagrams: {
      sent,
      received: received.received,
      lost: received.lost,
      late: after.late - before.late,
      sendBuffer: after.droppedSendBuffer - before.droppedSendBuffer,
      receiverSocketDrops: received.socketDrops,
    },
    encodesPerSecond: (after.encodes - before.encodes) / wall,
    garbageCollections: collections.all,
    workerCollections: collections.workers,
    blocks: after.blocks - before.blocks,
    withheldBlocks: after.withheld - before.withheld,
    overruns: after.overruns + after.overflows - before.overruns - before.overflows,
    load: load?.figures ?? null,
  };
}

function toSpread(histogram: Uint32Array): Spread {
  const { p50, p99, p999, max } = percentiles(histogram);
  return { p50, p99, p999, max };
}
