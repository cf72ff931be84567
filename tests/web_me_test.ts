/** The musician's page in a real browser: faders under a thumb, and everybody's agreement on where they stand. */
import assert from "node:assert/strict";
import { browserTest, openBrowser } from "./browser.ts";
import {
  assertQuiet,
  doubleTap,
  drag,
  fader,
  fadersOf,
  joinMe,
  masterFader,
  muteKey,
  openMe,
  showsValue,
  strip,
  until,
  valueOf,
  violations,
} from "./me_page.ts";
import { decode, measureTone, Phone } from "./phone.ts";
import { ENGINEER_KEY, JOIN_CODE, type Server, startServer } from "./server.ts";

/** Packets of 5 ms that a level is measured over. */
const MEASURED = 60;
/** What a fader needs to arrive, and the limiter to let go, in packets. */
const SETTLING = 40;

const tones = (inputs = 4) => startServer({ args: ["--source", "tones", "--channels", String(inputs)] });
const mixOf = async (server: Server, seat: string) => (await server.call("GET", `/api/v1/seats/${seat}/mix`)).body;

/** A native listener of its seat's mix: how loud is channel n in what comes now? */
async function listener(server: Server) {
  const { body } = await server.join({ mode: "mix", frameMs: 5 });
  const phone = new Phone();
  await phone.hold(body.media.port, body.media.username, body.media.password);
  await phone.until(() => phone.rtp.length > 0);
  const level = async (channel: number) => {
    phone.rtp.length = 0;
    await phone.until(() => phone.rtp.length >= SETTLING + MEASURED);
    const [audio] = await decode(phone.rtp.slice(0, SETTLING + MEASURED), 1, 2);
    const left = audio.filter((_, i) => i % 2 === 0).subarray(SETTLING * 240);
    return measureTone(left, 100 * channel).dbfs;
  };
  return { ...body as { session: string; seat: string; token: string }, phone, level };
}

browserTest("a fader that a thumb moves is heard in a native listener and seen on the engineer's fader", async () => {
  await using server = await tones(12);
  await using browser = await openBrowser();
  const { phone, seat, token, level } = await listener(server);
  using _ = phone;
  // Two tones, far apart: Opus keeps each at its level.
  const quiet = Object.fromEntries([1, 2, 4, 5, 6, 7, 8, 9, 10, 11].map((n) => [n, { mute: true }]));
  await server.call("PATCH", `/api/v1/seats/${seat}/mix`, { channels: quiet });
  const console = await browser.page(`${server.url}/#key=${ENGINEER_KEY}`);
  await console.click(`button[data-seat="${seat}"]`);
  const send = console.locator('[data-channel="3"] .strip-body').getByRole("slider");
  await showsValue(send, 0);
  const page = await openMe(browser, server, `#token=${token}`);
  await page.waitForSelector(".strip");
  const before = [await level(12), await level(3)];

  await drag(page, fader(page, 3), -90);
  const both = async () => [await valueOf(fader(page, 3)), (await mixOf(server, seat)).channels[3].gainDb];
  const [shown] = await until(both, ([own, told]) => own === told && own < -5, "page and server");
  assert.ok(shown > -40, `moved to ${shown}`);
  await showsValue(send, shown);
  const after = [await level(12), await level(3)];
  assert.ok(Math.abs(after[0] - before[0]) < 1, `channel 12 went from ${before[0]} to ${after[0]} dBFS`);
  assert.ok(Math.abs(after[1] - before[1] - shown) < 1, `${shown} dB took it from ${before[1]} to ${after[1]} dBFS`);

  // And back the other way: the engineer's hand moves the musician's fader.
  await send.focus();
  await console.keyboard.press("PageUp");
  const hands = async () => [await valueOf(fader(page, 3)), await valueOf(send)];
  await until(hands, ([own, engineers]) => own === engineers && own > shown, "page and console");
  assertQuiet(page, console);
});

