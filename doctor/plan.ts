/**
 * What is planned for the show, from the doctor's flags: those of `start` that matter before it, checked by the same
 * code, and a few of its own. In: arguments, environment. Out: a plan, or one line why not. Main isolate; allocates.
 */
import { parseArgs } from "node:util";
import { FlagError, type StartOptions } from "../control/flags.ts";
import { samplesToMs } from "../core/units.ts";
import { type Environment, parseStart, refuseUnknownFlags } from "../program/flags.ts";

export interface Plan {
  /** As `start` would have them. */
  readonly start: StartOptions;
  readonly clients: number;
  /** Of each client. */
  readonly channels: number;
  /** Somebody said so; else {@link channels} is a guess. */
  readonly channelsStated: boolean;
  readonly frameMs: number;
  readonly mode: "channels" | "mix";
  /** How long the source is listened to. */
  readonly seconds: number;
  /** How long the planned clients are served. */
  readonly loadSeconds: number;
  /** Ids of the checks to be made; null: all. */
  readonly only: readonly string[] | null;
  readonly json: boolean;
}

/** Flags of `start` that the doctor takes and hands on. */
const PASSED = [
  "config",
  "source",
  "channels",
  "http",
  "https",
  "cert",
  "key",
  "media-port",
  "public-host",
  "state-dir",
  "pool-size",
  "codec",
  "handoff",
  "max-clients",
  "send-mode",
  "dscp",
  "frame-ms",
  "bitrate",
] as const;
/** Those that the help says more of. */
const OWN_LINE: readonly string[] = ["source", "channels", "frame-ms"];
const CHANNELS = 16;

/** @returns the text of `--help`. `ids`: of all checks. */
export const helpOf = (ids: readonly string[]): string =>
  `foldback doctor: will this machine hold tonight? One line for each check: ok, look or bad, and what to do.

  --clients N        clients that are planned (default 10)
  --channels N       channels of the source and of each client (default ${CHANNELS})
  --frame-ms MS      2.5, 5 or 10 (default 5)
  --mode MODE        channels, or mix: one stereo mix for each client (default channels)
  --source SOURCE    what will be captured, as for start
  --seconds N        how long to listen to the source (default 3)
  --load-seconds N   how long to serve the clients (default 5)
  --only ID,ID       these checks alone: ${ids.join(", ")}
  --json             { "checks": [{ "id", "verdict", "says", "do", "values" }] }
  --help             this text

  ${PASSED.filter((name) => !OWN_LINE.includes(name)).map((name) => `--${name}`).join(", ")}:
as for start, and so are the variables of the environment.

Exit code: 0 all ok or look, 1 something is bad, 2 wrong flags. Text goes to stdout, what it is waiting for to stderr.
`;

function wholeNumber(name: string, text: string | undefined, preset: number, least: number, most: number): number {
  if (text === undefined) return preset;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new FlagError(`--${name} must be a whole number from ${least} to ${most}: is ${JSON.stringify(text)}`);
  }
  return value;
}

function onlyOf(text: string | undefined, ids: readonly string[]): readonly string[] | null {
  if (text === undefined) return null;
  const only = text.split(",");
  const unknown = only.find((id) => !ids.includes(id));
  if (unknown !== undefined) {
    throw new FlagError(`--only must name checks of ${ids.join(", ")}: is ${JSON.stringify(unknown)}`);
  }
  return only;
}

/** `ids`: of all checks. @throws FlagError. "help" when that was asked. */
export function parsePlan(
  args: readonly string[],
  ids: readonly string[],
  environment: Environment,
  cores: number,
): Plan | "help" {
  const text = { type: "string" } as const, flag = { type: "boolean" } as const;
  const own = { clients: text, mode: text, seconds: text, "load-seconds": text, only: text, json: flag, help: flag };
  const passed = Object.fromEntries(PASSED.map((name) => [name, text]));
  refuseUnknownFlags(args, [...Object.keys(own), ...PASSED]);
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({ args: [...args], strict: true, allowPositionals: false, options: { ...own, ...passed } })
      .values as typeof values;
  } catch (error) {
    throw new FlagError((error as Error).message.split("\n")[0].replace(/\. To specify a positional.*/, ""));
  }
  if (values.help) return "help";
  const said = (name: string) => values[name] as string | undefined;
  const mode = said("mode") ?? "channels";
  if (mode !== "channels" && mode !== "mix") {
    throw new FlagError(`--mode must be one of channels, mix: is ${JSON.stringify(mode)}`);
  }
  const given = PASSED.filter((name) => said(name) !== undefined).map((name) => `--${name}=${said(name)}`);
  const start = parseStart(given, environment, cores);
  if (start === "help") return "help";
  return {
    start,
    clients: wholeNumber("clients", said("clients"), 10, 1, 500),
    channels: start.channels ?? CHANNELS,
    channelsStated: start.channels !== null,
    frameMs: samplesToMs(start.frame),
    mode,
    seconds: wholeNumber("seconds", said("seconds"), 3, 1, 60),
    loadSeconds: wholeNumber("load-seconds", said("load-seconds"), 5, 1, 60),
    only: onlyOf(said("only"), ids),
    json: values.json === true,
  };
}
