import assert from "node:assert/strict";
import { Flow } from "../core/board.ts";
import { endpointOf } from "../core/endpoint.ts";
import { bucketOf, record } from "../core/histogram.ts";
import { Word } from "../core/ring.ts";
import { milliseconds } from "../core/units.ts";
import { type FakeHouse, fakeHouse } from "./control_fake.ts";

const status = async (house: FakeHouse, secret?: string) =>
  (await house.call("GET", "/api/v1/status", { secret })).json;
/** A worker that has done nothing yet. */
const IDLE = { busyPercent: 0, latePercent: 0, full: false };
const rowOf = (house: FakeHouse) => {
  const [{ receiver }] = house.taken("serve");
  return house.control.house.board.slots[receiver.slot];
};

Deno.test("the status has the contract's fields, and nothing known is null or zero", async () => {
  await using house = await fakeHouse();
  const { session, seat } = await house.join({ name: "Ana" });
  house.pass(2500);
  assert.deepEqual(await status(house), {
    version: "1.2.3-test",
    uptimeSeconds: 2.5,
    source: {
      name: "fake card",
      channels: 16,
      sampleRate: 48000,
      blockSize: 128,
      overruns: 0,
      live: true,
      badSamples: 0,
    },
    storage: { problem: null },
    workers: [
      { clients: 1, encoders: 0, lateFrames: 0, restarts: 0, ...IDLE },
      { clients: 0, encoders: 0, lateFrames: 0, restarts: 0, ...IDLE },
    ],
    sessions: [{
      session,
      seat,
      name: "Ana",
      address: null,
      mode: "channels",
      paused: true,
      packets: 0,
      latency: {
        serverMs: null,
        networkMs: null,
        clientMs: null,
        totalMs: null,
        lossPercent: null,
        jitterMs: null,
        last10s: { server: null, network: null, client: null, total: null },
      },
    }],
    targets: [],
    dropped: { stun: 0, rtcp: 0, other: 0, sendBuffer: 0 },
  });
});

Deno.test("a delay is the sum of server, network and client, and null while any of them is", async () => {
  await using house = await fakeHouse();
  const { session, token } = await house.join();
  const row = rowOf(house);
  const latency = async () => (await status(house)).sessions[0].latency;
  for (let i = 0; i < 100; i++) record(row.server, milliseconds(i < 60 ? 5 : 50));
  const first = await latency();
  assert.ok(Math.abs(first.serverMs - 7.5) < 0.2, String(first.serverMs));
  assert.equal(first.totalMs, null);
  row.report(64, 96, 3000);
  assert.equal((await latency()).totalMs, null);
  const report = { bufferMs: 7.5, outputMs: 9.1 };
  const path = `/api/v1/sessions/${session}/report`;
  assert.equal((await house.call("POST", path, { secret: token, body: report })).status, 204);
  const { serverMs, networkMs, clientMs, totalMs, lossPercent, jitterMs } = await latency();
  assert.deepEqual([networkMs, lossPercent, jitterMs], [1.5, 25, 2]);
  assert.ok(Math.abs(clientMs - 16.6) < 1e-9);
  assert.equal(totalMs, serverMs + networkMs + clientMs);
});

Deno.test("each leg has its percentiles of the last ten seconds, and the whole is bounded by their sums", async () => {
  await using house = await fakeHouse();
  const { session, token } = await house.join({ mode: "mix" });
  const row = rowOf(house);
  for (let second = 1; second <= 12; second++) {
    for (let i = 0; i < 10; i++) record(row.server, milliseconds(5));
    row.report(0, 0, 2000 * second);
    const body = { bufferMs: second, outputMs: 1 };
    await house.call("POST", `/api/v1/sessions/${session}/report`, { secret: token, body });
    house.pass(1000);
    house.control.tick();
  }
  const { serverMs, last10s } = (await status(house)).sessions[0].latency;
  assert.ok(Math.abs(serverMs - 8.5) < 0.2, "a mix is later by what its limiter looks ahead");
  assert.deepEqual(last10s.network, { p50: 8, p99: 12, max: 12 }, "of seconds 3 to 12");
  assert.deepEqual(last10s.client, { p50: 9, p99: 13, max: 13 });
  for (const key of ["p50", "p99", "max"]) {
    const { server, network, client, total } = last10s;
    assert.ok(Math.abs(total[key] - server[key] - network[key] - client[key]) < 1e-9);
  }
});

Deno.test("serverMs is the median of the last ten seconds, and nothing older", async () => {
  await using house = await fakeHouse();
  await house.join();
  const row = rowOf(house);
  const serverMs = async () => (await status(house)).sessions[0].latency.serverMs;
  const second = (ms: number) => {
    for (let i = 0; i < 10; i++) record(row.server, milliseconds(ms));
    house.control.tick();
  };
  for (let i = 0; i < 10; i++) second(20);
  assert.ok(Math.abs(await serverMs() - 22.5) < 0.7);
  for (let i = 0; i < 4; i++) second(2);
  assert.ok(Math.abs(await serverMs() - 22.5) < 0.7, "the slow ones are more");
  for (let i = 0; i < 3; i++) second(2);
  assert.ok(Math.abs(await serverMs() - 4.5) < 0.2);
  for (let i = 0; i < 10; i++) house.control.tick();
  assert.equal(await serverMs(), null, "nothing was sent for ten seconds");
});

