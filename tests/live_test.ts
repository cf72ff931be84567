/** `GET /api/v1/live` as clients see it: everybody ends with the same state. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ENGINEER, type FakeHouse, fakeHouse } from "./control_fake.ts";
import { type Any, assertWhole, Desk, settled } from "./live_desk.ts";

const mixOf = async (house: FakeHouse, seat: string) => (await house.call("GET", `/api/v1/seats/${seat}/mix`)).json;

Deno.test("a mover is told nothing that it asked for itself; everybody else is", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  const move = ana.mix(seat, { channels: { 3: { gainDb: -6, pan: 0.5 } }, master: { mute: true } });
  assert.equal(ana.shown.seats[seat].mix.channels["3"].gainDb, -6, "shown before it is answered");
  assert.deepEqual(await move, { type: "ack", id: 0 });
  await ana.mix(seat, {});
  await engineer.channel(4, { name: "Bass", trimDb: 3 });
  await settled(house, ana, engineer);
  assert.deepEqual(ana.patches.map((patch) => patch.seats), ana.patches.map(() => undefined));
  assert.deepEqual(engineer.patches.map((patch) => patch.channels?.["4"]), engineer.patches.map(() => undefined));
  assert.deepEqual(engineer.patches[0].seats, {
    [seat]: { mix: { channels: { 3: { gainDb: -6, pan: 0.5 } }, master: { mute: true } } },
  });
  assert.equal(ana.state.channels["4"].name, "Bass");
  assert.deepEqual(ana.state.seats[seat].mix, await mixOf(house, seat));
  assert.deepEqual(engineer.state.seats[seat].mix, await mixOf(house, seat));
  await assertWhole(ana, engineer);
  await ana.close();
  await engineer.close();
});

Deno.test("what comes out otherwise than asked for comes back: linked channels, defaults", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, token } = await house.join();
  const { group } = (await house.call("POST", "/api/v1/groups", { body: { name: "All", channels: [1, 2] } })).json;
  await house.call("PATCH", "/api/v1/channels/3", { body: { link: true } });
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  await ana.mix(seat, { channels: { 3: { gainDb: -8, pan: -0.25 } } });
  await settled(house, ana);
  assert.deepEqual(ana.patches[0].seats[seat], { mix: { channels: { 4: { gainDb: -8, pan: 0.25 } } } });

  const holes: string[] = [];
  ana.socket.on("message", () => {
    const { channels, groups, master, limiter } = ana.shown.seats[seat].mix;
    const whole = Object.values(channels).length === 4 && "gainDb" in groups[group] && "gainDb" in master && limiter;
    if (!whole) holes.push(ana.texts.at(-1)!);
  });
  await ana.mix(seat, { master: { gainDb: null }, limiter: null, groups: null });
  await ana.mix(seat, { channels: null });
  await ana.mix(seat, { channels: { 1: null, 2: { gainDb: 3, pan: null } }, groups: { [group]: { gainDb: null } } });
  await engineer.channel(3, { name: null, trimDb: null, colour: null, link: null });
  await engineer.channel(1, { colour: "#102030" });
  await engineer.channel(1, { colour: null });
  await settled(house, ana, engineer);
  assert.deepEqual(holes, [], "a mix is never shown without its parts");
  assert.deepEqual(ana.state.seats[seat].mix, await mixOf(house, seat));
  assert.equal(ana.state.channels["1"].colour, undefined);
  await assertWhole(ana, engineer);
  await ana.close();
  await engineer.close();
});

const strip = fc.record({
  gainDb: fc.oneof(fc.constant(null), fc.integer({ min: -120, max: 10 })),
  pan: fc.oneof(fc.constant(null), fc.integer({ min: -4, max: 4 }).map((pan) => pan / 4)),
  mute: fc.boolean(),
  solo: fc.boolean(),
}, { requiredKeys: [] });
const fader = fc.record({ gainDb: fc.oneof(fc.constant(null), fc.constantFrom(-120, -6, 0, 10)), mute: fc.boolean() }, {
  requiredKeys: [],
});
const channels = fc.dictionary(fc.constantFrom("1", "2", "3", "4", "5"), fc.oneof(fc.constant(null), strip), {
  maxKeys: 3,
  noNullPrototype: true,
});
const moves = (group: string) =>
  fc.record({
    channels: fc.oneof({ weight: 9, arbitrary: channels }, { weight: 1, arbitrary: fc.constant(null) }),
    groups: fc.oneof(fc.constant(null), fader.map((one) => ({ [group]: one }))),
    master: fc.oneof(fc.constant(null), fader),
    limiter: fc.oneof(fc.constant(null), fc.constant({ ceilingDb: -3 })),
  }, { requiredKeys: [] });

Deno.test("two clients and HTTP that move one seat all at once end with the same state", async () => {
  await using house = await fakeHouse({ inputs: 5 });
  const { seat, token } = await house.join();
  const { group } = (await house.call("POST", "/api/v1/groups", { body: { name: "All", channels: [1, 2] } })).json;
  const ana = await Desk.open(house, token), engineer = await Desk.open(house), watcher = await Desk.open(house, token);
  const act = fc.record({
    who: fc.constantFrom("ana", "engineer", "http", "link"),
    waits: fc.boolean(),
    patch: moves(group),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 20 }), async (acts) => {
      house.pass(1000);
      const answers: Promise<Any>[] = [];
      for (const [i, { who, waits, patch }] of acts.entries()) {
        const answer = who === "ana"
          ? ana.mix(seat, patch)
          : who === "engineer"
          ? engineer.mix(seat, patch)
          : who === "http"
          ? house.call("PATCH", `/api/v1/seats/${seat}/mix`, { body: patch })
          : engineer.channel(3, { link: i % 2 === 0 });
        answers.push(answer);
        if (waits) await answer;
      }
      for (const answer of await Promise.all(answers)) assert.ok(answer.type === "ack" || answer.status === 200);
      await settled(house, ana, engineer, watcher);
      const mix = await mixOf(house, seat);
      for (const desk of [ana, engineer, watcher]) {
        assert.deepEqual(desk.state.seats[seat].mix, mix);
        assert.deepEqual(desk.shown, desk.state);
      }
      await assertWhole(ana, engineer, watcher);
    }),
    { numRuns: 60 },
  );
  for (const desk of [ana, engineer, watcher]) await desk.close();
});

Deno.test("twenty clients that move at the same time all end with what HTTP says", async () => {
  await using house = await fakeHouse();
  const joined = await Promise.all(Array.from({ length: 10 }, () => house.join({ mode: "mix" })));
  const musicians = await Promise.all(joined.map(({ token }) => Desk.open(house, token, "127.0.0.2")));
  const engineers = await Promise.all(joined.map(() => Desk.open(house, ENGINEER, "127.0.0.3")));
  const random = fc.sample(fc.integer({ min: -60, max: 10 }), 10 * 150);
  const answers = joined.flatMap(({ seat }, i) =>
    Array.from({ length: 150 }, (_, k) => {
      const patch = { channels: { [1 + (k + i) % 16]: { gainDb: random[150 * i + k] } } };
      return k % 3 === 0
        ? engineers[(i + k) % 10].mix(joined[(i + 1) % 10].seat, patch)
        : musicians[i].mix(seat, patch);
    })
  );
  assert.ok((await Promise.all(answers)).every(({ type }) => type === "ack"));
  await settled(house, ...musicians, ...engineers);
  for (const [i, { seat }] of joined.entries()) {
    const mix = await mixOf(house, seat);
    assert.deepEqual(musicians[i].state.seats[seat].mix, mix);
    for (const engineer of engineers) assert.deepEqual(engineer.state.seats[seat].mix, mix);
  }
  for (const desk of [...musicians, ...engineers]) await desk.close();
});

Deno.test("many changes within one moment are one patch", async () => {
  await using house = await fakeHouse();
  const { seat } = await house.join();
  const engineer = await Desk.open(house), watcher = await Desk.open(house);
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => engineer.mix(seat, { channels: { 1: { gainDb: -i } } })),
  );
  await settled(house, watcher);
  assert.ok(watcher.patches.length < 50, `${watcher.patches.length} patches`);
  assert.equal(watcher.state.seats[seat].mix.channels["1"].gainDb, -99);
  await engineer.close();
  await watcher.close();
});

Deno.test("moves are refused as over HTTP, with the same problem, and change nothing", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, token } = await house.join(), other = await house.join();
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { maxGainDb: -3 } });
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  const before = JSON.stringify(engineer.state);
  const bodies: Any[] = [
    { channels: { 5: { gainDb: 0 } } },
    { channels: { 1: { gainDb: 0 } } },
    { channels: { 1: { gainDb: 11 } } },
    { channels: { 0: {} } },
    { groups: { group_none: {} } },
    { master: { gain: 1 } },
    { solo: true },
    [],
    "loud",
    null,
    7,
  ];
  for (const patch of bodies) {
    const http = await house.call("PATCH", `/api/v1/seats/${seat}/mix`, { secret: token, body: patch });
    const { type, problem } = await ana.mix(seat, patch);
    assert.equal(type, "refused", JSON.stringify(patch));
    assert.deepEqual(problem, http.json);
  }
  const refusals = async (desk: Desk, secret: string, seat: string) => {
    const { problem } = await desk.mix(seat, { master: { gainDb: -20 } });
    const body = { master: { gainDb: -20 } };
    assert.deepEqual(problem, (await house.call("PATCH", `/api/v1/seats/${seat}/mix`, { secret, body })).json);
    return problem.status;
  };
  assert.equal(await refusals(ana, token, other.seat), 403);
  assert.equal(await refusals(engineer, ENGINEER, "seat_none"), 404);
  assert.equal(await refusals(engineer, ENGINEER, "constructor"), 404);
  for (const [channel, patch] of [[1, { trimDb: 99 }], [5, {}], [4, { link: true }], [-1, {}]] as [number, Any][]) {
    const { problem } = await engineer.channel(channel, patch);
    const http = await house.call("PATCH", `/api/v1/channels/${channel}`, { body: patch });
    assert.deepEqual(problem, http.json);
  }
  const { problem } = await ana.channel(1, { name: "Mine" });
  assert.deepEqual(problem, (await house.call("PATCH", "/api/v1/channels/1", { secret: token, body: {} })).json);
  assert.equal(JSON.stringify(await engineer.snapshot()), before);
  await ana.close();
  await engineer.close();
});

Deno.test("a locked seat can be watched, and moved by the engineer alone", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { locked: true } });
  const refused = await ana.mix(seat, { channels: { 1: { gainDb: -10 } } });
  assert.deepEqual([refused.type, refused.problem.status], ["refused", 423]);
  assert.equal((await engineer.mix(seat, { channels: { 2: { gainDb: -20 } } })).type, "ack");
  await settled(house, ana);
  assert.equal(ana.shown.seats[seat].locked, true);
  assert.deepEqual(
    [1, 2].map((channel) => ana.shown.seats[seat].mix.channels[channel].gainDb),
    [0, -20],
  );
  await ana.close();
  await engineer.close();
});

Deno.test("moves of one gesture are undone together, and nobody else's with them", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  for (const gainDb of [-1, -2, -3]) await ana.mix(seat, { channels: { 1: { gainDb } } }, "drag-1");
  for (const gainDb of [-4, -5]) await engineer.mix(seat, { channels: { 1: { gainDb } } }, "drag-1");
  for (const gainDb of [-6, -7]) await engineer.mix(seat, { channels: { 1: { gainDb } } });
  const seen: number[] = [];
  for (let i = 0; i < 4; i++) {
    const { json } = await house.call("POST", `/api/v1/seats/${seat}/mix/undo`, { secret: token });
    seen.push(json.channels["1"].gainDb);
  }
  assert.deepEqual(seen, [-6, -5, -3, 0]);
  await settled(house, ana, engineer);
  assert.equal(ana.state.seats[seat].mix.channels["1"].gainDb, 0);
  await ana.close();
  await engineer.close();
});

Deno.test("a phone that is moved to another seat sees that one, and moves it", async () => {
  await using house = await fakeHouse();
  const a = await house.join({ name: "Ana" }), b = await house.join({ name: "Bo" });
  const ana = await Desk.open(house, a.token), bo = await Desk.open(house, b.token), engineer = await Desk.open(house);
  await house.call("POST", `/api/v1/seats/${b.seat}/move`, { body: { session: a.session } });
  await settled(house, ana, bo, engineer);
  assert.deepEqual(Object.keys(ana.state.seats), [b.seat]);
  assert.deepEqual([ana.state.seat, bo.state.seat], [b.seat, a.seat]);
  assert.equal((await ana.mix(a.seat, {})).problem.status, 403);
  assert.equal((await ana.mix(b.seat, { master: { gainDb: -1 } })).type, "ack");
  await settled(house, ana, bo, engineer);
  await assertWhole(ana, bo, engineer);
  for (const desk of [ana, bo, engineer]) await desk.close();
});

Deno.test("all that the engineer does over HTTP is seen: seats, groups, scenes, secrets, sessions", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, session, token } = await house.join({ mode: "mix" });
  const ana = await Desk.open(house, token), engineer = await Desk.open(house);
  const call = async (method: "POST" | "PATCH" | "PUT" | "DELETE", path: string, body?: unknown) => {
    const answer = await house.call(method, `/api/v1/${path}`, { body });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
    await settled(house, ana, engineer);
    await assertWhole(ana, engineer);
    return answer.json;
  };
  const keys = await call("POST", "seats", { name: "Keys" });
  const { group } = await call("POST", "groups", { name: "All", channels: [1, 2] });
  const { scene } = await call("POST", "scenes", { name: "Start" });
  await call("PUT", "seats/order", { order: [keys.seat, seat] });
  assert.deepEqual(engineer.state.order, [keys.seat, seat]);
  await call("PATCH", `groups/${group}`, { channels: [3], colour: "#000000" });
  await call("PATCH", "channels/2", { link: true });
  await call("PATCH", `seats/${seat}`, { maxGainDb: -20, recallSafe: true, colour: "#ffffff" });
  assert.equal(ana.state.seats[seat].mix.master.gainDb, -20, "held by the limit");
  await call("POST", `seats/${seat}/mix/copy`, { to: [keys.seat] });
  await call("PATCH", `sessions/${session}`, { mode: "channels", channels: [2, 1], bitrate: 64_000 });
  assert.deepEqual(ana.state.sessions[session].channels, [2, 1]);
  await call("POST", `scenes/${scene}/recall`, { fadeMs: 0 });
  await call("DELETE", `groups/${group}`);
  await call("POST", "secrets/join-code", { joinCode: "ENCORE" });
  assert.equal(engineer.state.joinCode, "ENCORE");
  await call("DELETE", `seats/${keys.seat}`);
  await call("DELETE", `scenes/${scene}`);
  await ana.close();
  await engineer.close();
});
