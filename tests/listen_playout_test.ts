import assert from "node:assert/strict";
import fc from "fast-check";
import type { Frame } from "../core/units.ts";
import { MARGIN_MS } from "../listen/depth.ts";
import {
  AMPLITUDE,
  channelOf,
  dice,
  type Flight,
  frequencyOf,
  hear,
  levelAt,
  roughness,
  toneOf,
  tonePackets,
} from "./listen_stage.ts";

const START = 1000;
/** Bit rate at which a tone of 2.5 ms frames keeps its level. */
const RATE = 128_000;
const packetsOf = new Map<string, Promise<Uint8Array<ArrayBuffer>[]>>();
const tones = (streams: number, frame: Frame) => {
  const key = `${streams} ${frame}`;
  if (!packetsOf.has(key)) packetsOf.set(key, tonePackets(streams, frame, RATE));
  return packetsOf.get(key)!;
};

/** Frames as the server sends them: when the block of 128 that completes them has come. */
function flights(frame: Frame, seconds: number, lag: (n: number) => number | null, clock = 1): Flight[] {
  return Array.from({ length: Math.floor(seconds * 48_000 / frame) }, (_, n) => {
    const sent = Math.ceil((n + 1) * frame / 128) * 128 / 48, late = lag(n);
    return late === null ? null : { frame: n, arrival: START + sent * clock + late };
  }).filter((flight) => flight !== null);
}
/** Of the smoothest packets with that frame; beyond is a click. */
const SMOOTH = 0.002;

Deno.test("on a steady path nothing is concealed, each channel has its tone, and the buffer is small", async () => {
  for (const frame of [120, 240, 480] as const) {
    const random = dice(1);
    const heard = await hear(
      { packets: await tones(3, frame), streams: 3, frame },
      flights(frame, 12, () => random()),
      START + 12_000,
    );
    const { playout } = heard;
    assert.deepEqual([
      playout.counts.gaps,
      playout.counts.late,
      playout.counts.concealed,
      playout.counts.broken,
      playout.counts.resyncs,
    ], [0, 0, 0, 0, 0]);
    for (let channel = 0; channel < 3; channel++) {
      const signal = channelOf(heard, channel, 8);
      assert.ok(Math.abs(frequencyOf(signal, toneOf(channel)) - toneOf(channel)) < 0.1);
      assert.ok(Math.abs(20 * Math.log10(levelAt(signal, toneOf(channel)) / AMPLITUDE)) < 0.5);
      assert.ok(
        roughness(channelOf(heard, channel, 0.1)) < SMOOTH,
        `a click: ${roughness(channelOf(heard, channel, 0.1))}`,
      );
    }
    // The sawtooth of re-framing (up to 2.5 ms), the millisecond of jitter, and the margin.
    assert.ok(playout.depth.depthMs < 2.5 + 1 + MARGIN_MS + 0.5, `${playout.depth.depthMs} ms`);
  }
});

Deno.test("what is counted doesn't depend on the order in which packets come", async () => {
  const frame = 240, packets = await tones(1, frame), frames = 60, after = 20;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ lost: fc.boolean(), lag: fc.integer({ min: 0, max: 12 }), twice: fc.boolean() }), {
        minLength: frames,
        maxLength: frames,
      }),
      async (fates) => {
        // The first one comes, so that the start is known; what follows is calm, so that the end finds all of them played.
        const calm = { lost: false, lag: 0, twice: false };
        const kept = fates.map((fate, n) => n === 0 ? calm : fate).concat(Array(after).fill(calm));
        const sent = (jitter: boolean): Flight[] =>
          kept.flatMap(({ lost, lag, twice }, n) => {
            const flight = { frame: n, arrival: START + n * 5 + (jitter ? lag : 0) };
            return lost ? [] : twice && jitter ? [flight, { ...flight, arrival: flight.arrival + 1 }] : [flight];
          });
        const scene = { packets, streams: 1, frame, bufferMs: 40 } as const;
        const heard = await Promise.all(
          [sent(false), sent(true)].map((way) => hear(scene, way, START + (frames + after) * 5)),
        );
        const counts = heard.map((
          { playout },
        ) => [playout.counts.concealed, playout.counts.gaps, playout.counts.missingSamples, playout.counts.late]);
        const missing = kept.filter(({ lost }) => lost).length;
        assert.deepEqual(counts[0], counts[1]);
        assert.equal(counts[0][0], missing);
        assert.equal(counts[0][2], missing * frame);
        assert.equal(counts[0][3], 0);
      },
    ),
    { numRuns: 15 },
  );
});

