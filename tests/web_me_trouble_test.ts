/** The musician's page in a real browser when something is wrong: it says what, says what to do, and comes back. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { browserTest, openBrowser, type WatchedPage } from "./browser.ts";
import { assertQuiet, drag, fader, joinMe, muteKey, openMe, showsValue, until, violations } from "./me_page.ts";
import { JOIN_CODE, restartServer, type Server, startServer } from "./server.ts";

const SOURCE = ["--source", "tones", "--channels", "4"];
const tones = (args: string[] = []) => startServer({ args: [...SOURCE, ...args] });
/** Chromium's own words about an answer that the test brings about. */
const refusedWith = (status: number) => new RegExp(`${status}`);
const isOffline = async (page: WatchedPage) => {
  await page.locator(".offline-notice").waitFor();
  await page.locator('[data-quality="act"]').getByText("Offline").waitFor();
  assert.equal(await fader(page, 1).getAttribute("aria-disabled"), "true");
  assert.ok(await muteKey(page, 1).isDisabled());
};
const isBack = async (page: WatchedPage) => {
  await page.locator(".offline-notice").waitFor({ state: "detached" });
  assert.equal(await fader(page, 1).getAttribute("aria-disabled"), null);
};
const sessionsOf = async (server: Server): Promise<string[]> =>
  (await server.call("GET", "/api/v1/sessions")).body.map(({ session }: { session: string }) => session);

browserTest("it asks for a name once, keeps device and session over a reload, and leaves for good", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const page = await openMe(browser, server, `#join=${JOIN_CODE.toLowerCase()}`);
  await page.locator(".door-form button.main").tap();
  await page.getByRole("alert").getByText("Type your name").waitFor();
  await page.fill("#name", "  Ana\u0007 María ");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Ana María" }).waitFor();
  const [first] = (await server.call("GET", "/api/v1/sessions")).body,
    { device } = await sessionOf(server, first.session);
  assert.match(device, /^[A-Za-z0-9._-]{16,64}$/);
  await page.reload();
  await page.waitForSelector(".strip");
  assert.deepEqual(await sessionsOf(server), [first.session]);
  const second = await openMe(browser, server, `#join=${JOIN_CODE}`, { context: page.context() });
  await second.waitForSelector(".strip");
  assert.deepEqual(await sessionsOf(server), [first.session]);

  await page.bringToFront();
  const leave = page.locator(".foot-keys .danger");
  await until(
    async () => {
      await leave.tap({ timeout: 1000 }).catch(() => {});
      return await page.locator("#code").count();
    },
    (count) => count === 1,
    "leaving",
  );
  assert.deepEqual(await sessionsOf(server), []);
  assert.equal(await page.inputValue("#code"), "");
  assert.equal(await page.inputValue("#name"), "Ana María");
  await second.bringToFront();
  await second.getByText("This mix is no longer open here").waitFor();
  assertQuiet(page, second);
});

const sessionOf = async (server: Server, session: string) =>
  (await server.call("GET", `/api/v1/sessions/${session}`)).body;

browserTest(
  "a server that hangs or is killed: the page says so, shows nothing of its own, comes back",
  async () => {
    await using server = await tones();
    await using browser = await openBrowser();
    const page = await joinMe(browser, server, JOIN_CODE, "Ana", { expected: /ERR_CONNECTION|WebSocket connection/ });
    await fader(page, 2).press("PageDown");
    const [{ seat }] = (await server.call("GET", "/api/v1/seats")).body;
    const saved = () => server.call("GET", `/api/v1/seats/${seat}/mix`).then(({ body }) => body.channels[2].gainDb);
    await until(saved, (gain) => gain === -3, "the server's fader");

    server.process.kill("SIGSTOP");
    try {
      await isOffline(page);
      await drag(page, fader(page, 2), -60);
      await showsValue(fader(page, 2), -3);
    } finally {
      server.process.kill("SIGCONT");
    }
    await isBack(page);
    await showsValue(fader(page, 2), -3);

    const mediaPort = (await sessionOf(server, (await sessionsOf(server))[0])).media.port;
    // On disk within a second: what the page shows after the restart is the server's.
    await until(
      () => readFileSync(`${server.stateDir}/state.json`, "utf8"),
      (text) => /"gainDb": ?-3\b/.test(text),
      "on disk",
    );
    const offline = isOffline(page);
    await using again = await restartServer(server, mediaPort, { args: SOURCE });
    await offline;
    await isBack(page);
    await showsValue(fader(page, 2), -3);
    await fader(page, 2).press("PageUp");
    await until(
      () => again.call("GET", `/api/v1/seats/${seat}/mix`).then(({ body }) => body.channels[2].gainDb),
      (gain) => gain === 0,
      "the new server's fader",
    );
    assertQuiet(page);
  },
);

