/**
 * `deno task pages`: the same load on the server twice, left alone and with consoles and musicians' pages open in
 * Chromium (Debian's chromium), meters running. The browser is as nice as it gets: on a stage it has a machine of its
 * own. Prints both, and the ratios. Main isolate; measures nothing of its own.
 */
import { type Browser, chromium } from "playwright-core";
import { BENCH_KEY, type BenchServer } from "../bench/server.ts";
import { type Figures, measure, type Scenario } from "../bench/scenario.ts";

const [pages = 20, seconds = 20] = Deno.args.map(Number);
const SCENARIO: Scenario = {
  clients: 10,
  channels: 16,
  frameMs: 2.5,
  mode: "mix",
  bitrate: null,
  seconds,
  poolSize: null,
  sendMode: "pool",
  handoff: null,
  codec: "auto",
};

/** Every second page is the engineer's. Each shows meters by the time it is counted. */
async function open(server: BenchServer): Promise<AsyncDisposable> {
  const running = await chromium.launchServer({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  new Deno.Command("renice", { args: ["-n", "19", "-g", String(running.process().pid)], stdout: "null" }).outputSync();
  const browser: Browser = await chromium.connect(running.wsEndpoint());
  for (let i = 0; i < pages; i++) {
    const page = await (await browser.newContext()).newPage();
    if (i % 2 === 0) await page.goto(`${server.url}/#key=${BENCH_KEY}`);
    else await page.goto(`${server.url}/me#token=${server.tokens[i % SCENARIO.clients]}`);
    await page.waitForSelector(".strip");
  }
  return {
    async [Symbol.asyncDispose]() {
      await browser.close();
      await running.close();
    },
  };
}

const figures: Record<string, Figures> = {
  alone: await measure(SCENARIO),
  [`with ${pages} pages`]: await measure(SCENARIO, open),
};
const [alone, loaded] = Object.values(figures);
const columns = {
  "main, whole block µs, p50": ({ mainBlockUs }: Figures) => mainBlockUs.p50,
  "main, whole block µs, p99": ({ mainBlockUs }: Figures) => mainBlockUs.p99,
  "capture → send ms, p50": ({ captureToSendMs }: Figures) => captureToSendMs.p50,
  "capture → send ms, p99": ({ captureToSendMs }: Figures) => captureToSendMs.p99,
  "processor, % of a core": ({ cpuPercent }: Figures) => cpuPercent,
  "datagrams lost": ({ datagrams }: Figures) => datagrams.lost,
};
console.log(["".padEnd(28), ...Object.keys(figures), "ratio"].join("  "));
for (const [name, of] of Object.entries(columns)) {
  const [a, b] = [of(alone), of(loaded)];
  console.log([name.padEnd(28), a.toFixed(2), b.toFixed(2), (b / a).toFixed(2)].join("  "));
}
