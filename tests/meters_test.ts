/** Meters, from the board's counters to the bytes that a client decodes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BLOCK } from "../core/units.ts";
import { levelByte, limiterByte } from "../control/meters.ts";
import { type FakeHouse, fakeHouse } from "./control_fake.ts";
import { type Any, Desk, settled } from "./live_desk.ts";

const dbfs = (byte: number): number => byte === 0 ? -Infinity : byte / 2 - 100;
const gainOf = (db: number): number => 10 ** (db / 20);

Deno.test("a level's byte is within a quarter of a decibel from −99.5 to +27.5 dBFS", () => {
  fc.assert(
    fc.property(fc.double({ min: -99.5, max: 27.5, noNaN: true }), (db) => {
      assert.ok(Math.abs(dbfs(levelByte(gainOf(db))) - db) <= 0.25 + 1e-9);
    }),
  );
  assert.deepEqual([1, gainOf(-100), gainOf(-20), 1e9, Infinity].map(levelByte), [200, 0, 160, 255, 255]);
  assert.deepEqual([0, -1, 1e-20, NaN].map(levelByte), [0, 0, 0, 0]);
});

Deno.test("a limiter's byte is within an eighth of a decibel down to −63.75 dB", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 63.75, noNaN: true }), (db) => {
      assert.ok(Math.abs(limiterByte(gainOf(-db)) / 4 - db) <= 0.125 + 1e-9);
    }),
  );
  assert.deepEqual([1, 2, 0, -1, NaN].map(limiterByte), [0, 0, 255, 255, 0]);
});

/** What the main isolate would write in so many blocks: a square wave of this level on a channel. */
function play(house: FakeHouse, channel: number, level: number, peak = level, blocks = 19): void {
  const { main } = house.control.house.board;
  main.peaks[channel - 1] = Math.max(main.peaks[channel - 1], peak);
  main.squares[channel - 1] += blocks * BLOCK * level ** 2;
}
const pass = (house: FakeHouse, blocks = 19) => house.control.house.board.main.blocks += blocks;

/** The next message of meters, decoded. */
async function beat(house: FakeHouse, desk: Desk): Promise<{ channels: number[][]; seats: number[][] }> {
  const count = desk.meters.length;
  house.control.live.beat();
  await desk.until(() => desk.meters.length > count);
  const [type, channels, seats, ...rest] = desk.meters[count];
  assert.equal(type, 1);
  assert.equal(rest.length, 2 * (channels + seats));
  const pairs = Array.from({ length: channels + seats }, (_, i) => [rest[2 * i], rest[2 * i + 1]]);
  return {
    channels: pairs.slice(0, channels).map(([peak, rms]) => [dbfs(peak), dbfs(rms)]),
    seats: pairs.slice(channels).map(([peak, limiter]) => [dbfs(peak), limiter / 4]),
  };
}
async function show(house: FakeHouse, desk: Desk, channels: number[], seats: string[] = []): Promise<void> {
  desk.send({ type: "meters", channels, seats });
  await settled(house, desk);
  const { state } = desk;
  assert.deepEqual(state, await desk.snapshot(), "it has been heard");
}

Deno.test("a client gets the peaks and the RMS of what it shows, in its order", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const desk = await Desk.open(house);
  play(house, 1, 1);
  await show(house, desk, [3, 1, 4]);
  house.control.live.beat();
  play(house, 1, gainOf(-20), gainOf(-6));
  play(house, 3, gainOf(-40.5));
  pass(house);
  const silence = [-Infinity, -Infinity];
  assert.deepEqual((await beat(house, desk)).channels, [[-40.5, -40.5], [-6, -20], silence], "from the first beat on");
  pass(house);
  assert.deepEqual((await beat(house, desk)).channels, [silence, silence, silence], "each time anew");
  play(house, 1, 1, 1, 10);
  pass(house, 40);
  assert.deepEqual((await beat(house, desk)).channels[1], [0, -6], "a quarter of the time is −6 dB");
  play(house, 1, 1);
  assert.deepEqual((await beat(house, desk)).channels[1], [0, -Infinity], "no block, no RMS");
  await desk.close();
});

