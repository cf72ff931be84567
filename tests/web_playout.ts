/**
 * The page's playout without a browser: the real worklet takes what the real playout puts into the ring, at the pace of a
 * card that the test makes up, and packets come as a network that the test makes up brings them. A packet decodes to a
 * sine, so that whatever is missing, doubled or stepped shows in what the card gets.
 */
import assert from "node:assert/strict";
import { Packet } from "../web/listen_packets.js";
import { Playout } from "../web/listen_playout.js";
import { Ring, RING_FRAMES, ringMemory } from "../web/listen_ring.js";
import { bendOf, followTone } from "./phone.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const Worklet = await (async (): Promise<Any> => {
  let registered: Any = null;
  const scope = globalThis as Any;
  scope.AudioWorkletProcessor = class {
    port = { onmessage: null as Any };
  };
  scope.registerProcessor = (_: string, processor: Any) => registered = processor;
  await import("../web/listen_worklet.js" as string);
  return registered;
})();

const PER_MS = 48;
/** Frames that a browser takes at least. */
export const QUANTUM = 128;
/** No whole number of its turns fits in a frame, so one that is missing shows. */
export const HERTZ = 933, PEAK = 0.25;
/** What the measuring itself makes of a whole tone, in radians and dB: 0.064 and 0.13 were the most. */
const ROUGH = 0.07, MOST_DIP_DB = 0.5;
/** TOC of a fullband stereo packet of 5 ms, and of 2.5 and 10. */
const TOC: Record<number, number> = { 120: 0xe4, 240: 0xec, 480: 0xf4 };

/** Decodes what {@link datagram} made. */
class FakeDecoders {
  /** False: a channel, which the page mixes itself. */
  readonly stereo: boolean;
  readonly streams = 1;
  readonly samples = new Float32Array(960);
  concealed = 0;
  constructor(stereo: boolean) {
    this.stereo = stereo;
  }
  plane(): number {
    return 0;
  }
  decode(b: Uint8Array, at: number): number {
    const view = new DataView(b.buffer, b.byteOffset), frames = view.getUint16(at + 1), from = view.getFloat64(at + 3);
    const width = this.stereo ? 2 : 1;
    for (let s = 0; s < frames * width; s++) {
      this.samples[s] = PEAK * Math.sin(2 * Math.PI * HERTZ * (from + Math.floor(s / width)) / 48_000);
    }
    return frames;
  }
  conceal(frames: number): void {
    this.concealed++;
    this.samples.fill(0, 0, 2 * frames);
  }
  free(): void {}
}

/** `position`: of the first sample, which the sine is made from. */
function datagram(sequence: number, timestamp: number, position: number, frames: number, marker: boolean): Uint8Array {
  const b = new Uint8Array(23), view = new DataView(b.buffer);
  b.set([0x80, 96 | (marker ? 0x80 : 0)]);
  view.setUint16(2, sequence & 0xffff);
  view.setUint32(4, timestamp >>> 0);
  view.setUint32(8, 7);
  b[12] = TOC[frames];
  view.setUint16(13, frames);
  view.setFloat64(15, position);
  return b;
}

interface Scene {
  readonly seconds: number;
  readonly frame?: number;
  /** Frames that the card takes in one go. */
  readonly burst?: number;
  /** How much faster than the sender's the card's clock runs. */
  readonly ppm?: number;
  /** How much later than at once packet `i`, sent at `time`, comes; null: never. In milliseconds. */
  readonly late?: (i: number, time: number) => number | null;
  /** Does the card run at this time? What it doesn't take then it never takes. */
  readonly awake?: (time: number) => boolean;
  /** Does the card stand still at this time, to take all of it in one go afterwards? */
  readonly held?: (time: number) => boolean;
  /** The sender starts anew: another timestamp and sequence from there on, with a marker. */
  readonly restartAt?: number;
  /** It gets a channel, and mixes it itself: all of it to both sides. */
  readonly mixes?: boolean;
}

/** A seeded generator: the same scene each time. */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

