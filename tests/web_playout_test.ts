/**
 * The page's playout without a browser: the real worklet takes what the real playout puts into the ring, at the pace of a
 * card that the test makes up, and packets come as a network that the test makes up brings them. A packet decodes to a
 * sine, so that whatever is missing, doubled or stepped shows in what the card gets.
 */
import assert from "node:assert/strict";
import { Packet } from "../web/listen_packets.js";
import { Playout } from "../web/listen_playout.js";
import { Ring, RING_FRAMES, ringMemory } from "../web/listen_ring.js";
import { followTone } from "./phone.ts";

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

const PER_MS = 48, QUANTUM = 128;
const HERTZ = 1000, PEAK = 0.25;
/** TOC of a fullband stereo packet of 5 ms, and of 2.5 and 10. */
const TOC: Record<number, number> = { 120: 0xe4, 240: 0xec, 480: 0xf4 };

/** Decodes what {@link datagram} made. */
class FakeDecoders {
  readonly stereo = true;
  readonly streams = 1;
  readonly samples = new Float32Array(960);
  concealed = 0;
  plane(): number {
    return 0;
  }
  decode(b: Uint8Array, at: number): number {
    const view = new DataView(b.buffer, b.byteOffset), frames = view.getUint16(at + 1), from = view.getFloat64(at + 3);
    for (let i = 0; i < frames; i++) {
      this.samples[2 * i] = this.samples[2 * i + 1] = PEAK * Math.sin(2 * Math.PI * HERTZ * (from + i) / 48_000);
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
}

/** A seeded generator: the same scene each time. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

function play(
  { seconds, frame = 240, burst = QUANTUM, ppm = 0, late = () => 0, awake = () => true, held = () => false, restartAt }:
    Scene,
) {
  const memory = ringMemory(), ring = new Ring(memory), playout: Any = new Playout(ring), decoders = new FakeDecoders();
  playout.redirect(decoders);
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
function assertWhole(samples: Float32Array, what: string): void {
  const { hertz, dbfs, phaseStep } = followTone(samples, HERTZ);
  assert.ok(Math.abs(hertz - HERTZ) < 1, `${what}: ${hertz} Hz`);
  assert.ok(Math.abs(dbfs - 20 * Math.log10(PEAK)) < 0.5, `${what}: ${dbfs} dBFS`);
  assert.ok(phaseStep < 2 * Math.PI * HERTZ * 0.05 * 0.006, `${what}: a step of ${phaseStep}`);
}

Deno.test("on a good network nothing is missing, and the buffer is shallow", () => {
  for (const frame of [120, 240, 480]) {
    const jitter = random(1),
      { tail, delay, underruns, decoders, playout } = play({ seconds: 15, frame, late: () => jitter() });
    assertWhole(tail(5), `${frame}`);
    assert.equal(underruns.at(-1), underruns[3], "none after the first seconds");
    assert.equal(decoders.concealed, 0);
    assert.equal(playout.late, 0);
    assert.ok(delay(10) < 7.5, `${frame}: ${delay(10)} ms from arrival to the card`);
  }
});

Deno.test("clocks that differ by 300 ppm either way are matched: for two minutes nothing runs dry or over", () => {
  for (const ppm of [-300, 300]) {
    const jitter = random(2), { tail, delay, underruns } = play({ seconds: 120, ppm, late: () => 2 * jitter() });
    assertWhole(tail(115), `${ppm} ppm`);
    assert.equal(underruns.at(-1), underruns[3], `${ppm} ppm`);
    assert.ok(delay(60) < 10, `${ppm} ppm: ${delay(60)} ms`);
  }
});

Deno.test("a card that takes 1024 frames at once is kept filled", () => {
  const jitter = random(3), { tail, delay, underruns } = play({ seconds: 15, burst: 1024, late: () => jitter() });
  assertWhole(tail(8), "1024");
  assert.equal(underruns.at(-1), underruns[4]);
  assert.ok(delay(10) < 40, `${delay(10)} ms`);
});

Deno.test("what is lost is made up, exactly as much, and the rest stays where it was", () => {
  const lost = new Set([700, 1000, 1001, 1002, 1500]), jitter = random(4);
  const whole = play({ seconds: 12, late: () => jitter() }).delay(8);
  const again = random(4),
    { decoders, delay, underruns, tail } = play({
      seconds: 12,
      late: (i) => lost.has(i) ? (again(), null) : again(),
    });
  assert.ok(decoders.concealed >= 3 && decoders.concealed <= 12, `${decoders.concealed}`);
  assert.equal(underruns.at(-1), underruns[3]);
  assert.ok(Math.abs(delay(8) - whole) < 1.5, `${delay(8)} ms, not ${whole}`);
  assertWhole(tail(9), "after the losses");
});

Deno.test("one stall costs itself: afterwards the delay is what it was", () => {
  const stall = (from: number, ms: number) => (time: number) => time >= from && time < from + ms ? from + ms - time : 0;
  for (const ms of [8, 30, 400, 3000]) {
    const hold = stall(6000, ms), jitter = random(5);
    const { delay, tail } = play({ seconds: 26, late: (_, time) => hold(time) + jitter() });
    assert.ok(delay(22) < 8, `${ms} ms: ${delay(22)} ms`);
    assertWhole(tail(22), `${ms} ms`);
  }
});

Deno.test("a network that stalls again and again gets a deeper buffer, and nothing is missing then", () => {
  const jitter = random(6),
    { tail, underruns, delay } = play({
      seconds: 40,
      late: (_, time) => (time % 200 < 15 ? 15 - time % 200 : 0) + jitter(),
    });
  assert.equal(underruns.at(-1), underruns.at(-20));
  assertWhole(tail(25), "stalls of 15 ms");
  assert.ok(delay(25) > 12 && delay(25) < 25, `${delay(25)} ms`);
});

Deno.test("a sender that starts anew, with other numbers, is heard at once", () => {
  const jitter = random(7), { tail, delay, playout } = play({ seconds: 15, restartAt: 7000, late: () => jitter() });
  assertWhole(tail(8), "after the restart");
  assert.ok(delay(12) < 12, `${delay(12)} ms`);
  assert.equal(playout.resyncs, 1);
});

Deno.test("a card that sleeps for a while wakes up to what is sent then, not to what it missed", () => {
  const jitter = random(8),
    { tail, delay } = play({
      seconds: 20,
      late: () => jitter(),
      awake: (time) => time < 6000 || time > 9000,
    });
  assert.ok(delay(17) < 12, `${delay(17)} ms`);
  const { hertz, dbfs } = followTone(tail(18), HERTZ);
  assert.ok(Math.abs(hertz - HERTZ) < 1 && Math.abs(dbfs - 20 * Math.log10(PEAK)) < 0.5);
});

Deno.test("a card that loses time costs what it lost: a second or some later the delay is what it was", () => {
  for (const ms of [3, 8, 12, 40]) {
    const jitter = random(9),
      { tail, delay, decoders } = play({
        seconds: 16,
        late: () => jitter(),
        awake: (time) => time < 10_000 || time > 10_000 + ms,
      });
    assert.ok(delay(14) < 8, `${ms} ms lost: ${delay(14)} ms`);
    assertWhole(tail(14), `${ms} ms lost`);
    assert.equal(decoders.concealed, 0, "nothing came late");
  }
});

Deno.test("a card that stands still and catches up doesn't deepen the buffer", () => {
  const jitter = random(10),
    { tail, delay, playout } = play({ seconds: 16, late: () => jitter(), held: (time) => time % 1000 < 5 });
  assert.ok(delay(10) < 9, `${delay(10)} ms`);
  assert.equal(playout.resyncs, 0);
  assertWhole(tail(12), "catching up");
});

Deno.test("a buffer that was deep for a bad network is played off, nothing is left out of it", () => {
  const stall = (time: number) => time < 12_000 && time % 200 < 45 ? 45 - time % 200 : 0;
  const { tail, delay, playout } = play({ seconds: 62, late: (_, time) => stall(time) });
  assert.ok(delay(58) < 8, `${delay(58)} ms`);
  assert.equal(playout.resyncs, 0);
  assertWhole(tail(58), "stalls of 45 ms, and none for half a minute");
});

Deno.test("where something is left out there is no click", () => {
  const { tail, playout } = play({ seconds: 12, awake: (time) => time < 8000 || time > 8040 });
  assert.equal(playout.resyncs, 1, "it is left out");
  const heard = tail(6), steepest = 2 * Math.PI * HERTZ / 48_000 * PEAK + 2 * PEAK / 120;
  for (let i = 1; i < heard.length; i++) {
    const step = Math.abs(heard[i] - heard[i - 1]);
    assert.ok(step < 1.02 * steepest, `${i / 48_000} s: a step of ${step}`);
  }
});
