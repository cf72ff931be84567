/** What `GET /api/v1/live` doesn't put up with: wrong secrets, nonsense, haste, deafness; and how it ends. */
import assert from "node:assert/strict";
import { type FakeHouse, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";
import { type Any, BareClient, type Closing, Desk, settled } from "./live_desk.ts";

/** How a connection ends that says this. */
async function ends(house: FakeHouse, ...messages: Any[]): Promise<Closing> {
  const desk = new Desk(house.port);
  await desk.opened();
  for (const message of messages) desk.send(message);
  return await desk.closed;
}
const hello = (secret: string) => ({ type: "hello", secret });

Deno.test("a wrong secret closes with 4401, codes that can only join with 4403", async () => {
  await using house = await fakeHouse();
  const { seat, token, session } = await house.join();
  const { invite } = (await house.call("GET", `/api/v1/seats/${seat}`)).json;
  assert.equal((await ends(house, hello("nonsense"))).code, 4401);
  assert.equal((await ends(house, hello(""))).code, 4401);
  assert.equal((await ends(house, hello(JOIN_CODE))).code, 4403);
  assert.equal((await ends(house, hello(invite))).code, 4403);
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  assert.equal((await ends(house, hello(token))).code, 4401);
});

Deno.test("wrong secrets hold an address off as over HTTP, but not who has a good one", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join();
  for (let i = 0; i < 10; i++) {
    if (i % 2 === 0) assert.equal((await ends(house, hello(`guess ${i}`))).code, 4401);
    else assert.equal((await house.call("GET", "/api/v1/status", { secret: `guess ${i}` })).status, 401);
  }
  assert.equal((await ends(house, hello("guess"))).code, 4429);
  assert.equal((await ends(house, hello(JOIN_CODE))).code, 4429);
  assert.equal((await house.call("GET", "/api/v1/status", { secret: "guess" })).status, 429);
  const desk = await Desk.open(house, token);
  await desk.close();
});

Deno.test("a client whose session ends, or whose key is changed, is closed with 4401 at once", async () => {
  await using house = await fakeHouse();
  const device = newDevice(), first = await house.join({ device }), second = await house.join();
  const a = await Desk.open(house, first.token), b = await Desk.open(house, second.token);
  const engineer = await Desk.open(house);
  await house.join({ device });
  assert.equal((await a.closed).code, 4401, "another join with the same device");
  await house.call("DELETE", `/api/v1/sessions/${second.session}`);
  assert.equal((await b.closed).code, 4401);
  const { engineerKey } = (await house.call("POST", "/api/v1/secrets/engineer-key")).json;
  const move = { type: "channel", id: 0, channel: 1, patch: { name: "Too late" } };
  if (engineer.socket.readyState === engineer.socket.OPEN) engineer.send(move);
  assert.equal((await engineer.closed).code, 4401);
  const [{ name }] = (await house.call("GET", "/api/v1/channels", { secret: engineerKey })).json;
  assert.equal(name, "Line 1");
  const again = await Desk.open(house, engineerKey);
  await again.close();
});

Deno.test("what isn't a message of ours closes with 4400, and says why", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const before: Any[] = [{ type: "snapshot" }, { type: "mix", id: 0, seat, patch: {} }, "", "hello", hello(7 as never)];
  for (const message of before) assert.equal((await ends(house, message)).code, 4400, JSON.stringify(message));
  const after: Any[] = [
    "{",
    "[]",
    "null",
    '"hello"',
    "{}",
    { type: "fly" },
    { type: 7 },
    hello(token),
    { type: "mix", seat, patch: {} },
    { type: "mix", id: -1, seat, patch: {} },
    { type: "mix", id: 1.5, seat, patch: {} },
    { type: "mix", id: 0, patch: {} },
    { type: "mix", id: 0, seat },
    { type: "mix", id: 0, seat, patch: {}, gesture: "ten fingers" },
    { type: "mix", id: 0, seat, patch: {}, more: true },
    '{"type":"mix","id":0,"seat":"x","patch":{"__proto__":{"solo":true}}}',
    { type: "channel", id: 0, channel: "1", patch: {} },
    { type: "meters", channels: [0], seats: [] },
    { type: "meters", channels: [65], seats: [] },
    { type: "meters", channels: Array(65).fill(1), seats: [] },
    { type: "meters", channels: [], seats: Array(256).fill(seat) },
    { type: "meters", channels: [1] },
    { type: "snapshot", now: true, "ключ": "\u{1f3b8}".repeat(200) },
  ];
  for (const message of after) {
    const { code, reason } = await ends(house, hello(token), message);
    assert.equal(code, 4400, JSON.stringify(message));
    assert.match(reason, /^[\x20-\x7e]{5,120}$/);
  }
  const desk = await Desk.open(house, token);
  desk.socket.send(new Uint8Array([1, 2, 3]));
  assert.equal((await desk.closed).code, 4400, "binary");
});

