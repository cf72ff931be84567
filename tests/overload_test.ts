/** A house that knows when it is full: whom it refuses, what it offers, and when it opens again. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Flow } from "../core/board.ts";
import { record } from "../core/histogram.ts";
import { milliseconds } from "../core/units.ts";
import { ENGINEER, type FakeHouse, fakeHouse, type FakeSettings, JOIN_CODE, newDevice } from "./control_fake.ts";

const FRAMES_A_SECOND = 400;

/** A second in which worker `i` worked for `busy` of its time, and `late` of its frames were late. */
function second(house: FakeHouse, busy: number, late: number, i = 0, ms = 1000): void {
  const row = house.control.house.board.workers[i];
  row.busyUs = row.busyUs + busy * ms * 1000;
  row.datagrams += FRAMES_A_SECOND;
  row.lateFrames += late * FRAMES_A_SECOND;
  house.pass(ms);
  house.control.tick();
}
function seconds(house: FakeHouse, count: number, busy: number, late: number): void {
  for (let n = 0; n < count; n++) second(house, busy, late);
}

/** Everybody who has joined hears something. */
function open(house: FakeHouse): void {
  const { sessions, board } = house.control.house;
  for (const { placed } of sessions.values()) board.slots[placed.receiver.slot].flow = Flow.Flowing;
}

/** One worker, and eight musicians with a mix of their own at 2.5 ms. */
async function busyHouse(settings: FakeSettings = {}): Promise<FakeHouse> {
  const house = await fakeHouse({ workers: 1, ...settings });
  for (let i = 0; i < 8; i++) await house.join({ mode: "mix", frameMs: 2.5 });
  open(house);
  return house;
}

const ask = (house: FakeHouse, body: Record<string, unknown>, secret = JOIN_CODE) =>
  house.call("POST", "/api/v1/sessions", { secret, body: { name: "Bo", device: newDevice(), mode: "mix", ...body } });
const isFull = async (house: FakeHouse): Promise<boolean[]> =>
  (await house.call("GET", "/api/v1/status")).json.workers.map(({ full }: { full: boolean }) => full);

Deno.test("three seconds of late frames by a busy worker: a join is refused with a code and an offer, and changes nothing", async () => {
  await using house = await busyHouse();
  seconds(house, 2, 0.67, 0.15);
  assert.deepEqual(await isFull(house), [false], "a hiccup");
  second(house, 0.67, 0.15);
  assert.deepEqual(await isFull(house), [true]);
  const before = await house.picture();
  const refused = await ask(house, { frameMs: 2.5 });
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  const { code, offer, detail } = refused.json;
  assert.deepEqual([code, offer], ["overloaded", { frameMs: 5 }]);
  assert.match(detail, /15 % of the frames are late; with a frameMs of 5 there is room/);
  assert.equal(await house.picture(), before);
  assert.equal((await ask(house, offer)).status, 201, "what is offered is let in");
});

Deno.test("the offer is a longer frame the less time is left, and none where nothing fits", async () => {
  const offers = [];
  for (const busy of [0.67, 0.78, 0.97]) {
    await using house = await busyHouse();
    seconds(house, 3, busy, 0.3);
    const { status, json } = await ask(house, { frameMs: 2.5 });
    assert.equal(status, 503);
    offers.push(json.offer?.frameMs ?? null);
    if (json.offer === undefined) assert.match(json.detail, /longer frames \(frameMs\), or mixes/);
  }
  assert.deepEqual(offers, [5, 10, null]);
});

Deno.test("where those who are there have the longest frames nothing is offered", async () => {
  await using house = await fakeHouse({ workers: 1 });
  for (let i = 0; i < 8; i++) await house.join({ mode: "mix", frameMs: 10 });
  open(house);
  seconds(house, 3, 0.7, 0.3);
  for (const frameMs of [2.5, 5, 10]) {
    const { status, json } = await ask(house, { frameMs });
    assert.deepEqual([status, json.code, json.offer], [503, "overloaded", undefined]);
  }
});

