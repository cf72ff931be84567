/** The console's edges in Chromium: keys, being offline, languages, keyboards, screen readers, small screens, listening. */
import assert from "node:assert/strict";
import { ENGINEER, fakeHouse } from "./control_fake.ts";
import { ENGINEER_KEY, restartServer, startServer } from "./server.ts";
import { type Any, choose, confirm, fader, houseTests, until, valueOf, violations } from "./web_desk.ts";

const deskTest = houseTests();

deskTest("a wrong key, or none, opens a form that says what to do; the right one opens the console", async (house) => {
  const page = await house.browser.page(house.url, { expected: /401/ });
  await page.getByRole("button", { name: "Open the console" }).click();
  assert.match(await page.getByRole("alert").innerText(), /first/);
  await page.fill("#key", "no-such-key-of-an-engineer-at-all");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "This key is wrong" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.fill("#key", `${house.url}/#key=${ENGINEER_KEY}`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".strip");
  assert.equal(await page.evaluate("location.href"), `${house.url}/`, "the address bar doesn't show the key");
  await page.reload();
  await page.waitForSelector(".strip");
  assert.equal(await page.evaluate("JSON.stringify(localStorage).includes('engineer-key')"), false);
  assert.deepEqual(page.problems, []);
});

deskTest("a key in the address is taken out of it, also when it is pasted into an open page", async (house) => {
  const page = await house.console();
  assert.equal(await page.evaluate("location.href"), `${house.url}/`);
  await page.evaluate("sessionStorage.clear()");
  await page.reload();
  await page.waitForSelector("#key");
  await page.goto(`${house.url}/#key=${ENGINEER_KEY}`);
  await page.waitForSelector(".strip");
  assert.equal(await page.evaluate("location.href"), `${house.url}/`);
  assert.deepEqual(page.problems, []);
});

deskTest("a page that was opened behind others, with a wrong key, asks for the key", async (house) => {
  const context = await house.browser.browser.newContext({ locale: "en" });
  // It gets no frames.
  await context.addInitScript(() => {
    const page = globalThis as Any;
    Object.defineProperty(page.document, "hidden", { get: () => true });
    page.requestAnimationFrame = () => 0;
  });
  const page = await house.browser.page(`${house.url}/#key=no-such-key-of-an-engineer-at-all`, { context });
  await page.waitForSelector("#key");
});

deskTest("everything can be done with the keyboard", async (house) => {
  const id = await house.seat("Keys only"), page = await house.console();
  const reach = async (what: string) =>
    await until(what, async () => {
      await page.keyboard.press("Tab");
      return await page.evaluate(`document.activeElement?.matches(${JSON.stringify(what)})`);
    });
  await reach(`[data-seat="${id}"]`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".strips.of-seat");
  await reach('.strip[data-channel="2"] .strip-body [role=slider]');
  const focused = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
  assert.notEqual(focused, "none", "the focus is seen");
  await page.keyboard.press("ArrowDown");
  await reach('.strip[data-channel="2"] .mute');
  await page.keyboard.press("Space");
  await until("fader and mute", async () => {
    const { gainDb, mute } = (await house.call("GET", `/seats/${id}/mix`)).channels[2];
    return gainDb === -0.5 && mute;
  });
  await reach("[role=tab]");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
  await page.waitForSelector(".workers");
  await reach(".head .main");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Shift+Tab");
  assert.ok(await page.evaluate("document.querySelector('.overlay').contains(document.activeElement)"));
  await page.keyboard.press("Escape");
  await until("the focus is back", () => page.evaluate("document.activeElement.matches('.head .main')"));
  assert.deepEqual(page.problems, []);
});

