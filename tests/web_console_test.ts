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
    assert.equal(await fader(page, 4).getAttribute("aria-valuetext"), "−3.5 dB");
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
    assert.equal(await fader(page, 4).getAttribute("aria-valuetext"), "off");
    await page.keyboard.press("End");
    await until("the top", async () => await gain(4) === 10);
    await page.keyboard.press("Delete");
    await until("fresh", async () => await gain(4) === 0);
    await drag(page, fader(page, 4), 0, 40);
    await fader(page, 4).dblclick();
    await until("fresh by a double click", async () => await gain(4) === 0);
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

deskTest("groups are made, fill a fader in each mix, and go", async ({ call, console, seat }) => {
  const id = await seat("Grouped"), page = await console();
  await choose(page, id);
  await page.click("#tab-groups");
  await page.fill("[aria-label='Name of the new group']", "Winds");
  for (const channel of [9, 10]) await page.locator("form .tick", { hasText: new RegExp(`^${channel} `) }).click();
  // Who presses Enter and then the button, before the server has answered, wants one group.
  const pressed = Promise.withResolvers<void>();
  await page.route("**/api/v1/groups", async (route) => {
    await pressed.promise;
    await route.continue();
  });
  await page.keyboard.press("Enter");
  await page.locator("form").getByRole("button", { name: "Add" }).click();
  pressed.resolve();
  const group = page.locator(".strip.group");
  await group.waitFor();
  const groups = await call("GET", "/groups"), [made] = groups;
  assert.deepEqual([groups.length, made.name, made.channels], [1, "Winds", [9, 10]]);
  await group.locator("[role=slider]").focus();
  await page.keyboard.press("PageDown");
  await group.locator(".mute").click();
  await until("the group's fader", async () => {
    const { gainDb, mute } = (await call("GET", `/seats/${id}/mix`)).groups[made.group];
    return gainDb === -3 && mute;
  });
  await confirm(page.getByRole("button", { name: "Delete Winds" }));
  await group.waitFor({ state: "detached" });
  assert.deepEqual(await call("GET", "/groups"), []);
  assert.deepEqual(page.problems, []);
});

deskTest(
  "a seat's lock, limits, channels, copies and phone are the server's",
  async ({ call, console, seat, join }) => {
    const id = await seat("Ruled"), twin = await seat("Twin");
    using guest = await join({ name: "Guest" });
    await call("PATCH", `/seats/${id}/mix`, { channels: { 2: { gainDb: -9 } } });
    const page = await console();
    await choose(page, id);
    await page.getByRole("button", { name: "Lock", exact: true }).click();
    await page.getByRole("button", { name: "Recall safe" }).click();
    await page.getByRole("slider", { name: "Highest gain" }).focus();
    await page.keyboard.press("PageDown");
    await page.getByRole("slider", { name: "Limiter ceiling" }).focus();
    await page.keyboard.press("PageDown");
    await until("the rules", async () => {
      const { locked, recallSafe, maxGainDb, mix } = await call("GET", `/seats/${id}`);
      return locked && recallSafe && maxGainDb === 7 && mix.limiter.ceilingDb === -4;
    });
    await until("the fader's top", async () => await fader(page, 1).getAttribute("aria-valuemax") === "7");
    await page.getByRole("button", { name: "Copy mix to…" }).click();
    await page.locator(".picker .tick", { hasText: "Twin" }).click();
    await page.getByRole("button", { name: "Copy to 1" }).click();
    await until("the copy", async () => (await call("GET", `/seats/${twin}/mix`)).channels[2].gainDb === -9);
    await page.getByRole("button", { name: "May hear…" }).click();
    await page.getByRole("button", { name: "Every channel" }).click();
    await page.locator(".picker .tick", { hasText: /^16 / }).click();
    await until("the channels", async () => (await call("GET", `/seats/${id}`)).channels?.length === 15);
    await until("the fader's end", async () => await fader(page, 16).getAttribute("aria-disabled") === "true");
    await page.getByRole("button", { name: "Move to phone…" }).click();
    await confirm(page.getByRole("button", { name: "Guest" }).last());
    await until("the move", async () => (await call("GET", `/seats/${id}`)).session === guest.joined.session);
    assert.deepEqual(page.problems, []);
  },
);

deskTest(
  "the join code and each seat's invite fill the screen, and are renewed there",
  async ({ call, console, seat, url }) => {
    const id = await seat("Invited"), page = await console();
    await page.getByRole("button", { name: "Join code" }).click();
    const dialog = page.getByRole("dialog");
    const qr = dialog.locator("svg.qr"), box = await qr.boundingBox();
    assert.ok(box && Math.min(box.width, box.height) > 600);
    const { url: own } = await call("GET", "/secrets");
    assert.equal(await qr.getAttribute("aria-label"), `QR code: ${own}me#join=TESTJOIN`);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await choose(page, id);
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    const { invite } = await call("GET", `/seats/${id}`);
    assert.equal(await page.locator(".join-code").innerText(), invite);
    await confirm(page.getByRole("button", { name: "New invite" }));
    await until("the new one", async () => await page.locator(".join-code").innerText() !== invite);
    const fresh = (await call("GET", `/seats/${id}`)).invite;
    assert.equal(await page.locator(".join-code").innerText(), fresh);
    assert.equal(await qr.getAttribute("aria-label"), `QR code: ${own}me#join=${fresh}`);
    assert.ok(own.startsWith(url.slice(0, 12)));
    assert.deepEqual(page.problems, []);
  },
);

deskTest("the graph draws a line for each listener, and one alone", async ({ console, join }) => {
  using _one = await join({ name: "Drawn One" });
  using _two = await join({ name: "Drawn Two" });
  const page = await console();
  await page.click("#tab-delay");
  const graph = page.locator(".dock .graph");
  await until("both lines", async () => {
    const text = await graph.getAttribute("aria-label") ?? "";
    return /Drawn One: now [\d.]+ ms/.test(text) && /Drawn Two: now [\d.]+ ms/.test(text);
  });
  const drawn = () =>
    graph.locator("canvas").evaluate((canvas: Any) =>
      canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte: number) => byte > 0)
    );
  await until("ink", async () => await graph.locator("canvas").count() > 0 && await drawn());
  await page.selectOption(".dock select", { label: "Drawn Two" });
  await until("one line", async () => !(await graph.getAttribute("aria-label"))!.includes("Drawn One"));
  await page.getByRole("button", { name: "Enlarge" }).click();
  const large = await page.locator(".overlay .graph").boundingBox();
  assert.ok(large && large.width > 1200);
  assert.deepEqual(page.problems, []);
});

deskTest("the system panel tells of source, workers and what happened", async ({ console, join }) => {
  const page = await console();
  await page.click("#tab-system");
  using _listener = await join({ name: "Noted" });
  await page.locator(".log", { hasText: "Noted joined" }).waitFor();
  await page.locator(".facts", { hasText: /% of a core/ }).waitFor();
  assert.match(await page.locator(".facts").innerText(), /16 channels, audio/);
  assert.ok(await page.locator(".workers tbody tr").count() >= 1);
  assert.deepEqual(page.problems, []);
});
