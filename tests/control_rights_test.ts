import assert from "node:assert/strict";
import { createApp } from "../control/app.ts";
import {
  assertProblem,
  ENGINEER,
  type FakeHouse,
  fakeHouse,
  JOIN_CODE,
  type Method,
  newDevice,
} from "./control_fake.ts";

/** Everybody who may ask. "other" and "own" are sessions' tokens; "invite" is another seat's. */
const CALLERS = ["nobody", "wrong", "join", "invite", "other", "own", "engineer"] as const;
type Caller = typeof CALLERS[number];

/** What there is in the house when a route is called. */
interface Ids {
  readonly session: string;
  readonly seat: string;
  readonly otherSeat: string;
  readonly order: readonly string[];
  readonly group: string;
  readonly scene: string;
  readonly target: string;
}
type Row = [route: string, statuses: readonly number[], body?: (ids: Ids) => unknown];

const onlyEngineer = (status: number) => [401, 401, 403, 403, 403, 403, status];
const everySession = (status: number) => [401, 401, 403, 403, status, status, status];
const itsSession = (status: number) => [401, 401, 403, 403, 403, status, status];
const FRESH_MIX = { channels: {}, groups: {}, master: { gainDb: 0, mute: false }, limiter: { ceilingDb: -1 } };

/** Each caller's expected status, in the order of {@link CALLERS}. */
const rows: Row[] = [
  ["POST /api/v1/sessions", [401, 401, 201, 201, 403, 403, 201], () => ({ name: "Bo", device: newDevice() })],
  ["GET /api/v1/sessions", onlyEngineer(200)],
  ["GET /api/v1/sessions/:id", itsSession(200)],
  ["PATCH /api/v1/sessions/:id", itsSession(200), () => ({ frameMs: 10 })],
  ["DELETE /api/v1/sessions/:id", itsSession(204)],
  ["POST /api/v1/sessions/:id/report", itsSession(204), () => ({ bufferMs: 7.5, outputMs: 9.1 })],
  ["GET /api/v1/sessions/:id/mix", itsSession(200)],
  ["PATCH /api/v1/sessions/:id/mix", itsSession(200), () => ({ master: { mute: true } })],
  ["GET /api/v1/seats", onlyEngineer(200)],
  ["POST /api/v1/seats", onlyEngineer(201), () => ({ name: "Keys" })],
  ["PUT /api/v1/seats/order", onlyEngineer(200), ({ order }) => ({ order })],
  ["GET /api/v1/seats/:id", itsSession(200)],
  ["PATCH /api/v1/seats/:id", onlyEngineer(200), () => ({ locked: true })],
  ["DELETE /api/v1/seats/:id", onlyEngineer(204)],
  ["POST /api/v1/seats/:id/invite", onlyEngineer(200)],
  ["POST /api/v1/seats/:id/move", onlyEngineer(200), ({ session }) => ({ session })],
  ["GET /api/v1/seats/:id/mix", itsSession(200)],
  ["PATCH /api/v1/seats/:id/mix", itsSession(200), () => ({ master: { mute: true } })],
  ["POST /api/v1/seats/:id/mix/undo", itsSession(200)],
  ["POST /api/v1/seats/:id/mix/reset", itsSession(200)],
  ["POST /api/v1/seats/:id/mix/copy", onlyEngineer(204), ({ otherSeat }) => ({ to: [otherSeat] })],
  ["GET /api/v1/groups", everySession(200)],
  ["POST /api/v1/groups", onlyEngineer(201), () => ({ name: "Drums", channels: [1, 2] })],
  ["PATCH /api/v1/groups/:id", onlyEngineer(200), () => ({ name: "Brass" })],
  ["DELETE /api/v1/groups/:id", onlyEngineer(204)],
  ["GET /api/v1/scenes", onlyEngineer(200)],
  ["POST /api/v1/scenes", onlyEngineer(201), () => ({ name: "Song 2" })],
  ["POST /api/v1/scenes/import", onlyEngineer(201), ({ seat }) => ({
    name: "Song 3",
    channels: {},
    groups: {},
    mixes: { [seat]: FRESH_MIX },
  })],
  ["GET /api/v1/scenes/:id", onlyEngineer(200)],
  ["PATCH /api/v1/scenes/:id", onlyEngineer(200), () => ({ name: "Finale" })],
  ["PUT /api/v1/scenes/:id", onlyEngineer(200)],
  ["POST /api/v1/scenes/:id/recall", onlyEngineer(204), () => ({})],
  ["DELETE /api/v1/scenes/:id", onlyEngineer(204)],
  ["GET /api/v1/secrets", onlyEngineer(200)],
  ["POST /api/v1/secrets/join-code", onlyEngineer(200), () => ({})],
  ["POST /api/v1/secrets/engineer-key", onlyEngineer(200)],
  ["GET /api/v1/channels", everySession(200)],
  ["PATCH /api/v1/channels/:n", onlyEngineer(200), () => ({ name: "Bass" })],
  ["POST /api/v1/targets", onlyEngineer(201), () => ({ address: "127.0.0.1", port: 9, mode: "mix" })],
  ["GET /api/v1/targets", onlyEngineer(200)],
  ["DELETE /api/v1/targets/:id", onlyEngineer(204)],
  ["GET /api/v1/status", everySession(200)],
  ["GET /api/v1/timings", onlyEngineer(200)],
  ["GET /metrics", onlyEngineer(200)],
];
/** What asks for no secret: it tells none. */
const OPEN = ["GET /", "GET /me", "GET /healthz", "GET /api/v1/openapi.json", "GET /api/v1/docs"];
/** What the page is made of. */
const isPageFile = (route: string) =>
  /^GET \/(web|vendor)\/[\w./-]+\.(js|css|html|svg|png|wasm|json|webmanifest|txt)$/.test(route);

