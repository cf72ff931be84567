/** What live clients are told besides the state: status and events; and who they may be. */
import assert from "node:assert/strict";
import { Flow } from "../core/board.ts";
import { Word } from "../core/ring.ts";
import { note } from "../control/events.ts";
import { ENGINEER, fakeHouse } from "./control_fake.ts";
import { type Any, Desk } from "./live_desk.ts";

Deno.test("once a second there is the status, to each as its secret sees it", async () => {
  await using house = await fakeHouse();
  const { session, token } = await house.join(), other = await house.join();
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  house.control.tick();
  house.control.tick();
  for (const [desk, secret] of [[ana, token], [engineer, ENGINEER]] as [Desk, string][]) {
    await desk.until(() => desk.statuses.length === 2);
    assert.deepEqual(desk.statuses[1], (await house.call("GET", "/api/v1/status", { secret })).json);
  }
  assert.deepEqual(ana.statuses[0].sessions.map((one: Any) => one.session), [session]);
  assert.deepEqual(engineer.statuses[0].sessions.map((one: Any) => one.session), [session, other.session]);
  await ana.close();
  await engineer.close();
});

Deno.test("the engineer is told what happened, the last 200 of it also who comes later", async () => {
  await using house = await fakeHouse();
  const { control } = house, { board, ring } = control.house;
  const engineer = await Desk.open(house);
  const { session, token } = await house.join({ name: "Ana" });
  const ana = await Desk.open(house, token);
  const row = board.slots[house.taken("serve")[0].receiver.slot];
  const steps: [string, () => unknown][] = [
    ["flowing", () => row.flow = Flow.Flowing],
    ["paused", () => row.flow = Flow.Paused],
    ["source", () => Atomics.store(ring, Word.Live, 0)],
    ["source", () => Atomics.store(ring, Word.Live, 1)],
    ["worker", () => board.workers[1].restarts++],
  ];
  for (const [, step] of steps) {
    step();
    control.tick();
    control.tick();
  }
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  const kinds = ["join", ...steps.map(([kind]) => kind), "leave"];
  await engineer.until(() => engineer.events.length === kinds.length);
  assert.deepEqual(engineer.events.map(({ kind }) => kind), kinds);
  for (const { time, text } of engineer.events) {
    assert.equal(time, control.house.clock());
    assert.ok(text.length > 5);
  }
  assert.match(engineer.events[0].text, /^Ana /);
  await ana.closed;
  assert.deepEqual(ana.events, [], "not the musicians' business");

  for (let i = 0; i < 250; i++) note(control.house, "scene", `scene ${i}`);
  control.tick();
  const later = await Desk.open(house);
  await later.until(() => later.events.length > 0);
  assert.deepEqual(later.events.map(({ text }) => text), Array.from({ length: 200 }, (_, i) => `scene ${i + 50}`));
  await engineer.until(() => engineer.events.length === kinds.length + 200);
  assert.deepEqual(engineer.events.slice(-200), later.events);
  await engineer.close();
  await later.close();
});

Deno.test("a browser's own WebSocket works too", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const socket = new WebSocket(`ws://127.0.0.1:${house.port}/api/v1/live`);
  const { promise, resolve } = Promise.withResolvers<void>();
  const types: string[] = [];
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", secret: token }));
  socket.onmessage = ({ data }) => {
    const { type } = JSON.parse(data);
    types.push(type);
    if (type === "snapshot") {
      socket.send(JSON.stringify({ type: "mix", id: 0, seat, patch: { master: { mute: true } } }));
    } else socket.close();
  };
  socket.onclose = () => resolve();
  await promise;
  assert.deepEqual(types, ["snapshot", "ack"]);
});
