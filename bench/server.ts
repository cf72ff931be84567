/**
 * The benchmark's server: a real process on ports of its own, asked over HTTP as anybody else would, with what it prints
 * watched for V8's trace of collections. In: a scenario. Out: its address, sessions, timings. Main isolate of the benchmark.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { now } from "../core/clock.ts";
import { msToSamples } from "../core/units.ts";
import manifest from "../deno.json" with { type: "json" };
import type { BenchClient } from "./messages.ts";
import type { Scenario } from "./scenario.ts";

/** A server that isn't ready, or a client that doesn't hear, within this is given up. */
export const START_MS = 30_000;
const JOIN_CODE = "BENCH";
/** Streams are shared by those that hear the same at the same bitrate. This much of a difference is no byte in a packet. */
const DISTINCT_BPS = 10;
export const BENCH_KEY = "a-key-for-the-benchmark-only";

/** [bucket, count], the non-empty ones: core/histogram.ts. */
export interface Histogram {
  readonly buckets: readonly (readonly [number, number])[];
}
/** What `GET /api/v1/timings` answers, as far as it is read here. */
export interface Timings {
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

/** For a server that is to be started again: a state directory that stays, and a port that is the same. */
export interface Kept {
  readonly directory: string;
  readonly mediaPort: number;
}

/** A collection of garbage: whose, by V8's number of the isolate, and when, in milliseconds since that isolate began. */
interface Collection {
  readonly isolate: string;
  readonly at: number;
}

/** A server on its own ports, with what it prints watched for V8's trace of collections. */
export class BenchServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #directory: string;
  readonly #kept: boolean;
  readonly #output: string[] = [];
  readonly #sessions: string[] = [];
  readonly seats: string[] = [];
  /** Of the sessions, in their order. */
  readonly tokens: string[] = [];
  #read: Promise<unknown> = Promise.resolve();
  /** As printed. All isolates begin within the first second. */
  readonly #collections: Collection[] = [];
  readonly #startedAt = now();
  url = "";

  constructor(scenario: Omit<Scenario, "seconds">, kept?: Kept, maxClients = 1000) {
    this.#kept = kept !== undefined;
    this.#directory = kept?.directory ?? mkdtempSync(`${tmpdir()}/foldback-bench-`);
    const root = fileURLToPath(new URL("../", import.meta.url));
    const runtime = Deno.build.standalone ? [] : [
      "run",
      "-A",
      "--config",
      `${root}deno.json`,
      "--v8-flags=--trace-gc",
      `${root}main.ts`,
    ];
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...runtime,
        "start",
        ...["--source", "tones", "--channels", String(scenario.channels)],
        ...["--http", "127.0.0.1:0", "--media-port", String(kept?.mediaPort ?? 0), "--state-dir", this.#directory],
        ...["--join-code", JOIN_CODE, "--engineer-key", BENCH_KEY, "--max-clients", String(maxClients)],
        ...["--send-mode", scenario.sendMode, "--log-level", "warning", "--no-discovery"],
        ...(scenario.poolSize === null ? [] : ["--pool-size", scenario.poolSize]),
        ...["--codec", scenario.codec],
        ...(scenario.handoff === null ? [] : ["--handoff", scenario.handoff]),
      ],
      // What is set for the real server isn't meant for this one.
      clearEnv: true,
      env: {
        ...Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("FOLDBACK_"))),
        DENO_V8_FLAGS: /DENO_V8_FLAGS=(\S+)/.exec(manifest.tasks.start.command)![1],
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const heard = (line: string) => {
      const collection = /^\[\d+:(\w+)\]\s+(\d+) ms: (?:Incremental )?(?:Scavenge|Mark-Compact|Minor)/.exec(line);
      if (collection) this.#collections.push({ isolate: collection[1], at: Number(collection[2]) });
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
    return this.call<Timings>("GET", "/api/v1/timings", BENCH_KEY);
  }

  /** Ends the oldest session. */
  async leave(): Promise<void> {
    const headers = { authorization: `Bearer ${BENCH_KEY}` };
    const answer = await fetch(`${this.url}/api/v1/sessions/${this.#sessions.shift()}`, { method: "DELETE", headers });
    await answer.body?.cancel();
  }

  /** Ends every session: nothing is sent any more. */
  async silence(): Promise<void> {
    while (this.#sessions.length > 0) await this.leave();
  }

  async join(scenario: Omit<Scenario, "seconds">, index: number): Promise<BenchClient> {
    const channels = Array.from({ length: scenario.channels }, (_, i) => i + 1);
    const { session, seat, token, media } = await this.call<
      { session: string; seat: string; token: string; media: BenchClient & { frameMs: number } }
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
        ...bitrateOf(scenario, index),
      },
    );
    this.#sessions.push(session);
    this.seats.push(seat);
    this.tokens.push(token);
    const { port, username, password, ssrc } = media;
    return { port, username, password, ssrc, frame: msToSamples(media.frameMs) };
  }

  /**
   * Collections between two times, of all isolates and of the workers alone. V8 prints them through a buffer, so that all
   * are there only after the end.
   */
  async collections(from: number, to: number): Promise<{ all: number; workers: number }> {
    await this[Symbol.asyncDispose]();
    const [begin, end] = [from - this.#startedAt, to - this.#startedAt];
    // The main isolate loads the program before there is a worker, and leaves garbage.
    const main = this.#collections[0]?.isolate;
    const counted = this.#collections.filter(({ at }) => at >= begin && at < end);
    return {
      all: counted.length,
      workers: counted.filter(({ isolate }) => isolate !== main).length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGTERM");
    } catch { /* it has ended */ }
    await this.#process.status;
    await this.#read;
    if (!this.#kept) rmSync(this.#directory, { recursive: true, force: true });
  }
}

function bitrateOf({ bitrate, distinct }: Omit<Scenario, "seconds">, index: number): { bitrate?: number } {
  if (bitrate === null) return {};
  return { bitrate: bitrate + (distinct ? DISTINCT_BPS * index : 0) };
}

async function lines(stream: ReadableStream<Uint8Array>, heard: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    parts.forEach(heard);
  }
}
