/** Changes of one session that come at once, or while something else changes. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { change, withSeat } from "../control/changes.ts";
import { rtpTimestamp } from "../core/units.ts";
import { assertProblem, ENGINEER, type FakeHouse, fakeHouse, newDevice } from "./control_fake.ts";
import { within } from "./live_desk.ts";

/** Answers the change of shape that was posted last. */
function answerLast(house: FakeHouse): void {
  const last = house.posted.findLast((message) => message.kind === "reshape")!;
  house.control.receive({ kind: "reshaped", request: last.request, timestamp: rtpTimestamp(480) });
}

/** Resolves when one more was posted. */
async function posted(house: FakeHouse, work: () => void): Promise<void> {
  const before = house.posted.length;
  work();
  while (house.posted.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("eight changes of a session may wait, the ninth is refused; the others hold one after the other", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { session, token } = await house.join(), path = `/api/v1/sessions/${session}`;
  house.answering = false;
  const patches: ReturnType<FakeHouse["call"]>[] = [];
  const patch = (channel: number) =>
    patches.push(house.call("PATCH", path, { secret: token, body: { channels: [channel] } }));
  await posted(house, () => patch(1));
  for (let channel = 2; channel <= 9; channel++) patch(channel);
  const refused = await within("a refusal", Promise.any(patches));
  assertProblem(refused, 503);
  house.answering = true;
  answerLast(house);
  const statuses = (await Promise.all(patches)).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [...Array(8).fill(200), 503]);
  assert.equal((await house.call("PATCH", path, { secret: token, body: { channels: [3] } })).status, 200);
});

Deno.test("a session whose last channel goes twice at once ends once", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { session, seat, token } = await house.join({ mode: "mix", channels: [1, 2] });
  const free = house.control.house.freeSlots, before = free.length;
  house.answering = false;
  let patch: ReturnType<FakeHouse["call"]>;
  await posted(house, () => patch = house.call("PATCH", `/api/v1/sessions/${session}`, { secret: token, body: {} }));
  const path = `/api/v1/seats/${seat}`,
    seats = [[5], [6]].map((channels) => house.call("PATCH", path, { body: { channels } }));
  while (house.control.house.sessions.get(session)!.turns < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  answerLast(house);
  await Promise.all([patch!, ...seats]);
  assert.equal(house.control.house.sessions.size, 0);
  assert.equal(free.length, before + 1);
  assert.equal(new Set(free).size, free.length, "no row is free twice");
  for (const { users } of house.control.house.made.values()) assert.equal(users, 0);
});

Deno.test("a seat that may hear more than fits at the wanted bit rate keeps its session", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { json: seat } = await house.call("POST", "/api/v1/seats", { body: { name: "Ana", channels: [1, 2] } });
  const body = { name: "Ana", device: newDevice(), mode: "channels", bitrate: 256_000, frameMs: 10, redundancy: 1 };
  const { json } = await house.call("POST", "/api/v1/sessions", { secret: seat.invite, body });
  assert.equal((await house.call("PATCH", `/api/v1/seats/${seat.seat}`, { body: { channels: null } })).status, 200);
  const after = await house.call("GET", `/api/v1/sessions/${json.session}`, { secret: json.token });
  assert.equal(after.status, 200);
  assert.equal(after.json.media.streams, 16);
});