for (const locale of ["en", "es"]) {
  deskTest(`axe finds nothing serious in the console, its panels and overlays (${locale})`, async (house) => {
    await house.call("POST", "/groups", { name: "Drums", channels: [1, 2] });
    await house.call("POST", "/scenes", { name: "Ballad" });
    const id = await house.seat("Looked at");
    using _listener = await house.join({ name: "Heard" });
    const page = await house.console({ locale });
    assert.deepEqual(await violations(page), [], "inputs");
    await choose(page, id);
    assert.deepEqual(await violations(page), [], "mix");
    for (const tab of ["delay", "groups", "scenes", "system"]) {
      await page.click(`#tab-${tab}`);
      assert.deepEqual(await violations(page), [], tab);
    }
    await page.click(".strip[data-channel='3'] .name");
    assert.deepEqual(await violations(page), [], "name and colour");
    await page.keyboard.press("Escape");
    await page.locator(".card-pick").last().hover();
    assert.deepEqual(await violations(page), [], "legs");
    await page.click(".head .main");
    assert.deepEqual(await violations(page), [], "join");
    await page.keyboard.press("Escape");
    await page.click("#tab-delay");
    await page.locator(".dock .block button").first().click();
    assert.deepEqual(await violations(page), [], "graph");
    assert.deepEqual(page.problems, []);
  });
}

