import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { SERVER_LIMITS } from "../control/server.ts";
import { assertProblem, ENGINEER, fakeHouse, JOIN_CODE, type Method, newDevice } from "./control_fake.ts";

const good = () => ({ name: "Ana", device: newDevice(), mode: "channels", channels: [1, 2] });

Deno.test("64 KiB of body are read, one byte more is 413, with and without Content-Length", async () => {
  await using house = await fakeHouse();
  const padded = (bytes: number) => {
    const text = JSON.stringify(good());
    return text + " ".repeat(bytes - text.length);
  };
  for (const headers of [{}, { "content-length": "", "transfer-encoding": "chunked" }]) {
    const clean = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
    const call = (raw: string) =>
      "transfer-encoding" in clean
        ? chunked(house.port, raw)
        : house.call("POST", "/api/v1/sessions", { raw }).then(({ status }) => status);
    assert.equal(await call(padded(65_536)), 201);
    assert.equal(await call(padded(65_537)), 413);
  }
});

/** A request in chunks, written by hand; its status. */
function chunked(port: number, body: string): Promise<number> {
  const head = `POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${JOIN_CODE}\r\n` +
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunks = body.match(/[\s\S]{1,10000}/g) ?? [];
  const text = head + chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("") + "0\r\n\r\n";
  return exchange(port, text).then(({ text }) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]));
}

/** Writes bytes, and gives what came back and how many were taken, as soon as an answer is there or the end. */
function exchange(
  port: number,
  text: string | Uint8Array,
  untilClosed = false,
): Promise<{ text: string; closed: boolean }> {
  const { promise, resolve } = Promise.withResolvers<{ text: string; closed: boolean }>();
  const socket = connect(port, "127.0.0.1");
  let got = "";
  socket.on("data", (data) => {
    got += data.toString();
    const length = Number(/content-length: (\d+)/i.exec(got)?.[1] ?? 0);
    const at = got.indexOf("\r\n\r\n");
    if (untilClosed || at < 0 || got.length < at + 4 + length) return;
    socket.destroy();
    resolve({ text: got, closed: false });
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve({ text: got, closed: true }));
  socket.write(text);
  return promise;
}

Deno.test("a join of 10 MB is refused without being read", async () => {
  await using house = await fakeHouse();
  const before = await house.picture();
  const big = new Uint8Array(10_000_000).fill(0x20);
  const response = await fetch(`http://127.0.0.1:${house.port}/api/v1/sessions`, {
    method: "POST",
    body: big,
    headers: { authorization: `Bearer ${JOIN_CODE}`, "content-type": "application/json" },
  });
  assert.equal(response.status, 413);
  assert.equal((await response.json()).status, 413);
  const unknown = await fetch(`http://127.0.0.1:${house.port}/api/v1/sessions`, { method: "POST", body: big });
  assert.equal(unknown.status, 401);
  await unknown.body?.cancel();
  // A sender that announces 10 MB and sends none of it has its answer nevertheless, and is told to close.
  const announced = await exchange(
    house.port,
    `POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${JOIN_CODE}\r\n` +
      "Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n",
    true,
  );
  assert.match(announced.text, /^HTTP\/1\.1 413 /);
  assert.match(announced.text, /connection: close/i);
  assert.equal(await house.picture(), before);
});

Deno.test("who sends too much has the answer before the connection breaks under the sending", async () => {
  await using house = await fakeHouse();
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const events: string[] = [];
  const outgoing = request({
    host: "127.0.0.1",
    port: house.port,
    method: "POST",
    path: "/api/v1/sessions",
    headers: { authorization: `Bearer ${JOIN_CODE}`, "content-type": "application/json" },
    agent: false,
  });
  outgoing.on("response", (incoming) => {
    events.push(String(incoming.statusCode));
    incoming.resume();
    incoming.on("end", () => events.push("whole answer"));
  });
  outgoing.on("error", (error) => events.push(error.message));
  outgoing.on("close", () => resolve(events));
  outgoing.end(new Uint8Array(10_000_000));
  assert.deepEqual((await promise).slice(0, 2), ["413", "whole answer"]);
});

Deno.test("a 10 MB body on a path without a body doesn't keep the connection", async () => {
  await using house = await fakeHouse();
  const head = `GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ENGINEER}\r\n`;
  const { text } = await exchange(house.port, `${head}Content-Length: 10000000\r\n\r\n`, true);
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /connection: close/i);
});

