/**
 * Debian's Chromium for tests of the page: `await using browser = await openBrowser()`, one for a file, and a context of
 * its own for each page. What a page complains of and whom it asks is kept: `page.problems` must stay empty. Tests that
 * use it are registered with {@link browserTest}, so that they are skipped where Chromium is missing.
 */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { type Needs, programTest } from "./require.ts";

export type { Page } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium";
export const CHROMIUM_NEEDS: Needs = { [CHROMIUM]: "chromium" };
/** Ten times what the slowest step takes. */
export const STEP_MS = 30_000;

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  /** A phone: touch, small screen. */
  readonly touch?: boolean;
  /** "en", "es". */
  readonly locale?: string;
  /** Flags of the context: what the page may do without being asked. */
  readonly permissions?: string[];
  /** Certificates that nobody has signed are taken. */
  readonly insecure?: boolean;
  /** Resolution of screenshots. */
  readonly scale?: number;
  /** In a context that is there already, with what it keeps. */
  readonly context?: BrowserContext;
  /** Complaints that the test brings about on purpose. */
  readonly expected?: RegExp;
}

export type WatchedPage = Page & {
  /** Console errors and warnings, uncaught errors, requests to another host, requests that failed. */
  readonly problems: string[];
  /** Path → bytes as they came over the wire, headers included. */
  readonly transferred: Map<string, number>;
};

function watch(page: Page, url: string, expected?: RegExp): WatchedPage {
  const problems: string[] = [], transferred = new Map<string, number>(), { host } = new URL(url);
  const say = (text: string) => {
    if (!expected?.test(text)) problems.push(text);
  };
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") say(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => say(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (to.protocol.startsWith("http") && to.host !== host) say(`asked another host: ${request.url()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== host) say(`asked another host: ${socket.url()}`);
  });
  page.on("requestfinished", async (request) => {
    const sizes = await request.sizes().catch(() => null);
    if (sizes) {
      transferred.set(new URL(request.url()).pathname, sizes.responseBodySize + sizes.responseHeadersSize);
    }
  });
  page.on("response", (response) => {
    if (response.status() >= 400) say(`${response.status()} for ${response.url()}`);
  });
  return Object.assign(page, { problems, transferred });
}

export class TestBrowser implements AsyncDisposable {
  readonly browser: Browser;
  constructor(browser: Browser) {
    this.browser = browser;
  }

  /** A page that has loaded. */
  async page(url: string, options: PageOptions = {}): Promise<WatchedPage> {
    const { width = 1440, height = 900, touch = false, locale = "en", permissions = [], insecure = false, scale = 1 } =
      options;
    const context = options.context ?? await this.browser.newContext({
      viewport: { width, height },
      hasTouch: touch,
      isMobile: touch,
      locale,
      permissions,
      ignoreHTTPSErrors: insecure,
      deviceScaleFactor: scale,
    });
    context.setDefaultTimeout(STEP_MS);
    const page = watch(await context.newPage(), url, options.expected);
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
  }
}

/** Starts Chromium. `flags` beside those that every test needs. */
export async function openBrowser(flags: readonly string[] = []): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // Nothing but the page: a graphics card isn't looked for.
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--autoplay-policy=no-user-gesture-required",
      ...flags,
    ],
    timeout: STEP_MS,
  });
  return new TestBrowser(browser);
}

/** Registers a test that needs Chromium. */
export const browserTest = (name: string, body: (t: Deno.TestContext) => Promise<void>): void =>
  programTest(name, CHROMIUM_NEEDS, body);