Deno.test("an address, packets, and whether it flows are shown; a token sees its own session only", async () => {
  await using house = await fakeHouse();
  const { session, token } = await house.join({ name: "Ana" });
  const row = rowOf(house);
  await house.join({ name: "Bo" });
  await house.call("POST", "/api/v1/targets", { body: { address: "192.0.2.1", port: 5004, mode: "mix" } });
  row.writeEndpoint(endpointOf("192.0.2.9", 40000));
  row.flow = Flow.Flowing;
  row.packets = 77;
  assert.equal((await status(house)).sessions.length, 2);
  assert.equal((await status(house)).targets.length, 1);
  const own = await status(house, token);
  assert.deepEqual(own.sessions.map(({ session }: { session: string }) => session), [session]);
  assert.deepEqual(own.targets, []);
  const { address, paused, packets } = own.sessions[0];
  assert.deepEqual({ address, paused, packets }, { address: "192.0.2.9:40000", paused: false, packets: 77 });
  row.writeEndpoint(endpointOf("2001:db8::9", 40000));
  assert.equal((await status(house, token)).sessions[0].address, "[2001:db8::9]:40000");
});

Deno.test("a mono target shows the packets of all its streams, and the worst of their reports", async () => {
  await using house = await fakeHouse();
  const body = { address: "192.0.2.1", port: 5004, mode: "mono", channels: [1, 2] };
  const { json } = await house.call("POST", "/api/v1/targets", { body });
  const rows = house.taken("serve").map(({ receiver }) => house.control.house.board.slots[receiver.slot]);
  rows[0].packets = 5;
  rows[1].packets = 6;
  rows[0].report(0, 48, 4000);
  rows[1].report(128, 24, -1);
  assert.deepEqual((await status(house)).targets, [{
    target: json.target,
    address: "192.0.2.1",
    port: 5004,
    packets: 11,
    lossPercent: 50,
    jitterMs: 1,
    roundTripMs: 4,
  }]);
});

Deno.test("counters of workers, source and dropped datagrams are added up where the contract says one number", async () => {
  await using house = await fakeHouse();
  const { board, ring } = house.control.house;
  board.workers.forEach((row, i) => {
    row.encoders = 3 + i;
    row.lateFrames = 1;
    row.restarts = i;
    row.droppedStun = 10 + i;
    row.droppedRtcp = 20;
    row.droppedOther = 30;
    row.droppedSendBuffer = 40;
  });
  ring[Word.Overruns] = 1000;
  ring[Word.Overflows] = 2;
  const { workers, dropped, source } = await status(house);
  assert.deepEqual(workers, [
    { clients: 0, encoders: 3, lateFrames: 1, restarts: 0, ...IDLE },
    { clients: 0, encoders: 4, lateFrames: 1, restarts: 1, ...IDLE },
  ]);
  assert.deepEqual(dropped, { stun: 21, rtcp: 40, other: 60, sendBuffer: 80 });
  assert.equal(source.overruns, 1256, "lost blocks are 128 samples each");
});

Deno.test("the house is well while blocks arrive and every worker works, and says what fails", async () => {
  await using house = await fakeHouse();
  const { board, ring } = house.control.house;
  const health = () => house.call("GET", "/healthz", { secret: null });
  assert.equal((await health()).status, 503, "before the first block");
  const beat = (...workers: number[]) => {
    board.main.blocks++;
    for (const worker of workers) board.workers[worker].blocks++;
  };
  beat(0, 1);
  const well = await health();
  assert.deepEqual([well.status, well.json], [200, { status: "ok" }]);
  house.pass(1000);
  assert.equal((await health()).status, 200);
  house.pass(1);
  const stalled = await health();
  assert.equal(stalled.status, 503);
  assert.equal(stalled.json.status, "failing");
  assert.match(stalled.json.reason, /the mix/);
  beat(0);
  assert.match((await health()).json.reason, /send worker 1/);
  beat(0, 1);
  assert.equal((await health()).status, 200);
  Atomics.store(ring, Word.Live, 0);
  const silent = await health();
  assert.deepEqual([silent.status, silent.json.reason], [503, "no audio from fake card"]);
});

Deno.test("the timings are the board's histograms and counters", async () => {
  await using house = await fakeHouse();
  const { board, ring } = house.control.house;
  record(board.main.block, milliseconds(0.5));
  record(board.main.block, milliseconds(0.5));
  record(board.main.handoff, milliseconds(0.02));
  record(board.workers[1].captureToSend, milliseconds(1));
  board.main.blocks = 9;
  board.main.withheld = 2;
  board.workers[0].datagrams = 5;
  board.workers[1].datagrams = 6;
  board.workers[1].encodes = 7;
  board.workers[0].lateFrames = 1;
  ring[Word.Cpu] = -1;
  ring[Word.Overflows] = 3;
  const { json } = await house.call("GET", "/api/v1/timings");
  const { cpuUs, rssBytes, ...counted } = json;
  assert.ok(cpuUs > 0 && rssBytes > 1e7, `${cpuUs} µs, ${rssBytes} bytes`);
  assert.deepEqual(counted, {
    timeMs: house.control.house.clock(),
    mainBlock: { unit: "ns", buckets: [[bucketOf(500_000), 2]] },
    handoff: { unit: "ns", buckets: [[bucketOf(20_000), 1]] },
    captureToSend: [{ unit: "ns", buckets: [] }, { unit: "ns", buckets: [[bucketOf(1_000_000), 1]] }],
    datagrams: 11,
    late: 1,
    encodes: 7,
    droppedSendBuffer: 0,
    blocks: 9,
    withheld: 2,
    sourceCpuUs: 2 ** 32 - 1,
    overruns: 0,
    overflows: 3,
  });
});
