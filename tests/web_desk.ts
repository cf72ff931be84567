/**
 * A server, a browser and the engineer's console for tests: one server and one Chromium for a whole file, opened by the
 * first test that needs them. In: what a test does to the page. Out: what the page shows and what the server says.
 */
import assert from "node:assert/strict";
import axe from "axe-core";
import { browserTest, openBrowser, type PageOptions, type TestBrowser, type WatchedPage } from "./browser.ts";
import { ENGINEER_KEY, type Server, startServer } from "./server.ts";
import { type BandPhone, call, Listener } from "./web_band.ts";

/** Ten times what anything here takes. */
const GUARD_MS = 30_000;
const LOOK_MS = 50;

// deno-lint-ignore no-explicit-any
export type Any = any;

/** Resolves when `look` gives something true; looked at again and again. What it threw last is the failure. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + GUARD_MS;
  for (let last: unknown = "";;) {
    try {
      const found = await look();
      if (found) return found;
      last = "";
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`${what}: it never came ${last}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** What tests of a file share. */
export class House implements AsyncDisposable {
  readonly server: Server;
  readonly browser: TestBrowser;
  constructor(server: Server, browser: TestBrowser) {
    this.server = server;
    this.browser = browser;
  }
  static async open(args: readonly string[] = ["--source", "tones"]): Promise<House> {
    const server = await startServer({ args });
    return new House(server, await openBrowser());
  }
  get url(): string {
    return this.server.url;
  }
  /** An API call below /api/v1 with the engineer key. */
  readonly call = (method: string, path: string, body?: unknown): Promise<Any> => call(this.url, method, path, body);
  readonly join = (phone: BandPhone): Promise<Listener> => Listener.join(this.url, phone);
  /** A seat that nobody sits in. */
  readonly seat = async (name: string): Promise<string> => (await this.call("POST", "/seats", { name })).seat;
  /** The console with the key in its address, connected. */
  readonly console = async (options: PageOptions & { key?: string } = {}): Promise<WatchedPage> => {
    const page = await this.browser.page(`${this.url}/#key=${options.key ?? ENGINEER_KEY}`, options);
    await page.waitForSelector(".strip");
    return page;
  };
  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/**
 * What registers tests of a file: they share one house, which is ended after them; a test's pages are closed at its end.
 */
export function houseTests(args?: readonly string[]): (name: string, body: (house: House) => Promise<void>) => void {
  let opened: Promise<House> | null = null;
  Deno.test.afterAll(async () => await (await opened)?.[Symbol.asyncDispose]());
  return (name, body) =>
    browserTest(name, async () => {
      const house = await (opened ??= House.open(args));
      try {
        await body(house);
      } finally {
        await Promise.all(house.browser.browser.contexts().map((context) => context.close()));
      }
    });
}

/** Chooses a seat: its mix is on the faders. */
export async function choose(page: WatchedPage, seat: string): Promise<void> {
  await page.click(`[data-seat="${seat}"]`);
  await page.waitForSelector(".strips.of-seat");
}

export const strip = (page: WatchedPage, channel: number) => page.locator(`.strip[data-channel="${channel}"]`);
/** The fader or trim of a strip: its tall slider. */
export const fader = (page: WatchedPage, channel: number) => strip(page, channel).locator(".strip-body [role=slider]");
export const valueOf = async (slider: ReturnType<typeof fader>): Promise<number> =>
  Number(await slider.getAttribute("aria-valuenow"));

/** Presses, moves by so many pixels, lets go. */
export async function drag(page: WatchedPage, slider: ReturnType<typeof fader>, dx: number, dy: number): Promise<void> {
  const box = await slider.boundingBox();
  assert.ok(box);
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + dx / 2, y + dy / 2, { steps: 5 });
  await page.mouse.move(x + dx, y + dy, { steps: 5 });
  await page.mouse.up();
}

/** The same with a finger, by the browser's own touch events. */
export async function swipe(
  page: WatchedPage,
  slider: ReturnType<typeof fader>,
  dx: number,
  dy: number,
): Promise<void> {
  const box = await slider.boundingBox();
  assert.ok(box);
  const x = box.x + box.width / 2, y = box.y + box.height / 2, steps = 10;
  const touch = await page.context().newCDPSession(page);
  const send = (type: "touchStart" | "touchMove" | "touchEnd", points: { x: number; y: number }[]) =>
    touch.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await send("touchStart", [{ x, y }]);
  for (let i = 1; i <= steps; i++) await send("touchMove", [{ x: x + dx * i / steps, y: y + dy * i / steps }]);
  await send("touchEnd", []);
  await touch.detach();
}

/** Presses what asks first, as somebody who has read the question. */
export async function confirm(button: ReturnType<typeof fader>): Promise<void> {
  await button.click();
  const armed = button.page().locator("button.armed");
  // A press within a quarter of a second is the other half of a double click.
  await until("the second press", async () => {
    if (await armed.count() > 0) await armed.click({ timeout: 1000 }).catch(() => {});
    return await armed.count() === 0;
  });
}

/** Serious and critical violations of the page as it stands. */
export async function violations(page: WatchedPage): Promise<string[]> {
  await page.evaluate(axe.source);
  const result = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })") as Any;
  return result.violations.filter(({ impact }: Any) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }: Any) => `${id}: ${nodes.map(({ html }: Any) => html.slice(0, 120)).join(" | ")}`);
}