browserTest("a phone whose server came back without knowing it joins again by itself", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const page = await joinMe(browser, server, JOIN_CODE, "Ana", { expected: /ERR_CONNECTION|WebSocket connection|401/ });
  const [before] = await sessionsOf(server), { host } = new URL(server.url);
  server.process.kill("SIGKILL");
  await server.process.status;
  await isOffline(page);
  await using again = await startServer({ args: ["--http", host, ...SOURCE] });
  await isBack(page);
  const after = await sessionsOf(again);
  assert.equal(after.length, 1);
  assert.notEqual(after[0], before);
  assertQuiet(page);
});

browserTest("a locked mix is read, not moved", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const page = await joinMe(browser, server, JOIN_CODE, "Ana", { locale: "es" });
  const [{ seat }] = (await server.call("GET", "/api/v1/seats")).body;
  await server.call("PATCH", `/api/v1/seats/${seat}`, { locked: true });
  await page.getByText("Bloqueada.").waitFor();
  assert.equal(await fader(page, 1).getAttribute("aria-disabled"), "true");
  assert.equal(await fader(page, 1).getAttribute("aria-valuetext"), "0 dB");
  await drag(page, fader(page, 1), -60);
  await server.call("PATCH", `/api/v1/seats/${seat}/mix`, { channels: { 1: { gainDb: -7.5 } } });
  await showsValue(fader(page, 1), -7.5);
  assert.deepEqual(await violations(page), []);
  await server.call("PATCH", `/api/v1/seats/${seat}`, { locked: false });
  await page.getByText("Bloqueada.").waitFor({ state: "detached" });
  await fader(page, 1).press("PageUp");
  await showsValue(fader(page, 1), -4.5);
  assertQuiet(page);
});

browserTest("a withdrawn invite says so, and the new one opens the same seat", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const { seat, invite } = (await server.call("POST", "/api/v1/seats", { name: "Drums" })).body;
  const fresh = (await server.call("POST", `/api/v1/seats/${seat}/invite`)).body.invite;
  const page = await openMe(browser, server, `#join=${invite}`, { expected: refusedWith(401) });
  await page.fill("#name", "Bo");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText(`The code ${invite} isn't valid here`).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.fill("#code", `${server.url}/me#join=${fresh}`);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Drums" }).waitFor();
  assert.ok(page.url().endsWith(`#join=${fresh}`));
  assertQuiet(page);
});

browserTest("who reads an invite's code is seated and not asked who it is; who has said a name keeps it", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const { invite } = (await server.call("POST", "/api/v1/seats", { name: "Drums" })).body;
  const page = await openMe(browser, server, `#join=${invite}&name=Drums`);
  await page.getByRole("heading", { name: "Drums" }).waitFor();
  assert.ok(page.url().endsWith(`#join=${invite}`));
  const other = await joinMe(browser, server, JOIN_CODE, "Bo");
  await other.goto(`${server.url}/me#join=${JOIN_CODE}&name=Somebody`);
  await other.reload();
  await other.getByRole("heading", { name: "Bo" }).waitFor();
  assertQuiet(page);
  assertQuiet(other);
});

browserTest(
  "when another phone takes the place, the page says so and doesn't fight; one press takes it back",
  async () => {
    await using server = await tones();
    await using browser = await openBrowser();
    const { invite } = (await server.call("POST", "/api/v1/seats", { name: "Drums" })).body;
    const first = await joinMe(browser, server, invite, "Bo");
    const second = await joinMe(browser, server, invite, "Cleo");
    await first.getByRole("alert").getByText("Another phone has taken your place").waitFor();
    assert.deepEqual(await violations(first), []);
    await first.getByRole("button", { name: "Open my mix again" }).tap();
    await first.waitForSelector(".strip");
    await second.getByRole("alert").getByText("Another phone has taken your place").waitFor();
    assertQuiet(first, second);
  },
);

browserTest("when an app joins anew, the page that it opened says where to get the new address", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const { body } = await server.join({ mode: "mix" });
  const page = await openMe(browser, server, `#token=${body.token}`);
  await page.waitForSelector(".strip");
  await server.join({ mode: "mix" });
  await page.getByRole("alert").getByText("Open the page again from the app").waitFor();
  const wrong = await openMe(browser, server, `#token=${JOIN_CODE}`);
  await wrong.getByRole("alert").getByText("Open the page again from the app").waitFor();
  assertQuiet(page, wrong);
});

