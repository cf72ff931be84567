import assert from "node:assert/strict";
import { Flow } from "../core/board.ts";
import { endpointOf } from "../core/endpoint.ts";
import { record } from "../core/histogram.ts";
import { milliseconds } from "../core/units.ts";
import { createApp } from "../control/app.ts";
import { type Answer, ENGINEER, type FakeHouse, fakeHouse, JOIN_CODE, type Method, newDevice } from "./control_fake.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/PROTOCOL.md", import.meta.url));

/** The page's ```http blocks: a request, then its answer. */
function examples(): { request: string; answer: string }[] {
  const blocks = [...PAGE.matchAll(/```http\n([\s\S]*?)```/g)].map(([, text]) => text);
  assert.equal(blocks.length % 2, 0, "each request has an answer");
  return Array.from({ length: blocks.length / 2 }, (_, i) => ({ request: blocks[2 * i], answer: blocks[2 * i + 1] }));
}

/** Keys that are numbers or ids: of the entries that there are a page prints some. */
const isKeyed = (printed: object) => Object.keys(printed).every((key) => /^(\d+$|(seat|group|scene|s)_)/.test(key));

/** The printed answer and the real one: the same fields and types; printed fields and elements are examples. */
function assertLike(printed: unknown, real: unknown, at: string): void {
  if (Array.isArray(printed)) {
    assert.ok(Array.isArray(real), at);
    assert.equal(printed.length > 0, real.length > 0, at);
    if (printed.length > 0) assertLike(printed[0], real[0], `${at}[0]`);
  } else if (printed !== null && typeof printed === "object") {
    assert.ok(real !== null && typeof real === "object", at);
    if (!isKeyed(printed)) assert.deepEqual(Object.keys(real).sort(), Object.keys(printed).sort(), at);
    for (const [key, value] of Object.entries(printed)) {
      assert.ok(key in real, `${at}.${key}`);
      assertLike(value, (real as Record<string, unknown>)[key], `${at}.${key}`);
    }
  } else {
    assert.equal(real === null ? "null" : typeof real, printed === null ? "null" : typeof printed, at);
  }
}

/** Fields whose printed values are not the reader's own, but what the example's request leads to. */
const SAME = new Set(
  ("status detail message mode frameMs bitrate payloadType streams encoding resumed cue gainDb pan mute solo ceilingDb " +
    "trimDb colour link hidden locked recallSafe maxGainDb problem live").split(" "),
);

function assertSame(printed: unknown, real: unknown, at: string): void {
  // A printed list may be longer than the real one.
  if (printed === null || typeof printed !== "object" || real === undefined) return;
  for (const [key, value] of Object.entries(printed)) {
    const other: unknown = (real as Record<string, unknown>)[key];
    if (SAME.has(key) && typeof value !== "object") assert.equal(other, value, `${at}.${key}`);
    else assertSame(value, other, `${at}.${key}`);
  }
}

/** The words in capitals: what the reader has, or takes from an earlier answer. */
type Words = Record<string, string>;

/** An engineer has been there before the page begins: a seat with its invite, a group, names. */
async function prepared(house: FakeHouse): Promise<Words> {
  await house.call("PATCH", "/api/v1/channels/1", { body: { name: "Kick" } });
  const { json: bo } = await house.call("POST", "/api/v1/seats", { body: { name: "Bo" } });
  const drums = { name: "Drums", colour: "#e0a030", channels: [1, 2, 3] };
  const { json: group } = await house.call("POST", "/api/v1/groups", { body: drums });
  return { JOIN_CODE, ENGINEER_KEY: ENGINEER, BO: bo.seat, INVITE: bo.invite, GROUP: group.group };
}

/** Sound has been flowing, also to a target, and clients have reported. */
async function flow({ control, call }: FakeHouse, engineer: string): Promise<void> {
  const { board, sessions } = control.house;
  const target = { address: "127.0.0.1", port: 5004, mode: "mix" };
  await call("POST", "/api/v1/targets", { secret: engineer, body: target });
  board.main.blocks++;
  for (const row of board.workers) row.blocks++;
  for (const counts of [board.main.block, board.main.handoff, board.workers[0].captureToSend]) {
    record(counts, milliseconds(0.02));
  }
  for (const session of sessions.values()) {
    const row = board.slots[session.placed.receiver.slot];
    row.flow = Flow.Flowing;
    row.writeEndpoint(endpointOf("192.0.2.21", 40112));
    record(row.server, milliseconds(5));
    row.report(1, 30, 2800);
    session.report = { bufferMs: 7.5, outputMs: 9.1 };
  }
  control.tick();
}

