import assert from "node:assert/strict";
import { Flow } from "../core/board.ts";
import { freeMix, useMix } from "../control/mixes.ts";
import { RESTING_ROWS } from "../control/receivers.ts";
import { assertProblem, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";

Deno.test("mixes go to the worker with the least to do, and to the row that was free longest", async () => {
  await using house = await fakeHouse({ workers: 3, slots: 8 });
  const joined = [];
  for (let i = 0; i < 6; i++) joined.push(await house.join({ mode: "mix" }));
  assert.deepEqual(joined.map(({ media }) => media.port), [5101, 5102, 5103, 5101, 5102, 5103]);
  for (const i of [1, 4]) await house.call("DELETE", `/api/v1/sessions/${joined[i].session}`);
  house.taken("serve");
  assert.equal((await house.join({ mode: "mix" })).media.port, 5102);
  await house.join({ mode: "mix" });
  await house.join({ mode: "mix" });
  assert.deepEqual(house.taken("serve").map(({ receiver }) => receiver.slot), [6, 7, 8]);
});

Deno.test("a row that was given back isn't taken before others that were, however full the board is", async () => {
  await using house = await fakeHouse({ slots: 2 });
  const joined = [await house.join(), await house.join()], rows: number[] = [];
  for (let i = 0; i < 2 * RESTING_ROWS; i++) {
    await house.call("DELETE", `/api/v1/sessions/${joined.shift()!.session}`);
    joined.push(await house.join());
  }
  for (const { receiver } of house.taken("serve")) rows.push(receiver.slot);
  for (const [i, slot] of rows.entries()) {
    assert.ok(!rows.slice(Math.max(0, i - RESTING_ROWS), i).includes(slot), `row ${slot} rests`);
  }
});

Deno.test("when all clients are there a join is 503 with Retry-After, and changes nothing", async () => {
  await using house = await fakeHouse({ options: { maxClients: 2 } });
  const device = newDevice();
  await house.join({ device });
  await house.join();
  const before = await house.picture();
  const body = { name: "Bo", device: newDevice(), mode: "channels" };
  const refused = await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE, body });
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  assert.equal(refused.json.code, "full");
  assert.equal(await house.picture(), before);
  assert.equal((await house.join({ device })).resumed, true, "who is there already may take its own place");
});

Deno.test("a session counts until it has been paused for a minute, and ends after twelve hours", async () => {
  await using house = await fakeHouse({ options: { maxClients: 2 } });
  const flowing = await house.join(), paused = await house.join();
  const [a, b] = house.taken("serve").map(({ receiver }) => house.control.house.board.slots[receiver.slot]);
  a.flow = b.flow = Flow.Flowing;
  const full = async () =>
    (await house.call("POST", "/api/v1/sessions", {
      body: { name: "Bo", device: newDevice(), mode: "mix", channels: [99] },
    })).status;
  house.pass(3_600_000);
  const body = () => ({ body: { name: "Bo", device: newDevice(), mode: "mix" } });
  assert.equal((await house.call("POST", "/api/v1/sessions", body())).status, 503);
  assert.equal(await full(), 409, "what can't be is said before what can't be now");
  b.flow = Flow.Paused;
  b.pausedAt = house.control.house.clock() as never;
  house.pass(60_000);
  assert.equal((await house.call("POST", "/api/v1/sessions", body())).status, 503);
  house.pass(1);
  assert.equal((await house.call("POST", "/api/v1/sessions", body())).status, 201);

  house.pass(12 * 3_600_000 - 60_001);
  house.control.tick();
  assert.equal((await house.call("GET", `/api/v1/sessions/${paused.session}`)).status, 200);
  house.pass(1);
  house.control.tick();
  assert.equal((await house.call("GET", `/api/v1/sessions/${paused.session}`)).status, 404);
  assert.equal((await house.call("GET", `/api/v1/sessions/${flowing.session}`)).status, 200);
});

Deno.test("a session that was never opened stops counting after a minute, and ends after twelve hours", async () => {
  await using house = await fakeHouse({ options: { maxClients: 1 } });
  const { session } = await house.join();
  house.pass(60_001);
  await house.join();
  house.pass(12 * 3_600_000);
  house.control.tick();
  assert.equal((await house.call("GET", `/api/v1/sessions/${session}`)).status, 404);
});

