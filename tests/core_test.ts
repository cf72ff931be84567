import assert from "node:assert/strict";
import fc from "fast-check";
import { endpointOf, endpointText, ipOf, isIPv4, portOf, sameEndpoint, sameHost } from "../core/endpoint.ts";
import { bucketMiddle, bucketOf, BUCKETS, percentiles, record } from "../core/histogram.ts";
import { createRing, RING_BLOCKS, RingReader, RingWriter, Word } from "../core/ring.ts";
import { BLOCK, dbToGain, gainToDb, rtpTimestamp, sequenceNumber } from "../core/units.ts";
import { addSequence, addTimestamp, sequenceDistance, timestampDistance } from "../core/wrap.ts";

const ms = (value: number) => value;

Deno.test("sequence numbers and timestamps wrap, and distances survive it", () => {
  fc.assert(fc.property(fc.nat(0xffff), fc.integer({ min: -32768, max: 32767 }), (start, step) => {
    const there = addSequence(sequenceNumber(start), step);
    assert.ok(there >= 0 && there <= 0xffff);
    assert.equal(sequenceDistance(there, sequenceNumber(start)), step);
  }));
  fc.assert(fc.property(fc.nat(0xffffffff), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (start, step) => {
    const there = addTimestamp(rtpTimestamp(start), step);
    assert.ok(there >= 0 && there <= 0xffffffff);
    assert.equal(timestampDistance(there, rtpTimestamp(start)), step);
  }));
});

Deno.test("a timestamp takes a position beyond 32 bits", () => {
  assert.equal(addTimestamp(rtpTimestamp(0xfffffff0), 2 ** 40 + 32), 16);
});

Deno.test("an endpoint prints as the address that it was made of", () => {
  fc.assert(fc.property(fc.ipV4(), fc.nat(65535), (ip, port) => {
    const endpoint = endpointOf(ip, port);
    assert.equal(endpointText(endpoint), `${ip}:${port}`);
    assert.ok(isIPv4(endpoint));
  }));
  fc.assert(fc.property(fc.ipV6(), fc.nat(65535), (ip, port) => {
    const endpoint = endpointOf(ip, port), again = endpointOf(ipOf(endpoint), port);
    assert.ok(sameEndpoint(endpoint, again));
    assert.equal(portOf(endpoint), port);
  }));
  assert.equal(endpointText(endpointOf("2001:DB8:0:0::7", 5)), "[2001:db8::7]:5");
  assert.equal(endpointText(endpointOf("::ffff:10.0.0.1", 5)), "10.0.0.1:5");
  assert.ok(sameHost(endpointOf("10.0.0.1", 1), endpointOf("10.0.0.1", 2)));
});

Deno.test("what is no address is refused", () => {
  for (const ip of ["", "host", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "::g", "1.2.3.4/24"]) {
    assert.throws(() => endpointOf(ip, 1), RangeError);
  }
  assert.throws(() => endpointOf("1.2.3.4", 65536), RangeError);
});

Deno.test("a histogram's percentiles are within 4 % of the sorted values", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), { minLength: 1, maxLength: 500 }),
      (values) => {
        const counts = new Uint32Array(BUCKETS);
        values.forEach((value) => record(counts, value));
        const sorted = values.toSorted((a, b) => a - b),
          result = percentiles(counts);
        assert.equal(result.count, values.length);
        for (const [share, found] of [[0.5, result.p50], [0.99, result.p99], [1, result.max]]) {
          const exact = sorted[Math.max(0, Math.ceil(values.length * share) - 1)];
          assert.ok(Math.abs(found - exact) <= 0.04 * exact, `${found} for ${exact}`);
        }
      },
    ),
  );
});

Deno.test("buckets grow with the duration, to the end and no further", () => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) assert.equal(bucketOf(Math.floor(bucketMiddle(bucket))), bucket);
  assert.equal(bucketOf(1e15), BUCKETS - 1);
  assert.equal(bucketOf(-5), 0);
});

Deno.test("decibels and gains are each other's inverse, and -120 dB is off", () => {
  assert.equal(dbToGain(-120), 0);
  assert.equal(gainToDb(0), -120);
  fc.assert(
    fc.property(
      fc.double({ min: -119, max: 20, noNaN: true }),
      (db) => assert.ok(Math.abs(gainToDb(dbToGain(db)) - db) < 1e-6),
    ),
  );
});

Deno.test("the ring gives blocks in order with their position and time, and counts what a slow reader loses", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (turns) => {
    const memory = createRing(2), writer = new RingWriter(memory), reader = new RingReader(memory);
    let written = 0, lost = 0;
    const expected: number[] = [];
    for (const write of turns) {
      if (write) {
        writer.samples.fill(written, writer.offset(), writer.offset() + 2 * BLOCK);
        if (writer.commit(written * BLOCK, ms(written))) expected.push(written);
        else lost++;
        written++;
      } else if (reader.waiting() > 0) {
        const block = expected.shift()!;
        assert.equal(reader.block()[0], block);
        assert.equal(reader.position(), block * BLOCK);
        assert.equal(reader.time(), block);
        reader.release();
      }
      assert.equal(reader.waiting(), expected.length);
      assert.ok(reader.waiting() < RING_BLOCKS);
    }
    assert.equal(Atomics.load(reader.words, Word.Overflows), lost);
  }));
});

Deno.test("a waiting reader wakes when a block is written", async () => {
  const memory = createRing(1), writer = new RingWriter(memory), reader = new RingReader(memory);
  const woken = reader.wait();
  writer.commit(0, 0);
  await woken;
  assert.equal(reader.waiting(), 1);
});
