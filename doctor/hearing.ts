/**
 * Listens to a source as the server does: the same capture worker, the same ring, a reader at the mix's priority. In: a
 * description, a time. Out: when which block came, what was lost. Main isolate; allocates.
 */
import { aheadOfMonotonic, now } from "../core/clock.ts";
import { type CaptureToMain, type MainToCapture, never, type SourceDescription } from "../core/messages.ts";
import { becomeRealTime } from "../core/realtime.ts";
import { createRing, RingReader, Word } from "../core/ring.ts";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";
import { becomeOrdinary } from "./scheduling.ts";

/** The main isolate's, as in main.ts. */
const PRIORITY = 45;
/** A card is opened within 10 s, or its worker says why not; it ends within a second. */
const OPEN_MS = 15_000, STOP_MS = 2000;
/** A card that was just opened gives what it had gathered meanwhile, and code is new: that isn't its pace. */
const SETTLE_MS = 500;
const SAMPLE_MS = 1000 / SAMPLE_RATE;

export interface Hearing {
  /** Of each block, in the order in which they came: first sample, its last sample's arrival at the card, arrival here. */
  readonly positions: readonly number[];
  readonly captured: readonly number[];
  readonly arrived: readonly number[];
  /** From the first block on. */
  readonly seconds: number;
  /** Samples that the card lost. */
  readonly overruns: number;
  /** Silence stood in for the card, which had gone. */
  readonly stalled: boolean;
}

/** @throws Error when the source can't be opened or gives nothing. `began` is called when the first block is there. */
export async function hear(source: SourceDescription, seconds: number, began: () => void): Promise<Hearing> {
  const ring = createRing(source.channels), reader = new RingReader(ring);
  const worker = new Worker(new URL("../capture/worker.ts", import.meta.url), {
    type: "module",
    name: "capture",
    deno: { permissions: { ffi: true, read: true, net: false, write: false, env: "inherit", run: false, sys: false } },
  } as WorkerOptions);
  const ready = Promise.withResolvers<void>(), ended = Promise.withResolvers<void>();
  let failure: Error | null = null;
  const fail = (reason: string) => {
    failure = new Error(reason);
    ready.reject(failure);
    ended.resolve();
    reader.bell.ring();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(event.message);
  };
  worker.onmessage = ({ data }: MessageEvent<CaptureToMain>) => {
    switch (data.kind) {
      case "ready":
        return ready.resolve();
      case "failed":
        return fail(data.reason);
      case "stopped":
        return ended.resolve();
      default:
        never(data);
    }
  };
  const start: MainToCapture = {
    kind: "start",
    ring,
    source,
    log: { level: "error", json: false },
    clock: aheadOfMonotonic(),
  };
  worker.postMessage(start);
  const guard = setTimeout(() => fail(`nothing came within ${OPEN_MS / 1000} s`), OPEN_MS);
  try {
    await ready.promise;
  } finally {
    clearTimeout(guard);
  }
  began();
  const realtime = becomeRealTime(PRIORITY) === null;
  try {
    return await collect(reader, seconds, () => failure);
  } finally {
    if (realtime) becomeOrdinary();
    reader.stop();
    const limit = setTimeout(ended.resolve, STOP_MS);
    await ended.promise;
    clearTimeout(limit);
    worker.terminate();
  }
}

async function collect(reader: RingReader, seconds: number, failure: () => Error | null): Promise<Hearing> {
  const positions: number[] = [], captured: number[] = [], arrived: number[] = [], { words } = reader;
  let overruns = -1, begun = now() + SETTLE_MS;
  let stalled = false, over = false;
  // Also keeps the process going: a wait on shared memory alone doesn't.
  const end = setTimeout(() => {
    over = true;
    reader.bell.ring();
  }, SETTLE_MS + seconds * 1000);
  try {
    while (!over) {
      await reader.wait();
      const reason = failure();
      if (reason !== null) throw reason;
      const at = now(), settled = at >= begun;
      if (settled && overruns < 0) {
        begun = at;
        overruns = Atomics.load(words, Word.Overruns);
      }
      for (; reader.waiting() > 0; reader.release()) {
        if (!settled) continue;
        positions.push(reader.position());
        captured.push(reader.time());
        arrived.push(at);
      }
      stalled ||= Atomics.load(words, Word.Live) === 0;
    }
  } finally {
    clearTimeout(end);
  }
  return {
    positions,
    captured,
    arrived,
    seconds: (now() - begun) / 1000,
    overruns: overruns < 0 ? 0 : Atomics.load(words, Word.Overruns) - overruns,
    stalled,
  };
}

export interface Pace {
  /** How much faster than 48 kHz by this machine's clock, in parts per million. */
  readonly driftPpm: number;
  /** How much later than the earliest a block was here, by its own pace; milliseconds. */
  readonly jitterMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** The longest time without a block, in milliseconds. */
  readonly longestGapMs: number;
}

/** Slope of the line of least squares through (x, y); 1 with fewer than two points. */
function slopeOf(x: readonly number[], y: readonly number[]): number {
  const meanX = x.reduce((sum, one) => sum + one, 0) / x.length,
    meanY = y.reduce((sum, one) => sum + one, 0) / x.length;
  let above = 0, below = 0;
  for (let i = 0; i < x.length; i++) {
    above += (x[i] - meanX) * (y[i] - meanY);
    below += (x[i] - meanX) ** 2;
  }
  return below > 0 ? above / below : 1;
}

/** What the times of blocks say. */
export function paceOf({ positions, captured, arrived }: Pick<Hearing, "positions" | "captured" | "arrived">): Pace {
  if (positions.length === 0) return { driftPpm: 0, jitterMs: { p50: 0, p99: 0, max: 0 }, longestGapMs: Infinity };
  const due = positions.map((position) => (position + BLOCK - positions[0]) * SAMPLE_MS);
  const slope = slopeOf(due, captured);
  const late = arrived.map((time, i) => time - arrived[0] - due[i] * slope).sort((a, b) => a - b);
  const at = (share: number) => late[Math.min(late.length - 1, Math.floor(share * late.length))] - late[0];
  const gaps = arrived.map((time, i) => i === 0 ? 0 : time - arrived[i - 1]);
  return {
    driftPpm: (1 / slope - 1) * 1e6,
    jitterMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    longestGapMs: Math.max(...gaps),
  };
}
