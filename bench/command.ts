/** `foldback bench`: measures one scenario, or three ways of sending in turn, and prints a table or JSON. */
import { parseArgs } from "node:util";
import { BLOCK, MAX_CHANNELS, SAMPLE_RATE } from "../core/units.ts";
import { churn } from "./churn.ts";
import { table } from "./figures_table.ts";
import { printQuality, QUALITY_SECONDS } from "./quality.ts";
import { type Figures, measure, type Scenario } from "./scenario.ts";
import { DEFAULT_ROUNDS, DEFAULT_SECONDS, suite } from "./suite.ts";

const HELP = `foldback bench: a real server on a software source, and clients, on this machine.

  --clients N        clients (default 10)
  --channels N       channels of the source and of each client (default 16)
  --frame-ms MS      2.5, 5 or 10 (default 2.5)
  --mode MODE        channels or mix (default channels)
  --bitrate BPS      of one Opus stream (default: the server's)
  --seconds N        measured time (default 10)
  --pool-size N|auto as for start
  --send-mode MODE   as for start
  --handoff WAY      as for start
  --codec CODEC      as for start
  --compare          sync with an encode for every client (what the pool replaces), sync with shared encodes, the pool
  --suite            every scenario of docs/LATENCY.md in turn, beside native C; a Markdown table
  --rounds N         of the suite (default ${DEFAULT_ROUNDS}, of ${DEFAULT_SECONDS} s each)
  --only WORD,WORD   of the suite: only rows with such a word in their name (and what they are compared with)
  --control-load     the same twice: left alone, and with 20 live clients and 50 fader moves a second
                     (default then: 60 clients, a mix each, 5 ms frames, 60 s)
  --churn MINUTES    clients come and go, five a second; the server's memory each minute
  --quality          what the codec does to a band, by frame, bit rate and complexity (--seconds of each, else ${QUALITY_SECONDS});
                     npm's, or with --codec own our own build
  --json             figures as JSON
  --help             this text
`;
const LOAD = { liveClients: 20, movesPerSecond: 50 };
/** What is measured under a control load, where nothing else is asked for. */
const LOADED = { clients: "60", mode: "mix", "frame-ms": "5", seconds: "60" };

class BenchError extends Error {}

type Values = Record<string, string | boolean | undefined>;

function wholeNumber(values: Values, name: string, preset: number, least: number, most: number): number {
  const text = values[name] as string | undefined, value = text === undefined ? preset : Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new BenchError(`--${name} must be a whole number from ${least} to ${most}: is ${JSON.stringify(text)}`);
  }
  return value;
}

function scenarioOf(values: Values): Scenario {
  const number = (name: string, preset: number, least: number, most: number) =>
    wholeNumber(values, name, preset, least, most);
  const choice = <const Choice extends string>(name: string, choices: readonly Choice[]): Choice => {
    const text = values[name] ?? choices[0], found = choices.find((one) => one === text);
    if (found === undefined) {
      throw new BenchError(`--${name} must be one of ${choices.join(", ")}: is ${JSON.stringify(text)}`);
    }
    return found;
  };
  return {
    clients: number("clients", 10, 1, 500),
    channels: number("channels", 16, 1, MAX_CHANNELS),
    frameMs: Number(choice("frame-ms", ["2.5", "5", "10"])),
    mode: choice("mode", ["channels", "mix"]),
    bitrate: values.bitrate === undefined ? null : number("bitrate", 0, 16_000, 256_000),
    seconds: number("seconds", 10, 1, 3600),
    poolSize: poolSizeOf(values["pool-size"] as string | undefined),
    sendMode: choice("send-mode", ["pool", "sync", "sync-unshared"]),
    handoff: values.handoff === undefined ? null : choice("handoff", ["shared", "transfer"]),
    codec: choice("codec", ["auto", "own", "package"]),
  };
}

function poolSizeOf(text: string | undefined): string | null {
  if (text !== undefined && !/^(auto|[1-9]|[1-5]\d|6[0-4])$/.test(text)) {
    throw new BenchError(`--pool-size must be auto or 1 to 64: is ${JSON.stringify(text)}`);
  }
  return text ?? null;
}

/** The three ways, by their names in the JSON. */
const WAYS = { syncUnshared: "sync-unshared", sync: "sync", pool: "pool" } as const;
type Compared = Record<keyof typeof WAYS, Figures>;

function ratiosOf({ syncUnshared, sync, pool }: Compared) {
  const over = (figure: (figures: Figures) => number) => ({
    syncUnsharedOverPool: figure(syncUnshared) / figure(pool),
    syncOverPool: figure(sync) / figure(pool),
  });
  return {
    mainBlockP50: over(({ mainBlockUs }) => mainBlockUs.p50),
    mainBlockP99: over(({ mainBlockUs }) => mainBlockUs.p99),
    handoffP50: over(({ handoffUs }) => handoffUs.p50),
    captureToSendP99: over(({ captureToSendMs }) => captureToSendMs.p99),
    cpu: over(({ cpuPercent }) => cpuPercent),
    encodesPerSecond: over(({ encodesPerSecond }) => encodesPerSecond),
  };
}

