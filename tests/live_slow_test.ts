/** Clients of the live connection that don't read, or don't answer: they cost little, hold nobody up, and are dropped. */
import assert from "node:assert/strict";
import { type FakeHouse, fakeHouse } from "./control_fake.ts";
import { type Any, BareClient, Desk, merge, settled } from "./live_desk.ts";

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
const ENGINEER_HELLO = { type: "hello", secret: "engineer-key-of-more-than-128-bits" };

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
  await client.text({ type: "hello", secret: token });
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
