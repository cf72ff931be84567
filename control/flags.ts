/**
 * The flags of `foldback start`: one table that parses, checks and documents them. Everything is checked before anything
 * is opened. Main isolate, once at start.
 */
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import type { LogOptions } from "../core/messages.ts";
import { type BitRate, bitRate, type Frame, FRAMES, MAX_CHANNELS, msToSamples } from "../core/units.ts";

/** A flag that can't be used as it was given: one line for the terminal, exit code 2. */
export class FlagError extends Error {}

/** What `start` was asked for. */
export interface StartOptions {
  /** As typed; null: the card with the most inputs, else the demo band. */
  readonly source: string | null;
  /** 1 to 64; null: all that the source has. */
  readonly channels: number | null;
  /** Where HTTP listens; the media sockets take the same address. "::" is every address. */
  readonly http: { readonly address: string; readonly port: number };
  /** UDP port of the first send worker; 0: any. */
  readonly mediaPort: number;
  /** Told to clients instead of the address that they came by. */
  readonly publicHost: string | null;
  /** null: the one that is kept in the state directory. */
  readonly joinCode: string | null;
  /** null: the one that is kept in the state directory. */
  readonly engineerKey: string | null;
  /** Where secrets are kept. */
  readonly stateDir: string;
  /** How many send workers, and who said so. */
  readonly poolSize: { readonly size: number; readonly why: string };
  /** Who encodes and sends: the pool, or the main isolate, with or without sharing encodes. */
  readonly sendMode: "pool" | "sync" | "sync-unshared";
  /** How the pool's workers get blocks: by a ring in shared memory, or by ArrayBuffers that are transferred. */
  readonly handoff: "shared" | "transfer";
  /** DiffServ code point, 0 to 63 (RFC 2474). */
  readonly dscp: number;
  /** Clients served at once. */
  readonly maxClients: number;
  /** For a client that asks for none. */
  readonly frame: Frame;
  /** For a client that asks for none; null: by what fits. */
  readonly bitrate: BitRate | null;
  /** Level and format of the log. */
  readonly log: LogOptions;
}

/** More clients than 300 were never in time on two cores; 1000 is the most that the tables are made for. */
const MOST_CLIENTS = 1000;
/** Each worker is a thread with a codec of its own; more than cores only hurts. */
const MOST_WORKERS = 64;

interface Flag {
  readonly value?: string;
  readonly help: string;
}

const FLAGS = {
  source: {
    value: "SOURCE",
    help:
      "portaudio, portaudio:INDEX|NAME, alsa:PCM, wav:FILE, demo, tones; left out: the card with the most inputs, else demo",
  },
  channels: { value: "N", help: `inputs to capture, 1 to ${MAX_CHANNELS}; left out: all that the source has` },
  http: { value: "[ADDRESS:]PORT", help: "where the API is served (default: all addresses, 5100)" },
  "media-port": { value: "PORT", help: "UDP port of the first send worker, the others follow (default 5101)" },
  "public-host": { value: "HOST", help: "address to tell clients, if it isn't the one they connect to" },
  "join-code": {
    value: "CODE",
    help: "what musicians type to join, 4 to 64 characters (default: made at first start, kept in the state directory)",
  },
  "engineer-key": {
    value: "KEY",
    help: "the engineer's secret, at least 22 characters (default: made at first start, kept in the state directory)",
  },
  "state-dir": {
    value: "DIR",
    help: "where secrets are kept (default: $XDG_STATE_HOME/foldback or ~/.local/state/foldback)",
  },
  "pool-size": { value: "N|auto", help: "send workers (default: $AUDIO_SEND_POOL_SIZE or auto, half the cores)" },
  "send-mode": {
    value: "MODE",
    help:
      "pool, sync (encode and send in the main isolate) or sync-unshared (and encode for every client anew); default pool",
  },
  handoff: {
    value: "WAY",
    help:
      "how blocks reach the send workers: shared (a ring in shared memory) or transfer (ArrayBuffers); default shared",
  },
  dscp: { value: "N", help: "DiffServ code point of the audio, 0 to 63 (default 46, EF)" },
  "max-clients": { value: "N", help: "clients at most (default 100)" },
  "frame-ms": { value: "MS", help: "Opus frame when a client doesn't ask: 2.5, 5 or 10 (default 5)" },
  bitrate: { value: "BPS", help: "bits a second of one Opus stream when a client doesn't ask, 16000 to 256000" },
  "log-level": { value: "LEVEL", help: "debug, info, warning or error (default info)" },
  "log-json": { help: "log as JSON lines" },
  help: { help: "this text" },
} as const satisfies Record<string, Flag>;

/** @returns the text of `--help`. */
export function startHelp(): string {
  const rows = Object.entries(FLAGS).map(([name, flag]: [string, Flag]) =>
    `  --${name}${flag.value ? ` ${flag.value}` : ""}`.padEnd(28) + flag.help
  );
  return `foldback start: captures the stage and serves it.\n\n${rows.join("\n")}\n`;
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new FlagError(`--${name} must be a whole number from ${least} to ${most}: is ${JSON.stringify(text)}`);
  }
  return value;
}

