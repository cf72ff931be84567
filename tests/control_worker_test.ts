import assert from "node:assert/strict";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { RESTING_ROWS } from "../control/receivers.ts";
import { createBoard } from "../core/board.ts";
import type { ControlOptions, ControlToMain, MainToControl } from "../core/messages.ts";
import { createRing } from "../core/ring.ts";
import { rtpTimestamp } from "../core/units.ts";
import { ENGINEER, JOIN_CODE, send } from "./control_fake.ts";

const options = (http: ControlOptions["http"]): ControlOptions => ({
  version: "1.2.3-test",
  board: createBoard(1, 10 + RESTING_ROWS),
  ring: createRing(2),
  source: { name: "fake card", channelNames: ["Left", "Right"] },
  mediaPorts: [5101],
  http,
  publicHost: null,
  joinCode: JOIN_CODE,
  engineerKey: ENGINEER,
  given: { joinCode: true, engineerKey: true },
  stateDir: null,
  maxClients: 10,
  defaults: { frame: 240, bitrate: null },
  log: { level: "error", json: false },
});

/** The real worker on a line of messages. */
function startWorker() {
  const worker = new Worker(new URL("../control/worker.ts", import.meta.url), { type: "module" });
  const waiting: ((message: ControlToMain) => void)[] = [];
  const unread: ControlToMain[] = [];
  worker.onmessage = ({ data }) => {
    const next = waiting.shift();
    if (next === undefined) unread.push(data);
    else next(data);
  };
  return {
    post: (message: MainToControl) => worker.postMessage(message),
    next: (): Promise<ControlToMain> => {
      const message = unread.shift();
      return message !== undefined ? Promise.resolve(message) : new Promise((resolve) => waiting.push(resolve));
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}

Deno.test("the control worker listens, serves, passes changes on to the main isolate, and stops", async () => {
  using worker = startWorker();
  worker.post({ kind: "start", options: options({ address: "127.0.0.1", port: 0 }) });
  const listening = await worker.next();
  assert.ok(listening.kind === "listening", JSON.stringify(listening));
  const port = Number(/^http:\/\/127\.0\.0\.1:(\d+)\/$/.exec(listening.url)![1]);
  const body = { name: "Ana", device: "3f2b9c1e", mode: "channels" };
  const { status, json } = await send(port, "POST", "/api/v1/sessions", { secret: JOIN_CODE, body });
  assert.equal(status, 201);
  const serve = await worker.next();
  assert.ok(serve.kind === "serve" && serve.receiver.ssrc === json.media.ssrc);
  const patching = send(port, "PATCH", `/api/v1/sessions/${json.session}`, {
    secret: json.token,
    body: { frameMs: 10 },
  });
  const reshape = await worker.next();
  assert.ok(reshape.kind === "reshape");
  worker.post({ kind: "reshaped", request: reshape.request, timestamp: rtpTimestamp(12345) });
  assert.equal((await patching).json.media.fromTimestamp, 12345);
  worker.post({ kind: "stop" });
  assert.deepEqual(await worker.next(), { kind: "stopped" });
  await assert.rejects(send(port, "GET", "/healthz", {}), /refused/i);
});

Deno.test("codes lead to where phones get in, over TLS if they can", async () => {
  const own = Object.values(networkInterfaces()).flat().some((one) => one?.family === "IPv4" && !one.internal);
  for (const [http, https] of [["::", "::"], ["::", "127.0.0.1"], ["127.0.0.1", "127.0.0.1"]]) {
    using worker = startWorker();
    const secure = { address: https, port: 0, given: null };
    worker.post({ kind: "start", options: { ...options({ address: http, port: 0 }), https: secure } });
    const listening = await worker.next();
    assert.ok(listening.kind === "listening" && listening.secureUrl !== null, JSON.stringify(listening));
    const { url, secureUrl, phonesUrl } = listening;
    assert.match(secureUrl, /^https:/);
    assert.equal(phonesUrl, own && http === "::" && https !== "::" ? url : secureUrl, JSON.stringify(listening));
    worker.post({ kind: "stop" });
    while ((await worker.next()).kind !== "stopped");
  }
});

Deno.test("a port that somebody else has is a reason, not a crash", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  using worker = startWorker();
  worker.post({ kind: "start", options: options({ address: "127.0.0.1", port }) });
  const failed = await worker.next();
  assert.ok(failed.kind === "failed");
  assert.match(failed.reason, new RegExp(`listen on 127\\.0\\.0\\.1:${port}: the port is in use`));
  worker.post({ kind: "stop" });
  assert.deepEqual(await worker.next(), { kind: "stopped" });
  await new Promise((resolve) => other.close(resolve));
});

Deno.test("all addresses means IPv4 and, where there is any, IPv6", async () => {
  using worker = startWorker();
  worker.post({ kind: "start", options: options({ address: "::", port: 0 }) });
  const listening = await worker.next();
  assert.ok(listening.kind === "listening");
  const port = Number(new URL(listening.url).port);
  const body = { name: "Ana", device: "3f2b9c1e", mode: "mix" };
  const four = await send(port, "POST", "/api/v1/sessions", { body });
  assert.equal(four.json.media.host, "127.0.0.1");
  assert.ok(four.json.sdp.includes("c=IN IP4 127.0.0.1"));
  const six = await send(port, "POST", "/api/v1/sessions", { body, to: "::1" }).catch(() => null);
  if (six !== null) {
    assert.equal(six.json.media.host, "::1");
    assert.ok(six.json.sdp.includes("c=IN IP6 ::1"));
  }
  worker.post({ kind: "stop" });
  while ((await worker.next()).kind !== "stopped");
});
