/**
 * The musician's page under test: what a thumb does on it, what it shows, and what axe-core says of it. In: a page of
 * tests/browser.ts. A finger is a real touch of the browser's, not a made-up event.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Locator, Page } from "playwright-core";
import { now } from "../core/clock.ts";
import { type PageOptions, STEP_MS, type TestBrowser, type WatchedPage } from "./browser.ts";
import { type Server, startServer } from "./server.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOK_MS = 20;

/** A server that plays a tone on each of so many inputs. */
export const tones = (inputs = 4) => startServer({ args: ["--source", "tones", "--channels", String(inputs)] });
export const mixOf = async (server: Server, seat: string) =>
  (await server.call("GET", `/api/v1/seats/${seat}/mix`)).body;

/** A phone of its own, with nothing kept. */
export const openMe = (browser: TestBrowser, server: Server, fragment: string, options: PageOptions = {}) =>
  browser.page(`${server.url}/me${fragment}`, { width: 390, height: 844, touch: true, ...options });

/** A page whose musician has given a name and joined. */
export async function joinMe(browser: TestBrowser, server: Server, code: string, name: string, options?: PageOptions) {
  const page = await openMe(browser, server, `#join=${code}`, options);
  await page.fill("#name", name);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".strip");
  return page;
}

/** Resolves when it is so; rejects with what was there instead. */
export async function until<T>(look: () => T | Promise<T>, wanted: (seen: T) => boolean, what: string): Promise<T> {
  const end = performance.now() + STEP_MS;
  for (;;) {
    const seen = await look();
    if (wanted(seen)) return seen;
    if (performance.now() > end) throw new Error(`${what}: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export const strip = (page: Page, channel: number): Locator => page.locator(`[data-strip="c${channel}"]`);
export const fader = (page: Page, channel: number): Locator => strip(page, channel).getByRole("slider").first();
export const masterFader = (page: Page): Locator => page.locator(".dock").getByRole("slider");
export const muteKey = (page: Page, channel: number): Locator => strip(page, channel).locator("button.mute");

/** What a slider says. */
export const valueOf = async (slider: Locator): Promise<number> => Number(await slider.getAttribute("aria-valuenow"));
/** Resolves when a slider says so. */
export const showsValue = (slider: Locator, value: number) =>
  until(() => valueOf(slider), (seen) => seen === value, `the fader should show ${value}`);

/** The page's faders, as { c1: gainDb … }. */
export const fadersOf = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(() => {
    const { document } = globalThis as Any;
    const strips = [...document.querySelectorAll(".strip")] as Any[];
    return Object.fromEntries(
      strips.map((one) => [one.dataset.strip, Number(one.querySelector("[role=slider]").ariaValueNow)]),
    );
  });

/** The page has drawn so many times more: how a finger's time goes on. */
const drawn = (times: number) =>
  `new Promise((resolve) => { let left = ${times}; const one = () => left-- > 0 ? requestAnimationFrame(one) : resolve(null); one(); })`;
/** Frames that a finger rests before it lifts: what is thrown goes on, and the next tap would only stop it. */
const REST_FRAMES = 12;

/** The finger was lifted, or the browser took it for scrolling; and what it did is drawn. */
const LISTEN_FOR_THE_END = `void (globalThis.lifted = new Promise((resolve) => {
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, resolve, { once: true, capture: true });
}).then(() => ${drawn(2)}))`;

/** One finger; `by` in CSS pixels, in steps as a hand makes them. When it had moved, ms of the epoch. */
export async function drag(page: Page, slider: Locator, by: number, steps = 12, up = 0): Promise<number> {
  await slider.scrollIntoViewIfNeeded();
  const box = await slider.boundingBox();
  assert.ok(box);
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const devtools = await page.context().newCDPSession(page);
  await page.evaluate(LISTEN_FOR_THE_END);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", dx = 0, dy = 0) =>
    devtools.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: type === "touchEnd" ? [] : [{ x: x + dx, y: y + dy }],
    });
  await touch("touchStart");
  let moved = 0;
  for (let i = 1; i <= steps; i++) {
    moved = now();
    await touch("touchMove", by * i / steps, -up * i / steps);
    await page.evaluate(drawn(i === steps ? REST_FRAMES : 1));
  }
  await touch("touchEnd");
  await page.evaluate("lifted");
  await devtools.detach();
  return moved;
}

/** From now on a slider keeps what it shows, and since when; read by {@link shownSince}. */
export const keepShown = (slider: Locator): Promise<void> =>
  slider.evaluate((one: Any) => {
    const { MutationObserver, performance } = globalThis as Any;
    const kept: [number, number][] = one.kept = [];
    const look = () => kept.push([Number(one.ariaValueNow), performance.timeOrigin + performance.now()]);
    new MutationObserver(look).observe(one, { attributes: true, attributeFilter: ["aria-valuenow"] });
  });
/** Value → when the slider showed it last, ms of the epoch. */
export const shownSince = async (slider: Locator): Promise<Map<number, number>> =>
  new Map(await slider.evaluate((one: Any) => one.kept));

/** Two taps on the same place, with a hand's timestamps however busy the machine is. */
export async function doubleTap(page: Page, slider: Locator): Promise<void> {
  await slider.scrollIntoViewIfNeeded();
  const box = await slider.boundingBox();
  assert.ok(box);
  const at = [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }], now = Date.now() / 1000;
  const devtools = await page.context().newCDPSession(page);
  for (const [i, type] of (["touchStart", "touchEnd", "touchStart", "touchEnd"] as const).entries()) {
    const timestamp = now + 0.06 * i;
    await devtools.send("Input.dispatchTouchEvent", { type, timestamp, touchPoints: i % 2 === 0 ? at : [] });
  }
  await devtools.detach();
}

/** What axe-core finds serious or critical. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => (globalThis as Any).axe.run()) as Any;
  return violations.filter(({ impact }: Any) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }: Any) => `${id}: ${nodes.map(({ html }: Any) => html).join(" ")}`);
}

/** Nothing was complained of, and nobody else was asked. */
export const assertQuiet = (...pages: WatchedPage[]) => pages.forEach(({ problems }) => assert.deepEqual(problems, []));
