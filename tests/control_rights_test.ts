import assert from "node:assert/strict";
import fc from "fast-check";
import { ENGINEER, type FakeHouse, fakeHouse, JOIN_CODE, type Method, newDevice } from "./control_fake.ts";

/** Each caller's expected status: nobody, a wrong secret, the join code, another's token, the own token, the engineer. */
type Row = [Method, string, unknown, number, number, number, number, number, number];

const BODY = { bufferMs: 7.5, outputMs: 9.1 };
const rows: Row[] = [
  ["POST", "/api/v1/sessions", "join", 401, 401, 201, 403, 403, 201],
  ["GET", "/api/v1/sessions", undefined, 401, 401, 403, 403, 403, 200],
  ["GET", "/api/v1/sessions/ID", undefined, 401, 401, 403, 403, 200, 200],
  ["PATCH", "/api/v1/sessions/ID", { frameMs: 10 }, 401, 401, 403, 403, 200, 200],
  ["POST", "/api/v1/sessions/ID/report", BODY, 401, 401, 403, 403, 204, 204],
  ["GET", "/api/v1/sessions/ID/mix", undefined, 401, 401, 403, 403, 200, 200],
  ["PATCH", "/api/v1/sessions/ID/mix", { master: { mute: true } }, 401, 401, 403, 403, 200, 200],
  ["DELETE", "/api/v1/sessions/ID", undefined, 401, 401, 403, 403, 204, 204],
  ["GET", "/api/v1/channels", undefined, 401, 401, 403, 200, 200, 200],
  ["PATCH", "/api/v1/channels/2", { name: "Bass" }, 401, 401, 403, 403, 403, 200],
  ["POST", "/api/v1/targets", { address: "127.0.0.1", port: 9, mode: "mix" }, 401, 401, 403, 403, 403, 201],
  ["GET", "/api/v1/targets", undefined, 401, 401, 403, 403, 403, 200],
  ["DELETE", "/api/v1/targets/TARGET", undefined, 401, 401, 403, 403, 403, 204],
  ["GET", "/api/v1/status", undefined, 401, 401, 403, 200, 200, 200],
  ["GET", "/api/v1/timings", undefined, 401, 401, 403, 403, 403, 200],
  ["GET", "/metrics", undefined, 401, 401, 403, 403, 403, 200],
];
const CALLERS = ["nobody", "wrong", "join", "other", "own", "engineer"] as const;

for (const [method, path, body, ...statuses] of rows) {
  Deno.test(`${method} ${path} answers each caller as the table of rights says`, async () => {
    for (const [i, caller] of CALLERS.entries()) {
      await using house = await fakeHouse();
      const own = await house.join(), other = await house.join();
      const made = await house.call("POST", "/api/v1/targets", {
        body: { address: "127.0.0.1", port: 5004, mode: "mix" },
      });
      const secret = {
        nobody: null,
        wrong: "wrong-secret",
        join: JOIN_CODE,
        other: other.token,
        own: own.token,
        engineer: ENGINEER,
      }[caller];
      const answer = await house.call(method, path.replace("ID", own.session).replace("TARGET", made.json.target), {
        secret,
        body: body === "join" ? { name: "Bo", device: newDevice(), mode: "mix" } : body,
      });
      assert.equal(answer.status, statuses[i], `${caller}: ${answer.text}`);
      if (answer.status === 401) assert.match(String(answer.headers["www-authenticate"]), /^Bearer/);
    }
  });
}

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

const guess = (house: FakeHouse, from: string, secret: string | null, headers?: Record<string, string>) =>
  house.call("POST", "/api/v1/sessions", {
    secret,
    from,
    headers,
    body: { name: "Bo", device: newDevice(), mode: "channels" },
  });