Deno.test("the level of a seat is its mix's, behind the limiter; one that nobody hears is silent", async () => {
  await using house = await fakeHouse();
  const { seat } = await house.join({ mode: "mix" }), second = await house.join({ mode: "mix" });
  const phone = await house.join();
  const desk = await Desk.open(house), { main } = house.control.house.board;
  await show(house, desk, [], [second.seat, phone.seat, seat, "seat_none", "constructor"]);
  house.control.live.beat();
  main.mixPeaks[0] = gainOf(-1);
  main.mixGains[0] = gainOf(-7.5);
  main.mixPeaks[1] = gainOf(-30);
  pass(house);
  const none = [-Infinity, 0];
  assert.deepEqual((await beat(house, desk)).seats, [[-30, 0], none, [-1, 7.5], none, none]);
  assert.deepEqual([main.mixPeaks[0], main.mixGains[0]], [0, 1]);
  pass(house);
  assert.deepEqual((await beat(house, desk)).seats, [none, none, none, none, none]);
  await desk.close();
});

Deno.test("all who show meters see the same peak, however many they are", async () => {
  await using house = await fakeHouse();
  const desks = [await Desk.open(house), await Desk.open(house), await Desk.open(house)];
  for (const desk of desks) await show(house, desk, [2]);
  house.control.live.beat();
  play(house, 2, gainOf(-3));
  pass(house);
  house.control.live.beat();
  for (const desk of desks) {
    await desk.until(() => desk.meters.length > 0);
    assert.deepEqual([...desk.meters.at(-1)!], [1, 1, 0, 194, 194]);
    await desk.close();
  }
});

Deno.test("a musician's meters are of what it sees: not of hidden channels, nor of other seats", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const mine = await house.join({ mode: "mix" }), other = await house.join({ mode: "mix" });
  await house.call("PATCH", `/api/v1/seats/${mine.seat}`, { body: { channels: [1, 2, 3] } });
  await house.call("PATCH", "/api/v1/channels/2", { body: { hidden: true } });
  const desk = await Desk.open(house, mine.token), { main } = house.control.house.board;
  await show(house, desk, [1, 2, 3, 4, 64], [mine.seat, other.seat]);
  house.control.live.beat();
  const loud = async () => {
    for (let channel = 1; channel <= 4; channel++) play(house, channel, 1);
    main.mixPeaks.fill(1);
    pass(house);
    const { channels, seats } = await beat(house, desk);
    return [channels, seats].map((levels) => levels.map(([peak]) => peak === 0));
  };
  assert.deepEqual(await loud(), [[true, false, true, false, false], [true, false]]);
  await house.call("PATCH", `/api/v1/seats/${mine.seat}`, { body: { channels: [3, 4] } });
  assert.deepEqual(await loud(), [[false, false, true, true, false], [true, false]], "as its rights change");
  await desk.close();
});

Deno.test("nothing is sent, and no peak is taken, while nobody shows meters", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join(), { main } = house.control.house.board;
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  main.peaks[0] = 0.5;
  house.control.live.beat();
  assert.equal(main.peaks[0], 0.5);
  await show(house, ana, [1]);
  house.control.live.beat();
  house.control.live.beat();
  assert.equal(main.peaks[0], 0);
  await show(house, ana, []);
  const { length } = ana.meters;
  main.peaks[0] = 0.5;
  house.control.live.beat();
  await settled(house, ana, engineer);
  assert.deepEqual([ana.meters.length, engineer.meters.length, main.peaks[0]], [length, 0, 0.5]);
  await ana.close();
  await engineer.close();
});

Deno.test("with its own clocks the server sends meters and the status by itself", async () => {
  await using house = await fakeHouse({ timers: true });
  const desk = await Desk.open(house);
  const last: Any[] = Array.from({ length: 16 }, (_, i) => i + 1);
  desk.send({ type: "meters", channels: last, seats: [] });
  await desk.until(() => desk.meters.length >= 3 && desk.statuses.length >= 1);
  assert.equal(desk.meters[0].length, 3 + 2 * 16);
  await desk.close();
});