browserTest("a page with an app's token shows its mix and leaves its session and its sound alone", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const { phone, session, token } = await listener(server);
  using _ = phone;
  const page = await openMe(browser, server, `#token=${token}`);
  await page.waitForSelector(".strip");
  assert.ok(!page.url().includes(token), "the token stands in the address bar");
  assert.equal(await page.locator(".listen").count(), 0);
  await page.getByText("sound is in the app", { exact: true }).waitFor();
  await page.reload();
  await page.waitForSelector(".strip");
  const { body } = await server.call("GET", "/api/v1/sessions");
  assert.deepEqual(body.map((one: { session: string }) => one.session), [session]);
  const heard = phone.rtp.length;
  await phone.until(() => phone.rtp.length > heard + 100);
  assertQuiet(page);
});

browserTest("two pages on one seat end with what the server has, whatever two hands do", async () => {
  await using server = await tones();
  await using browser = await openBrowser();
  const { body: { seat, token } } = await server.join({ mode: "mix" });
  const pages = [await openMe(browser, server, `#token=${token}`), await openMe(browser, server, `#token=${token}`)];
  for (const page of pages) await page.waitForSelector(".strip");
  let random = 7;
  const next = (below: number) => (random = random * 48271 % 2147483647) % below;
  const hand = async (page: typeof pages[number]) => {
    for (let i = 0; i < 8; i++) {
      const channel = 1 + next(4);
      switch (next(4)) {
        case 0:
          await drag(page, fader(page, channel), next(160) - 120, 8);
          break;
        case 1:
          await muteKey(page, channel).tap();
          break;
        case 2:
          await drag(page, masterFader(page), next(80) - 40, 8);
          break;
        default:
          await fader(page, channel).press(["ArrowDown", "PageDown", "Home", "ArrowUp"][next(4)]);
      }
    }
  };
  await Promise.all(pages.map(hand));
  const seen = async (page: typeof pages[number]) => ({
    ...await fadersOf(page),
    master: await valueOf(masterFader(page)),
    mutes: await page.locator(".strip button.mute").evaluateAll((keys) =>
      keys.map((key) => (key as unknown as { ariaPressed: string }).ariaPressed === "true")
    ),
  });
  const has = async () => {
    const { channels, master } = await mixOf(server, seat), list = [1, 2, 3, 4];
    return {
      ...Object.fromEntries(list.map((n) => [`c${n}`, channels[n].gainDb])),
      master: master.gainDb,
      mutes: list.map((n) => channels[n].mute),
    };
  };
  const look = async () => [await has(), await seen(pages[0]), await seen(pages[1])].map((one) => JSON.stringify(one));
  const [same] = await until(look, ([a, b, c]) => a === b && b === c, "they disagree");
  assert.notEqual(same, JSON.stringify({ c1: 0, c2: 0, c3: 0, c4: 0, master: -12, mutes: Array(4).fill(false) }));
  assertQuiet(...pages);
});

browserTest("a tap doesn't move a fader, two taps put 0 dB back, a thumb that scrolls moves nothing", async () => {
  await using server = await startServer({ args: ["--source", "demo"] });
  await using browser = await openBrowser();
  const page = await joinMe(browser, server, JOIN_CODE, "Ana");
  const [{ seat }] = (await server.call("GET", "/api/v1/seats")).body;
  /** What page and server agree on, when everything that was done before has arrived. */
  let muted = false;
  const settled = async (channel: number) => {
    await muteKey(page, 1).press("Space");
    const both =
      async () => [await muteKey(page, 1).getAttribute("aria-pressed") === "true", await mixOf(server, seat)];
    const [, { channels }] = await until(both, ([on, mix]) => on !== muted && mix.channels[1].mute === on, "the mute");
    muted = !muted;
    await showsValue(fader(page, channel), channels[channel].gainDb);
    return channels[channel].gainDb;
  };
  await drag(page, fader(page, 2), -70);
  const moved = await settled(2);
  assert.ok(moved < -3, `moved to ${moved}`);
  await drag(page, fader(page, 2), 3, 3);
  assert.equal(await settled(2), moved);
  await doubleTap(page, fader(page, 2));
  await showsValue(fader(page, 2), 0);
  await drag(page, fader(page, 4), 8, 20, 300);
  await until(() => page.evaluate<number>("scrollY"), (y) => y > 100, "the page should scroll");
  assert.equal(await settled(4), 0);
  assertQuiet(page);
});

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