Deno.test("who doesn't say hello within five seconds is closed with 4408, late or not at all", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join();
  const silent = new Desk(house.port), greeted = await Desk.open(house, token);
  await silent.opened();
  await house.call("GET", "/healthz");
  house.pass(4_999);
  house.control.live.beat();
  house.pass(1);
  house.control.live.beat();
  assert.equal((await silent.closed).code, 4408);
  await settled(house, greeted);
  await greeted.close();
});

Deno.test("more than 200 messages within a second close with 4429, pings among them", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const desk = await Desk.open(house, token);
  for (let second = 0; second < 3; second++) {
    const answers = Array.from({ length: 199 }, (_, i) => desk.mix(seat, { master: { gainDb: -i / 10 } }));
    await Promise.all(answers);
    house.pass(1000);
  }
  for (let i = 0; i < 160; i++) desk.send({ type: "snapshot" });
  for (let i = 0; i < 41; i++) desk.socket.ping();
  assert.equal((await desk.closed).code, 4429);
});

Deno.test("a 21st client from one address and a 201st of all are closed with 4409; room comes back", async () => {
  await using house = await fakeHouse();
  const desks: Desk[] = [];
  const open = async (from: string) => {
    const desk = new Desk(house.port, { from });
    await desk.opened();
    desks.push(desk);
    return desk;
  };
  for (let i = 0; i < 200; i++) await open(`127.0.0.${2 + Math.floor(i / 20)}`);
  assert.equal((await (await open("127.0.0.2")).closed).code, 4409);
  assert.equal((await (await open("127.0.0.99")).closed).code, 4409);
  await desks[5].close();
  await desks[6].close();
  const back = [await open("127.0.0.2"), await open("127.0.0.99")];
  house.pass(5_000);
  house.control.live.beat();
  for (const desk of back) assert.equal((await desk.closed).code, 4408, "they were let in");
});

Deno.test("a message in fragments is a message; one of a megabyte, or in too many pieces, ends the connection", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join();
  const text = JSON.stringify(hello(token));
  const { client } = await BareClient.open(house.port);
  await client.frame(1, text.slice(0, 3), false);
  await client.frame(9, "are you there?");
  await client.frame(0, text.slice(3, 10), false);
  await client.frame(0, text.slice(10));
  assert.equal((await client.next())?.opcode, 10, "a pong between");
  assert.equal(JSON.parse((await client.next())!.payload.toString()).type, "snapshot");
  client.end();

  const large = await Desk.open(house, token);
  large.send(JSON.stringify({ type: "hello", secret: "x".repeat(1024 * 1024) }));
  assert.equal((await large.closed).code, 1009);
  const most = await Desk.open(house, token);
  const padded = (bytes: number) => JSON.stringify({ type: "snapshot" }).padEnd(bytes);
  most.send(padded(64 * 1024));
  await most.until(() => most.texts.length === 2);
  most.send(padded(64 * 1024 + 1));
  assert.equal((await most.closed).code, 1009);

  const { client: pieces } = await BareClient.open(house.port);
  await pieces.frame(1, "", false);
  for (let i = 0; i < 100; i++) await pieces.frame(0, "", false).catch(() => {});
  assert.ok([1008, null].includes(await pieces.closing()));
  pieces.end();
  const { client: unmasked } = await BareClient.open(house.port);
  await unmasked.write(new Uint8Array([0x81, 0x02, 0x7b, 0x7d]));
  assert.equal(await unmasked.closing(), 1002);
  unmasked.end();
  const { client: garbled } = await BareClient.open(house.port);
  await garbled.frame(1, new Uint8Array([0x22, 0xff, 0x22]));
  assert.equal(await garbled.closing(), 1007);
  garbled.end();
});

Deno.test("HTTP's limits of time don't end a live connection", async () => {
  const limits = { headersMs: 50, requestMs: 50, idleMs: 50, checkMs: 10, connections: 50, connectionsPerAddress: 50 };
  await using house = await fakeHouse({ limits });
  const { seat, token } = await house.join();
  const desk = await Desk.open(house, token);
  /** As long as it takes for an ordinary connection to be cut. */
  const idle = async () => {
    using connection = await Deno.connect({ port: house.port, hostname: "127.0.0.1" });
    while (await connection.read(new Uint8Array(1024)).catch(() => null) !== null);
  };
  await idle();
  const { client, head } = await BareClient.open(house.port);
  assert.match(head, / 101 /);
  await idle();
  assert.equal((await desk.mix(seat, { master: { mute: true } })).type, "ack");
  await client.text(hello(token));
  assert.equal((await client.next())?.opcode, 1);
  client.end();
  await desk.close();
});

Deno.test("when the server ends everybody is closed with 1001, and deaf clients don't delay it", async () => {
  const house = await fakeHouse();
  const { token } = await house.join();
  const desk = await Desk.open(house, token);
  const { client: deaf } = await BareClient.open(house.port);
  const { client: silent } = await BareClient.open(house.port);
  await deaf.text(hello(token));
  await house.control.stop();
  assert.equal((await desk.closed).code, 1001);
  assert.equal(await silent.closing(), 1001);
  deaf.end();
  silent.end();
  await assert.rejects(Deno.connect({ port: house.port, hostname: "127.0.0.1" }));
});
