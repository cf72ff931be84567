import assert from "node:assert/strict";
import fc from "fast-check";
import { GuessTable } from "../control/secrets.ts";
import { type FakeHouse, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";

/** Tries to join. */
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

Deno.test("guesses from very many addresses are remembered in bounded memory, and the held-off ones last", () => {
  const table = new GuessTable();
  for (let i = 0; i < 10; i++) table.wrong("192.0.2.1", i);
  for (let i = 0; i < 20_000; i++) table.wrong(`2001:db8::${i.toString(16)}`, 10);
  assert.ok(table.size <= 4096);
  assert.ok(table.heldFor("192.0.2.1", 11) > 0);
});

Deno.test("whatever the times of the guesses, an address is held off exactly from its tenth within a minute on", () => {
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

Deno.test("invites are guessed as hard as the join code: they count as wrong, and a held-off address can't use one", async () => {
  await using house = await fakeHouse();
  const prepare = async () => (await house.call("POST", "/api/v1/seats", { body: { name: "Keys" } })).json;
  const { seat, invite } = await prepare();
  await house.call("POST", `/api/v1/seats/${seat}/invite`);
  for (let i = 0; i < 9; i++) {
    assert.equal((await guess(house, "127.0.0.2", invite)).status, 401, "a dead one is wrong");
  }
  const fresh = await prepare();
  assert.equal((await guess(house, "127.0.0.2", fresh.invite)).status, 201, "nine are not ten");
  assert.equal((await guess(house, "127.0.0.2", "AAAAAAAA")).status, 401);
  const held = await guess(house, "127.0.0.2", fresh.invite);
  assert.equal(held.status, 429);
  assert.equal(held.headers["retry-after"], "60");
  assert.equal((await guess(house, "127.0.0.3", fresh.invite.toLowerCase())).status, 201, "small letters do, too");
  house.pass(60_000);
  assert.equal((await guess(house, "127.0.0.2", fresh.invite)).status, 201);
});

Deno.test("an invite that isn't allowed somewhere is no wrong secret", async () => {
  await using house = await fakeHouse();
  const { invite } = (await house.call("POST", "/api/v1/seats", { body: { name: "Keys" } })).json;
  for (let i = 0; i < 15; i++) {
    assert.equal((await house.call("GET", "/api/v1/channels", { secret: invite, from: "127.0.0.2" })).status, 403);
  }
  assert.equal((await guess(house, "127.0.0.2", invite)).status, 201);
});
