/** The musician's page in a real browser: its order, what its keys do, what the engineer changes, and whom it leaves out. */
import assert from "node:assert/strict";
import { browserTest, openBrowser } from "./browser.ts";
import {
  assertQuiet,
  drag,
  fader,
  fadersOf,
  joinMe,
  masterFader,
  mixOf,
  muteKey,
  openMe,
  showsValue,
  strip,
  tones,
  until,
  valueOf,
  violations,
} from "./me_page.ts";
import { JOIN_CODE, startServer } from "./server.ts";

browserTest("what is mine comes first, and is kept", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  await server.call("POST", "/api/v1/groups", { name: "Low", channels: [1, 2] });
  const page = await joinMe(browser, server, JOIN_CODE, "Ana");
  const order = () =>
    page.locator("[data-strip]").evaluateAll((all) => all.map((one) => one.getAttribute("data-strip")));
  const [group] = await order();
  const showsOrder = (...wanted: unknown[]) =>
    until(order, (seen) => JSON.stringify(seen) === JSON.stringify(wanted), `the order should be ${wanted}`);
  await showsOrder(group, "c1", "c2", "c3", "c4");
  await strip(page, 3).locator(".pin").tap();
  await showsOrder("c3", group, "c1", "c2", "c4");
  await page.reload();
  await page.waitForSelector(".strip");
  await showsOrder("c3", group, "c1", "c2", "c4");
  await drag(page, page.locator(`[data-strip="${group}"]`).getByRole("slider"), -60);
  await until(() => fadersOf(page), (faders) => faders[group!] < -3, "the group's fader");
  await strip(page, 3).locator(".pin").tap();
  await showsOrder(group, "c1", "c2", "c3", "c4");
  assertQuiet(page);
});

browserTest("solo, pan, mute, undo and reset do what they say, and reset asks once", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const page = await joinMe(browser, server, JOIN_CODE, "Ana");
  const [{ seat }] = (await server.call("GET", "/api/v1/seats")).body;
  const has = (met: (mix: Awaited<ReturnType<typeof mixOf>>) => boolean) =>
    until(() => mixOf(server, seat), met, "mix");
  await strip(page, 2).locator(".title").tap();
  await strip(page, 2).locator(".solo").tap();
  await page.getByText("Solo: you hear only Tone 200 Hz.").waitFor();
  await has(({ channels }) => channels[2].solo);
  await page.getByRole("button", { name: "End solo" }).tap();
  await has(({ channels }) => !channels[2].solo);
  await strip(page, 2).locator(".solo").tap();
  await has(({ channels }) => channels[2].solo);
  await server.call("PATCH", "/api/v1/channels/2", { hidden: true });
  await strip(page, 2).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "End solo" }).tap();
  await has(({ channels }) => !channels[2].solo);
  await server.call("PATCH", "/api/v1/channels/2", { hidden: false });
  await strip(page, 2).locator(".title").tap();
  const pan = page.getByRole("slider", { name: "Pan of Tone 200 Hz" });
  await pan.press("PageDown");
  await until(() => pan.getAttribute("aria-valuetext"), (text) => text === "L 25", "the pan");
  await has(({ channels }) => channels[2].pan === -0.25);
  await muteKey(page, 1).tap();
  await has(({ channels }) => channels[1].mute);
  await page.getByRole("button", { name: "Undo" }).tap();
  await has(({ channels }) => !channels[1].mute && channels[2].pan === -0.25);
  await masterFader(page).press("ArrowUp");
  await has(({ master }) => master.gainDb === -11.5);

  const reset = page.locator(".foot .danger").first();
  await reset.tap();
  await page.getByRole("button", { name: "Sure? Reset my mix" }).waitFor();
  assert.equal((await mixOf(server, seat)).master.gainDb, -11.5);
  // Two taps in a row are one intention; so the second one comes when the page says that it asks.
  await until(
    async () => {
      await reset.tap();
      return (await mixOf(server, seat)).master.gainDb;
    },
    (gain) => gain === -12,
    "reset",
  );
  await showsValue(masterFader(page), -12);
  assertQuiet(page);
});