browserTest("a full house: the page says so, counts down, and is let in when a place is free", async () => {
  await using server = await tones(["--max-clients", "1"]);
  await using browser = await openBrowser();
  const { body } = await server.join({ mode: "mix" });
  const page = await openMe(browser, server, `#join=${JOIN_CODE}`, { expected: refusedWith(503) });
  await page.fill("#name", "Bo");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("All places are taken").waitFor();
  assert.match(await page.locator("[data-countdown]").getAttribute("data-countdown") ?? "", /^\d+$/);
  await server.call("DELETE", `/api/v1/sessions/${body.session}`);
  await page.waitForSelector(".strip");
  assertQuiet(page);
});

browserTest("held off after wrong codes: the page counts the seconds down", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  for (let i = 0; i < 10; i++) await server.call("POST", "/api/v1/sessions", {}, `WRONG${i}`);
  const page = await openMe(browser, server, `#join=${JOIN_CODE}`, { expected: refusedWith(429), locale: "es" });
  await page.fill("#name", "Bo");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("demasiados códigos erróneos").waitFor();
  const left = () => page.locator("[data-countdown]").getAttribute("data-countdown").then(Number);
  const first = await left();
  assert.ok(first > 0 && first <= 60, `${first} s`);
  await until(left, (now) => now < first, "the countdown");
  assertQuiet(page);
});

browserTest("the button plays this phone's mix, and stops it", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const page = await joinMe(browser, server, JOIN_CODE, "Ana");
  const [session] = await sessionsOf(server), paused = async () => (await sessionOf(server, session)).paused;
  await page.getByText("No sound on this phone").waitFor();
  await page.getByRole("button", { name: "Listen" }).tap();
  await until(paused, (is) => !is, "the sound");
  await page.locator(".line").getByText(/\d+ ms/).waitFor();
  await page.getByRole("button", { name: "Stop" }).tap();
  await until(paused, (is) => is, "the end of the sound");
  await page.getByText("No sound on this phone").waitFor();
  assertQuiet(page);
});

browserTest(
  "where the page can't play it says what to open, and the page over HTTPS has the same session",
  async () => {
    await using server = await tones(["--https", "127.0.0.1:0"]);
    await using browser = await openBrowser(["--host-resolver-rules=MAP foldback.local 127.0.0.1"]);
    const { port } = new URL(server.url), url = `http://foldback.local:${port}/me#join=${JOIN_CODE}`;
    const phone = { width: 390, height: 844, touch: true, insecure: true };
    const page = await browser.page(url, { ...phone, expected: /untrustworthy/ });
    await page.fill("#name", "Ana");
    await page.keyboard.press("Enter");
    await page.getByText("No sound on this phone").waitFor();
    const near = page.locator(".cannot-play").getByRole("link");
    const nearAddress = await near.getAttribute("href");
    await page.getByRole("button", { name: "Listen" }).tap();
    const link = page.getByRole("dialog").getByRole("link");
    assert.deepEqual(await violations(page), []);
    const address = await link.getAttribute("href") ?? "";
    assert.match(address, /^https:\/\/foldback\.local:\d+\/me#join=/);
    assert.equal(nearAddress, address);
    const before = await sessionsOf(server);
    const safe = await browser.page(address, phone);
    await safe.getByRole("button", { name: "Listen" }).waitFor();
    assert.ok(!/token|device/.test(safe.url()), safe.url());
    await safe.getByRole("heading", { name: "Ana" }).waitFor();
    assert.deepEqual(await sessionsOf(server), before);
    assertQuiet(page, safe);
  },
);

browserTest("where the page can't play and the server has no HTTPS, it says what to start it with", async () => {
  await using server = await tones();
  await using browser = await openBrowser(["--host-resolver-rules=MAP foldback.local 127.0.0.1"]);
  const { port } = new URL(server.url), url = `http://foldback.local:${port}/me#join=${JOIN_CODE}`;
  const phone = { width: 390, height: 844, touch: true, locale: "es", expected: /untrustworthy/ };
  const page = await browser.page(url, phone);
  await page.fill("#name", "Ana");
  await page.keyboard.press("Enter");
  const why = page.locator(".cannot-play");
  await why.getByText("--https 5443").waitFor();
  assert.match(await why.innerText(), /^Los navegadores solo reproducen sonido por HTTPS/);
  assert.equal(await why.getByRole("link").count(), 0);
  assert.deepEqual(await violations(page), []);
  assertQuiet(page);
});
