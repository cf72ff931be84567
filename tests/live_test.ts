/** `GET /api/v1/live` as clients see it: everybody ends with the same state, and sees what is for its eyes only. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Flow } from "../core/board.ts";
import { Word } from "../core/ring.ts";
import { note } from "../control/events.ts";
import { ENGINEER, type FakeHouse, fakeHouse, JOIN_CODE } from "./control_fake.ts";
import { type Any, Desk, settled } from "./live_desk.ts";

const mixOf = async (house: FakeHouse, seat: string) => (await house.call("GET", `/api/v1/seats/${seat}/mix`)).json;

/** The same state again, from the server as a whole. */
async function assertWhole(...desks: Desk[]): Promise<void> {
  for (const desk of desks) {
    const { state } = desk;
    assert.deepEqual(state, await desk.snapshot());
  }
}

Deno.test("the engineer's snapshot is the whole desk, and has no null in it", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const call = async (method: "POST" | "PATCH", path: string, body: unknown) =>
    (await house.call(method, `/api/v1/${path}`, { body })).json;
  const { group } = await call("POST", "groups", { name: "Drums", channels: [1, 2] });
  const prepared = await call("POST", "seats", { name: "Keys", colour: "#e0a030", channels: [3, 4] });
  const joined = await house.join({ mode: "mix" });
  const { scene } = await call("POST", "scenes", { name: "Start" });
  await call("PATCH", "channels/2", { name: "Snare", trimDb: -3, hidden: true });
  const desk = await Desk.open(house);
  const fader = { gainDb: 0, mute: false }, master = { gainDb: -12, mute: false }, limiter = { ceilingDb: -1 };
  const strip = { gainDb: 0, pan: 0, mute: false, solo: false };
  const mix = { channels: { 1: strip, 2: strip, 3: strip, 4: strip }, groups: { [group]: fader }, master, limiter };
  const fresh = { trimDb: 0, mute: false, link: false, hidden: false };
  const flags = { locked: false, recallSafe: false, maxGainDb: 10 };
  const seats = (await house.call("GET", "/api/v1/seats")).json;
  const { device, invite } = seats.find(({ seat }: Any) => seat === joined.seat);
  const { savedAt } = (await house.call("GET", "/api/v1/scenes")).json[0];
  assert.deepEqual(desk.state, {
    version: "1.2.3-test",
    inputs: 4,
    source: "fake card",
    joinCode: JOIN_CODE,
    url: "",
    channels: {
      1: { name: "Line 1", ...fresh },
      2: { name: "Snare", ...fresh, trimDb: -3, hidden: true },
      3: { name: "Line 3", ...fresh },
      4: { name: "Line 4", ...fresh },
    },
    groups: { [group]: { name: "Drums", channels: [1, 2] } },
    seats: {
      [prepared.seat]: {
        name: "Keys",
        colour: "#e0a030",
        channels: [3, 4],
        invite: prepared.invite,
        ...flags,
        mix,
      },
      [joined.seat]: { name: "Ana", device, invite, ...flags, session: joined.session, mix },
    },
    order: [prepared.seat, joined.seat],
    scenes: { [scene]: { name: "Start", savedAt } },
    sessions: {
      [joined.session]: {
        seat: joined.seat,
        name: "Ana",
        mode: "mix",
        channels: [1, 2, 3, 4],
        frameMs: 5,
        bitrate: joined.media.bitrate,
        redundancy: 0,
      },
    },
  });
  assert.ok(!desk.texts[0].includes("null"));
  await desk.close();
});

Deno.test("a musician sees its own seat, the channels that it may hear, and nobody's secret", async () => {
  await using house = await fakeHouse({ inputs: 6 });
  const seat = (await house.call("POST", "/api/v1/seats", { body: { name: "Keys", channels: [1, 2, 3] } })).json;
  const mine = await house.call("POST", "/api/v1/sessions", {
    secret: seat.invite,
    body: { name: "Ana", device: "device-of-ana", mode: "mix" },
  }).then(({ json }) => json);
  const other = await house.join({ name: "Somebody else", device: "device-of-another", mode: "mix" });
  await house.call("POST", "/api/v1/scenes", { body: { name: "A scene by name" } });
  await house.call("PATCH", "/api/v1/channels/2", { body: { hidden: true, name: "Talkback" } });
  const desk = await Desk.open(house, mine.token), engineer = await Desk.open(house);
  assert.deepEqual(Object.keys(desk.state).sort(), [
    "channels",
    "groups",
    "inputs",
    "seat",
    "seats",
    "session",
    "sessions",
    "source",
    "version",
  ]);
  assert.deepEqual(Object.keys(desk.state.channels), ["1", "3"]);
  assert.deepEqual([desk.state.seat, desk.state.session], [mine.seat, mine.session]);
  const { invite: _, device: __, ...visible } = engineer.state.seats[mine.seat];
  assert.deepEqual(desk.state.seats, { [mine.seat]: visible });
  assert.deepEqual(desk.state.sessions, { [mine.session]: engineer.state.sessions[mine.session] });

  // Everything that happens to others goes past it.
  await engineer.mix(other.seat, { channels: { 3: { gainDb: -9 } } });
  await house.call("POST", `/api/v1/seats/${other.seat}/invite`);
  await house.call("POST", `/api/v1/seats/${mine.seat}/invite`);
  await house.call("PATCH", "/api/v1/channels/5", { body: { name: "Not for Ana" } });
  await house.join({ name: "One more" });
  await house.call("POST", "/api/v1/secrets/join-code", { body: { joinCode: "ENCORE9" } });
  await house.call("PATCH", `/api/v1/sessions/${other.session}`, { body: { frameMs: 10 } });
  house.control.tick();
  await settled(house, desk, engineer);
  assert.equal(desk.patches.length, 1, "the mark, and nothing else");
  await desk.until(() => desk.statuses.length > 0);
  assert.deepEqual(desk.statuses[0].sessions.map(({ session }: Any) => session), [mine.session]);

  const { text } = await house.call("GET", "/api/v1/seats");
  const secrets = JSON.parse(text).flatMap(({ seat, invite, device }: Any) =>
    [invite, device, ...seat === mine.seat ? [] : [seat]].filter((secret) => secret !== null)
  );
  const { token, session, media: { username, password } } = other;
  secrets.push(token, session, username, password, mine.token, mine.media.username, mine.media.password);
  secrets.push(
    JOIN_CODE,
    "ENCORE9",
    ENGINEER,
    "Somebody else",
    "One more",
    "A scene by name",
    "Talkback",
    "Not for Ana",
  );
  for (const secret of secrets) {
    assert.ok(!desk.texts.some((text) => text.includes(secret)), `Ana got ${secret}`);
  }
  assert.ok(engineer.texts.some((text) => text.includes("ENCORE9")), "the engineer may");
  await desk.close();
  await engineer.close();
});

Deno.test("a channel comes and goes with what the seat may hear, and with being hidden", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, token } = await house.join({ mode: "mix" });
  const desk = await Desk.open(house, token);
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { channels: [1, 2] } });
  await settled(house, desk);
  assert.deepEqual(Object.keys(desk.state.channels), ["1", "2"]);
  assert.deepEqual(desk.state.seats[seat].channels, [1, 2]);
  await house.call("PATCH", "/api/v1/channels/2", { body: { hidden: true } });
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { channels: null } });
  await settled(house, desk);
  assert.deepEqual(Object.keys(desk.state.channels), ["1", "3", "4"]);
  assert.equal("channels" in desk.state.seats[seat], false);
  await assertWhole(desk);
  await desk.close();
});

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
