/** A listener comes back after a restart of the server, and goes when it is not wanted. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Claim, waitToJoin } from "../listen/claim.ts";
import { type Event, Listener, wavChannel } from "./listen_process.ts";
import { FakeServer, problem } from "./listen_server.ts";
import { JOIN_CODE, type Server, startServer } from "./server.ts";

const TONES = ["--source", "tones", "--channels", "2", "--pool-size", "1"];
/** Deep enough for a machine that does other things too. */
const DEEP = ["--json", "--buffer-ms", "60"];

/** Both tones, a whole second long. */
const heard = ({ event, levelsDb, second }: Event) =>
  event === "stats" && second.gapMs === 0 && levelsDb.every((level: number) => Math.abs(level + 12) < 1);
const note = (text: RegExp) => (event: Event) => event.event === "note" && text.test(event.text);
const notes = ({ lines }: Listener): string[] =>
  lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "note").map(({ text }) => text);

/** The same server once more: ports and state of the one before, which has ended. */
const startAgain = (server: Server, mediaPort: number): Promise<Server> =>
  startServer({
    args: [
      ...TONES,
      "--http",
      new URL(server.url).host,
      "--media-port",
      `${mediaPort}`,
      "--state-dir",
      server.stateDir,
    ],
  });

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  Deno.test(`a listener is heard again when its server ended by ${signal} and was started again`, async () => {
    await using server = await startServer({ args: TONES });
    const out = `${server.stateDir}/heard.wav`, device = "test-device-that-stays";
    await using listener = new Listener(server.url, JOIN_CODE, [...DEEP, "--device", device, "--out", out]);
    const { media } = await listener.event(({ event }) => event === "joined");
    const { startedAt } = await listener.event(({ event }) => event === "audible");
    await listener.event(heard);
    await server.stop(signal);
    await listener.event(({ event, levelsDb }) =>
      event === "stats" && levelsDb.every((level: number) => level <= -100)
    );
    await using again = await startAgain(server, media.port);
    await listener.event(heard);
    const { body } = await again.call("GET", "/api/v1/sessions");
    assert.deepEqual(
      body.map(({ device, paused }: Event) => ({ device, paused })),
      [{ device, paused: false }],
    );
    const asked = Date.now();
    listener.process.kill("SIGINT");
    const { code, errors } = await listener.ended();
    assert.equal(code, 0, errors);
    // The outage is in the file, as silence.
    const length = wavChannel(out, 2, 0).length / 48;
    assert.ok(length > asked - startedAt - 1 && length < Date.now() - startedAt, `${length} ms`);
    // It gave its place free.
    assert.deepEqual((await again.call("GET", "/api/v1/sessions")).body, []);
  });
}

Deno.test("a listener that the engineer removes goes, and says why", async () => {
  await using server = await startServer({ args: TONES });
  await using listener = new Listener(server.url, JOIN_CODE, DEEP);
  const { session } = await listener.event(({ event }) => event === "joined");
  await listener.event(heard);
  assert.equal((await server.call("DELETE", `/api/v1/sessions/${session}`)).status, 204);
  const { code, errors } = await listener.ended();
  assert.equal(code, 1);
  assert.equal(errors, "listen: the session is over: the engineer ended it, or this device joined again elsewhere\n");
  assert.deepEqual((await server.call("GET", "/api/v1/sessions")).body, []);
});

Deno.test("of two listeners with one device id the later one stays", async () => {
  await using server = await startServer({ args: TONES });
  const args = [...DEEP, "--device", "one-device-for-two"];
  await using first = new Listener(server.url, JOIN_CODE, args);
  await first.event(heard);
  await using later = new Listener(server.url, JOIN_CODE, args);
  const { session } = await later.event(({ event }) => event === "joined");
  const { code, errors } = await first.ended();
  assert.equal(code, 1);
  assert.match(errors, /this device joined again elsewhere/);
  await later.event(heard);
  assert.deepEqual((await server.call("GET", "/api/v1/sessions")).body.map(({ session }: Event) => session), [session]);
});

