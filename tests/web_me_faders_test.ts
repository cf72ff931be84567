/** The musician's faders in a real browser: under a thumb, in what is heard, and everybody's agreement on them. */
import assert from "node:assert/strict";
import { browserTest, openBrowser } from "./browser.ts";
import {
  assertQuiet,
  doubleTap,
  drag,
  fader,
  fadersOf,
  joinMe,
  keepShown,
  masterFader,
  mixOf,
  muteKey,
  openMe,
  shownSince,
  showsValue,
  tones,
  until,
  valueOf,
} from "./me_page.ts";
import { amplitudeAt, decode, type Heard, measureTone, Phone } from "./phone.ts";
import { ENGINEER_KEY, JOIN_CODE, type Server, startServer } from "./server.ts";

/** Packets of 5 ms that a level is measured over. */
const MEASURED = 60;
/** What a fader needs to arrive, and the limiter to let go, in packets. */
const SETTLING = 40;
/** After a move, what is heard is kept for so long. */
const REPORTED_MS = 1000;
/** Steps by which two pages are compared. */
const STEPS = 12;

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

/** When a tone had the level that it has at the end, ms of the epoch; in: packets of 5 ms of a stereo mix. */
async function settledAt(packets: readonly Heard[], hertz: number): Promise<number> {
  const [audio] = await decode(packets, 1, 2), left = audio.filter((_, i) => i % 2 === 0), window = 4 * 240;
  const levels = packets.slice(3).map((_, i) =>
    20 * Math.log10(amplitudeAt(left.subarray(i * 240, i * 240 + window), hertz))
  );
  const last = levels.findLastIndex((level) => Math.abs(level - levels.at(-1)!) > 1);
  return packets[last + 4].at;
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
  await keepShown(send);
  phone.rtp.length = 0;

  const moved = await drag(page, fader(page, 3), -90);
  const both = async () => [await valueOf(fader(page, 3)), (await mixOf(server, seat)).channels[3].gainDb];
  const [shown] = await until(both, ([own, told]) => own === told && own < -5, "page and server");
  assert.ok(shown > -40, `moved to ${shown}`);
  await showsValue(send, shown);
  await phone.until(() => phone.rtp.length > 0 && phone.rtp.at(-1)!.at > moved + REPORTED_MS);
  const heard = await settledAt(phone.rtp.slice(), 300) - moved, seen = (await shownSince(send)).get(shown)! - moved;
  globalThis.console.log(`heard ${heard.toFixed(0)} ms after the thumb, seen on the console after ${seen.toFixed(0)}`);
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
  const [own, other] = pages.map(masterFader);
  await own.press("End");
  const both = () => Promise.all([valueOf(own), valueOf(other)]);
  await until(both, (shown) => shown.every((value) => value === 10), "the top");
  for (const one of [own, other]) await keepShown(one);
  for (let step = 1; step <= STEPS; step++) {
    await own.press("ArrowDown");
    await until(both, (shown) => shown.every((value) => value === 10 - step / 2), "the step");
  }
  const [first, then] = [await shownSince(own), await shownSince(other)];
  const behind = [...first].map(([value, at]) => then.get(value)! - at).toSorted((a, b) => a - b);
  assert.equal(behind.length, STEPS);
  console.log(
    `the other page follows ${behind[STEPS >> 1].toFixed(0)} ms behind, at most ${behind.at(-1)!.toFixed(0)}`,
  );
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