function choice<const Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((one) => one === text);
  if (found === undefined) {
    throw new FlagError(`--${name} must be one of ${choices.join(", ")}: is ${JSON.stringify(text)}`);
  }
  return found;
}

function parseHttp(text: string): { address: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? "::";
  if (!match || isIP(address) === 0) {
    throw new FlagError(`--http must be [ADDRESS:]PORT with an IP address: is ${JSON.stringify(text)}`);
  }
  return { address, port: integer("http", match[3], 0, 65535) };
}

/** Half the cores, at least one, at most one for each client: more workers than cores hurts, and main and capture need room too. */
function parsePoolSize(flag: string | undefined, environment: string | undefined, maxClients: number, cores: number) {
  const [name, text] = flag !== undefined
    ? ["--pool-size", flag]
    : environment !== undefined && environment !== ""
    ? ["AUDIO_SEND_POOL_SIZE", environment]
    : ["--pool-size", "auto"];
  if (text === "auto") {
    const half = Math.max(1, Math.floor(cores / 2)), size = Math.min(half, maxClients, MOST_WORKERS);
    const bound = size < half ? `, at most ${size}` : "";
    return { size, why: `auto: half of ${cores} cores${bound}` };
  }
  const value = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
  if (!(value >= 1 && value <= MOST_WORKERS)) {
    throw new FlagError(`${name} must be auto or 1 to ${MOST_WORKERS}: is ${JSON.stringify(text)}`);
  }
  return { size: value, why: name };
}

function stateDirectory(flag: string | undefined, environment: (name: string) => string | undefined): string {
  if (flag === "") throw new FlagError(`--state-dir must be a directory: is ""`);
  if (flag !== undefined) return flag;
  const state = environment("XDG_STATE_HOME");
  if (state?.startsWith("/")) return `${state}/foldback`;
  const home = environment("HOME") ?? environment("USERPROFILE");
  if (!home) throw new FlagError("--state-dir must be given: neither XDG_STATE_HOME nor HOME is set");
  return `${home}/.local/state/foldback`;
}

function secret(name: string, text: string | undefined, least: number): string | null {
  if (text === undefined) return null;
  if (!/^[\x21-\x7e]*$/.test(text) || text.length < least || text.length > 64) {
    throw new FlagError(`--${name} must be ${least} to 64 printable characters without spaces`);
  }
  return text;
}

/** Splits and checks. @throws FlagError. "help" when that was asked. */
export function parseStart(
  args: readonly string[],
  environment: (name: string) => string | undefined,
  cores: number,
): StartOptions | "help" {
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: Object.fromEntries(
        Object.entries(FLAGS).map((
          [name, flag]: [string, Flag],
        ) => [name, { type: flag.value ? "string" : "boolean" }]),
      ) as Record<string, { type: "string" | "boolean" }>,
    }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    throw new FlagError((error as Error).message.split("\n")[0].replace(/\. To specify a positional.*/, ""));
  }
  if (values.help) return "help";
  const text = (name: keyof typeof FLAGS) => values[name] as string | undefined;
  const http = parseHttp(text("http") ?? "5100");
  const maxClients = integer("max-clients", text("max-clients") ?? "100", 1, MOST_CLIENTS);
  const poolSize = parsePoolSize(text("pool-size"), environment("AUDIO_SEND_POOL_SIZE"), maxClients, cores);
  const mediaPort = integer("media-port", text("media-port") ?? "5101", 0, 65535);
  if (text("send-mode") !== "sync" && text("send-mode") !== "sync-unshared" && mediaPort + poolSize.size - 1 > 65535) {
    throw new FlagError(`--media-port ${mediaPort} leaves no port for ${poolSize.size} workers`);
  }
  const frame = msToSamples(Number(choice("frame-ms", text("frame-ms") ?? "5", ["2.5", "5", "10"])));
  const channels = text("channels");
  const bitrate = text("bitrate");
  const publicHost = text("public-host") ?? null;
  if (publicHost !== null && isIP(publicHost) === 0 && !/^[A-Za-z0-9.-]{1,253}$/.test(publicHost)) {
    throw new FlagError(`--public-host must be a host name or an IP address: is ${JSON.stringify(publicHost)}`);
  }
  return {
    source: text("source") ?? null,
    channels: channels === undefined ? null : integer("channels", channels, 1, MAX_CHANNELS),
    http,
    mediaPort,
    publicHost,
    joinCode: secret("join-code", text("join-code"), 4),
    engineerKey: secret("engineer-key", text("engineer-key"), 22),
    stateDir: stateDirectory(text("state-dir"), environment),
    poolSize,
    sendMode: choice("send-mode", text("send-mode") ?? "pool", ["pool", "sync", "sync-unshared"]),
    handoff: choice("handoff", text("handoff") ?? "shared", ["shared", "transfer"]),
    dscp: integer("dscp", text("dscp") ?? "46", 0, 63),
    maxClients,
    frame: FRAMES.find((one) => one === frame)!,
    bitrate: bitrate === undefined ? null : bitRate(integer("bitrate", bitrate, 16_000, 256_000)),
    log: {
      level: choice("log-level", text("log-level") ?? "info", ["debug", "info", "warning", "error"]),
      json: values["log-json"] === true,
    },
  };
}