const guess = (house: FakeHouse, from: string, secret: string | null, headers?: Record<string, string>) =>
  house.call("POST", "/api/v1/sessions", {
    secret,
    from,
    headers,
    body: { name: "Bo", device: newDevice(), mode: "channels" },
  });

/** Of the application itself. */
const routesOf = (house: FakeHouse): Set<string> =>
  new Set(
    createApp(house.control.house).app.routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path}`),
  );

/** Everything anew, so that no caller finds what another one left. */
async function furnish(house: FakeHouse): Promise<{ ids: Ids; secrets: Record<Caller, string | null> }> {
  const make = async (path: string, body: unknown) => {
    const { status, json, text } = await house.call("POST", path, { body });
    assert.equal(status, 201, text);
    return json;
  };
  const own = await house.join(), other = await house.join();
  const prepared = await make("/api/v1/seats", { name: "Prepared" });
  const { group } = await make("/api/v1/groups", { name: "Drums", channels: [1, 2] });
  const { scene } = await make("/api/v1/scenes", { name: "Song 1" });
  const { target } = await make("/api/v1/targets", { address: "127.0.0.1", port: 5004, mode: "mix" });
  await house.call("PATCH", `/api/v1/seats/${own.seat}/mix`, { body: { master: { gainDb: -1 } } }); // to be undone
  const { order } = house.control.house.state;
  const ids = { session: own.session, seat: own.seat, otherSeat: other.seat, order, group, scene, target };
  const secrets = {
    nobody: null,
    wrong: "wrong-secret",
    join: JOIN_CODE,
    invite: prepared.invite,
    other: other.token,
    own: own.token,
    engineer: ENGINEER,
  };
  return { ids, secrets };
}

/** The route's path for these things; with `stranger`, for one that doesn't exist. */
function pathOf(route: string, ids: Ids, stranger = false): string {
  const path = route.split(" ")[1];
  if (stranger) return path.replace(/:(id|n)/, (_, name) => name === "n" ? "63" : "none_none");
  const { session: sessions, seat: seats, group: groups, scene: scenes, target: targets } = ids;
  const known: Record<string, string> = { sessions, seats, groups, scenes, targets };
  return path.replace(":n", "2").replace(/(\w+)\/:id/, (_, kind) => `${kind}/${known[kind]}`);
}

for (const [number, [route, statuses, body]] of rows.entries()) {
  Deno.test(`${route} answers each caller as the table of rights says`, async () => {
    await using house = await fakeHouse();
    const method = route.split(" ")[0] as Method;
    for (const [i, caller] of CALLERS.entries()) {
      const { ids, secrets } = await furnish(house), from = `127.0.${number + 1}.${i + 1}`;
      const call = { secret: secrets[caller], body: body?.(ids), from };
      const before = house.control.house.state;
      if (route.includes("/:")) {
        const missing = await house.call(method, pathOf(route, ids, true), call);
        const wanted = statuses[i] >= 400 ? statuses[i] : caller === "engineer" ? 404 : 403;
        assert.equal(missing.status, wanted, `${caller}, of what doesn't exist: ${missing.text}`);
        assert.equal(house.control.house.state, before);
      }
      const answer = await house.call(method, pathOf(route, ids), call);
      assert.equal(answer.status, statuses[i], `${caller}: ${answer.text}`);
      if (answer.status === 401) assert.match(String(answer.headers["www-authenticate"]), /^Bearer/);
      if (answer.status < 400) continue;
      assertProblem(answer, statuses[i]);
      assert.equal(house.control.house.state, before, `${caller} changed something`);
    }
  });
}

Deno.test("the table of rights has a row for every route of the application, and no other", async () => {
  await using house = await fakeHouse();
  const routes = routesOf(house);
  const known = new Set([...rows.map(([route]) => route), ...OPEN]);
  assert.deepEqual([...routes].filter((route) => !known.has(route) && !isPageFile(route)), []);
  assert.deepEqual(rows.map(([route]) => route).filter((route) => !routes.has(route)), []);
});