deskTest("the language is the browser's until it is switched, and then stays", async (house) => {
  const page = await house.console({ locale: "es-MX" });
  assert.equal(await page.locator(".strips-head h2").innerText(), "Entradas");
  assert.equal(await page.evaluate("document.documentElement.lang"), "es");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("heading", { name: "Inputs" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Inputs" }).waitFor();
  const french = await house.console({ locale: "fr" });
  assert.equal(await french.locator(".strips-head h2").innerText(), "Inputs");
  assert.deepEqual([...page.problems, ...french.problems], []);
});

deskTest("no width makes the page wider than the screen", async (house) => {
  const id = await house.seat("A name as long as names of musicians on real stages are");
  for (const width of [320, 480, 768, 1024, 2200]) {
    const page = await house.console({ width, height: 800 });
    await choose(page, id);
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    assert.deepEqual(page.problems, []);
  }
});

deskTest("Listen makes the engineer's own session with the seat's cue, and ends it", async (house) => {
  using ana = await house.join({ name: "Cued" });
  const page = await house.console();
  const cued = async () =>
    (await house.call("GET", "/sessions")).filter(({ cue }: Any) => cue === ana.joined.seat).length;
  await choose(page, ana.joined.seat);
  const listen = page.getByRole("button", { name: "Listen here" });
  await listen.click();
  await until("the cue", async () => await cued() === 1);
  assert.equal(await page.locator(".card", { hasText: "Engineer" }).count(), 0, "it is no listener of the stage");
  await page.getByRole("slider", { name: "Volume here" }).focus();
  await page.keyboard.press("PageDown");
  await until("the volume", async () => await valueOf(page.getByRole("slider", { name: "Volume here" })) === 0.8);
  await page.getByRole("button", { name: "Stop listening" }).click();
  await until("its end", async () => await cued() === 0);
  await listen.waitFor();
  assert.deepEqual(page.problems, []);
});

deskTest("listening ends with the seat that is listened to", async (house) => {
  const id = await house.seat("Going"), page = await house.console();
  await choose(page, id);
  await page.getByRole("button", { name: "Listen here" }).click();
  const cued = async () => (await house.call("GET", "/sessions")).some(({ cue }: Any) => cue === id);
  await until("the cue", cued);
  await house.call("DELETE", `/seats/${id}`);
  await until(
    "its end",
    async () => !(await house.call("GET", "/sessions")).some(({ device }: Any) => device?.startsWith("console-cue-")),
  );
  assert.deepEqual(page.problems, []);
});

deskTest("a key of any signs opens the console by its address", async (house) => {
  const engineerKey = "a+b/c=d?of-more-than-22-characters";
  await using control = await fakeHouse({ options: { engineerKey } });
  const url = `http://127.0.0.1:${control.port}/`;
  const page = await house.browser.page(`${url}#key=${encodeURIComponent(engineerKey)}`);
  await page.waitForSelector(".strip");
  await page.evaluate("sessionStorage.clear()");
  await page.goto(url);
  for (const typed of [engineerKey, `${url}#key=${engineerKey}`, `${url}#key=${encodeURIComponent(engineerKey)}`]) {
    await page.reload();
    await page.fill("#key", typed);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".strip");
    await page.evaluate("sessionStorage.clear()");
  }
  assert.deepEqual(page.problems, []);
});

deskTest("a refused change is explained, and isn't shown as made", async (house) => {
  const id = await house.seat("Limited"), page = await house.console();
  await choose(page, id);
  await page.route(
    "**/api/v1/seats/*",
    (route) => route.fulfill({ status: 503, body: "{}", contentType: "application/json" }),
  );
  await page.getByRole("button", { name: "Lock", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "Full or busy" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Lock", exact: true }).getAttribute("aria-pressed"), "false");
  assert.ok(page.problems.every((problem) => problem.includes("503")), page.problems.join());
});

deskTest("offline, faders wait and say so; after a restart the page goes on with the server's state", async (house) => {
  const before = await startServer({ args: ["--source", "tones"] });
  await using _before = before;
  const page = await house.browser.page(`${before.url}/#key=${ENGINEER_KEY}`, { expected: /./ });
  await page.waitForSelector(".strip");
  await fader(page, 1).focus();
  await page.keyboard.press("ArrowUp");
  await until("the trim", async () => (await before.call("GET", "/api/v1/channels")).body[0].trimDb === 0.5);
  const port = Number(/UDP (\d+)/.exec(await before.line(/UDP \d+/))![1]);
  before.process.kill("SIGSTOP");
  await page.getByRole("alert").filter({ hasText: "Offline" }).waitFor();
  assert.equal(await fader(page, 1).getAttribute("aria-disabled"), "true");
  await fader(page, 1).click({ force: true });
  await page.keyboard.press("ArrowUp");
  assert.equal(await valueOf(fader(page, 1)), 0.5, "no position that the server doesn't have");
  await using after = await restartServer(before, port, { args: ["--source", "tones"] });
  await page.waitForSelector(".line-state.q-fine");
  await until("faders that move", async () => await fader(page, 1).getAttribute("aria-disabled") === null);
  assert.equal(await valueOf(fader(page, 1)), (await after.call("GET", "/api/v1/channels")).body[0].trimDb);
  await after.call("PATCH", "/api/v1/channels/1", { trimDb: -6 });
  await until("news", async () => await valueOf(fader(page, 1)) === -6);
});

deskTest(
  "a new engineer key shuts out the other consoles, which say so, and not the one that made it",
  async (house) => {
    // A key that was given by a flag can't be renewed: this server has made its own.
    await using control = await fakeHouse({ timers: true });
    const open = async () => {
      const page = await house.browser.page(`http://127.0.0.1:${control.port}/#key=${ENGINEER}`, { expected: /401/ });
      await page.waitForSelector(".strip");
      return page;
    };
    const [page, other] = [await open(), await open()];
    await page.click("#tab-system");
    await confirm(page.getByRole("button", { name: "New engineer key" }));
    await other.getByRole("alert").filter({ hasText: "was changed" }).waitFor();
    const notice = page.locator(".notice", { hasText: "#key=" });
    await notice.waitFor();
    const fresh = /#key=(\S+)/.exec(await notice.innerText())![1];
    assert.notEqual(fresh, ENGINEER);
    await page.waitForSelector(".strip");
    await fader(page, 1).focus();
    await page.keyboard.press("PageUp");
    await until("it still moves", async () => {
      const { json } = await control.call("GET", "/api/v1/channels", { secret: fresh });
      return json[0].trimDb === 3;
    });
    assert.deepEqual([...page.problems, ...other.problems], []);
  },
);