function learn(words: Words, request: string, { json }: Answer): void {
  const set = (entries: Words) => Object.assign(words, entries);
  const made: Record<string, () => void> = {
    "POST /api/v1/seats": () => set({ NEW_SEAT: json.seat }),
    "POST /api/v1/groups": () => set({ NEW_GROUP: json.group }),
    "POST /api/v1/scenes": () => set({ SCENE: json.scene }),
    "POST /api/v1/targets": () => set({ TARGET: json.target }),
    "POST /api/v1/secrets/join-code": () => set({ JOIN_CODE: json.joinCode }),
    "POST /api/v1/secrets/engineer-key": () => set({ ENGINEER_KEY: json.engineerKey }),
    "POST /api/v1/sessions": () => {
      if (request.includes("ENGINEER_KEY")) set({ DESK: json.session });
      else if (request.includes("JOIN_CODE")) set({ SESSION: json.session, TOKEN: json.token, SEAT: json.seat });
    },
  };
  made[request.split("\n")[0]]?.();
}

Deno.test("the examples of the protocol page are true", async () => {
  await using house = await fakeHouse();
  const words = await prepared(house), shown = new Set<string>();
  const filled = (text: string) => text.replace(/\b[A-Z]+(_[A-Z]+)*\b/g, (word) => words[word] ?? word);
  for (const { request, answer } of examples()) {
    const [head, body] = filled(request).trimEnd().split(/\n\n/);
    const [, method, path] = /^(\w+) (\S+)/.exec(head)!;
    const secret = /Bearer (\S+)/.exec(head)?.[1] ?? null;
    if (["/healthz", "/api/v1/status", "/api/v1/timings"].includes(path)) await flow(house, words.ENGINEER_KEY);
    const real = await house.call(method as Method, path, { secret, raw: body });
    const [status, printed] = filled(answer).trimEnd().split(/\n\n/);
    assert.equal(real.status, Number(status), `${head}: ${real.text}`);
    if (real.status < 300) learn(words, request, real);
    shown.add(/^\w+ \S+/.exec(request)![0].replace(/\/([A-Z_]+|\d+)(?=\/|$)/g, "/{}"));
    if (printed === undefined) continue;
    assertLike(JSON.parse(printed), real.json, head);
    assertSame(JSON.parse(printed), real.json, head);
  }
  const missing = routesOf(house).filter((route) => !shown.has(route.replace(/\{\w+\}/, "{}")));
  assert.deepEqual(missing, [], "each route has an example");
});

/** "GET /api/v1/seats/{id}" … */
function routesOf(house: FakeHouse): string[] {
  const { app } = createApp(house.control.house);
  const { paths = {} } = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "Foldback", version: "1" } });
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path}`)
  );
}

Deno.test("the protocol page lists every route, and who may use it", async () => {
  await using house = await fakeHouse();
  const rows = [...PAGE.matchAll(/^\| `([A-Z]+ \/\S*)`\s*\|[^|]*\| ([^|]*?)\s*\|$/gm)];
  const listed = new Map(rows.map(([, route, callers]) => [route, callers.split(", ")]));
  assert.equal(listed.size, rows.length, "each once");
  assert.deepEqual([...listed.keys()].sort(), routesOf(house).sort());
  const invite = (await house.call("POST", "/api/v1/seats", { body: { name: "Bo" } })).json.invite;
  for (const [route, callers] of listed) {
    const [method, pattern] = route.split(" ");
    for (const caller of ["no secret", "join code", "invite", "own token", "engineer key"]) {
      const { session, seat, token } = await house.join({ device: newDevice() });
      const path = pattern.replace("sessions/{id}", `sessions/${session}`).replace("seats/{id}", `seats/${seat}`)
        .replace(/\{\w+\}/, "1");
      const { engineerKey } = house.control.house;
      const secret = new Map([["join code", JOIN_CODE], ["invite", invite], ["own token", token]]).get(caller) ??
        (caller === "engineer key" ? engineerKey : null);
      const { status } = await house.call(method as Method, path, { secret });
      const refused = caller === "no secret" ? 401 : 403;
      const may = callers.includes("no secret") || callers.includes(caller);
      assert.equal(status === refused, !may, `${route} with ${caller}: ${status}`);
      await house.call("DELETE", `/api/v1/sessions/${session}`, { secret: token });
    }
  }
});

Deno.test("the protocol page lists the metrics that there are, with their types and labels", async () => {
  await using house = await fakeHouse();
  await house.join();
  const [{ receiver }] = house.taken("serve");
  const row = house.control.house.board.slots[receiver.slot];
  record(row.server, milliseconds(5));
  row.report(0, 0, 1000);
  const { session } = (await house.call("GET", "/api/v1/sessions")).json[0];
  await house.call("POST", `/api/v1/sessions/${session}/report`, { body: { bufferMs: 1, outputMs: 1 } });
  const target = { address: "192.0.2.1", port: 5004, mode: "mono", channels: [1] };
  await house.call("POST", "/api/v1/targets", { body: target });
  house.control.house.board.slots[house.taken("serve")[0].receiver.slot].report(0, 0, 0);
  const { text } = await house.call("GET", "/metrics");
  const served = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => {
    const sample = new RegExp(`^${name}(?:_total|_bucket)?(?:\\{(.*)\\})? `, "m").exec(text);
    assert.ok(sample !== null, `${name} has no sample`);
    const labels = [...(sample[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) =>
      label !== "le"
    );
    return [name, type, labels.sort().join(" ")].join(" ");
  });
  const listed = [...PAGE.matchAll(/^\| `(foldback_\w+)`\s*\| (\w+)\s*\| (.*)\|$/gm)].map(([, name, type, labels]) =>
    [name, type, [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort().join(" ")].join(" ")
  );
  assert.deepEqual(listed.sort(), served.sort());
});

/** A live client that hands out its messages in order, as they are asked for by type. */
function liveClient(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/live`);
  socket.binaryType = "arraybuffer";
  // deno-lint-ignore no-explicit-any
  const come: any[] = [], closed = Promise.withResolvers<number>();
  let woken = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    come.push(typeof data === "string" ? JSON.parse(data) : { type: "levels", bytes: new Uint8Array(data) });
    woken.resolve();
  };
  socket.onclose = ({ code }) => closed.resolve(code);
  const opened = new Promise((resolve) => socket.onopen = resolve);
  return {
    closed: closed.promise,
    say: async (message: unknown) => {
      await opened;
      socket.send(JSON.stringify(message));
    },
    // deno-lint-ignore no-explicit-any
    next: async (type: string): Promise<any> => {
      for (;;) {
        const at = come.findIndex((message) => message.type === type);
        if (at >= 0) return come.splice(at, 1)[0];
        await within(woken.promise, `a message ${type}`);
        woken = Promise.withResolvers();
      }
    },
  };
}