Deno.test("each single lost frame is repaired by the copy in the next packet, to the sample", async () => {
  const frame = 240, packets = await tones(1, frame);
  const lost = (n: number) => n % 7 === 3;
  const scene = { packets, streams: 1, frame, bufferMs: 20, repair: true } as const;
  const all = flights(frame, 2, () => 0).map((flight) => ({ ...flight, copy: flight.frame > 0 }));
  const whole = await hear(scene, all, START + 2050);
  const holed = await hear(scene, all.filter((flight) => !lost(flight.frame)), START + 2050);
  assert.equal(holed.playout.counts.repaired, all.filter(({ frame }) => lost(frame)).length);
  assert.equal(holed.playout.counts.concealed, whole.playout.counts.concealed);
  assert.equal(whole.playout.counts.repaired, 0);
  // The speeds may differ a little, as other packets arrived: compare what they sound like.
  assert.ok(roughness(channelOf(holed, 0, 0.1).subarray(0, 80_000)) < SMOOTH);
  assert.ok(
    Math.abs(levelAt(channelOf(holed, 0, 0.5), toneOf(0)) - levelAt(channelOf(whole, 0, 0.5), toneOf(0))) < 1e-3,
  );
});

Deno.test("without copies a lost frame is concealed without a click, and time goes on", async () => {
  const frame = 120, packets = await tones(2, frame);
  const heard = await hear(
    { packets, streams: 2, frame },
    flights(frame, 4, (n) => n % 40 === 9 ? null : 0),
    START + 4000,
  );
  assert.equal(heard.playout.counts.concealed, 40);
  assert.equal(heard.playout.counts.gaps, 40);
  assert.ok(roughness(channelOf(heard, 0, 0.1)) < 2 * SMOOTH, `${roughness(channelOf(heard, 0, 0.1))}`);
  assert.ok(Math.abs(frequencyOf(channelOf(heard, 1, 1), toneOf(1)) - toneOf(1)) < 3);
});

Deno.test("a clock that is off is followed for as long as one likes, without a gap", async () => {
  const frame = 480, packets = await tones(1, frame);
  for (const ppm of [-150, 300]) {
    const random = dice(3);
    const heard = await hear(
      { packets, streams: 1, frame },
      flights(frame, 100, () => random(), 1 - ppm * 1e-6),
      START + 100_000 * (1 - ppm * 1e-6),
    );
    assert.equal(heard.playout.counts.late, 0);
    assert.equal(heard.playout.counts.gaps, 0);
    assert.ok(Math.abs(heard.playout.arrivals.driftPpm - ppm) < 10, `${heard.playout.arrivals.driftPpm} ppm`);
    // On average the tone is as much higher as the clock is faster.
    const expected = toneOf(0) * (1 + ppm * 1e-6);
    const got = frequencyOf(channelOf(heard, 0, 70).subarray(0, 1_200_000), expected);
    assert.ok(Math.abs(got - expected) < 0.02, `${got} Hz, not ${expected}`);
  }
});