export function play(
  {
    seconds,
    frame = 240,
    burst = QUANTUM,
    ppm = 0,
    late = () => 0,
    awake = () => true,
    held = () => false,
    restartAt,
    mixes = false,
  }: Scene,
) {
  const memory = ringMemory(), ring = new Ring(memory), playout: Any = new Playout(ring);
  const decoders = new FakeDecoders(!mixes);
  playout.redirect(decoders);
  if (mixes) playout.mixdown.set(Float32Array.of(1, 1, 1));
  playout.burst = burst;
  const worklet = new Worklet({ processorOptions: { memory, frames: RING_FRAMES } });
  const events: { at: number; run: () => void }[] = [];
  let now = 0;
  const plan = (at: number, run: () => void) => {
    let i = events.length;
    while (i > 0 && events[i - 1].at <= at) i--;
    events.splice(i, 0, { at, run });
  };
  let covers = 0;
  const cover = (mine: number) => {
    if (mine !== covers) return;
    const again = playout.cover();
    if (again > 0) plan(now + again, () => cover(mine));
  };
  worklet.worker = {
    postMessage: () => {
      const mine = ++covers;
      plan(now + playout.patience, () => cover(mine));
    },
  };
  const out = new Float32Array(Math.ceil((seconds + 1) * 48_500)), left = new Float32Array(QUANTUM);
  const right = new Float32Array(QUANTUM), second = { delays: [] as number[], underruns: [] as number[] };
  let played = 0, arrived = 0;
  const frameMs = frame / PER_MS;
  const send = (i: number) => {
    if (i * frameMs > seconds * 1000) return;
    const lateness = late(i, i * frameMs), anew = restartAt !== undefined && i * frameMs >= restartAt;
    const first = anew && (i - 1) * frameMs < restartAt;
    if (lateness !== null) {
      // The line keeps the order.
      arrived = Math.max(arrived, i * frameMs + lateness);
      plan(arrived, () => {
        const b = datagram(
          i + (anew ? 30_000 : 65_500),
          i * frame + (anew ? 123_456_789 : 4_294_000_000),
          i * frame,
          frame,
          first || i === 0,
        );
        const packet = new Packet();
        assert.ok(packet.read(b));
        playout.packet(b, packet, now);
      });
    }
    plan((i + 1) * frameMs, () => send(i + 1));
  };
  let owed = 0;
  const card = (k: number) => {
    owed += burst;
    for (; owed > 0 && !held(now); owed -= QUANTUM) {
      if (!awake(now)) continue;
      worklet.process([], [[left, right]]);
      out.set(left, played);
      played += QUANTUM;
    }
    if (k % Math.ceil(48_000 / burst) === 0) second.underruns.push(ring.underruns);
    const base = 4_294_000_000 + (restartAt !== undefined && now > restartAt + 100 ? 123_456_789 - 4_294_000_000 : 0);
    second.delays.push(now - (playout.position - base) / PER_MS);
    plan((k + 1) * burst / PER_MS / (1 + ppm / 1e6), () => card(k + 1));
  };
  plan(0, () => send(0));
  plan(0.7, () => card(0));
  while (now < seconds * 1000) {
    const next = events.pop()!;
    now = next.at;
    next.run();
  }
  /** From `from` seconds to the end, by the card's count: what it slept is missing. */
  const tail = (from: number) => out.subarray(played - Math.round((seconds - from) * 48_000), played);
  const delay = (from: number) => {
    const sorted = second.delays.slice(Math.floor(from / seconds * second.delays.length)).sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  };
  return { playout, ring, decoders, tail, delay, underruns: second.underruns };
}

/** The tone goes on as it was sent: nothing missing, doubled or stepped. */
export function assertWhole(samples: Float32Array, what: string): void {
  const { hertz, dbfs, phaseStep, dip } = followTone(samples, HERTZ);
  assert.ok(Math.abs(hertz - HERTZ) < 1, `${what}: ${hertz} Hz`);
  assert.ok(Math.abs(dbfs - 20 * Math.log10(PEAK)) < 0.5, `${what}: ${dbfs} dBFS`);
  // The mean is what was sent: a player is off it by half a percent, either way.
  assert.ok(phaseStep < ROUGH + bendOf(HERTZ) / 2, `${what}: a step of ${phaseStep}`);
  assert.ok(dip < MOST_DIP_DB, `${what}: a hole of ${dip} dB`);
}
