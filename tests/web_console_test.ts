/** The engineer's console in Chromium, against a real server: what it shows is what the server says, and the other way. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Any, choose, confirm, drag, fader, houseTests, strip, swipe, until, valueOf } from "./web_desk.ts";

const deskTest = houseTests();

deskTest("the console shows each listener's delay, and its legs", async ({ call, join, console }) => {
  using _ana = await join({ name: "Delay Ana", bufferMs: 2.5, outputMs: 3 });
  using _bo = await join({ name: "Delay Bo", bufferMs: 40, outputMs: 60, lossPercent: 3 });
  const page = await console();
  for (const name of ["Delay Ana", "Delay Bo"]) {
    const card = page.locator(".card", { hasText: name });
    await until(`the delay of ${name}`, async () => {
      const { sessions } = await call("GET", "/status");
      const { totalMs } = sessions.find((session: { name: string }) => session.name === name).latency;
      const shown = parseFloat((await card.locator(".delay").innerText()).replace(/\s/g, ""));
      return Math.abs(shown - totalMs) < 1;
    });
  }
  await page.locator(".card.q-act", { hasText: "Delay Bo" }).waitFor();
  assert.match(await page.locator(".card", { hasText: "Delay Bo" }).innerText(), /Act/);
  const size = await page.locator(".card .delay").first().evaluate((one: Any) =>
    parseFloat((globalThis as Any).getComputedStyle(one).fontSize)
  );
  assert.ok(size >= 45, "to be read from two metres");
  await page.hover(".card-pick");
  const legs = await page.locator("[role=tooltip] tbody tr").allInnerTexts();
  assert.deepEqual(legs.map((line) => line.split(/\s/)[0]), ["Server", "Network", "Phone", "Total"]);
  assert.ok(legs.every((line) => /\d/.test(line)));
  assert.deepEqual(page.problems, []);
});

deskTest(
  "name, colour, trim, mute, link and hiding of an input reach the server and the other console",
  async ({ call, console }) => {
    const [page, other] = [await console(), await console()];
    await page.click(".strip[data-channel='3'] .name");
    await page.fill(".editor input", "Hi-hat");
    await page.click(".swatch[aria-label=green]");
    await page.click(".editor .main");
    await fader(page, 3).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowDown");
    await strip(page, 3).locator(".mute").click();
    await strip(page, 3).getByRole("button", { name: /^Hide/ }).click();
    await strip(page, 5).getByRole("button", { name: /^Link/ }).click();
    const wanted = {
      channel: 3,
      name: "Hi-hat",
      colour: "#57ab5a",
      trimDb: -1.5,
      mute: true,
      link: false,
      hidden: true,
    };
    await until("the server's strip", async () => {
      const channels = await call("GET", "/channels");
      assert.deepEqual(channels[2], wanted);
      return channels[4].link;
    });
    await until("the other console's strip", async () => {
      assert.match(await strip(other, 3).locator(".name").innerText(), /Hi-hat/);
      assert.equal(await strip(other, 3).locator(".mute").getAttribute("aria-pressed"), "true");
      assert.equal(await strip(other, 5).locator(".link").getAttribute("aria-pressed"), "true");
      return await valueOf(fader(other, 3)) === -1.5;
    });
    // A linked pair has one trim.
    await fader(page, 5).focus();
    await page.keyboard.press("PageUp");
    await until("the pair", async () => await valueOf(fader(page, 6)) === 3 && await valueOf(fader(other, 6)) === 3);
    await call("PATCH", "/channels/5", { link: false, trimDb: 0 });
    await until("what the server changed", async () => await valueOf(fader(page, 5)) === 0);
    assert.deepEqual([...page.problems, ...other.problems], []);
  },
);

deskTest(
  "a fader moves the server's mix by mouse, by touch and by keys, and two consoles agree",
  async ({ call, console, seat }) => {
    const id = await seat("Faders");
    const gain = async (channel: number) => (await call("GET", `/seats/${id}/mix`)).channels[channel].gainDb;
    const [page, other] = [await console(), await console({ width: 800, height: 1000, touch: true })];
    await choose(page, id);
    await choose(other, id);
    await drag(page, fader(page, 1), 0, 60);
    await until("the mouse's move", async () => await gain(1) < -3 && await gain(1) === await valueOf(fader(page, 1)));
    await until("the same elsewhere", async () => await valueOf(fader(other, 1)) === await gain(1));
    await fader(other, 2).scrollIntoViewIfNeeded();
    await swipe(other, fader(other, 2), 0, 60);
    await until("the finger's move", async () => await gain(2) < -3 && await gain(2) === await valueOf(fader(page, 2)));
    await swipe(other, fader(other, 3), 0, 3);
    await fader(page, 4).focus();
    for (const key of ["ArrowDown", "ArrowDown", "PageDown", "ArrowUp"]) await page.keyboard.press(key);
    await until("the keys' move", async () => await gain(4) === -3.5 && await valueOf(fader(other, 4)) === -3.5);
    const says = (text: string) =>
      until(text, async () => await fader(page, 4).getAttribute("aria-valuetext") === text);
    await says("−3.5 dB");
    await fader(page, 8).evaluate((slider: Any) => {
      const { KeyboardEvent } = globalThis as Any;
      for (const key of ["PageDown", "PageDown", "ArrowUp", "ArrowUp", "ArrowDown"]) {
        slider.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      }
    });
    await until("keys that are faster than the drawing", async () => await gain(8) === -5.5);
    assert.equal(await gain(3), 0, "a finger that only trembles moves nothing");
    await page.keyboard.press("Home");
    await until("off", async () => await gain(4) === -120);
    await says("off");
    await page.keyboard.press("End");
    await until("the top", async () => await gain(4) === 10);
    await page.keyboard.press("Delete");
    await until("fresh", async () => await gain(4) === 0);
    await drag(page, fader(page, 4), 0, 40);
    await fader(page, 4).dblclick();
    await until("fresh by a double click", async () => await gain(4) === 0);
    // A browser makes a double click of two short moves, too.
    const { x, y } = (await fader(page, 4).boundingBox())!;
    for (const clickCount of [1, 2]) {
      const before = await gain(4);
      await page.mouse.move(x + 10, y + 40);
      await page.mouse.down({ clickCount });
      await page.mouse.move(x + 10, y + 60);
      await page.mouse.up({ clickCount });
      await until("the move", async () => await gain(4) < before && await gain(4) === await valueOf(fader(page, 4)));
    }
    await strip(page, 4).locator(".strip-pan [role=slider]").focus();
    await page.keyboard.press("PageDown");
    await strip(page, 4).locator(".solo").click();
    await until("pan and solo", async () => {
      const { pan, solo } = (await call("GET", `/seats/${id}/mix`)).channels[4];
      return pan === -0.25 && solo && await strip(other, 4).locator(".solo").getAttribute("aria-pressed") === "true";
    });
    await drag(page, page.locator(".master .strip-body [role=slider]"), 0, 30);
    await until("the master", async () => (await call("GET", `/seats/${id}/mix`)).master.gainDb < -12);
    assert.deepEqual([...page.problems, ...other.problems], []);
  },
);

deskTest("a fader that somebody else moves while it is held goes on from there", async ({ call, console, seat }) => {
  const id = await seat("Held"), page = await console();
  const gain = async () => (await call("GET", `/seats/${id}/mix`)).channels[1].gainDb;
  await choose(page, id);
  const box = await fader(page, 1).boundingBox();
  assert.ok(box);
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y + 3);
  await until("its first move", async () => await gain() < 0);
  await call("PATCH", `/seats/${id}/mix`, { channels: { 1: { gainDb: -40 } } });
  await until("somebody else's", async () => await valueOf(fader(page, 1)) === -40);
  await page.mouse.move(x, y + 1);
  await until("its next move", async () => await gain() > -40);
  await page.mouse.up();
  const last = await gain();
  assert.ok(last > -40 && last < -30, `${last} dB`);
  assert.deepEqual(page.problems, []);
});

deskTest("a whole drag is one step of undo", async ({ call, console, seat }) => {
  const id = await seat("Undone");
  const page = await console();
  await choose(page, id);
  await drag(page, fader(page, 1), 0, 80);
  const gain = async () => (await call("GET", `/seats/${id}/mix`)).channels[1].gainDb;
  await until("the drag", async () => await gain() < -6);
  await page.getByRole("button", { name: "Undo the last change of Undone" }).click();
  await until("undone", async () => await gain() === 0 && await valueOf(fader(page, 1)) === 0);
  await page.getByRole("button", { name: "Undo the last change of Undone" }).click();
  await page.locator(".notice.bad").waitFor();
  // The browser says it too.
  assert.ok(page.problems.every((problem) => problem.includes("409")), page.problems.join());
});

deskTest(
  "a recalled scene moves the faders, and a file brings it back after it was deleted",
  async ({ call, console, seat }) => {
    const id = await seat("Scenes");
    await call("PATCH", `/seats/${id}/mix`, { channels: { 7: { gainDb: -20 } } });
    const page = await console();
    await choose(page, id);
    await page.click("#tab-scenes");
    await page.fill("[aria-label='Name of the new scene']", "Quiet");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Recall Quiet" }).waitFor();
    await call("PATCH", `/seats/${id}/mix`, { channels: { 7: { gainDb: 3 } } });
    await until("the change", async () => await valueOf(fader(page, 7)) === 3);
    await page.selectOption("label:has-text('Fade') select", "0");
    await page.getByRole("button", { name: "Recall Quiet" }).click();
    await until("the recall", async () => await valueOf(fader(page, 7)) === -20);
    await page.getByRole("button", { name: "More for Quiet" }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export Quiet to a file" }).click();
    const file = await (await download).path();
    await page.getByRole("button", { name: "Rename Quiet" }).click();
    await page.locator("[data-scene] input").fill("Very quiet");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Recall Very quiet" }).waitFor();
    const remove = page.getByRole("button", { name: "Delete Very quiet" });
    await confirm(remove);
    await until("deleted", async () => (await call("GET", "/scenes")).length === 0);
    await page.setInputFiles("input[type=file]", file);
    await page.getByRole("button", { name: "Recall Quiet" }).waitFor();
    await page.setInputFiles("input[type=file]", {
      name: "song.json",
      mimeType: "application/json",
      buffer: Buffer.from("no"),
    });
    await page.locator(".notice.bad", { hasText: "song.json" }).waitFor();
    assert.deepEqual(page.problems, []);
  },
);

deskTest("what can't be taken back asks once, and a double click is one press", async ({ call, console, seat }) => {
  const id = await seat("Doomed");
  const exists = async () => (await call("GET", "/seats")).some((one: { seat: string }) => one.seat === id);
  const page = await console();
  await choose(page, id);
  const remove = page.getByRole("button", { name: "Delete Doomed" });
  await remove.dblclick();
  assert.match(await remove.innerText(), /Sure\?/);
  await page.keyboard.press("Escape");
  assert.equal(await remove.innerText(), "Delete");
  await remove.click();
  await fader(page, 1).focus();
  assert.equal(await remove.innerText(), "Delete", "who does something else didn't mean it");
  assert.ok(await exists());
  await confirm(remove);
  await until("gone", async () => !(await exists()));
  await page.waitForSelector(".strips:not(.of-seat)");
  assert.deepEqual(page.problems, []);
});