Deno.test("ten wrong secrets hold an address off for a minute, a right join code too, but no token and no engineer", async () => {
  await using house = await fakeHouse();
  const { token, session } = await house.join();
  for (let i = 0; i < 9; i++) assert.equal((await guess(house, "127.0.0.2", `wrong${i}`)).status, 401);
  assert.equal((await guess(house, "127.0.0.2", JOIN_CODE)).status, 201, "nine are not ten");
  assert.equal((await guess(house, "127.0.0.2", "wrong9")).status, 401);
  for (const secret of [JOIN_CODE, "wrong10", "wrong0"]) {
    const held = await guess(house, "127.0.0.2", secret);
    assert.equal(held.status, 429);
    assert.equal(held.headers["retry-after"], "60");
    assert.equal(held.headers["content-type"], "application/problem+json");
  }
  const own = { secret: token, from: "127.0.0.2" };
  assert.equal((await house.call("GET", `/api/v1/sessions/${session}`, own)).status, 200);
  assert.equal((await house.call("GET", "/api/v1/sessions", { from: "127.0.0.2" })).status, 200);
  assert.equal((await house.call("GET", "/healthz", { from: "127.0.0.2", secret: "wrong" })).status, 503);
  assert.equal((await guess(house, "127.0.0.2", null)).status, 401, "a missing secret is no guess");
  assert.equal((await guess(house, "127.0.0.3", JOIN_CODE)).status, 201, "another address isn't held off");
  const lying = await guess(house, "127.0.0.2", JOIN_CODE, { "x-forwarded-for": "127.0.0.4" });
  assert.equal(lying.status, 429, "X-Forwarded-For is ignored");

  house.pass(59_001);
  const last = await guess(house, "127.0.0.2", JOIN_CODE);
  assert.equal(last.status, 429);
  assert.equal(last.headers["retry-after"], "1");
  house.pass(999);
  assert.equal((await guess(house, "127.0.0.2", JOIN_CODE)).status, 201);
  assert.equal((await guess(house, "127.0.0.2", "wrong")).status, 401, "and counting begins anew");
});

Deno.test("wrong secrets that are more than a minute apart don't add up", async () => {
  await using house = await fakeHouse();
  for (let i = 0; i < 30; i++) {
    assert.equal((await guess(house, "127.0.0.2", `wrong${i}`)).status, 401);
    house.pass(7_000);
  }
  assert.equal((await guess(house, "127.0.0.2", JOIN_CODE)).status, 201);
});

Deno.test("what is forbidden doesn't count as a guess", async () => {
  await using house = await fakeHouse();
  for (let i = 0; i < 15; i++) {
    assert.equal((await house.call("GET", "/metrics", { secret: JOIN_CODE, from: "127.0.0.2" })).status, 403);
  }
  assert.equal((await guess(house, "127.0.0.2", JOIN_CODE)).status, 201);
});

Deno.test("guesses from very many addresses are remembered in bounded memory, and the held-off ones last", async () => {
  const { GuessTable } = await import("../control/secrets.ts");
  const table = new GuessTable();
  for (let i = 0; i < 10; i++) table.wrong("192.0.2.1", i);
  for (let i = 0; i < 20_000; i++) table.wrong(`2001:db8::${i.toString(16)}`, 10);
  assert.ok(table.size <= 4096);
  assert.ok(table.heldFor("192.0.2.1", 11) > 0);
});

Deno.test("whatever the times of the guesses, an address is held off exactly from its tenth within a minute on", async () => {
  const { GuessTable } = await import("../control/secrets.ts");
  fc.assert(fc.property(fc.array(fc.nat(20_000), { maxLength: 60 }), (gaps) => {
    const table = new GuessTable();
    let time = 0, counted: number[] = [], until = 0;
    for (const gap of gaps) {
      time += gap;
      assert.equal(table.heldFor("a", time), Math.max(0, until - time));
      if (until > time) continue;
      table.wrong("a", time);
      counted = [...counted, time].filter((at) => at > time - 60_000);
      if (counted.length < 10) continue;
      until = time + 60_000;
      counted = [];
    }
  }));
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
