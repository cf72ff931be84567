import assert from "node:assert/strict";
import { Listener, wavChannel } from "./listen_process.ts";
import { AMPLITUDE, toneOf } from "./listen_stage.ts";
import { FakeServer, problem } from "./listen_server.ts";
import { followTone } from "./phone.ts";

/** Deep enough for a machine that does other things too. */
const DEEP = ["--buffer-ms", "150"];

Deno.test("a listener joins, hears each channel, writes them all, reports each second, and leaves", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using server = await FakeServer.start({ streams: 5, frame: 240 });
    const out = `${folder}/heard.wav`;
    await using listener = new Listener(server.url, server.code, ["--json", "--out", out, ...DEEP]);
    await listener.event(({ event, received }) => event === "stats" && received >= 700);
    listener.process.kill("SIGINT");
    const { code, errors } = await listener.ended();
    assert.equal(code, 0, errors);

    const events = listener.lines.map((line) => JSON.parse(line));
    assert.equal(events[0].event, "joined");
    assert.deepEqual(events[0].media.channels, [1, 2, 3, 4, 5]);
    for (const secret of server.secrets) {
      assert.ok(!listener.lines.join("\n").includes(`"${secret}"`), "a secret is printed");
    }
    const stats = events.filter(({ event, delayMs }) => event === "stats" && delayMs !== null);
    assert.ok(stats.length > 0);
    for (const { bufferMs, delayMs, levelsDb } of stats.slice(1)) {
      // The sound is captured, waits for its frame to be full, and then in the buffer.
      assert.ok(delayMs.max > bufferMs, `${delayMs.max} ms at ${bufferMs} ms`);
      assert.ok(
        levelsDb.every((level: number) => Math.abs(level - 20 * Math.log10(AMPLITUDE)) < 2),
        `${levelsDb}`,
      );
    }
    const end = events.at(-1);
    assert.equal(end.event, "end");
    assert.equal(end.lost, 0);

    // Finding its depth, a listener plays up to half a percent faster or slower: all channels by the same.
    const tones = Array.from({ length: 5 }, (_, channel) => {
      const signal = wavChannel(out, 5, channel);
      assert.equal(signal.length, end.audioFrames);
      return followTone(signal.subarray(48_000, 96_000), toneOf(channel));
    });
    const speed = tones[0].hertz / toneOf(0);
    assert.ok(Math.abs(speed - 1) < 0.006, `speed ${speed}`);
    for (const [channel, { hertz, dbfs }] of tones.entries()) {
      assert.ok(Math.abs(hertz - toneOf(channel) * speed) < 1, `${hertz} Hz for ${toneOf(channel)}`);
      assert.ok(Math.abs(dbfs - 20 * Math.log10(AMPLITUDE)) < 1, `${dbfs} dBFS`);
    }

    assert.ok(server.bindings >= 4);
    const reports = server.rtcp.flatMap(({ reports }) => reports);
    assert.ok(reports.length >= 3);
    assert.ok(reports.some(({ lastSr, fractionLost }) => lastSr !== 0 && fractionLost === 0));
    assert.ok(server.rtcp.some(({ byes }) => byes.length === 1), "no BYE");
    const posted = server.requests.filter(({ path }) => path === "/api/v1/sessions/s_1/report");
    assert.ok(posted.length >= 3);
    assert.deepEqual(Object.keys(posted[0].body as object).sort(), ["bufferMs", "outputMs"]);
    assert.equal(server.requests.at(-1)!.method, "DELETE");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("with repeated frames, loss is heard by nobody", async () => {
  await using server = await FakeServer.start({ streams: 2, frame: 480, redundancy: 1, lose: (n) => n % 10 === 5 });
  await using listener = new Listener(server.url, server.code, ["--json", ...DEEP]);
  const { lost, repaired, broken } = await listener.event(({ event, repaired }) => event === "stats" && repaired >= 20);
  listener.process.kill("SIGINT");
  const { code } = await listener.ended();
  assert.equal(code, 0);
  assert.equal(broken, 0);
  // Those in the buffer are lost already, and not yet repaired.
  assert.ok(lost >= repaired && lost - repaired <= 4, `${lost} lost, ${repaired} repaired`);
  const end = JSON.parse(listener.lines.at(-1)!);
  assert.equal(end.event, "end");
  assert.equal(end.reason, "SIGINT");
});

Deno.test("text output says what happened in words, without secrets", async () => {
  await using server = await FakeServer.start({ streams: 1 });
  await using listener = new Listener(server.url, server.code, ["--seconds", "3"]);
  const { code } = await listener.ended();
  assert.equal(code, 0);
  const text = listener.lines.join("\n");
  assert.match(listener.lines[0], /^joined as s_1: 1 channels \(1\), 5 ms frames/);
  assert.match(
    text,
    /^\d+ s: received \d+ .*lost 0.*buffer .* ms, depth .* ms \(.*arrival jitter .*\).*delay .*drift .* ppm/m,
  );
  assert.match(listener.lines.at(-1)!, /^ended \(time is up\): received \d+, lost 0/);
  for (const secret of server.secrets) assert.ok(!text.includes(secret));
});

Deno.test("a server that says no, or nothing, is one clear line and exit code 1", async () => {
  const cases: [Response, RegExp][] = [
    [
      problem(401, "the join code is wrong"),
      /cannot join: the join code is wrong; it stands in the server's start lines/,
    ],
    [problem(503, "full", { "retry-after": "5" }), /cannot join: 503 full; try again in 5 s/],
    [problem(429, "too many wrong secrets", { "retry-after": "60" }), /cannot join: 429 .*try again in 60 s/],
    [new Response("<html>", { status: 200 }), /cannot join: .* does not speak our protocol/],
  ];
  for (const [answer, line] of cases) {
    await using server = await FakeServer.start({ streams: 1, join: () => answer });
    await using listener = new Listener(server.url, server.code, []);
    const { code, errors } = await listener.ended();
    assert.equal(code, 1);
    assert.match(errors, line);
    assert.equal(errors.trimEnd().split("\n").length, 1, errors);
  }
  // A port that nobody listens on any more.
  const { url } = await (async () => {
    await using server = await FakeServer.start({ streams: 1 });
    return { url: server.url };
  })();
  await using listener = new Listener(url, "X", []);
  const { code, errors } = await listener.ended();
  assert.equal(code, 1);
  assert.match(errors, /cannot join: no answer from http:\/\/127\.0\.0\.1/);
  assert.equal(errors.trimEnd().split("\n").length, 1, errors);
});

Deno.test("a session that was taken away ends the listener with a line", async () => {
  await using server = await FakeServer.start({ streams: 1 });
  await using listener = new Listener(server.url, server.code, ["--json", ...DEEP]);
  await listener.event(({ event, received }) => event === "stats" && received > 0);
  await server.dismiss();
  const { code, errors } = await listener.ended();
  assert.equal(code, 1);
  assert.match(errors, /the session is over: the engineer ended it/);
  assert.equal(server.joins, 1);
});

Deno.test("silence is said once, and so is its end, while the bindings go on", async () => {
  await using server = await FakeServer.start({ streams: 1 });
  await using listener = new Listener(server.url, server.code, ["--json", ...DEEP]);
  await listener.event(({ event, received }) => event === "stats" && received > 0);
  server.muted = true;
  const { text } = await listener.event(({ event }) => event === "note");
  assert.match(text, /no audio for 3 s/);
  const bindings = server.bindings;
  await listener.event(({ event }) => event === "stats");
  await listener.event(({ event }) => event === "stats");
  assert.ok(server.bindings > bindings);
  server.muted = false;
  const back = await listener.event(({ event }) => event === "note");
  assert.match(back.text, /audio is back/);
  listener.process.kill("SIGTERM");
  assert.equal((await listener.ended()).code, 0);
  assert.equal(listener.lines.filter((line) => line.includes("no audio for")).length, 1);
});