Deno.test("a jitter that comes back deepens the buffer in seconds, and a calm path makes it shallow again", async () => {
  const frame = 240, packets = await tones(1, frame), depths: number[] = [];
  const heard = await hear(
    {
      packets,
      streams: 1,
      frame,
      watch: (playout, time) => depths[Math.floor((time - START) / 1000)] = playout.depth.depthMs,
    },
    flights(frame, 60, (n) => n >= 2000 && n < 4000 && n % 40 === 0 ? 15 : 0),
    START + 60_000,
  );
  assert.ok(depths[9] < 5, `calm: ${depths[9]}`);
  assert.ok(depths[18] > 15, `rough, after 8 s: ${depths[18]}`);
  assert.ok(depths[55] < 5, `calm again: ${depths[55]}`);
  assert.ok(heard.playout.counts.late <= 40, `${heard.playout.counts.late} late`);
  assert.equal(heard.playout.counts.resyncs, 0);
});

Deno.test("a fixed buffer keeps packets for as long as asked, on average", async () => {
  const frame = 240, packets = await tones(1, frame);
  for (const bufferMs of [8, 20, 100]) {
    const random = dice(5), waits: number[] = [];
    const scene = { packets, streams: 1, frame, bufferMs } as const;
    const heard = await hear(scene, flights(frame, 8, () => 3 * random()), START + 8000);
    const { buffered } = heard.playout;
    buffered.forEach((count, bucket) => count > 0 && waits.push(bucket));
    const { percentiles } = await import("../core/histogram.ts");
    assert.ok(Math.abs(percentiles(buffered).p50 - bufferMs) < 1, `${percentiles(buffered).p50} ms, not ${bufferMs}`);
    assert.match(heard.playout.depth.reason, new RegExp(`fixed at ${bufferMs} ms`));
  }
});

Deno.test("a path that becomes 80 ms longer costs a moment of silence, not the show", async () => {
  const frame = 240, packets = await tones(1, frame);
  const heard = await hear(
    { packets, streams: 1, frame },
    flights(frame, 10, (n) => n < 1000 ? 0 : 80),
    START + 10_080,
  );
  assert.equal(heard.playout.counts.resyncs, 1);
  assert.ok(
    heard.playout.counts.missingSamples < 0.25 * 48_000,
    `${heard.playout.counts.missingSamples} samples missing`,
  );
  assert.ok(Math.abs(levelAt(channelOf(heard, 0, 7), toneOf(0)) / AMPLITUDE - 1) < 0.1);
});

Deno.test("a path that becomes 80 ms shorter is caught up with", async () => {
  const frame = 240, packets = await tones(1, frame);
  const heard = await hear(
    { packets, streams: 1, frame },
    flights(frame, 10, (n) => n < 1000 ? 80 : 0),
    START + 10_000,
  );
  const { playout } = heard;
  assert.ok(playout.depth.depthMs < 5, `${playout.depth.depthMs} ms`);
  assert.ok(playout.counts.missingSamples <= 2 * frame, `${playout.counts.missingSamples} samples missing`);
  assert.ok(Math.abs(levelAt(channelOf(heard, 0, 7), toneOf(0)) / AMPLITUDE - 1) < 0.1);
});

Deno.test("an outage costs its own time, and what comes after silence is told from what comes after a gap", async () => {
  const frame = 240, packets = await tones(1, frame), scene = { packets, streams: 1, frame } as const;
  const jitter = (n: number) => n * 7919 % 31 / 31;
  for (const [ms, returns] of [[30, 0], [300, 1], [1500, 1]]) {
    const holed = flights(frame, 6, jitter).filter(({ frame: n }) => n * 5 < 3000 || n * 5 >= 3000 + ms);
    const { playout: { counts, returns: returned } } = await hear(scene, holed, START + 5990);
    assert.deepEqual([returned, counts.late, counts.resyncs, counts.gaps], [returns, 0, 0, 1], `${ms} ms`);
    assert.ok(counts.missingSamples <= ms * 48 + 2 * frame, `${ms} ms: ${counts.missingSamples}`);
  }
});