Deno.test("a forgotten listener joins again with what it asked for first, and says so in two lines", async () => {
  await using server = await FakeServer.start({ streams: 2 });
  const args = [...DEEP, "--name", "Ana", "--device", "anas-phone", "--frame-ms", "5"];
  await using listener = new Listener(server.url, server.code, args);
  await listener.event(heard);
  server.forget();
  await listener.event(note(/audio is back/));
  await listener.event(heard);
  listener.process.kill("SIGINT");
  assert.equal((await listener.ended()).code, 0);
  assert.deepEqual(notes(listener), [
    "joining again: the server doesn't know the session any more",
    "audio is back",
  ]);
  const [first, second] = server.requests.filter(({ method, path }) =>
    method === "POST" && path === "/api/v1/sessions"
  );
  assert.deepEqual(second.body, first.body);
  // Not necessarily the last one: what was asked in the same moment may come in after it.
  const left = server.requests.filter(({ method }) => method === "DELETE").map(({ path }) => path);
  assert.deepEqual(left, ["/api/v1/sessions/s_2"]);
  const end = JSON.parse(listener.lines.at(-1)!);
  assert.deepEqual([end.lost, end.broken], [0, 0]);
});

Deno.test("a session that outlives its server goes on by itself, wherever its numbers are then", async () => {
  await using server = await FakeServer.start({ streams: 2 });
  await using listener = new Listener(server.url, server.code, DEEP);
  const before = await listener.event(heard);
  server.jump();
  await listener.event(({ event, resyncs }) => event === "stats" && resyncs === before.resyncs + 1);
  const after = await listener.event(heard), grown = (name: string) => after[name] - before[name];
  // Once the buffer was empty, and not a packet of the new ones was thrown away.
  assert.ok(grown("gapMs") < 200, `${grown("gapMs")} ms`);
  assert.deepEqual(["duplicates", "broken", "late", "resyncs"].map(grown), [0, 0, 0, 1]);
  listener.process.kill("SIGINT");
  assert.equal((await listener.ended()).code, 0);
  assert.equal(server.joins, 1);
  assert.deepEqual(notes(listener), []);
});

Deno.test("a place that is taken away again and again is left to the other one", async () => {
  await using server = await FakeServer.start({ streams: 1 });
  await using listener = new Listener(server.url, server.code, DEEP);
  for (let session = 1; session <= 4; session++) {
    await listener.event(({ event, session: id }) => event === "joined" && id === `s_${session}`);
    server.forget();
  }
  const { code, errors } = await listener.ended();
  assert.equal(code, 1);
  assert.match(errors, /^listen: the session is over: another listener uses this device id \(--device\).*\n$/);
  assert.equal(server.joins, 4);
});

Deno.test("a server that doesn't let the listener in again is the end, with its reason", async () => {
  let closed = false;
  await using server = await FakeServer.start({
    streams: 1,
    join: () => closed ? problem(403, "the doors are closed") : null,
  });
  await using listener = new Listener(server.url, server.code, DEEP);
  await listener.event(heard);
  closed = true;
  server.forget();
  const { code, errors } = await listener.ended();
  assert.equal(code, 1);
  assert.equal(errors, "listen: cannot join: 403 the doors are closed\n");
});

Deno.test("the waits before joining again grow to five seconds, or are what the server asks for, at most a minute", () => {
  const wait = (status: number, failures: number, retryAfterMs: number | null = null) =>
    waitToJoin({ status, retryAfterMs }, failures);
  assert.deepEqual([1, 2, 3, 4, 5, 6, 100].map((failures) => wait(0, failures)), [
    500,
    1000,
    2000,
    4000,
    5000,
    5000,
    5000,
  ]);
  for (const status of [429, 503]) {
    assert.equal(wait(status, 1, 10_000), 10_000);
    assert.equal(wait(status, 1, 3_600_000), 60_000);
    assert.equal(wait(status, 2), 1000);
  }
  assert.equal(wait(502, 1), 500);
  for (const status of [400, 401, 403, 404, 409, 415]) assert.equal(wait(status, 1), null);
});

Deno.test("a listener fights for its place only against a restart", () => {
  fc.assert(fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (dismissed, unreachable, answered) => {
    const claim = new Claim();
    if (unreachable) claim.unreachable();
    if (answered) claim.answered();
    const restarted = unreachable && !answered;
    assert.equal(claim.refused(0, dismissed), restarted ? "restarted" : dismissed ? "removed" : "gone");
  }));
  const claim = new Claim(), verdicts: string[] = [];
  for (
    const [time, restart] of [[0, false], [5, false], [9, false], [12, true], [13, false], [30, false], [
      31,
      false,
    ]] as const
  ) {
    if (restart) claim.unreachable();
    verdicts.push(claim.refused(time * 1000, false));
    claim.joinedAgain(time * 1000);
  }
  assert.deepEqual(verdicts, ["gone", "gone", "gone", "restarted", "gone", "gone", "gone"]);
  assert.equal(claim.refused(32_000, false), "gone");
  claim.joinedAgain(32_000);
  assert.equal(claim.refused(33_000, false), "contested");
});
