/** The clock: what is stamped into an array is the time that now() tells. */
import assert from "node:assert/strict";
import { now, stamp } from "../core/clock.ts";

Deno.test("stamp() writes the time that now() tells before and after it, and nothing else", () => {
  const times = Float64Array.of(1, 2, 3);
  stamp(times, 1);
  for (let i = 0; i < 1000; i++) {
    const before = now();
    stamp(times, 1);
    // The two are set against each other to within some microseconds.
    assert.ok(before - 0.05 <= times[1] && times[1] <= now() + 0.05);
  }
  assert.deepEqual([times[0], times[2]], [1, 3]);
});
