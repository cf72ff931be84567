/**
 * Runs the capture worker and hears what it puts into the ring. As a module: for tests of sources. As a program, in a
 * process of its own: `SOURCE` resolves and captures it, and prints one JSON line for each half second that it heard,
 * until its stdin is closed. May allocate.
 */
import { resolveSource } from "../capture/source.ts";
import { aheadOfMonotonic } from "../core/clock.ts";
import type { CaptureToMain, MainToCapture, SourceDescription } from "../core/messages.ts";
import { createRing, RingReader, Word } from "../core/ring.ts";
import { BLOCK, gainToDb, SAMPLE_RATE } from "../core/units.ts";

export interface Heard {
  /** Position of the first sample. */
  readonly position: number;
  /** When the last sample had arrived. */
  readonly time: number;
  /** BLOCK frames, interleaved. */
  readonly samples: Float32Array;
}

export class Capture implements AsyncDisposable {
  readonly ring: RingReader;
  readonly messages: CaptureToMain[] = [];
  readonly #worker: Worker;
  readonly #ended: Promise<CaptureToMain>;

  constructor(source: SourceDescription) {
    const ring = createRing(source.channels);
    this.ring = new RingReader(ring);
    this.#worker = new Worker(new URL("../capture/worker.ts", import.meta.url), { type: "module" });
    this.#ended = new Promise((resolve) => {
      this.#worker.onmessage = ({ data }: MessageEvent<CaptureToMain>) => {
        this.messages.push(data);
        if (data.kind !== "ready") resolve(data);
      };
    });
    const start: MainToCapture = {
      kind: "start",
      ring,
      source,
      log: { level: "error", json: false },
      clock: aheadOfMonotonic(),
    };
    this.#worker.postMessage(start);
  }

  /** The next `count` blocks. @throws Error with the worker's reason if it ends first. */
  async hear(count: number): Promise<Heard[]> {
    const { ring } = this, blocks: Heard[] = [];
    while (blocks.length < count) {
      const ended = this.messages.find(({ kind }) => kind === "failed");
      if (ended?.kind === "failed") throw new Error(ended.reason);
      // A wait on shared memory alone doesn't keep the process going.
      await Promise.race([ring.wait(), this.#ended]);
      for (; blocks.length < count && ring.waiting() > 0; ring.release()) {
        blocks.push({ position: ring.position(), time: ring.time(), samples: ring.block().slice() });
      }
    }
    return blocks;
  }

  /** Tells the worker to end. @returns its last message. */
  stop(): Promise<CaptureToMain> {
    this.ring.stop();
    return this.#ended;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.messages.some(({ kind }) => kind === "failed")) await this.stop();
    this.#worker.terminate();
  }
}

/** One channel of blocks, one after the other. */
export function channelOf(blocks: readonly Heard[], channel: number, channels: number): Float32Array {
  const out = new Float32Array(blocks.length * BLOCK);
  blocks.forEach(({ samples }, block) => {
    for (let i = 0; i < BLOCK; i++) out[block * BLOCK + i] = samples[i * channels + channel];
  });
  return out;
}

/** Frequency in Hz from the first to the last rising zero crossing, and the peak of a sine of the same power in dB. */
export function measureTone(samples: Float32Array): { hertz: number; db: number } {
  let first = NaN, last = NaN, crossings = 0, power = 0;
  for (let i = 0; i < samples.length; i++) {
    power += samples[i] ** 2;
    if (i === 0 || samples[i - 1] >= 0 || samples[i] < 0) continue;
    last = i - samples[i] / (samples[i] - samples[i - 1]);
    if (crossings++ === 0) first = last;
  }
  const hertz = crossings > 1 ? (crossings - 1) * SAMPLE_RATE / (last - first) : 0;
  return { hertz, db: gainToDb(Math.sqrt(2 * power / samples.length)) };
}

/** What the program says of half a second. */
export interface Report {
  /** 1 while a card delivers. */
  readonly live: number;
  /** Of each channel. */
  readonly tones: readonly { readonly hertz: number; readonly db: number }[];
  readonly position: number;
  readonly time: number;
  /** Samples between blocks that should have met, and what the worker counted as lost, since the start. */
  readonly missing: number;
  readonly overruns: number;
}

const BLOCKS_PER_REPORT = 188;

async function program(spec: string): Promise<void> {
  const { description } = resolveSource(spec, null), { channels } = description;
  await using capture = new Capture(description);
  let asked = true, next = -1, missing = 0;
  Deno.stdin.read(new Uint8Array(1)).then(() => asked = false);
  while (asked) {
    const blocks = await capture.hear(BLOCKS_PER_REPORT);
    for (const { position } of blocks) {
      if (next >= 0) missing += position - next;
      next = position + BLOCK;
    }
    const report: Report = {
      live: Atomics.load(capture.ring.words, Word.Live),
      tones: Array.from({ length: channels }, (_, channel) => measureTone(channelOf(blocks, channel, channels))),
      position: blocks[0].position,
      time: blocks[0].time,
      missing,
      overruns: Atomics.load(capture.ring.words, Word.Overruns),
    };
    console.log(JSON.stringify(report));
  }
}

if (import.meta.main) await program(Deno.args[0]);