browserTest("names, colours, hidden channels and the seat's highest gain are live", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const page = await joinMe(browser, server, JOIN_CODE, "Ana");
  const [{ seat }] = (await server.call("GET", "/api/v1/seats")).body;
  await server.call("PATCH", "/api/v1/channels/1", { name: "Kick <in>", colour: "#c04040" });
  await strip(page, 1).getByText("Kick <in>").waitFor();
  assert.match(await strip(page, 1).getAttribute("style") ?? "", /#c04040/);
  await server.call("PATCH", "/api/v1/channels/2", { hidden: true });
  await strip(page, 2).waitFor({ state: "detached" });
  await server.call("PATCH", "/api/v1/channels/3", { mute: true });
  await strip(page, 3).getByText("off at the desk").waitFor();
  await server.call("PATCH", `/api/v1/seats/${seat}`, { maxGainDb: -3, name: "Ana, voice" });
  await page.getByRole("heading", { name: "Ana, voice" }).waitFor();
  await showsValue(fader(page, 1), -3);
  await fader(page, 1).press("End");
  assert.equal(await valueOf(fader(page, 1)), -3);
  assertQuiet(page);
});

/** What has the focus, by name; "" for nothing. */
const FOCUSED = `(({ activeElement: on, body }) => on === body ? "" :
  (on.ariaLabel ?? on.textContent).trim() + (getComputedStyle(on).outlineStyle === "none" ? " without a ring" : ""))(document)`;

browserTest("everything is reached and moved by keyboard alone", async () => {
  await using server = await tones(2);
  await using browser = await openBrowser();
  const page = await openMe(browser, server, `#join=${JOIN_CODE}`, { touch: false });
  await page.waitForSelector("#name:focus");
  await page.keyboard.type("Ana");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".listen");
  const named: string[] = [];
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate<string>(FOCUSED);
    if (name === "") break;
    named.push(name);
    if (name === "Level of Tone 100 Hz") await page.keyboard.press("ArrowDown");
    if (name === "Tone 100 Hz") await page.keyboard.press("Space");
  }
  const ofStrip = (name: string) => [`Keep ${name} on top`, name, `Mute ${name}`, `Level of ${name}`];
  const [first, second] = [ofStrip("Tone 100 Hz"), ofStrip("Tone 200 Hz")];
  const drawer = ["Solo Tone 100 Hz", "Pan of Tone 100 Hz"], foot = ["Reset my mix", "Español", "Leave"];
  assert.deepEqual(named, [
    "Listen",
    ...first,
    ...drawer,
    ...second,
    ...foot,
    "Mute Master",
    "Level of Master",
    "Undo",
  ]);
  await showsValue(fader(page, 1), -0.5);
  assertQuiet(page);
});

browserTest("axe-core finds nothing serious, and nothing is wider than the screen, in both languages", async () => {
  await using server = await startServer({ args: ["--source", "demo"] });
  await using browser = await openBrowser();
  await server.call("POST", "/api/v1/groups", { name: "Drums", colour: "#e0a030", channels: [1, 2] });
  const pages = [];
  for (const [locale, width] of [["en", 1280], ["es", 320]] as const) {
    const door = await openMe(browser, server, "", { locale, width });
    await door.waitForSelector("#name");
    assert.deepEqual(await violations(door), []);
    const page = await joinMe(browser, server, JOIN_CODE, "Ana", { locale, width });
    await strip(page, 3).locator(".pin").tap();
    await strip(page, 3).locator(".title").tap();
    await strip(page, 3).locator(".solo").tap();
    await page.waitForSelector(".solo-tag");
    assert.deepEqual(await violations(page), []);
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    assert.equal(await page.evaluate("document.documentElement.lang"), locale);
    pages.push(door, page);
  }
  assertQuiet(...pages);
});