Deno.test("a session that didn't get its wider seat before a restart goes on with less", async () => {
  const directory = await Deno.makeTempDir();
  try {
    let token: string, session: string;
    {
      await using house = await fakeHouse({ options: { stateDir: directory } });
      const { json: seat } = await house.call("POST", "/api/v1/seats", { body: { name: "Ana", channels: [1, 2] } });
      const body = { name: "Ana", device: newDevice(), mode: "channels", bitrate: 256_000, frameMs: 10 };
      ({ json: { token, session } } = await house.call("POST", "/api/v1/sessions", { secret: seat.invite, body }));
      const { house: inside } = house.control, { [seat.seat]: saved } = inside.state.seats;
      change(inside, withSeat(inside.state, seat.seat, { ...saved, channels: null }));
    }
    await using again = await fakeHouse({ options: { stateDir: directory } });
    const { status, json } = await again.call("GET", `/api/v1/sessions/${session}`, { secret: token });
    assert.equal(status, 200);
    assert.equal(json.media.streams, 16);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a seat that is removed while a change of it waits is 404", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { seat, session } = await house.join(), path = `/api/v1/seats/${seat}`;
  house.answering = false;
  let patch: ReturnType<FakeHouse["call"]>;
  await posted(house, () => patch = house.call("PATCH", path, { body: { channels: [2] } }));
  const removed = house.call("DELETE", path);
  while (house.control.house.sessions.has(session)) await new Promise((resolve) => setTimeout(resolve, 1));
  assertProblem(await patch!, 404);
  assert.equal((await removed).status, 204);
});

Deno.test("a key that is changed while its session changes shape takes the right to listen with it", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { json: seat } = await house.call("POST", "/api/v1/seats", { body: { name: "Ana" } });
  const body = { name: "Desk", device: newDevice(), mode: "mix" };
  const { json: desk } = await house.call("POST", "/api/v1/sessions", { body });
  const path = `/api/v1/sessions/${desk.session}`, cue = { secret: desk.token, body: { cue: seat.seat } };
  house.answering = false;
  let patch: ReturnType<FakeHouse["call"]>;
  await posted(house, () => patch = house.call("PATCH", path, cue));
  const key = house.call("POST", "/api/v1/secrets/engineer-key");
  const { house: inside } = house.control;
  while (inside.engineerKey === ENGINEER) await new Promise((resolve) => setTimeout(resolve, 1));
  const late = house.call("PATCH", path, cue);
  while (inside.sessions.get(desk.session)!.turns < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  house.answering = true;
  answerLast(house);
  await patch!;
  assertProblem(await late, 403);
  const { json: rotated } = await key;
  house.control.tick();
  const { json: now } = await house.call("GET", path, { secret: rotated.engineerKey });
  assert.equal(now.cue, null);
  assert.equal(inside.sessions.get(desk.session)!.saved.engineer, false);
  assert.notEqual(inside.sessions.get(desk.session)!.hears!.seat, seat.seat);
});

Deno.test("with the engineer's key nobody else's session is made to listen to a seat", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const ana = await house.join({ mode: "mix" }), bo = await house.join({ mode: "mix" });
  const before = await house.picture();
  assertProblem(await house.call("PATCH", `/api/v1/sessions/${ana.session}`, { body: { cue: bo.seat } }), 403);
  assert.equal(await house.picture(), before);
});

/** A request whose body comes once `meanwhile` has happened. */
async function slowly(
  house: FakeHouse,
  method: string,
  path: string,
  secret: string,
  body: unknown,
  meanwhile: () => Promise<unknown>,
) {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const text = JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${secret}`,
    "content-type": "application/json",
    "content-length": String(text.length),
  };
  const outgoing = request({ host: "127.0.0.1", port: house.port, method, path, headers, agent: false }, (incoming) => {
    incoming.resume();
    resolve(incoming.statusCode!);
  });
  outgoing.on("error", reject);
  outgoing.write(text.slice(0, 1));
  // Whichever of the two is heard first: the answer is the same.
  await meanwhile();
  outgoing.end(text.slice(1));
  return await promise;
}

Deno.test("what goes while a body comes is gone", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const create = async (path: string, body: unknown) => (await house.call("POST", `/api/v1/${path}`, { body })).json;
  const gone = (path: string) => () => house.call("DELETE", path);
  const { scene } = await create("scenes", { name: "Opener" }), scenes = `/api/v1/scenes/${scene}`;
  assert.equal(await slowly(house, "PATCH", scenes, ENGINEER, { name: "b" }, gone(scenes)), 404);
  assert.deepEqual((await house.call("GET", "/api/v1/scenes")).json, []);
  const { group } = await create("groups", { name: "Drums", channels: [1] }), groups = `/api/v1/groups/${group}`;
  const whole = { name: "Drums", colour: null, channels: [2] };
  assert.equal(await slowly(house, "PATCH", groups, ENGINEER, whole, gone(groups)), 404);
  assert.deepEqual((await house.call("GET", "/api/v1/groups")).json, []);
  const { seat, invite } = await create("seats", { name: "Ana" }), seats = `/api/v1/seats/${seat}`;
  const join = { name: "Ana", device: newDevice(), mode: "mix" };
  assert.equal(await slowly(house, "POST", "/api/v1/sessions", invite, join, gone(seats)), 401);
  const bo = await house.join({ mode: "mix" }), mix = `/api/v1/seats/${bo.seat}/mix`;
  const { seat: other } = await create("seats", { name: "Cleo" });
  const move = () => house.call("POST", `/api/v1/seats/${other}/move`, { body: { session: bo.session } });
  assert.equal(await slowly(house, "PATCH", mix, bo.token, { master: { gainDb: 0 } }, move), 403);
});

Deno.test("a body with thousands of mistakes is told twenty of them", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { session, token } = await house.join();
  const channels = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${i + 1}`, 0]));
  const refused = await house.call("PATCH", `/api/v1/sessions/${session}/mix`, { secret: token, body: { channels } });
  assertProblem(refused, 400);
  assert.equal(refused.json.errors.length, 20);
});
