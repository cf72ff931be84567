/**
 * Chromium as a musician has it: it plays to a sound card that has a clock of its own (PulseAudio's null sink, blocks of
 * 128 frames as a phone's), and no debugger follows. Playwright's own browser plays to a timer that loses time whenever
 * the machine is late, and each packet that a page gets is reported to the test: twice the work. In: what to do in the
 * page. Out: the page's title, to wait for, and what it has measured. Test runner's main isolate.
 */
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { CHROMIUM, CHROMIUM_NEEDS, STEP_MS } from "./browser.ts";
import type { Needs } from "./require.ts";

export const BROWSER_CARD_NEEDS: Needs = { ...CHROMIUM_NEEDS, pulseaudio: "pulseaudio" };
const POLL_MS = 200;

/** Asks again until there is something. */
async function until<Value>(what: string, withinMs: number, ask: () => Promise<Value | undefined>): Promise<Value> {
  for (const end = performance.now() + withinMs;;) {
    const value = await ask().catch(() => undefined);
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export class CardBrowser implements AsyncDisposable {
  #ends: AsyncDisposableStack;
  #debugger: string;
  constructor(ends: AsyncDisposableStack, debuggerUrl: string) {
    this.#ends = ends;
    this.#debugger = debuggerUrl;
  }

  /** Looks into the browser as long as `work` takes. */
  async visit<Value>(work: (context: BrowserContext) => Promise<Value>): Promise<Value> {
    const browser = await chromium.connectOverCDP(this.#debugger);
    try {
      return await work(browser.contexts()[0]);
    } finally {
      await browser.close();
    }
  }
  /** What the page at this address has measured. */
  look<Value>(url: string, work: () => Value): Promise<Value> {
    const here = (page: Page) => page.url().startsWith(url);
    return this.visit((context) => context.pages().find(here)!.evaluate(work));
  }
  /** Until a page calls itself so. */
  title(title: string, withinMs: number): Promise<true> {
    return until(`a page called "${title}"`, withinMs, async () => {
      const pages: { title: string }[] = await (await fetch(`${this.#debugger}/json/list`)).json();
      return pages.some((page) => page.title === title) || undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ends.disposeAsync();
  }
}

export async function openCardBrowser(): Promise<CardBrowser> {
  await using ends = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  // Chromium's children write into it a little longer than it lives.
  ends.defer(async () => {
    await until("an empty folder", STEP_MS, () => Deno.remove(folder, { recursive: true }).then(() => true));
  });
  const env = { XDG_RUNTIME_DIR: folder, PULSE_SERVER: `unix:${folder}/pulse`, HOME: folder };
  const start = (command: string, args: string[]) => {
    const process = new Deno.Command(command, { args, env, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    ends.defer(async () => {
      try {
        process.kill("SIGTERM");
      } catch {
        // It has ended by itself.
      }
      await process.status;
    });
  };
  start("pulseaudio", [
    ...["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"],
    ...["-L", `module-native-protocol-unix socket=${folder}/pulse auth-anonymous=1`],
    ...["-L", "module-null-sink rate=48000 channels=2"],
  ]);
  await until("PulseAudio", STEP_MS, () => Deno.stat(`${folder}/pulse`));
  start(CHROMIUM, [
    ...["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync"],
    ...["--disable-field-trial-config", "--disable-default-apps", "--disable-breakpad", "--metrics-recording-only"],
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    ...["--autoplay-policy=no-user-gesture-required", "--audio-buffer-size=128"],
    ...["--remote-debugging-port=0", `--user-data-dir=${folder}/profile`],
  ]);
  // Who connects before its first page is there may wait for ever.
  const debuggerUrl = await until("Chromium", STEP_MS, async () => {
    const [port] = (await Deno.readTextFile(`${folder}/profile/DevToolsActivePort`)).split("\n");
    const pages = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    return pages.some(({ type }: { type: string }) => type === "page") ? `http://127.0.0.1:${port}` : undefined;
  });
  return new CardBrowser(ends.move(), debuggerUrl);
}
