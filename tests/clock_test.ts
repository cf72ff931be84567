/** The clock: what is stamped into an array is the time that now() tells. */
import assert from "node:assert/strict";
import { aheadOfMonotonic, now, stamp } from "../core/clock.ts";

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

Deno.test("an isolate that began after the wall clock was set comes to tell the time of the others", async () => {
  const worker = new Worker(new URL("./clock_late.ts", import.meta.url), { type: "module", name: "send spare" });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number[]>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    const before = now();
    worker.postMessage(aheadOfMonotonic());
    const [own, followed, kept, stamped] = await promise, after = now();
    assert.ok(own > after + 30_000, "it is late on purpose");
    assert.ok(before - 1000 < followed && followed < after + 1000);
    assert.ok(before <= kept && kept <= stamped && stamped <= after, `${[before, kept, stamped, after]}`);
  } finally {
    worker.terminate();
  }
});
