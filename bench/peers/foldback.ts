/** Ours: a server that captures the card and a listener that plays on it. In: the stage, flags. Out: a row. */
import { fileURLToPath } from "node:url";
import { BUCKETS, percentiles } from "../../core/histogram.ts";
import { LIMITER_DELAY } from "../../core/limiter.ts";
import { LOOKAHEAD } from "../../core/units.ts";
import type { Timings } from "../server.ts";
import { Program, watchCpu } from "./processes.ts";
import type { Row } from "./row.ts";
import { RATE, type Stage } from "./stage.ts";

const START_MS = 30_000;
/** The window in which a listener watches its arrivals, and a bit: what the start did to them is forgotten then. */
const SETTLE_MS = 16_000;
const JOIN_CODE = "PEERS", ENGINEER_KEY = "a-key-for-this-measurement-only";

interface Second {
  readonly event: string;
  readonly concealed: number;
  readonly late: number;
  readonly lost: number;
  readonly underflows: number;
  readonly targetMs: number;
  readonly outputMs: number;
  readonly reason: string;
}

export interface Way {
  readonly frameMs: number;
  /** Further flags of `listen`. */
  readonly listen: readonly string[];
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const runs = (args: readonly string[]) => ({
  command: Deno.execPath(),
  args: ["run", "-A", "--config", `${root}deno.json`, `${root}main.ts`, ...args],
});
const parsed = (line: string): Second | null => line.startsWith("{") ? JSON.parse(line) : null;

/** Counts of what the workers measure from a block's arrival to its datagrams' way out. */
async function sendTimes(url: string): Promise<Uint32Array> {
  const response = await fetch(`${url}/api/v1/timings`, { headers: { authorization: `Bearer ${ENGINEER_KEY}` } });
  const { captureToSend }: Timings = await response.json(), counts = new Uint32Array(BUCKETS);
  for (const { buckets } of captureToSend) for (const [bucket, count] of buckets) counts[bucket] += count;
  return counts;
}

const statistics = (listener: Program): Promise<Second> =>
  listener.until("statistics", START_MS, (line) => {
    const found = parsed(line);
    return found?.event === "stats" ? found : null;
  });

export async function foldback(stage: Stage, seconds: number, { frameMs, listen }: Way): Promise<Row> {
  const state = Deno.makeTempDirSync({ dir: stage.directory });
  await using server = new Program({
    ...runs([
      ...["start", "--source", "alsa:card", "--channels", String(stage.channels), "--frame-ms", String(frameMs)],
      ...["--http", "127.0.0.1:0", "--media-port", "0", "--state-dir", state, "--join-code", JOIN_CODE],
      ...["--engineer-key", ENGINEER_KEY, "--log-level", "warning", "--no-discovery"],
    ]),
    env: stage.env,
  });
  const url = await server.until(
    "address",
    START_MS,
    (line) => /^ {2}console {4}(http[^\s#]+?)\/?(?:#|\s|$)/.exec(line)?.[1],
  );
  await using listener = new Program({
    ...runs(["listen", "--server", url, "--join-code", JOIN_CODE, "--play", "alsa:out", "--json", ...listen]),
    env: stage.env,
  });
  const seen: Second[] = [];
  listener.onLine((line) => {
    const second = parsed(line);
    if (second?.event === "stats") seen.push(second);
  });
  await listener.until("sound", START_MS, (line) => parsed(line)?.event === "audible" || null);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = await statistics(listener), sent = await sendTimes(url), cpu = watchCpu([server, listener]);
  seen.length = 0;
  const heard = await stage.measure(seconds), cpuPercent = cpu();
  const sending = percentiles(await sendTimes(url), sent), after = await statistics(listener);
  const median = (of: (second: Second) => number) => seen.map(of).sort((a, b) => a - b)[seen.length >> 1] ?? NaN;
  const since = (count: (second: Second) => number) => count(after) - count(before);
  return {
    name: `Foldback, ${frameMs} ms frames${listen.length > 0 ? `, ${listen.join(" ")}` : ""}`,
    heard,
    cpuPercent,
    troubles: {
      concealed: since(({ concealed }) => concealed),
      late: since(({ late }) => late),
      lost: since(({ lost }) => lost),
      "listener's xruns": since(({ underflows }) => underflows),
    },
    parts: [
      { name: "the frame", ms: frameMs },
      { name: "capture → send, p50", ms: sending.p50 },
      { name: "the listener's depth: blocks against frames, jitter, margin", ms: median(({ targetMs }) => targetMs) },
      { name: "Opus's lookahead", ms: LOOKAHEAD * 1000 / RATE },
      { name: "the limiter's", ms: LIMITER_DELAY * 1000 / RATE },
      { name: "the card's buffer", ms: median(({ outputMs }) => outputMs) },
    ],
    remark: after.reason,
  };
}
