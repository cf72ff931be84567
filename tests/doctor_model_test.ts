/** The doctor's arithmetic: airtime of WiFi, and the pace of a source's blocks. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { bitRate, BLOCK, type Frame, FRAMES, SAMPLE_RATE } from "../core/units.ts";
import { airtimeShare, type Rate, RATES } from "../doctor/airtime.ts";
import { paceOf } from "../doctor/hearing.ts";
import { datagramBytes } from "../send/fit.ts";

const rates = Object.values(RATES) as Rate[];
const anyRate = fc.constantFrom(...rates), together = fc.integer({ min: 1, max: 8 });
/** Packets a second and bytes for clients, channels, frame and bit rate, whether they fit in a packet or not. */
function traffic(clients: number, channels: number, frame: Frame, bits: number): [number, number] {
  const numbers = Array.from({ length: channels }, (_, i) => i + 1);
  const shape = { mode: "channels", channels: numbers, frame, bitrate: bitRate(bits), redundancy: 0 } as const;
  return [clients * SAMPLE_RATE / frame, datagramBytes(shape)];
}
const plan = fc.record({
  clients: fc.integer({ min: 1, max: 200 }),
  channels: fc.integer({ min: 1, max: 63 }),
  frame: fc.constantFrom(...FRAMES),
  bits: fc.integer({ min: 16_000, max: 256_000 }),
});

Deno.test("airtime grows with clients, channels and bit rate, and in proportion to the clients", () => {
  fc.assert(fc.property(plan, anyRate, together, ({ clients, channels, frame, bits }, rate, many) => {
    const share = (c: number, n: number, b: number) => airtimeShare(rate, ...traffic(c, n, frame, b), many);
    const now = share(clients, channels, bits);
    assert.ok(now > 0);
    assert.ok(share(clients + 1, channels, bits) > now);
    assert.ok(share(clients, channels + 1, bits) >= now);
    assert.ok(share(clients, channels, 2 * bits) >= now);
    assert.ok(Math.abs(share(2 * clients, channels, bits) / now - 2) < 1e-9);
  }));
});

Deno.test("airtime falls with a faster rate of the same standard, with longer frames, with aggregation", () => {
  fc.assert(fc.property(plan, anyRate, ({ clients, channels, frame, bits }, rate) => {
    const numbers = traffic(clients, channels, frame, bits), now = airtimeShare(rate, ...numbers);
    for (const faster of rates) {
      if (faster.preambleUs === rate.preambleUs && faster.band === rate.band && faster.mbps > rate.mbps) {
        assert.ok(airtimeShare(faster, ...numbers) <= now);
      }
    }
    if (frame < 480) assert.ok(airtimeShare(rate, ...traffic(clients, channels, 2 * frame as Frame, bits)) < now);
    assert.ok(airtimeShare(rate, ...numbers, 2) < now);
  }));
});

Deno.test("ten clients of sixteen channels take what the model of the design says, within five points", () => {
  // At the 128 kb/s that 2.5 ms frames want, in one datagram each, whether it fits or not.
  const design = new Map<Frame, [number, number]>([[120, [62, 75]], [240, [34, 45]], [480, [20, 31]]]);
  for (const [frame, [low, high]] of design) {
    const numbers = traffic(10, 16, frame, 128_000);
    const near = 100 * airtimeShare(RATES.ac7, ...numbers), far = 100 * airtimeShare(RATES.ac3, ...numbers);
    assert.ok(Math.abs(near - low) <= 5, `${frame}: ${near} for ${low}`);
    assert.ok(Math.abs(far - high) <= 5, `${frame}: ${far} for ${high}`);
  }
});

Deno.test("one packet by hand: 802.11n, MCS 7, 1000 bytes", () => {
  // AIFS 10 + 9, backoff 31.5, preamble 36, ⌈(22 + 8·1082) / 260⌉ = 34 symbols, 6; SIFS 10; ACK 28 + 6.
  assert.equal(airtimeShare(RATES.n7, 1, 1000) * 1e6, 19 + 31.5 + 36 + 34 * 4 + 6 + 10 + 34);
});

/** Times of `count` blocks from a card that is faster than the clock by so many millionths. */
function blocks(count: number, ppm: number, late: (i: number) => number) {
  const positions = Array.from({ length: count }, (_, i) => 1000 + i * BLOCK);
  const captured = positions.map((position) => 5e9 + position / (SAMPLE_RATE / 1000) / (1 + ppm / 1e6));
  return { positions, captured, arrived: captured.map((time, i) => time + 0.2 + late(i)) };
}

Deno.test("the pace of blocks is found: drift, and how late each was", () => {
  fc.assert(fc.property(
    fc.integer({ min: 100, max: 1500 }),
    fc.integer({ min: -300, max: 300 }),
    fc.double({ min: 0, max: 2, noNaN: true }),
    (count, ppm, lateMs) => {
      const even = paceOf(blocks(count, ppm, () => 0));
      assert.ok(Math.abs(even.driftPpm - ppm) < 1, `${even.driftPpm} for ${ppm}`);
      assert.ok(even.jitterMs.max < 0.01);
      const uneven = paceOf(blocks(count, ppm, (i) => i === count >> 1 ? lateMs : 0));
      assert.ok(Math.abs(uneven.jitterMs.max - lateMs) < 0.01);
      assert.ok(uneven.jitterMs.p50 < 0.01);
      assert.ok(Math.abs(uneven.longestGapMs - (BLOCK / 48 + lateMs)) < 0.01);
    },
  ));
});
