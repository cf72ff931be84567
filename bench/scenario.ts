/**
 * One measurement: a real server process on the paced software source, clients in this process, figures of the counted
 * seconds. The server's own times come from its histograms, its processor time and memory from the system's accounting of
 * that process alone, garbage collections from V8's trace.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { BUCKETS, percentiles } from "../core/histogram.ts";
import { now } from "../core/clock.ts";
import { msToSamples } from "../core/units.ts";
import { ControlLoad, type Load, type LoadFigures } from "./control_load.ts";
import { type BenchClient, type FromReceivers, Phase, type Received, type ToReceivers } from "./messages.ts";

const START_MS = 30_000;
/** Joins, first bindings and the compilation of hot code are over by then. */
const WARM_UP_MS = 3000;
/** Longer than what was sent last can be on its way. */
const SETTLE_MS = 300;
const JOIN_CODE = "BENCH";
const ENGINEER_KEY = "a-key-for-the-benchmark-only";

export interface Scenario {
  readonly clients: number;
  readonly channels: number;
  readonly frameMs: number;
  readonly mode: "channels" | "mix";
  readonly bitrate: number | null;
  readonly seconds: number;
  readonly poolSize: string | null;
  readonly sendMode: "pool" | "sync" | "sync-unshared";
  /** null: as the server has it. */
  readonly handoff: "shared" | "transfer" | null;
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
  readonly garbageCollections: number;
  readonly blocks: number;
  readonly withheldBlocks: number;
  readonly overruns: number;
  /** What the control load did, if there was one. */
  readonly load: LoadFigures | null;
}

interface Histogram {
  readonly buckets: readonly (readonly [number, number])[];
}
interface Timings {
  readonly timeMs: number;
  readonly mainBlock: Histogram;
  readonly handoff: Histogram;
  readonly captureToSend: readonly Histogram[];
  readonly datagrams: number;
  readonly late: number;
  readonly encodes: number;
  readonly droppedSendBuffer: number;
  readonly blocks: number;
  readonly withheld: number;
  readonly sourceCpuUs: number;
  readonly overruns: number;
  readonly overflows: number;
  readonly cpuUs: number;
  readonly rssBytes: number;
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

/** A server on its own ports, with what it prints watched for V8's trace of collections. */
class BenchServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #directory: string;
  readonly #output: string[] = [];
  readonly #sessions: string[] = [];
  readonly seats: string[] = [];
  #read: Promise<unknown> = Promise.resolve();
  /** When each garbage collection was, in milliseconds since its isolate began: all begin within the first second. */
  readonly #collections: number[] = [];
  readonly #startedAt = now();
  url = "";

  constructor(scenario: Scenario) {
    this.#directory = mkdtempSync(`${tmpdir()}/foldback-bench-`);
    const root = fileURLToPath(new URL("../", import.meta.url));
    const runtime = Deno.build.standalone
      ? []
      : ["run", "-A", "--config", `${root}deno.json`, "--v8-flags=--trace-gc", `${root}main.ts`];
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...runtime,
        "start",
        ...["--source", "tones", "--channels", String(scenario.channels)],
        ...["--http", "127.0.0.1:0", "--media-port", "0", "--state-dir", this.#directory],
        ...["--join-code", JOIN_CODE, "--engineer-key", ENGINEER_KEY, "--max-clients", "1000"],
        ...["--send-mode", scenario.sendMode, "--log-level", "warning", "--no-discovery"],
        ...(scenario.poolSize === null ? [] : ["--pool-size", scenario.poolSize]),
        ...(scenario.handoff === null ? [] : ["--handoff", scenario.handoff]),
      ],
      // What is set for the real server isn't meant for this one.
      clearEnv: true,
      env: Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("FOLDBACK_"))),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const heard = (line: string) => {
      const collection = /(\d+) ms: (?:Scavenge|Mark-Compact|Minor)/.exec(line)?.[1];
      if (collection) this.#collections.push(Number(collection));
      else if (this.#output.length < 200) this.#output.push(line);
      const url = /^ {2}console {4}(http\S+?)\/?(?:#\S*)?(?:\s|$)/.exec(line)?.[1];
      if (url) {
        this.url = url;
        resolve();
      }
    };
    this.#read = Promise.all([lines(this.#process.stdout, heard), lines(this.#process.stderr, heard)]);
    void this.#read.then(() => reject(new Error(`the server ended: ${this.#output.join("; ")}`)));
    const guard = setTimeout(() => reject(new Error(`the server doesn't start: ${this.#output.join("; ")}`)), START_MS);
    await promise.finally(() => clearTimeout(guard));
  }

  async call<Body>(method: string, path: string, secret: string, body?: unknown): Promise<Body> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.detail}`);
    return answer;
  }

  timings(): Promise<Timings> {
    return this.call<Timings>("GET", "/api/v1/timings", ENGINEER_KEY);
  }

  /** Ends every session: nothing is sent any more. */
  async silence(): Promise<void> {
    const authorization = { authorization: `Bearer ${ENGINEER_KEY}` };
    for (const session of this.#sessions) {
      await fetch(`${this.url}/api/v1/sessions/${session}`, { method: "DELETE", headers: authorization });
    }
  }

  async join(scenario: Scenario, index: number): Promise<BenchClient> {
    const channels = Array.from({ length: scenario.channels }, (_, i) => i + 1);
    const { session, seat, media } = await this.call<
      { session: string; seat: string; media: BenchClient & { frameMs: number } }
    >(
      "POST",
      "/api/v1/sessions",
      JOIN_CODE,
      {
        name: `Client ${index + 1}`,
        device: `bench-client-${index + 1}`,
        mode: scenario.mode,
        channels,
        frameMs: scenario.frameMs,
        ...(scenario.bitrate === null ? {} : { bitrate: scenario.bitrate }),
      },
    );
    this.#sessions.push(session);
    this.seats.push(seat);
    const { port, username, password, ssrc } = media;
    return { port, username, password, ssrc, frame: msToSamples(media.frameMs) };
  }

  /** Collections between two times. V8 prints them through a buffer, so that all are there only after the end. */
  async collections(from: number, to: number): Promise<number> {
    await this[Symbol.asyncDispose]();
    const [begin, end] = [from - this.#startedAt, to - this.#startedAt];
    return this.#collections.filter((at) => at >= begin && at < end).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGTERM");
    } catch { /* it has ended */ }
    await this.#process.status;
    await this.#read;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function lines(stream: ReadableStream<Uint8Array>, heard: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    parts.forEach(heard);
  }
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

/** @throws Error when the server doesn't start or not every client hears. */
export async function measure(scenario: Scenario): Promise<Figures> {
  await using server = new BenchServer(scenario);
  await server.ready();
  const clients: BenchClient[] = [];
  for (let i = 0; i < scenario.clients; i++) clients.push(await server.join(scenario, i));
  const stop = new SharedArrayBuffer(4), phase = new Int32Array(stop);
  const { hearing, done } = receive("127.0.0.1", clients, stop);
  await hearing;
  using load = scenario.load === undefined
    ? null
    : await ControlLoad.begin(server.url, ENGINEER_KEY, server.seats, scenario.load);
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
    garbageCollections: await server.collections(begun, ended),
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
