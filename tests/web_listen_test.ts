/**
 * Listening in real Chromium: what the stage sends is what the page's sound card gets. What the page plays is tapped where
 * it goes to the destination. Nothing here depends on the machine being fast: each test waits for what must happen.
 */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { browserTest, openBrowser, type Page, STEP_MS, type TestBrowser, type WatchedPage } from "./browser.ts";
import { BROWSER_CARD_NEEDS, openCardBrowser } from "./browser_card.ts";
import { followTone } from "./phone.ts";
import { programTest } from "./require.ts";
import { restartServer, type Server, startServer } from "./server.ts";

// deno-lint-ignore no-explicit-any
type Any = any;
/** What runs in the page knows its globals. */
declare const globalThis: Any, document: Any;

const TONES = ["--source", "tones", "--channels", "16"];
/** A missing or doubled piece of 10 frames of 1 kHz turns the phase by so much. */
const STEADY = 0.5;

/** The console without a key: a form, which doesn't connect. The last 0.34 s of what goes to the sound card are kept. */
async function blank(browser: TestBrowser, url: string, insecure = false): Promise<WatchedPage> {
  const page = await browser.page(`${url}/`, { insecure });
  await page.evaluate(() => {
    const { prototype } = globalThis.AudioNode, connect = prototype.connect;
    prototype.connect = function (this: Any, to: Any, ...rest: Any[]) {
      if (to === this.context.destination) {
        globalThis.tap = this.context.createAnalyser();
        globalThis.tap.fftSize = 16_384;
        connect.call(this, globalThis.tap);
      }
      return connect.call(this, to, ...rest);
    };
  });
  return page;
}

let devices = 0;
async function join(server: Server, body: Record<string, unknown>): Promise<Any> {
  const device = `page-device-${++devices}`;
  const { status, body: joined } = await server.join({ name: "Page", device, ...body });
  assert.equal(status, 201, JSON.stringify(joined));
  return joined;
}

/** Starts to listen to a session; `live`: with the page's line to the server. */
async function listen(page: Page, { session, token, media }: Any, live = false): Promise<void> {
  await page.evaluate(async ({ options, live }: Any) => {
    const { Listening } = await import("/web/listen.js" as string), { Live } = await import("/web/live.js" as string);
    const line = live ? new Live(options.token) : undefined;
    const listening = globalThis.listening = new Listening({ ...options, live: line });
    globalThis.states = [];
    globalThis.seconds = [];
    listening.addEventListener("change", () => globalThis.states.push(listening.state));
    listening.addEventListener("stats", () => globalThis.seconds.push(listening.stats));
    await listening.start();
  }, { options: { session, token, media }, live });
}

/** Until it is so in the page. */
const until = async (page: WatchedPage, condition: () => unknown): Promise<void> => {
  await page.waitForFunction(condition, undefined, { timeout: 2 * STEP_MS, polling: 50 });
};
const playing = (page: WatchedPage) => until(page, () => globalThis.listening.state === "playing");

/** What the sound card got last. */
const heard = async (page: WatchedPage): Promise<Float32Array> =>
  Float32Array.from(
    await page.evaluate(() => {
      const samples = new Float32Array(globalThis.tap.fftSize);
      globalThis.tap.getFloatTimeDomainData(samples);
      return [...samples];
    }),
  );

/**
 * Looks again until the tone is there, within 1 Hz and 1 dB, with nothing missing for a whole window: on a busy machine
 * something is, now and then.
 */
async function hears(page: WatchedPage, near: number, dbfs: number): Promise<void> {
  let seen: unknown = null;
  for (const end = performance.now() + 2 * STEP_MS; performance.now() < end;) {
    const tone = seen = followTone(await heard(page), near);
    if (Math.abs(tone.hertz - near) < 1 && Math.abs(tone.dbfs - dbfs) < 1 && tone.phaseStep < STEADY) return;
  }
  assert.fail(`no steady ${near} Hz of ${dbfs} dBFS: ${JSON.stringify(seen)}, ${await report(page)}`);
}
const report = (page: WatchedPage): Promise<string> =>
  page.evaluate(() => JSON.stringify([globalThis.states, globalThis.seconds.at(-1)]));

/** A source tone in a fresh mix: −12 dBFS, its fader at 0 in the centre, the master at −12. */
const FRESH_DBFS = -12 - 3.01 - 12;