Deno.test("what needs no secret answers whoever asks, and counts no secret as wrong", async () => {
  await using house = await fakeHouse();
  const routes = routesOf(house);
  for (const route of OPEN.filter((route) => routes.has(route))) {
    for (let i = 0; i < 12; i++) {
      const { status } = await house.call("GET", route.split(" ")[1], { secret: i === 0 ? null : `wrong${i}` });
      assert.ok(status === 200 || status === 503, `${route}: ${status}`);
    }
  }
  assert.equal((await guess(house, "127.0.0.1", JOIN_CODE)).status, 201);
});

Deno.test("the health check and what doesn't exist ask for no secret", async () => {
  await using house = await fakeHouse();
  const health = await house.call("GET", "/healthz", { secret: null });
  assert.ok(health.status === 200 || health.status === 503);
  assert.equal((await house.call("GET", "/nowhere", { secret: null })).status, 404);
});

Deno.test("a session that ended is 404 to the engineer and 401 to its old token", async () => {
  await using house = await fakeHouse();
  const { session, token } = await house.join();
  assert.equal((await house.call("DELETE", `/api/v1/sessions/${session}`, { secret: token })).status, 204);
  assert.equal((await house.call("GET", `/api/v1/sessions/${session}`)).status, 404);
  assert.equal((await house.call("GET", `/api/v1/sessions/${session}`, { secret: token })).status, 401);
});

Deno.test("a token is 401 everywhere once its session was replaced, and 403 on a session that doesn't exist before", async () => {
  await using house = await fakeHouse();
  const device = newDevice();
  const { token, session } = await house.join({ device });
  assert.equal((await house.call("GET", "/api/v1/sessions/s_none", { secret: token })).status, 403);
  await house.join({ device });
  for (const path of [`/api/v1/sessions/${session}`, "/api/v1/channels", "/api/v1/status"]) {
    assert.equal((await house.call("GET", path, { secret: token })).status, 401, path);
  }
});

Deno.test("the scheme is Bearer in any case, and anything else is a missing secret", async () => {
  await using house = await fakeHouse();
  const get = (authorization: string) =>
    house.call("GET", "/api/v1/channels", { secret: null, headers: { authorization } });
  for (const scheme of ["Bearer", "bearer", "BEARER"]) assert.equal((await get(`${scheme} ${ENGINEER}`)).status, 200);
  for (const value of [ENGINEER, `Basic ${ENGINEER}`, "Bearer", "Bearer "]) {
    assert.equal((await get(value)).status, 401);
  }
  for (let i = 0; i < 20; i++) await get(`Basic ${i}`);
  assert.equal((await guess(house, "127.0.0.1", JOIN_CODE)).status, 201, "missing secrets don't count");
});

Deno.test("the join code may be typed in capitals or not; tokens and the engineer key may not", async () => {
  await using house = await fakeHouse();
  const body = { name: "Ana", device: newDevice() };
  const joined = await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE.toLowerCase(), body });
  assert.equal(joined.status, 201);
  for (const secret of [ENGINEER.toUpperCase(), joined.json.token.toUpperCase()]) {
    assert.equal((await house.call("GET", "/api/v1/channels", { secret })).status, 401);
  }
});

Deno.test("a token of another seat's session can't reach this seat, and one that moved here can", async () => {
  await using house = await fakeHouse();
  const a = await house.join(), b = await house.join();
  const get = (seat: string, secret: string) => house.call("GET", `/api/v1/seats/${seat}`, { secret });
  assert.equal((await get(b.seat, a.token)).status, 403);
  await house.call("POST", `/api/v1/seats/${b.seat}/move`, { body: { session: a.session } });
  assert.equal((await get(b.seat, a.token)).status, 200);
  assert.equal((await get(a.seat, a.token)).status, 403);
  assert.equal((await get(a.seat, b.token)).status, 200);
});

Deno.test("only the engineer sees invites, and nobody sees a token twice", async () => {
  await using house = await fakeHouse();
  const { seat, token, session, media } = await house.join();
  const { invite } = (await house.call("GET", `/api/v1/seats/${seat}`)).json;
  assert.match(invite, /^[A-Z2-9]{8,}$/);
  for (const path of [`/seats/${seat}`, "/channels", "/groups", "/status", `/sessions/${session}`]) {
    const { text } = await house.call("GET", `/api/v1${path}`, { secret: token });
    for (const secret of [invite, token, JOIN_CODE, ENGINEER]) assert.ok(!text.includes(secret), path);
  }
  for (const path of ["/seats", "/sessions", "/scenes", "/status", "/secrets"]) {
    const { text } = await house.call("GET", `/api/v1${path}`);
    for (const secret of [token, media.password, ENGINEER]) assert.ok(!text.includes(secret), path);
  }
});