/** A guard against hanging: far longer than anything takes. */
function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const guard = setTimeout(() => reject(new Error(`${what} doesn't come`)), 10_000);
  return Promise.race([promise, late]).finally(() => clearTimeout(guard));
}

Deno.test("the live messages of the protocol page are true", async () => {
  await using house = await fakeHouse();
  const words = await prepared(house), { session, seat, token } = await house.join({ mode: "mix" });
  Object.assign(words, { SESSION: session, SEAT: seat, TOKEN: token });
  const filled = (text: string) => text.replace(/\b[A-Z]+(_[A-Z]+)*\b/g, (word) => words[word] ?? word);
  const texts = [...PAGE.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(filled(text)));
  const printed = Object.fromEntries(texts.map((message) => [message.type, message]));
  const phone = liveClient(house.port), desk = liveClient(house.port);

  await phone.say(printed.hello);
  const snapshot = await phone.next("snapshot");
  assertLike(printed.snapshot, snapshot, "snapshot");
  assertSame(printed.snapshot, snapshot, "snapshot");
  await desk.say({ ...printed.hello, secret: ENGINEER });
  const { state } = await desk.next("snapshot");
  assert.deepEqual(
    Object.keys(state).sort(),
    "channels groups inputs joinCode order scenes seats sessions source url version".split(" "),
  );
  assertLike(printed.events.events[0], (await desk.next("events")).events.at(-1), "events");

  await phone.say(printed.mix);
  assert.deepEqual(await phone.next("ack"), printed.ack);
  assert.deepEqual(await desk.next("patch"), printed.patch);
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { locked: true } });
  await phone.say({ ...printed.mix, id: printed.refused.id });
  assert.deepEqual(await phone.next("refused"), printed.refused);
  await desk.say(printed.channel);
  assert.deepEqual(await desk.next("ack"), { type: "ack", id: printed.channel.id });
  await phone.say({ type: "snapshot" });
  assert.equal((await phone.next("snapshot")).state.channels[3].trimDb, printed.channel.patch.trimDb);

  await phone.say(printed.meters);
  await phone.say({ type: "snapshot" });
  await phone.next("snapshot"); // the server has read what was before
  const { main } = house.control.house.board;
  house.control.live.beat();
  main.blocks++;
  main.peaks[0] = 0.5;
  main.squares[0] += 128 * 0.1 ** 2;
  [main.mixPeaks[0], main.mixGains[0]] = [0.25, 0.5];
  house.control.live.beat();
  const { bytes } = await phone.next("levels");
  const level = (db: number) => Math.round((db + 100) * 2), decibels = (linear: number) => 20 * Math.log10(linear);
  const levels = [level(decibels(0.5)), level(-20), 0, 0, 0, 0, level(decibels(0.25)), Math.round(decibels(2) * 4)];
  assert.deepEqual([...bytes], [1, 3, 1, ...levels]);

  house.control.tick();
  const { json } = await house.call("GET", "/api/v1/status", { secret: token });
  assertLike(json, (await phone.next("status")).status, "status");
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  assert.equal(await within(phone.closed, "the end of the phone's"), 4401);
  await house.control.stop();
  assert.equal(await within(desk.closed, "the end of the desk's"), 1001);
});