browserTest("the tone that is sent is the tone that the sound card gets, and the seat's delay is true", async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openBrowser();
  const page = await blank(browser, server.url);
  await page.evaluate(() => delete (Promise as Partial<PromiseConstructor>).withResolvers); // as in a phone of 2022
  const joined = await join(server, { mode: "mix", channels: [10], frameMs: 5 });
  await listen(page, joined);
  await playing(page);
  await hears(page, 1000, FRESH_DBFS);

  await until(page, () => globalThis.seconds.length >= 3 && globalThis.listening.stats.delayMs !== null);
  const status = async () => (await server.call("GET", "/api/v1/status")).body.sessions[0];
  let seen: Any;
  const end = performance.now() + STEP_MS;
  while ((seen = await status()).latency.totalMs === null) assert.ok(performance.now() < end, JSON.stringify(seen));
  const { serverMs, networkMs, clientMs, totalMs, lossPercent, jitterMs } = seen.latency;
  assert.ok(serverMs > 5 && networkMs > 0 && clientMs > 0, JSON.stringify(seen));
  assert.equal(totalMs, serverMs + networkMs + clientMs);
  assert.ok(lossPercent !== null && jitterMs !== null);
  assert.equal(seen.address, "127.0.0.1");
  const { stats, level } = await page.evaluate(() => ({
    stats: globalThis.listening.stats,
    level: globalThis.listening.level,
  }));
  assert.ok(stats.delayMs >= stats.outputMs && stats.bufferMs > 0 && stats.received > 0, JSON.stringify(stats));
  assert.ok(level.left > 0.01 && level.left < 0.2 && level.right > 0.01, JSON.stringify(level));
  assert.deepEqual(page.problems, []);

  await page.evaluate(() => globalThis.listening.stop());
  assert.equal(await page.evaluate(() => globalThis.listening.state), "off");
  while (!(await status()).paused) assert.ok(performance.now() < end + STEP_MS);
  await page.evaluate(() => globalThis.listening.start());
  await playing(page);
});

/**
 * So many seconds in a row without an underrun are waited for: 30 take an idle machine. As many before them don't count: at
 * its start a browser is busy with itself for a quarter of a minute.
 */
const STEADY_SECONDS = Number(Deno.env.get("LISTEN_SECONDS") ?? 2);

programTest("what is heard goes on without an underrun, second after second", BROWSER_CARD_NEEDS, async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openCardBrowser();
  const joined = await join(server, { mode: "mix", channels: [10], frameMs: 2.5 });
  await browser.visit(async (context) => {
    const page = await context.newPage();
    await page.goto(`${server.url}/`);
    await listen(page, joined);
    await page.evaluate((count) =>
      globalThis.listening.addEventListener("stats", () => {
        const last = globalThis.seconds.slice(count).slice(-1 - count), [first] = last;
        const steady = (one: Any, i: number) =>
          one.underruns === first.underruns && (i === 0 || one.received > last[i - 1].received);
        if (globalThis.steady || last.length <= count || !last.every(steady)) return;
        globalThis.steady = last;
        document.title = "steady";
      }), STEADY_SECONDS);
    // A worker that begins while the debugger leaves may wait for it for ever.
    await page.waitForFunction(() => globalThis.seconds.length > 0, undefined, { timeout: 2 * STEP_MS });
  });
  await browser.title("steady", 2 * STEP_MS + 10_000 * STEADY_SECONDS).catch(async (error) => {
    console.log(JSON.stringify(await browser.look(server.url, () => [globalThis.states, globalThis.seconds])));
    throw error;
  });
  const seconds: Any[] = await browser.look(server.url, () => globalThis.steady);
  const delays = seconds.map(({ workletMs }) => workletMs).sort((a, b) => a - b);
  const shown = [delays[delays.length >> 1], delays[0], delays.at(-1)].map((ms) => ms.toFixed(1));
  console.log(
    `${STEADY_SECONDS} s without an underrun; capture → worklet p50 ${shown[0]} ms (${shown[1]}–${shown[2]})`,
  );
  assert.equal(seconds.at(-1).broken, 0);
});

browserTest("after a kill -9 and a new start of the server, sound comes back by itself", async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openBrowser();
  const page = await blank(browser, server.url);
  const joined = await join(server, { mode: "mix", channels: [7], frameMs: 5 });
  await listen(page, joined, true);
  await playing(page);
  await hears(page, 700, FRESH_DBFS);
  page.problems.length = 0;
  await using again = await restartServer(server, joined.media.port, { args: TONES });
  await until(page, () => globalThis.states.includes("lost"));
  await playing(page);
  await hears(page, 700, FRESH_DBFS);
  assert.equal(again.url, server.url);
  assert.ok(
    page.problems.every((problem) => /ERR_|WebSocket|can't be reached/.test(problem)),
    page.problems.join("\n"),
  );
});

