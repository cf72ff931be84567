/**
 * What `foldback start` is asked for: flags before the environment before the config file before what is so by default.
 * In: arguments and environment. Out: checked options, or one line that names who said what can't be. Everything is
 * checked before anything is opened. Main isolate, once at start; allocates.
 */
import { parseArgs } from "node:util";
import { FlagError, type StartOptions } from "../control/flags.ts";
import { readConfig } from "./config.ts";
import { Rule, type Setting } from "./rules.ts";
import {
  CONFIG_VARIABLE,
  type Given,
  type GivenSettings,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  type SettingValue,
  variableOf,
} from "./settings.ts";
import { suggestion } from "./suggest.ts";

/** A variable's value; undefined: not set, or we may not read it. */
export type Environment = (name: string) => string | undefined;

/** The process's. */
export const ourEnvironment: Environment = (variable) => Deno.env.get(variable);

/** Says no to variables that look like settings and aren't. @throws FlagError */
export function refuseUnknownVariables(names: readonly string[]): void {
  const known = [...SETTING_NAMES.map(variableOf), CONFIG_VARIABLE];
  const unknown = names.find((name) => name.startsWith("FOLDBACK_") && !known.includes(name));
  if (unknown !== undefined) throw new FlagError(`unknown variable ${unknown}${suggestion(unknown, known)}`);
}

/** What a command line asks for beside settings. */
export interface Asked {
  readonly help: boolean;
  /** Only tell what would be used. */
  readonly check: boolean;
  readonly given: GivenSettings;
}

/** Says no to flags that `known` hasn't (without dashes). @throws FlagError */
export function refuseUnknownFlags(args: readonly string[], known: readonly string[]): void {
  const end = args.indexOf("--");
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || known.includes(name)) continue;
    throw new FlagError(`unknown flag --${name}${suggestion(`--${name}`, known.map((one) => `--${one}`))}`);
  }
}

/** What `start` takes beside settings. */
const OWN_FLAGS = ["config", "check", "help"] as const;
type Flag = SettingName | typeof OWN_FLAGS[number];
export const START_FLAGS: readonly Flag[] = [...SETTING_NAMES, ...OWN_FLAGS];

const isOwn = (flag: Flag): flag is typeof OWN_FLAGS[number] => OWN_FLAGS.some((one) => one === flag);
const isSwitch = (flag: Flag): boolean => isOwn(flag) ? flag !== "config" : SETTINGS[flag].value === null;

/** What stands for its value in the help. */
const shapeOf = (flag: Flag): string => isOwn(flag) ? "FILE" : SETTINGS[flag].value!;

/** As they are typed, without dashes: switches that are settings also with `no-`. */
export const formsOf = (flags: readonly Flag[]): string[] =>
  flags.flatMap((flag) => isSwitch(flag) && !isOwn(flag) ? [flag, `no-${flag}`] : [flag]);

function parseFlags(args: readonly string[], flags: readonly Flag[]): Record<string, string | boolean | undefined> {
  refuseUnknownFlags(args, formsOf(flags));
  for (const arg of args) {
    const [, name, value] = /^--([^=]+)=(.*)/s.exec(arg) ?? [],
      flag = flags.find((one) => name === one || name === `no-${one}`);
    if (flag && isSwitch(flag)) throw new FlagError(`--${name} takes no value: is ${JSON.stringify(value)}`);
  }
  const options = flags.map((flag) => [flag, { type: isSwitch(flag) ? "boolean" : "string" }] as const);
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowNegative: true,
      allowPositionals: false,
      options: Object.fromEntries(options),
    }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    const [said] = (error as Error).message.split("\n");
    const name = /^Option '(?:-\w, )?--([\w-]+)[^']*' argument (?:missing|is ambiguous)/.exec(said)?.[1];
    if (name !== undefined) throw new FlagError(`--${name} needs a value: ${shapeOf(name as Flag)}`);
    throw new FlagError(said.replace(/\. To specify a positional.*/, ""));
  }
}

/**
 * Who says what; nothing is checked but that it is a setting. `flags`: those that may be there, as {@link START_FLAGS}.
 * @throws FlagError
 */
