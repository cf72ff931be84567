/** What `GET /api/v1/live` doesn't put up with: wrong secrets, nonsense, haste, deafness; and how it ends. */
import assert from "node:assert/strict";
import { type FakeHouse, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";
import { type Any, BareClient, type Closing, Desk, merge, settled } from "./live_desk.ts";

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

/** Sixty seats: a snapshot of some 200 KB. */
async function largeHouse(): Promise<FakeHouse> {
  const house = await fakeHouse({ inputs: 64 });
  for (let i = 0; i < 60; i++) {
    const { status } = await house.call("POST", "/api/v1/seats", { body: { name: `Seat ${i}` } });
    assert.equal(status, 201);
  }
  return house;
}
/** Something goes round through the server again and again, until it is so. */
async function turnsUntil(house: FakeHouse, desk: Desk, met: () => boolean): Promise<void> {
  for (let turn = 0; !met(); turn++) {
    assert.ok(turn < 2000, `${met} never came`);
    await settled(house, desk);
  }
}
/** A client that reads nothing until the network's own buffers are full, and the server's has what it will take. */
async function deafClient(house: FakeHouse, desk: Desk): Promise<BareClient> {
  const { client } = await BareClient.open(house.port), { live } = house.control;
  await client.text(ENGINEER_HELLO);
  let before = 0, same = 0;
  await turnsUntil(house, desk, () => {
    client.text({ type: "snapshot" }).catch(() => {});
    house.pass(10);
    live.beat();
    same = live.sockets.waiting === before && before > 256 * 1024 ? same + 1 : 0;
    before = live.sockets.waiting;
    return same > 5;
  });
  return client;
}
const ENGINEER_HELLO = hello("engineer-key-of-more-than-128-bits");

Deno.test("a client that doesn't read costs little, sees the newest state once it reads, and holds nobody up", async () => {
  await using house = await largeHouse();
  const { seat } = await house.join();
  const watcher = await Desk.open(house), before = Deno.memoryUsage().rss;
  const client = await deafClient(house, watcher);
  const mover = await Desk.open(house);
  for (let round = 0; round < 4; round++) {
    const answers = Array.from({ length: 150 }, (_, i) => mover.mix(seat, { channels: { 1: { gainDb: -i / 10 } } }));
    assert.ok((await Promise.all(answers)).every(({ type }) => type === "ack"));
    house.pass(1000);
    house.control.live.beat();
    house.control.tick();
  }
  await settled(house, watcher, mover);
  const { waiting } = house.control.live.sockets;
  assert.ok(waiting < 1024 * 1024, `${waiting} bytes wait`);
  assert.ok(Deno.memoryUsage().rss - before < 150e6, "memory grows");

  // Now it reads: in the end it knows what the others know.
  let state: Any = null, version = 0, reading = true;
  const read = async () => {
    for (let frame; reading && (frame = await client.next()) !== null;) {
      if (frame.opcode === 9) await client.frame(10, frame.payload);
      if (frame.opcode !== 1) continue;
      const message = JSON.parse(frame.payload.toString());
      if (message.type === "snapshot") state = message.state;
      if (message.type === "patch") {
        assert.equal(message.version, version + 1);
        state = merge(state, message.patch);
      }
      version = message.version ?? version;
      if (state?.channels["1"].name === "The end") reading = false;
    }
  };
  const done = read();
  await house.call("PATCH", "/api/v1/channels/1", { body: { name: "The end" } });
  const beats = setInterval(() => house.control.live.beat(), 5);
  await done;
  clearInterval(beats);
  assert.deepEqual(state, await watcher.snapshot());
  assert.deepEqual(state.seats[seat].mix, (await house.call("GET", `/api/v1/seats/${seat}/mix`)).json);
  client.end();
  await watcher.close();
  await mover.close();
});

Deno.test("a client that reads nothing for ten seconds is dropped", async () => {
  await using house = await largeHouse();
  const watcher = await Desk.open(house), client = await deafClient(house, watcher);
  house.pass(9_000);
  house.control.live.beat();
  await settled(house, watcher);
  assert.equal(house.control.live.sockets.clients.size, 2);
  house.pass(1_000);
  house.control.live.beat();
  await turnsUntil(house, watcher, () => house.control.live.sockets.clients.size === 1);
  client.end();
  await watcher.close();
});

Deno.test("a client that reads but doesn't answer pings for ten seconds is closed with 4413", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join();
  const { client } = await BareClient.open(house.port);
  const desk = await Desk.open(house, token);
  await client.text(hello(token));
  assert.equal(JSON.parse((await client.next())!.payload.toString()).type, "snapshot");
  house.control.tick();
  await desk.until(() => desk.statuses.length > 0);
  // Its pong is behind its answer.
  await desk.mix(desk.state.seat, {});
  await settled(house, desk);
  house.pass(10_000);
  house.control.live.beat();
  assert.equal(await client.closing(), 4413);
  await settled(house, desk);
  await desk.close();
  client.end();
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
