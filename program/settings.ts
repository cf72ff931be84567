/**
 * Every setting of `foldback start`, defined once: its flag, and so its variable in the environment and its key in a
 * config file; what it may be; what it is when it's left out. Help, completions, the README's table and the permissions
 * are made of it. Main isolate, once at start; allocates.
 */
import { isIP } from "node:net";
import { type BitRate, bitRate, type Frame, FRAMES, MAX_CHANNELS, msToSamples } from "../core/units.ts";
import { choice, file, number, onOff, place, Rule, secret, type Setting, setting, wholeNumber } from "./rules.ts";

/** More clients than 300 were never in time on two cores; 1000 is the most that the tables are made for. */
const MOST_CLIENTS = 1000;
/** Each worker is a thread with a codec of its own; more than cores only hurts. */
export const MOST_WORKERS = 64;
/** Of a DNS label (RFC 6763 section 4.1.1), in bytes. */
const LONGEST_NAME = 63;
const SOURCE = /^(portaudio(:.+)?|alsa:.+|wav:.+|demo|tones)$/s;

/** By the names of their flags. */
export const SETTINGS = {
  source: setting({
    value: "SOURCE",
    help: "portaudio, portaudio:INDEX|NAME, alsa:PCM, wav:FILE, demo, tones",
    preset: null,
    absent: "the card with the most inputs, else demo",
    choices: ["portaudio", "demo", "tones"],
    read: (text) => {
      if (SOURCE.test(text)) return text;
      throw new Rule("must be portaudio, portaudio:INDEX|NAME, alsa:PCM, wav:FILE, demo or tones");
    },
  }),
  channels: number(1, MAX_CHANNELS, {
    value: "N",
    help: `inputs to capture, 1 to ${MAX_CHANNELS}`,
    preset: null,
    absent: "all that the source has",
  }),
  name: setting({
    value: "NAME",
    help: "what it is called where devices are found by themselves",
    preset: null,
    absent: "Foldback on and the machine's name",
    read: (text) => {
      // deno-lint-ignore no-control-regex
      const odd = text.trim() !== text || text === "" || /[\u0000-\u001f\u007f-\u009f]/.test(text);
      if (!odd && new TextEncoder().encode(text).length <= LONGEST_NAME) return text;
      throw new Rule(`must have 1 to ${LONGEST_NAME} bytes, no control characters, no blank at either end`);
    },
  }),
  discovery: onOff("true", "be found by devices on the same network (mDNS)"),
  http: setting({
    value: "[ADDRESS:]PORT",
    help: "where the page and the API are served; without an address at all of them",
    preset: "5100",
    read: place,
  }),
  https: setting({
    value: "[ADDRESS:]PORT",
    help: "where they are served over HTTPS too, which phones want for listening in the browser",
    preset: null,
    absent: "nowhere",
    read: place,
  }),
  cert: file("certificate for https, PEM", "made at the first start, kept in the state directory"),
  key: file("its private key, PEM", "the made certificate's"),
  "media-port": number(0, 65535, {
    value: "PORT",
    help: "UDP port of the first send worker, the others follow; 0: any",
    preset: "5101",
  }),
  "public-host": setting({
    value: "HOST",
    help: "address to tell clients",
    preset: null,
    absent: "the one they connect to",
    read: (text) => {
      if (isIP(text) === 6) return text;
      if (/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(text) && URL.canParse(`http://${text}/`)) return text;
      throw new Rule("must be a host name or an IP address");
    },
  }),
  "join-code": secret(4, "what musicians type to join, 4 to 64 characters"),
  "engineer-key": secret(22, "the engineer's secret, 22 to 64 characters"),
  "state-dir": setting({
    value: "DIR",
    help: "where secrets, seats and scenes are kept",
    preset: null,
    absent: "$XDG_STATE_HOME/foldback or ~/.local/state/foldback",
    path: "directory",
    read: (text) => {
      if (text === "") throw new Rule("must be a directory");
      return text;
    },
  }),
  "pool-size": setting({
    value: "N|auto",
    help: `send workers, 1 to ${MOST_WORKERS}; auto: half the cores, at most 8`,
    preset: "auto",
    choices: ["auto"],
    alias: "AUDIO_SEND_POOL_SIZE",
    read: (text): number | "auto" => {
      const value = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
      if (text === "auto") return text;
      if (!(value >= 1 && value <= MOST_WORKERS)) throw new Rule(`must be auto or 1 to ${MOST_WORKERS}`);
      return value;
    },
  }),
  "send-mode": choice(["pool", "sync", "sync-unshared"], {
    value: "MODE",
    help: "pool, sync (encode and send in the main isolate) or sync-unshared (and encode for every client anew)",
    preset: "pool",
  }),
  handoff: choice(["shared", "transfer"], {
    value: "WAY",
    help: "how blocks reach the send workers: shared (a ring in shared memory) or transfer (ArrayBuffers)",
    preset: "shared",
  }),
  codec: choice(["auto", "own", "package"], {
    value: "CODEC",
    help: "libopus: own (deno task build:opus makes it), package (npm's), auto (own where there is one)",
    preset: "auto",
  }),
  dscp: number(0, 63, { value: "N", help: "DiffServ code point of the audio, 0 to 63; 46 is EF", preset: "46" }),
  "max-clients": number(1, MOST_CLIENTS, {
    value: "N",
    help: `clients at most, up to ${MOST_CLIENTS}`,
    preset: "100",
  }),
  "frame-ms": setting({
    value: "MS",
    help: "Opus frame when a client doesn't ask: 2.5, 5 or 10",
    preset: "5",
    choices: ["2.5", "5", "10"],
    read: (text): Frame => {
      const found = ["2.5", "5", "10"].includes(text) ? FRAMES.find((one) => one === msToSamples(Number(text))) : null;
      if (!found) throw new Rule("must be one of 2.5, 5, 10");
      return found;
    },
  }),
  bitrate: setting({
    value: "BPS",
    help: "bits a second of one Opus stream when a client doesn't ask, 16000 to 256000",
    preset: null,
    absent: "what fits",
    read: (text): BitRate => bitRate(wholeNumber(text, 16_000, 256_000)),
  }),
  "log-level": choice(["debug", "info", "warning", "error"], {
    value: "LEVEL",
    help: "debug, info, warning or error",
    preset: "info",
  }),
  "log-json": onOff("false", "log as JSON lines"),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;
/** What a setting is once it was read; null only where it has no preset. */
export type SettingValue<Name extends SettingName> = typeof SETTINGS[Name] extends Setting<infer Value, infer Preset>
  ? Preset extends string ? Value : Value | null
  : never;

/** What somebody said a setting should be: as it would be typed, and where: "--dscp", "FOLDBACK_DSCP", "dscp in FILE:3". */
export interface Given {
  readonly text: string;
  readonly from: string;
}
/** Those that are missing are as by default. */
export type GivenSettings = ReadonlyMap<SettingName, Given>;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** Its variable: "max-clients" → FOLDBACK_MAX_CLIENTS. */
export const variableOf = (name: string): string => `FOLDBACK_${name.replaceAll("-", "_").toUpperCase()}`;

/** Its key in a config file: "max-clients" → maxClients. */
export const keyOf = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** Its flag as it is shown: for a switch the form that changes something. */
export const flagOf = (name: SettingName): string => {
  const { value, preset } = SETTINGS[name];
  return `--${value === null && preset === "true" ? "no-" : ""}${name}`;
};

/** Names the config file itself, so it isn't a setting. */
export const CONFIG_VARIABLE = "FOLDBACK_CONFIG";