export function readCommand(
  args: readonly string[],
  environment: Environment,
  flags: readonly Flag[] = START_FLAGS,
): Asked {
  const values = parseFlags(args, flags), help = values.help === true, check = values.check === true;
  if (help) return { help, check, given: new Map() };
  const variable = (name: string) => environment(name) || undefined; // empty: as if not set
  const path = values.config as string | undefined ?? variable(CONFIG_VARIABLE);
  const config: GivenSettings = path === undefined ? new Map() : readConfig(path);
  const given = new Map<SettingName, Given>();
  for (const name of SETTING_NAMES) {
    const { alias }: Setting<unknown> = SETTINGS[name], typed = values[name];
    const said: (Given | null)[] = [
      typed === undefined ? null : { text: String(typed), from: `--${typed === false ? "no-" : ""}${name}` },
      ...[variableOf(name), ...alias ? [alias] : []].map((from) => {
        const text = variable(from);
        return text === undefined ? null : { text, from };
      }),
      config.get(name) ?? null,
    ];
    const first = said.find((one) => one !== null);
    if (first) given.set(name, first);
  }
  return { help, check, given };
}

/** A setting's value, checked. @throws FlagError that names who said it. */
export function valueOf<Name extends SettingName>(given: GivenSettings, name: Name): SettingValue<Name> {
  const { read, preset, secret }: Setting<unknown> = SETTINGS[name];
  const { text, from } = given.get(name) ?? { text: preset, from: "the default" };
  if (text === null) return null as SettingValue<Name>;
  try {
    return read(text) as SettingValue<Name>;
  } catch (error) {
    if (!(error instanceof Rule)) throw error;
    throw new FlagError(`${from} ${error.message}${secret ? "" : `: is ${JSON.stringify(text)}`}`);
  }
}

/** They hold more than there can be clients (docs/LATENCY.md#how-many-send-workers). */
const MOST_BY_ITSELF = 8;

/** Half the cores, at least one, at most one for each client: more workers than cores hurts, and main and capture need room too. */
function poolSize(given: GivenSettings, maxClients: number, cores: number): StartOptions["poolSize"] {
  const size = valueOf(given, "pool-size");
  if (size !== "auto") return { size, why: given.get("pool-size")!.from };
  if (cores < 2) return { size: 1, why: "auto: there is one core" };
  const half = Math.floor(cores / 2), bounded = Math.min(half, maxClients, MOST_BY_ITSELF);
  return { size: bounded, why: `auto: half of ${cores} cores${bounded < half ? `, at most ${bounded}` : ""}` };
}

function stateDirectory(given: string | null, environment: Environment): string {
  if (given !== null) return given;
  const state = environment("XDG_STATE_HOME");
  if (state?.startsWith("/")) return `${state}/foldback`;
  const home = environment("HOME") ?? environment("USERPROFILE");
  if (!home) throw new FlagError("--state-dir must be given: neither XDG_STATE_HOME nor HOME is set");
  return `${home}/.local/state/foldback`;
}

function secureOf(given: GivenSettings): StartOptions["https"] {
  const place = valueOf(given, "https"), cert = valueOf(given, "cert"), key = valueOf(given, "key");
  if ((cert === null) !== (key === null)) throw new FlagError("--cert and --key must be given together");
  if (place === null && cert !== null) throw new FlagError("--cert and --key must be given together with --https");
  return place && { ...place, files: cert === null || key === null ? null : { cert, key } };
}

/** Everything checked, each by itself and together. @throws FlagError */
export function optionsOf(given: GivenSettings, environment: Environment, cores: number): StartOptions {
  const maxClients = valueOf(given, "max-clients"), pool = poolSize(given, maxClients, cores);
  const sendMode = valueOf(given, "send-mode"), mediaPort = valueOf(given, "media-port");
  if (sendMode === "pool" && mediaPort + pool.size - 1 > 65535) {
    const from = given.get("media-port")?.from ?? "--media-port";
    throw new FlagError(`${from} ${mediaPort} leaves no port for ${pool.size} workers`);
  }
  return {
    source: valueOf(given, "source"),
    channels: valueOf(given, "channels"),
    name: valueOf(given, "name"),
    discovery: valueOf(given, "discovery"),
    http: valueOf(given, "http"),
    https: secureOf(given),
    mediaPort,
    publicHost: valueOf(given, "public-host"),
    joinCode: valueOf(given, "join-code"),
    engineerKey: valueOf(given, "engineer-key"),
    stateDir: stateDirectory(valueOf(given, "state-dir"), environment),
    poolSize: pool,
    sendMode,
    handoff: valueOf(given, "handoff"),
    codec: valueOf(given, "codec"),
    dscp: valueOf(given, "dscp"),
    maxClients,
    frame: valueOf(given, "frame-ms"),
    bitrate: valueOf(given, "bitrate"),
    log: { level: valueOf(given, "log-level"), json: valueOf(given, "log-json") },
  };
}

/** All at once. @throws FlagError. "help" when that was asked. */
export function parseStart(args: readonly string[], environment: Environment, cores: number): StartOptions | "help" {
  const { help, given } = readCommand(args, environment);
  return help ? "help" : optionsOf(given, environment, cores);
}