Deno.test("when no row of the board is free a join is 503", async () => {
  await using house = await fakeHouse({ slots: 1 });
  const { session } = await house.join();
  const body = { name: "Bo", device: newDevice(), mode: "mix" };
  assert.equal((await house.call("POST", "/api/v1/sessions", { body })).status, 503);
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  assert.equal((await house.call("POST", "/api/v1/sessions", { body })).status, 201);
});

Deno.test("without a free row whoever returns gets its own, and a stranger that of who has been gone longest", async () => {
  await using house = await fakeHouse({ slots: 2 });
  const first = await house.join({ device: "the-first-one" });
  house.pass(30_000);
  const second = await house.join({ device: "the-second-one" });
  const joins = async (device: string) =>
    (await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE, body: { name: "x", device } })).status;
  assert.equal(await joins("a-stranger-1"), 503, "both may come back any moment");
  assert.equal(await joins("the-second-one"), 201);
  house.pass(31_000);
  assert.equal(await joins("a-stranger-1"), 201);
  const left = (await house.call("GET", "/api/v1/sessions")).json.map(({ device }: { device: string }) => device);
  assert.deepEqual(left.sort(), ["a-stranger-1", "the-second-one"]);
  assert.ok(first.session !== second.session);
});

Deno.test("who joins and leaves again and again gets no mix beyond those that main has room for", async () => {
  await using house = await fakeHouse({ slots: 4 });
  const room = house.control.house.board.main.mixPeaks.length;
  for (let i = 0; i < 2 * room; i++) {
    const { session, token } = await house.join({ mode: "mix" });
    assert.equal((await house.call("DELETE", `/api/v1/sessions/${session}`, { secret: token })).status, 204);
  }
  const made = new Set<number>();
  for (const { mix, settings } of house.taken("mix")) {
    if (settings === null) assert.ok(made.delete(mix), `mix ${mix} is ended once`);
    else made.add(mix);
    assert.ok(mix < room, `mix ${mix}`);
  }
  assert.ok(made.size <= room);
});

Deno.test("a mix for which there is no room is refused, and changes nothing", async () => {
  await using house = await fakeHouse({ slots: 3 });
  // Changes of shape under way hold a second one each.
  for (let i = 0; i < RESTING_ROWS; i++) useMix(house.control.house, freeMix([1]));
  const joined = [];
  const desk = await house.call("POST", "/api/v1/sessions", {
    body: { name: "Desk", device: newDevice(), mode: "mix" },
  });
  for (let i = 0; i < 2; i++) joined.push(await house.join({ mode: "mix" }));
  const before = await house.picture(), path = `/api/v1/sessions/${desk.json.session}`;
  assertProblem(await house.call("PATCH", path, { body: { pfl: [1] } }), 503);
  assert.equal(await house.picture(), before);
  await house.call("DELETE", `/api/v1/sessions/${joined[1].session}`);
  assert.equal((await house.call("PATCH", path, { body: { pfl: [1] } })).status, 200);
});

Deno.test("who has a session joins again however many are there", async () => {
  await using house = await fakeHouse({ options: { maxClients: 1 } });
  const device = newDevice();
  await house.join({ device });
  house.pass(60_001);
  await house.join();
  assert.equal((await house.join({ device })).resumed, true);
  const body = { name: "Bo", device: newDevice(), mode: "mix" };
  assertProblem(await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE, body }), 503);
});

Deno.test("sessions that nobody opened give their rows to a target", async () => {
  await using house = await fakeHouse({ slots: 4 });
  for (let i = 0; i < 4; i++) await house.join();
  const body = { address: "192.0.2.9", port: 6000, mode: "mono", channels: [1, 2] };
  assertProblem(await house.call("POST", "/api/v1/targets", { body }), 503);
  house.pass(60_001);
  const kept = await house.join({ device: newDevice() });
  assert.equal((await house.call("POST", "/api/v1/targets", { body })).status, 201);
  const { json } = await house.call("GET", "/api/v1/sessions");
  assert.equal(json.length, 2, "those that were there first have gone");
  assert.ok(json.some(({ session }: { session: string }) => session === kept.session));
});
