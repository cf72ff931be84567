import assert from "node:assert/strict";
import fc from "fast-check";
import { ArrivalWindow } from "../listen/arrival.ts";
import { CAPACITY, Insertion, JitterStore } from "../listen/jitter.ts";

const bytesOf = (timestamp: number): Uint8Array => Uint8Array.of(timestamp, timestamp >> 8, 7);

Deno.test("packets leave the store in the order of their timestamps, once each, in whatever order they came", () => {
  fc.assert(fc.property(fc.array(fc.nat(500), { maxLength: CAPACITY }), (timestamps) => {
    const store = new JitterStore(), seen = new Set<number>();
    for (const timestamp of timestamps) {
      const expected = seen.has(timestamp) ? Insertion.Duplicate : Insertion.Stored;
      assert.equal(store.insert(bytesOf(timestamp), 0, 3, timestamp, false), expected);
      seen.add(timestamp);
    }
    for (const timestamp of [...seen].sort((a, b) => a - b)) {
      assert.equal(store.first, timestamp);
      assert.deepEqual(store.bytes.slice(store.firstAt, store.firstAt + store.firstLength), bytesOf(timestamp));
      store.drop();
    }
    assert.equal(store.first, Infinity);
  }));
});

Deno.test("taking and storing in turn never mixes packets up", () => {
  fc.assert(fc.property(fc.array(fc.option(fc.nat(60), { freq: 3 }), { maxLength: 400 }), (steps) => {
    const store = new JitterStore(), model = new Set<number>();
    for (const step of steps) {
      if (step !== null) {
        store.insert(bytesOf(step), 0, 3, step, false);
        model.add(step);
      } else if (model.size > 0) {
        const first = Math.min(...model);
        assert.equal(store.first, first);
        assert.equal(store.bytes[store.firstAt], first);
        store.drop();
        model.delete(first);
      }
      assert.equal(store.count, model.size);
    }
  }));
});

Deno.test("a repeated frame gives way to the packet itself, and never takes its place", () => {
  const store = new JitterStore();
  assert.equal(store.insert(Uint8Array.of(1), 0, 1, 100, true), Insertion.Stored);
  assert.equal(store.firstIsCopy, true);
  assert.equal(store.insert(Uint8Array.of(1), 0, 1, 100, true), Insertion.Duplicate);
  assert.equal(store.insert(Uint8Array.of(1), 0, 1, 100, false), Insertion.Replaced);
  assert.equal(store.firstIsCopy, false);
  assert.equal(store.insert(Uint8Array.of(1), 0, 1, 100, true), Insertion.Duplicate);
  assert.equal(store.firstIsCopy, false);
  assert.equal(store.count, 1);
});

Deno.test("a full store refuses, and so it does what is longer than a datagram", () => {
  const store = new JitterStore();
  for (let i = 0; i < CAPACITY; i++) store.insert(Uint8Array.of(1), 0, 1, i, false);
  assert.equal(store.insert(Uint8Array.of(1), 0, 1, CAPACITY, false), Insertion.Refused);
  assert.equal(store.count, CAPACITY);
  assert.equal(new JitterStore().insert(new Uint8Array(1501), 0, 1501, 0, false), Insertion.Refused);
  assert.equal(new JitterStore().insert(new Uint8Array(1), 0, 0, 0, false), Insertion.Refused);
});

Deno.test("the spread is that of the slow packets, whatever the clocks' offset and drift are", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      fc.integer({ min: -200, max: 200 }),
      fc.integer({ min: 0, max: 20 }),
      (offset, ppm, slowMs) => {
        const arrivals = new ArrivalWindow();
        for (let n = 0; n < 200 * 20; n++) {
          const sent = n * 5, lag = n % 50 === 7 ? slowMs : 0, arrival = sent * (1 - ppm * 1e-6) + lag;
          arrivals.arrived(arrival, offset + arrival - sent);
        }
        // Within a second the drift amounts to at most 0.2 ms; lags are counted in tenths, at both ends.
        assert.ok(Math.abs(arrivals.spread() - slowMs) < 0.45, `${arrivals.spread()} ms`);
        assert.ok(Math.abs(arrivals.driftPpm - ppm) < 2, `${arrivals.driftPpm} ppm`);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("a stall or two are forgiven, stalls that keep coming aren't, and all are forgotten in time", () => {
  const arrivals = new ArrivalWindow();
  let n = 0;
  /** Each stall holds back the packets of its 12 ms: they come together at its end. */
  const run = (seconds: number, stalls: number) => {
    const every = Math.floor(seconds * 200 / Math.max(1, stalls));
    for (const end = n + seconds * 200; n < end; n++) {
      const into = (end - n) % every, lag = stalls > 0 && into < 3 ? 5 * into + 2 : 0.5 * (n % 2);
      arrivals.arrived(n * 5 + lag, lag);
    }
  };
  run(4, 0);
  run(4, 2);
  assert.ok(arrivals.spread() < 0.7, `${arrivals.spread()} ms after two`);
  run(4, 20);
  assert.ok(arrivals.spread() > 11.5 && arrivals.spread() < 12.5, `${arrivals.spread()} ms after many`);
  run(12, 0);
  assert.ok(arrivals.spread() < 0.7, `${arrivals.spread()} ms in the end`);
});