Deno.test("paths that don't exist are 404 and methods that don't are 405 with Allow, all as problems", async () => {
  await using house = await fakeHouse();
  for (
    const path of [
      "/index",
      "/api",
      "/api/v1/session",
      "/api/v1/sessions/",
      "/api/v2/sessions",
      "/api/v1/sessions/a/b/c",
    ]
  ) {
    assertProblem(await house.call("GET", path), 404);
  }
  const front = await house.call("GET", "/", { secret: null });
  assert.equal(front.status, 200);
  assert.match(front.text, /<title>Foldback/);
  const cases: [Method, string, string][] = [
    ["PUT", "/api/v1/sessions", "GET, HEAD, POST"],
    ["DELETE", "/api/v1/sessions", "GET, HEAD, POST"],
    ["POST", "/api/v1/sessions/s_1", "DELETE, GET, HEAD, PATCH"],
    ["GET", "/api/v1/sessions/s_1/report", "POST"],
    ["PATCH", "/healthz", "GET, HEAD"],
    ["OPTIONS", "/api/v1/status", "GET, HEAD"],
  ];
  for (const [method, path, allow] of cases) {
    const answer = await house.call(method, path);
    assertProblem(answer, 405);
    assert.equal(String(answer.headers.allow).split(", ").sort().join(", "), allow);
  }
  const head = await house.call("HEAD", "/api/v1/channels");
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
});

Deno.test("a failure of our own is a 500 problem that tells nothing of the inside", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join();
  Object.defineProperty(house.control.house.sessions.get(session)!, "saved", {
    get: () => {
      throw new Error("secret inside");
    },
  });
  const answer = await house.call("GET", `/api/v1/sessions/${session}/mix`);
  assertProblem(answer, 500);
  assert.ok(!answer.text.includes("inside"));
});

Deno.test("slow, silent and idle connections are ended, and senseless ones get a problem", async () => {
  const limits = { ...SERVER_LIMITS, headersMs: 60, requestMs: 120, idleMs: 60, checkMs: 20 };
  await using house = await fakeHouse({ limits });
  const head = `POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${JOIN_CODE}\r\n` +
    "Content-Type: application/json\r\nContent-Length: 100\r\n";
  const [silent, slowHead, slowBody, idle, senseless, longHead] = await Promise.all([
    exchange(house.port, "", true),
    exchange(house.port, head, true),
    exchange(house.port, `${head}\r\n{`, true),
    exchange(house.port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", true),
    exchange(house.port, "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", true),
    exchange(house.port, `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, true),
  ]);
  for (const { closed } of [silent, slowHead, slowBody, idle, senseless, longHead]) assert.ok(closed);
  assert.match(slowHead.text, /^HTTP\/1\.1 408 /);
  assert.match(slowBody.text, /^HTTP\/1\.1 408 /);
  assert.match(idle.text, /^HTTP\/1\.1 503 /);
  assert.match(senseless.text, /^HTTP\/1\.1 400 .*application\/problem\+json.*"status":400/s);
  assert.match(longHead.text, /^HTTP\/1\.1 431 .*application\/problem\+json/s);
  assert.equal((await house.call("GET", "/api/v1/sessions")).json.length, 0);
});

Deno.test("one address can't take all the connections", async () => {
  await using house = await fakeHouse({ limits: { ...SERVER_LIMITS, connectionsPerAddress: 3 } });
  const open = (from: string) => {
    const socket = connect({ host: "127.0.0.1", port: house.port, localAddress: from });
    socket.on("error", () => {});
    return socket;
  };
  const closed = Promise.withResolvers<void>();
  const sockets = Array.from({ length: 4 }, () => open("127.0.0.2"));
  for (const socket of sockets) socket.on("close", () => closed.resolve());
  await closed.promise;
  assert.equal(sockets.filter((socket) => !socket.destroyed).length, 3);
  assert.equal((await house.call("GET", "/api/v1/status", { from: "127.0.0.3" })).status, 200);
  for (const socket of sockets) socket.destroy();
});

Deno.test("a hostile Host header or target is a problem, not a failure", async () => {
  await using house = await fakeHouse();
  for (
    const head of [
      "GET /a\\b HTTP/1.1\r\nHost: localhost",
      "GET /healthz HTTP/1.1\r\nHost: a b/c@d",
      "GET http:// HTTP/1.1\r\nHost: localhost",
    ]
  ) {
    const { text } = await exchange(house.port, `${head}\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 400 .*application\/problem\+json/s, head);
  }
});
