/** The page's playout over scenes of networks and cards: what is heard is what was sent, and not later than it must be. */
import assert from "node:assert/strict";
import { followTone } from "./phone.ts";
import { assertWhole, HERTZ, PEAK, play, QUANTUM, random } from "./web_playout.ts";

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

Deno.test("what comes after a silence comes up from it: at first, after an outage, after a restart of the sender", () => {
  const rest = (from: number, to: number) => (_: number, time: number) => time >= from && time < to ? null : 0;
  for (const scene of [{}, { late: rest(2000, 2500) }, { late: rest(2000, 2500), restartAt: 2500 }]) {
    const { tail } = play({ seconds: 3, mixes: true, ...scene }), from = "late" in scene ? 2200 : 0;
    const sound = tail(from / 1000), first = sound.findIndex((sample) => sample !== 0);
    const peak = (ms: number) => sound.slice(first + ms * 48, first + (ms + 2) * 48).reduce((a, b) => Math.max(a, b));
    assert.ok(peak(0) < 0.02 * PEAK && peak(8) < 0.2 * PEAK, `${from}: ${peak(0)} ${peak(8)}`);
    assert.ok(Math.abs(peak(24) - PEAK / 2) < 0.05 * PEAK, `${from}: ${peak(24)}`);
    assert.ok(Math.abs(peak(60) - PEAK) < 0.05 * PEAK, `${from}: ${peak(60)}`);
  }
});

Deno.test("what is lost for long is silence for as long, and nothing more: the tone is whole again 30 ms later", () => {
  for (const ms of [60, 110, 150, 500, 1500, 3000]) {
    const jitter = random(8), end = 5000 + ms;
    const { tail, delay } = play({
      seconds: end / 1000 + 6,
      late: (_, time) => time >= 5000 && time < end ? (jitter(), null) : jitter(),
    });
    assertWhole(tail((end + 30) / 1000).subarray(0, 48_000), `${ms} ms`);
    assert.ok(delay(end / 1000 + 1) < 8, `${ms} ms: ${delay(end / 1000 + 1)} ms`);
  }
});

/** Pieces of 2 ms in which hardly anything is heard. */
function holes(samples: Float32Array): number {
  let count = 0;
  for (let at = 0; at + 96 <= samples.length; at += 96) {
    if (samples.subarray(at, at + 96).every((sample) => Math.abs(sample) < PEAK / 2)) count++;
  }
  return count;
}

Deno.test("after any outage the sound is whole at once, also when the path is another one then", () => {
  const FROM = 6000;
  for (const burst of [QUANTUM, 1024]) {
    for (const frame of [120, 240]) {
      for (const ms of [300, 600, 1500, 3000]) {
        // What the server still sends of a stall, all of it at the end; then nothing; then a path of `after` ms.
        for (const [before, stalled, after] of [[0, 250, 0], [0, 0, 0], [0, 0, 40], [60, 0, 5]]) {
          const jitter = random(9), end = FROM + ms;
          const late = (_: number, time: number) => {
            const lag = jitter();
            if (time < FROM) return before + lag;
            if (time < FROM + stalled) return end - time;
            return time < end ? null : after + lag;
          };
          const { tail } = play({ seconds: end / 1000 + 2, burst, frame, late });
          // A longer path is believed after 100 ms.
          const whole = tail((end + (after > before ? 260 : 60)) / 1000).subarray(0, 48_000);
          assert.equal(holes(whole), 0, `${burst} ${frame} ${ms} ${[before, stalled, after]}`);
        }
      }
    }
  }
});

Deno.test("an outage while a deep buffer is played off begins nothing anew", () => {
  for (const burst of [QUANTUM, 1024]) {
    const resyncs = (seconds: number) => {
      const jitter = random(6);
      // Bad for 20 s; half a minute later that is forgotten, and the depth that it took is being played off.
      const late = (_: number, time: number) => {
        const lag = jitter();
        if (time > 49_000 && time < 49_300) return null;
        const stalled = time % 400;
        return time < 20_000 && stalled < 45 ? 45 - stalled : lag;
      };
      return play({ seconds, burst, late }).playout.resyncs;
    };
    assert.equal(resyncs(55), resyncs(48), `${burst}`);
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