Deno.test("an offer is never something that is refused for its size", async () => {
  await using house = await fakeHouse({ workers: 1 });
  for (let i = 0; i < 4; i++) await house.join({ mode: "mix", frameMs: 2.5 });
  open(house);
  seconds(house, 3, 0.66, 0.3);
  const channels = Array.from({ length: 8 }, (_, i) => i + 1);
  const { json } = await ask(house, { mode: "channels", channels, frameMs: 2.5, bitrate: 256_000 });
  assert.deepEqual([json.code, json.offer], ["overloaded", undefined], "eight channels of 256 kb/s don't fit in 5 ms");
});

Deno.test("who has a session is never refused: the same device, its seat's invite, a restart", async () => {
  const stateDir = await Deno.makeTempDir();
  try {
    const device = newDevice();
    {
      await using house = await fakeHouse({ workers: 1, options: { stateDir } });
      await house.join({ device, mode: "mix", frameMs: 2.5 });
      const { json: seat } = await house.call("POST", "/api/v1/seats", { body: { name: "Drums" } });
      assert.equal((await ask(house, { frameMs: 2.5 }, seat.invite)).status, 201);
      open(house);
      seconds(house, 3, 1, 1);
      assert.equal((await ask(house, { frameMs: 2.5 })).status, 503);
      assert.equal((await ask(house, { frameMs: 2.5, device })).status, 201);
      assert.equal((await ask(house, { frameMs: 2.5 }, seat.invite)).status, 201);
    }
    await using house = await fakeHouse({ workers: 1, options: { stateDir } });
    assert.equal((await house.call("GET", "/api/v1/sessions")).json.length, 2);
    open(house);
    seconds(house, 3, 1, 1);
    assert.equal((await ask(house, { frameMs: 2.5 })).status, 503);
    assert.equal((await ask(house, { frameMs: 2.5, device })).status, 201);
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("while one worker is full the next clients go to the other, however many it has", async () => {
  await using house = await fakeHouse({ workers: 2 });
  for (let i = 0; i < 4; i++) await house.join({ mode: "mix", frameMs: 2.5 });
  open(house);
  for (let n = 0; n < 3; n++) second(house, 0.9, 0.3, 1);
  assert.deepEqual(await isFull(house), [false, true]);
  const ports = [];
  for (let i = 0; i < 3; i++) ports.push((await ask(house, { frameMs: 2.5 })).json.media.port);
  assert.deepEqual(ports, [5101, 5101, 5101]);
});

/** Workers that get clients who ask for `bodies`, one after the other. */
async function placed(workers: number, bodies: readonly Record<string, unknown>[]): Promise<number[]> {
  await using house = await fakeHouse({ workers });
  const chosen = [];
  for (const body of bodies) chosen.push((await ask(house, body)).json.media.port - 5101);
  return chosen;
}

Deno.test("who hears the same channels shares a worker, which encodes them once; mixes are spread evenly", async () => {
  const channels = { mode: "channels", frameMs: 2.5 }, mix = { mode: "mix", frameMs: 2.5 };
  assert.deepEqual(await placed(4, Array(10).fill(channels)), Array(10).fill(0));
  assert.deepEqual(await placed(4, Array(8).fill(mix)), [0, 1, 2, 3, 0, 1, 2, 3]);
  const low = { mode: "channels", channels: [1, 2, 3], frameMs: 5 }, high = { ...low, channels: [4, 5, 6] };
  assert.deepEqual(await placed(2, [low, high, low, high]), [0, 1, 0, 1]);
  assert.deepEqual(await placed(2, [channels, mix, mix, channels]), [0, 1, 1, 0]);
});

Deno.test("sending to many takes as long as encoding: then the next worker helps", async () => {
  const chosen = await placed(2, Array(90).fill({ mode: "channels", frameMs: 2.5 }));
  const moved = chosen.indexOf(1);
  assert.ok(moved > 30 && moved < 60, `${moved}`);
  assert.ok(chosen.slice(moved, 2 * moved - 16).every((worker) => worker === 1), chosen.join());
  assert.ok(chosen.slice(-10).includes(0) && chosen.slice(-10).includes(1), "then evenly");
});

Deno.test("targets are refused as joins are, each worker's streams counted", async () => {
  await using house = await busyHouse();
  seconds(house, 3, 0.67, 0.15);
  const target = (body: Record<string, unknown>) =>
    house.call("POST", "/api/v1/targets", { body: { address: "192.0.2.1", port: 5004, mode: "mix", ...body } });
  const refused = await target({ frameMs: 2.5 });
  assert.deepEqual([refused.status, refused.json.code, refused.json.offer], [503, "overloaded", { frameMs: 5 }]);
  const all = await target({ frameMs: 2.5, mode: "mono" });
  assert.deepEqual([all.status, all.json.offer], [503, undefined], "sixteen streams are too much at any length");
  assert.equal((await target(refused.json.offer)).status, 201);
});

Deno.test("late frames alone, or work alone, refuse nobody", async () => {
  await using house = await busyHouse();
  seconds(house, 10, 0.5, 0.9);
  assert.deepEqual(await isFull(house), [false], "the machine was held up by something else");
  seconds(house, 10, 0.98, 0.02);
  assert.deepEqual(await isFull(house), [false], "in time");
  for (let n = 0; n < 10; n++) seconds(house, 1, 0.9, n % 3 === 2 ? 0 : 0.5);
  assert.deepEqual(await isFull(house), [false], "never three seconds in a row");
  assert.equal((await ask(house, { frameMs: 2.5 })).status, 201);
});

Deno.test("it is open again after ten good seconds in a row; log, metrics and status tell", async () => {
  await using house = await busyHouse();
  const metric = async () =>
    /^foldback_worker_full\{worker="0"\} (.+)$/m.exec((await house.call("GET", "/metrics")).text)?.[1];
  assert.equal(await metric(), "0");
  seconds(house, 3, 0.9, 0.2);
  assert.equal(await metric(), "1");
  const { json } = await house.call("GET", "/api/v1/status", { secret: ENGINEER });
  const { busyPercent, latePercent, full } = json.workers[0];
  assert.ok(Math.abs(busyPercent - 90) < 0.1 && Math.abs(latePercent - 20) < 0.1 && full);
  seconds(house, 9, 0.4, 0);
  second(house, 0.9, 0.08);
  seconds(house, 9, 0.9, 0.01);
  assert.deepEqual(await isFull(house), [true]);
  second(house, 0.9, 0.01);
  assert.deepEqual(await isFull(house), [false]);
  assert.equal(await metric(), "0");
  const said = house.control.house.events.kept.filter(({ kind }) => kind === "worker").map(({ text }) => text);
  assert.equal(said.length, 2);
  assert.match(said[0], /^send worker 0 is full: 20 % of its frames are late, 90 % of its time is used/);
  assert.match(said[1], /^send worker 0 has room again/);
});

Deno.test("work of the main isolate counts: while it is busy late frames mean full", async () => {
  await using house = await busyHouse();
  const { main } = house.control.house.board;
  for (let n = 0; n < 3; n++) {
    for (let block = 0; block < 375; block++) record(main.block, milliseconds(2.4));
    second(house, 0.1, 0.3);
  }
  assert.deepEqual(await isFull(house), [true]);
});

Deno.test("property: nobody is refused before three looks with a tenth late, whatever the counters do", async () => {
  await using house = await busyHouse();
  const look = fc.record({
    busy: fc.double({ min: 0, max: 2, noNaN: true }),
    late: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 40 }), (looks) => {
      const [worker] = house.control.house.load.workers;
      seconds(house, 10, 0, 0);
      let bad = 0;
      for (const { busy, late } of looks) {
        const was = worker.full;
        second(house, busy, late);
        bad = worker.late >= 0.1 && worker.busy >= 0.65 ? bad + 1 : 0;
        if (worker.full && !was) assert.ok(bad >= 3);
        if (!worker.full && !was) assert.ok(bad < 3);
      }
    }),
    { numRuns: 50 },
  );
});