async function compare(scenario: Scenario): Promise<Compared> {
  const figures: Partial<Compared> = {};
  for (const [name, sendMode] of Object.entries(WAYS) as [keyof typeof WAYS, Scenario["sendMode"]][]) {
    figures[name] = await measure({ ...scenario, sendMode });
  }
  return figures as Compared;
}

async function controlLoad(scenario: Scenario, head: string, json: boolean): Promise<void> {
  const alone = await measure(scenario), loaded = await measure({ ...scenario, load: LOAD });
  const over = (figure: (figures: Figures) => number) => figure(loaded) / figure(alone);
  const ratios = {
    mainBlockP50: over(({ mainBlockUs }) => mainBlockUs.p50),
    mainBlockP99: over(({ mainBlockUs }) => mainBlockUs.p99),
    captureToSendP50: over(({ captureToSendMs }) => captureToSendMs.p50),
    captureToSendP99: over(({ captureToSendMs }) => captureToSendMs.p99),
    cpu: over(({ cpuPercent }) => cpuPercent),
  };
  if (json) return console.log(JSON.stringify({ alone, loaded, ratios }, null, 2));
  const { moves, acknowledged, messages, bytes } = loaded.load!;
  console.log(
    `${head}\n\nleft alone\n${table(alone)}\n\n${LOAD.liveClients} live clients with meters, ` +
      `${LOAD.movesPerSecond} fader moves a second\n${table(loaded)}\n` +
      `control                 ${moves} moves, ${acknowledged} acknowledged; ${messages} messages, ` +
      `${(bytes / 1e6).toFixed(1)} MB to the live clients\n\nloaded over alone`,
  );
  for (const [name, ratio] of Object.entries(ratios)) console.log(`${name.padEnd(24)}${ratio.toFixed(2)} ×`);
}

/** Runs `foldback bench` with these arguments; resolves to the exit code. */
export async function bench(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const, flag = { type: "boolean" } as const;
  let values: Values, scenario: Scenario, rounds: number, minutes: number;
  try {
    values = parseArgs({
      args: [...args],
      strict: true,
      options: {
        clients: text,
        channels: text,
        "frame-ms": text,
        mode: text,
        bitrate: text,
        seconds: text,
        "pool-size": text,
        "send-mode": text,
        handoff: text,
        codec: text,
        compare: flag,
        suite: flag,
        quality: flag,
        churn: text,
        rounds: text,
        only: text,
        "control-load": flag,
        json: flag,
        help: flag,
      },
    }).values;
    const presets = values["control-load"] ? LOADED : values.suite ? { seconds: String(DEFAULT_SECONDS) } : {};
    scenario = scenarioOf({ ...presets, ...values });
    minutes = values.churn === undefined ? 0 : wholeNumber(values, "churn", 1, 1, 24 * 60);
    rounds = wholeNumber(values, "rounds", DEFAULT_ROUNDS, 1, 100);
  } catch (error) {
    console.error(`foldback bench: ${(error as Error).message.split("\n")[0]}`);
    return 2;
  }
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (minutes > 0) {
    await churn(scenario, minutes);
    return 0;
  }
  if (values.quality) {
    const seconds = values.seconds === undefined ? QUALITY_SECONDS : scenario.seconds;
    await printQuality(seconds, values.codec === "own", values.json === true);
    return 0;
  }
  if (values.suite) {
    const only = String(values.only ?? "").split(",").map((word) => word.trim()).filter((word) => word !== "");
    return await suite({ rounds, seconds: scenario.seconds, only, json: values.json === true });
  }
  const head =
    `${scenario.clients} clients × ${scenario.channels} channels, ${scenario.frameMs} ms frames, ${scenario.mode}, ` +
    `${scenario.seconds} s; a block lasts ${
      (BLOCK / SAMPLE_RATE * 1e6).toFixed(0)
    } µs; ${navigator.hardwareConcurrency} cores`;
  if (values["control-load"]) {
    await controlLoad(scenario, head, values.json === true);
    return 0;
  }
  if (values.compare) {
    const compared = await compare(scenario), ratios = ratiosOf(compared);
    if (values.json) console.log(JSON.stringify({ ...compared, ratios }, null, 2));
    else {
      console.log(head);
      for (const [name, sendMode] of Object.entries(WAYS)) {
        console.log(`\n${sendMode}\n${table(compared[name as keyof typeof WAYS])}`);
      }
      console.log(`\nratios to the pool`);
      for (const [name, { syncUnsharedOverPool, syncOverPool }] of Object.entries(ratios)) {
        console.log(
          `${name.padEnd(24)}sync-unshared ${syncUnsharedOverPool.toFixed(2)} ×, sync ${syncOverPool.toFixed(2)} ×`,
        );
      }
    }
    return 0;
  }
  const figures = await measure(scenario);
  console.log(values.json ? JSON.stringify(figures, null, 2) : `${head}, ${scenario.sendMode}\n${table(figures)}`);
  return 0;
}