Deno.test("a sender that starts anew with other timestamps is heard again at once", async () => {
  const frame = 240, packets = await tones(1, frame);
  for (const jump of [3_000_000, -3_000_000, 2_000_000_000]) {
    const shift = Math.round(jump / frame);
    const sent = flights(frame, 6, () => 0).map((flight) =>
      flight.frame < 600 ? flight : { ...flight, frame: flight.frame + shift, marker: flight.frame === 600 }
    );
    const heard = await hear({ packets, streams: 1, frame }, sent, START + 6000);
    assert.equal(heard.playout.counts.resyncs, 1, `${jump}`);
    assert.equal(heard.playout.counts.late, 0);
    assert.ok(
      heard.playout.counts.missingSamples < 0.05 * 48_000,
      `${heard.playout.counts.missingSamples} samples missing`,
    );
    assert.ok(Math.abs(levelAt(channelOf(heard, 0, 4), toneOf(0)) / AMPLITUDE - 1) < 0.1);
  }
});

Deno.test("after a listener stood still for four seconds it goes on where the stage is now, with the buffer it had", async () => {
  const frame = 240, packets = await tones(1, frame), frozenFrom = START + 8000, frozenTo = START + 12_000;
  const sent = flights(frame, 20, () => 0).map((flight) =>
    flight.arrival > frozenFrom && flight.arrival < frozenTo ? { ...flight, arrival: frozenTo, stalled: true } : flight
  );
  const heard = await hear({ packets, streams: 1, frame }, sent, START + 20_000);
  const { playout } = heard;
  assert.equal(playout.counts.gaps, 1);
  assert.ok(
    Math.abs(playout.counts.missingSamples / 48_000 - 4) < 0.03,
    `${playout.counts.missingSamples / 48_000} s missing`,
  );
  assert.ok(playout.depth.depthMs < 5, `${playout.depth.depthMs} ms`);
  assert.equal(heard.samples.length, Math.floor((START + 20_000 - heard.startedAt) * 48), "time is continuous");
  // Concealment fades out rather than breaks off, then there is silence.
  const silence = channelOf(heard, 0, 8.3).subarray(0, 3 * 48_000);
  assert.ok(silence.every((sample) => sample === 0));
  assert.ok(Math.abs(levelAt(channelOf(heard, 0, 14), toneOf(0)) / AMPLITUDE - 1) < 0.1);
});

Deno.test("timestamps that a card's lost samples moved off the grid leave a gap of just so many samples", async () => {
  const frame = 240, packets = await tones(1, frame), lost = 77;
  const { StreamDecoders } = await import("../listen/decoders.ts");
  const { Playout } = await import("../listen/playout.ts");
  using decoders = await StreamDecoders.create(1, false);
  const playout = new Playout(decoders, frame, 20, false), out = new Float32Array(frame);
  const { rtpTimestamp } = await import("../core/units.ts");
  for (let n = 0; n < 200; n++) {
    const time = START + n * 5, stamp = rtpTimestamp(n * frame + (n >= 100 ? lost : 0));
    if (n > 4) playout.render(out, frame, NaN, time);
    playout.insert(packets[n % packets.length], 0, packets[n % packets.length].length, stamp, time, n === 0);
  }
  assert.equal(playout.counts.missingSamples, lost);
  assert.equal(playout.counts.gaps, 1);
});

Deno.test("bytes that are no packet are counted and concealed, and harm nothing else", async () => {
  const frame = 240, packets = await tones(2, frame);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (garbage) => {
      const bad = packets.map((packet, n) => n % 8 === 5 ? garbage : packet);
      const heard = await hear(
        { packets: bad, streams: 2, frame, bufferMs: 15 },
        flights(frame, 1, () => 0),
        START + 1000,
      );
      assert.equal(heard.samples.length / 2, Math.floor((START + 1000 - heard.startedAt) * 48));
      assert.ok(heard.samples.every((sample) => Number.isFinite(sample)));
      assert.equal(heard.playout.counts.late, 0);
    }),
    { numRuns: 20 },
  );
});
