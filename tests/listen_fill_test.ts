import assert from "node:assert/strict";
import fc from "fast-check";
import { Fill } from "../listen/fill.ts";

const CAPACITY = 768, PERIOD = 128, PERIOD_MS = PERIOD / 48;

/** A device that takes a period at a time, and somebody who fills it up some time after each. */
class Device {
  readonly fill = new Fill(CAPACITY);
  #left = CAPACITY;
  #time = 0;
  dry = 0;

  /** So many periods; `late`: how many went by unseen before the one that is seen. */
  run(periods: number, late = 0): void {
    for (let period = 0; period < periods; period += 1 + late) {
      for (let i = 0; i <= late; i++) {
        if (this.#left < PERIOD) this.dry++;
        this.#left = Math.max(0, this.#left - PERIOD);
        this.#time += PERIOD_MS;
      }
      this.fill.see(this.#time, this.#left);
      const due = this.fill.frames - this.#left;
      if (due >= PERIOD / 2) this.#left += due;
    }
  }
}
const seconds = (count: number) => Math.ceil(count * 1000 / PERIOD_MS);

Deno.test("a device that is filled up in time is kept a period and a half full, and never runs dry on the way there", () => {
  const device = new Device();
  assert.equal(device.fill.frames, CAPACITY);
  device.run(seconds(30));
  assert.equal(device.dry, 0);
  assert.equal(device.fill.frames, 1.5 * PERIOD);
});

Deno.test("who comes late now and then keeps as much more as that takes", () => {
  const device = new Device();
  for (let i = 0; i < 60; i++) {
    device.run(seconds(1));
    device.run(3, 2);
  }
  assert.equal(device.dry, 0);
  assert.equal(device.fill.frames, 3.5 * PERIOD);
});

Deno.test("what was given up and then missed comes back within a second, and is given up again only after a longer time", () => {
  const device = new Device(), { fill } = device;
  device.run(seconds(30));
  for (const after of [10, 20]) {
    device.run(2, 1);
    device.run(seconds(1));
    const more = fill.frames;
    assert.ok(more >= 2.5 * PERIOD, `${more}`);
    device.run(seconds(after - 2));
    assert.equal(fill.frames, more);
    device.run(seconds(7));
    assert.equal(fill.frames, 1.5 * PERIOD);
  }
  assert.equal(device.dry, 2);
});

Deno.test("a level that fails often doesn't keep a higher one that failed once from being tried again soon", () => {
  const device = new Device(), { fill } = device;
  device.run(seconds(30));
  for (let i = 0; i < 4; i++) {
    device.run(2, 1);
    device.run(seconds(90));
  }
  device.run(2, 1);
  device.run(seconds(1));
  device.run(3, 2);
  device.run(seconds(1));
  assert.ok(fill.frames >= 3.5 * PERIOD, `${fill.frames}`);
  device.run(seconds(16));
  assert.equal(fill.frames, 2.5 * PERIOD);
});

Deno.test("whatever is seen, the fill stays within the device, moves by 0.4 % of time at most, and says by how much", () => {
  const see = fc.record({
    passed: fc.double({ min: 0.1, max: 50, noNaN: true }),
    share: fc.integer({ min: 0, max: 100 }),
  });
  fc.assert(fc.property(fc.array(see, { minLength: 100, maxLength: 2000 }), (seen) => {
    const fill = new Fill(CAPACITY);
    let time = 0, moved = 0;
    for (const { passed, share } of seen) {
      time += passed;
      fill.see(time, Math.floor(fill.frames * share / 100));
      if (time > passed) moved += fill.pull * 48 * passed;
      assert.ok(fill.frames >= 0 && fill.frames <= CAPACITY);
      assert.ok(Math.abs(fill.pull) <= 0.004);
      assert.ok(Math.abs(CAPACITY + moved - fill.frames) <= 1.001);
    }
  }));
});
