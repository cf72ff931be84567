import assert from "node:assert/strict";
import fc from "fast-check";
import { rtpTimestamp, sequenceNumber } from "../core/units.ts";
import { Reception } from "../listen/reception.ts";

const FRAME = 240;
/** Packet `n` of a stream whose numbers begin at `base`, `lag` milliseconds late. */
const arrive = (reception: Reception, n: number, base = 0, lag = 0): boolean =>
  reception.arrived(sequenceNumber(base + n), rtpTimestamp(base * 1000 + n * FRAME), 1e12 + n * 5 + lag);

Deno.test("received, lost and duplicates are the same in any order of arrival, over any wrap", () => {
  fc.assert(fc.property(
    fc.nat(65535),
    fc.array(fc.record({ copies: fc.integer({ min: 0, max: 2 }), shift: fc.nat(30) }), {
      minLength: 10,
      maxLength: 200,
    }),
    (base, fates) => {
      const sent = fates.flatMap(({ copies, shift }, i) =>
        Array.from(
          { length: i === 0 ? 1 : copies },
          (_, copy) => ({ n: i + 1, at: i === 0 ? 0 : i + shift + 1 + copy }),
        )
      ).concat({ n: fates.length + 1, at: fates.length + 40 });
      const reception = new Reception();
      for (const { n } of sent.sort((a, b) => a.at - b.at)) arrive(reception, n, base);
      const distinct = new Set(sent.map(({ n }) => n)).size;
      assert.equal(reception.received, distinct);
      assert.equal(reception.duplicates, sent.length - distinct);
      assert.equal(reception.lost, fates.length + 1 - distinct);
    },
  ));
});

Deno.test("a report block tells the loss since the one before and in all, and the highest number with its wraps", () => {
  const reception = new Reception();
  assert.equal(reception.report(7, 0), null);
  for (let n = 0; n < 100; n++) if (n % 4 !== 1) arrive(reception, n, 65_500);
  const first = reception.report(7, 0)!;
  assert.equal(first.ssrc, 7);
  assert.equal(first.cumulativeLost, 25);
  assert.equal(first.fractionLost, 64);
  assert.equal(first.highestSequence, 65_599);
  for (let n = 100; n < 200; n++) arrive(reception, n, 65_500);
  const second = reception.report(7, 0)!;
  assert.equal(second.cumulativeLost, 25);
  assert.equal(second.fractionLost, 0);
  // Duplicates count against the loss (RFC 3550 section 6.4.1).
  for (let n = 150; n < 190; n++) arrive(reception, n, 65_500);
  assert.equal(reception.report(7, 0)!.cumulativeLost, -15);
  assert.equal(reception.report(7, 0)!.fractionLost, 0);
});

Deno.test("the interarrival jitter is that of RFC 3550 appendix A.8", () => {
  const reception = new Reception(), lags = Array.from({ length: 500 }, (_, n) => (n * 7919 % 31) / 10);
  let expected = 0;
  lags.forEach((lag, n) => {
    arrive(reception, n, 1, lag);
    if (n > 0) expected += (Math.abs(lag - lags[n - 1]) * 48 - expected) / 16;
  });
  // Whole samples there, fractions here.
  assert.ok(Math.abs(reception.jitter - expected) < 1, `${reception.jitter}, not ${expected}`);
});

Deno.test("the last sender report and the time since are handed back", () => {
  const reception = new Reception();
  arrive(reception, 0);
  assert.deepEqual([reception.report(1, 500)!.lastSr, reception.report(1, 500)!.delaySinceLastSr], [0, 0]);
  reception.heard(0x89abcdef, 1000);
  const report = reception.report(1, 2500)!;
  assert.equal(report.lastSr, 0x89abcdef);
  assert.equal(report.delaySinceLastSr, 1.5 * 65536);
});

Deno.test("a numbering that starts anew with a marker is believed at once", () => {
  const reception = new Reception();
  for (let n = 0; n < 50; n++) arrive(reception, n);
  assert.ok(reception.arrived(sequenceNumber(30_000), rtpTimestamp(77), 1e12 + 1000, true));
  assert.ok(reception.arrived(sequenceNumber(30_001), rtpTimestamp(77 + FRAME), 1e12 + 1005));
  assert.deepEqual([reception.received, reception.lost, reception.duplicates], [52, 0, 0]);
});

Deno.test("a restart is no loss and no duplicate wherever its numbers begin, and a marker out of order is no restart", () => {
  for (const first of [0, 20, 49, 51, 1000, 2990, 40_000]) {
    const reception = new Reception();
    for (let n = 0; n < 50; n++) arrive(reception, n);
    for (let n = 0; n < 200; n++) {
      const timestamp = rtpTimestamp(2_000_000_000 + n * FRAME);
      assert.ok(
        reception.arrived(sequenceNumber(first + n), timestamp, 1e12 + 1000 + n * 5, n === 0),
        `${first}: ${n}`,
      );
    }
    assert.deepEqual([reception.received, reception.lost, reception.duplicates], [250, 0, 0], `${first}`);
  }
  const paused = new Reception();
  for (let n = 0; n < 50; n++) arrive(paused, n);
  assert.ok(paused.arrived(sequenceNumber(650), rtpTimestamp(1000 * FRAME), 1e12 + 5000, true));
  assert.deepEqual([paused.received, paused.lost], [51, 600], "what was lost before the pause counts");
  const reception = new Reception();
  for (const n of [0, 1, 2, 4]) arrive(reception, n);
  assert.ok(reception.arrived(sequenceNumber(3), rtpTimestamp(3 * FRAME), 1e12 + 21, true));
  arrive(reception, 5);
  assert.ok(!reception.arrived(sequenceNumber(3), rtpTimestamp(3 * FRAME), 1e12 + 26, true));
  assert.deepEqual([reception.received, reception.lost, reception.duplicates], [6, 0, 1]);
});

Deno.test("a numbering that starts anew is believed at its second packet, and isn't loss", () => {
  const reception = new Reception();
  for (let n = 0; n < 50; n++) arrive(reception, n, 1000);
  for (let n = 0; n < 50; n++) arrive(reception, n, 40_000);
  assert.equal(reception.lost, 0);
  assert.ok(reception.received >= 99);
  assert.equal(reception.report(1, 0)!.highestSequence & 0xffff, 40_049);
});