browserTest("with 16 channels the page mixes by the seat's faders, groups and solo", async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openBrowser();
  const page = await blank(browser, server.url);
  const joined = await join(server, { mode: "channels", frameMs: 5 }), { seat, token } = joined;
  assert.equal(joined.media.streams, 16);
  const { body: group } = await server.call("POST", "/api/v1/groups", { name: "All", channels: [5, 6] });
  const mix = (patch: Any) => server.call("PATCH", `/api/v1/seats/${seat}/mix`, patch, token);
  await mix({ channels: { 5: { solo: true, pan: -1 } }, master: { gainDb: 0 } });
  await listen(page, joined, true);
  await playing(page);
  // Hard left is all of it on one side; the tap takes the mean of both.
  await hears(page, 500, -12 - 6.02);
  for (const end = performance.now() + STEP_MS; followTone(await heard(page), 600).dbfs > -45;) {
    assert.ok(performance.now() < end, "what isn't soloed is silent");
  }
  await mix({ channels: { 5: { solo: false, mute: true }, 6: { solo: true, gainDb: -6 } } });
  await hears(page, 600, -12 - 3.01 - 6);
  await mix({ groups: { [group.group]: { gainDb: -10 } } });
  await hears(page, 600, -12 - 3.01 - 6 - 10);
  const loud = Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [i + 1, { mute: false, solo: false, gainDb: 10 }]),
  );
  await mix({ channels: loud, groups: null, limiter: { ceilingDb: -6 }, master: { gainDb: 10 } });
  const peak = 10 ** (-6 / 20);
  await until(page, () => globalThis.listening.level.left > 0.3);
  // Until the gains have settled there is no saying how loud; never above the ceiling.
  for (let i = 0; i < 20; i++) {
    const level = await page.evaluate(() => globalThis.listening.level);
    assert.ok(level.left <= peak * 1.001 && level.right <= peak * 1.001, JSON.stringify(level));
  }
});

browserTest("the sound follows what the engineer changes of the session", async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openBrowser();
  for (const live of [true, false]) {
    const page = await blank(browser, server.url);
    const joined = await join(server, { mode: "mix", channels: [10], frameMs: 5 });
    await listen(page, joined, live);
    await playing(page);
    await hears(page, 1000, FRESH_DBFS);
    const patch = (body: Any) => server.call("PATCH", `/api/v1/sessions/${joined.session}`, body);
    await patch({ channels: [4] });
    await hears(page, 400, FRESH_DBFS);
    await patch({ frameMs: 10, redundancy: 1 });
    await hears(page, 400, FRESH_DBFS);
    await patch({ mode: "channels", channels: [3], frameMs: 2.5, redundancy: 0 });
    await hears(page, 300, FRESH_DBFS);
    await patch({ mode: "mix", channels: [8] });
    await hears(page, 800, FRESH_DBFS);
    await server.call("DELETE", `/api/v1/sessions/${joined.session}`);
    await until(page, () => globalThis.listening.state === "ended");
    await page.close();
  }
});

browserTest("of two pages on one session the newer one plays, the older one says so", async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openBrowser();
  const joined = await join(server, { mode: "mix", channels: [10] });
  const first = await blank(browser, server.url), second = await blank(browser, server.url);
  await listen(first, joined);
  await playing(first);
  await listen(second, joined);
  await playing(second);
  await until(first, () => globalThis.listening.state === "taken");
  await hears(second, 1000, FRESH_DBFS);
});

browserTest(
  "over HTTPS with our own certificate a page may listen from anywhere, over HTTP it says what it needs",
  async () => {
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const address = own.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
    await using server = await startServer({ args: [...TONES, "--https", `${address}:0`], address });
    const secure = /https:\S+[^/\s]/.exec(await server.line(/^ {2}secure /))![0];
    await using browser = await openBrowser();
    const joined = await join(server, { mode: "mix", channels: [10] });
    const page = await blank(browser, secure, true);
    assert.equal(await page.evaluate(() => globalThis.crossOriginIsolated), true);
    await listen(page, joined, true);
    await playing(page);
    await hears(page, 1000, FRESH_DBFS);
    assert.equal(await page.evaluate(() => globalThis.listening.problem), null);
    assert.deepEqual(page.problems, []);
    if (address === "127.0.0.1") return;

    const plain = await browser.page(`${server.url}/`, { expected: /Cross-Origin-Opener-Policy/ });
    const why = await plain.evaluate(async () => {
      const { canListen, secureAddress } = await import("/web/listen.js" as string);
      return [canListen(), secureAddress(5443, "token=x")];
    });
    assert.deepEqual(why, ["https", `https://${address}:5443/#token=x`]);
    await listen(plain, joined);
    const { state, problem } = await plain.evaluate(() => ({
      ...globalThis.listening,
      problem: globalThis.listening.problem,
    }));
    assert.equal(state, "failed");
    assert.match(problem, /HTTPS/);
  },
);

browserTest("a page whose token is wrong, or no longer valid, says that it is over", async () => {
  await using server = await startServer({ args: TONES });
  await using browser = await openBrowser();
  const page = await blank(browser, server.url);
  const joined = await join(server, { mode: "mix" });
  await listen(page, { ...joined, token: "nonsense" });
  await until(page, () => globalThis.listening.state === "ended");
});
