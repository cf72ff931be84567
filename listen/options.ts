/**
 * The command line of `listen`: strings in, checked options out, or one clear line. Main isolate; may allocate.
 */
import { parseArgs } from "node:util";
import { MAX_CHANNELS } from "../core/units.ts";
import { MAX_DEPTH_MS } from "./depth.ts";

export const HELP = `Listens as a phone would: joins, receives, plays or records, and reports.

  listen --server URL --join-code CODE [flags]
  listen --discover --join-code CODE [flags]

  --server URL         the server, such as http://192.0.2.7:5100
  --discover           look for the server on this network instead
  --join-code CODE     as printed by the server at its start
  --name NAME          shown on the console (default: listener)
  --device ID          this device's own lasting id, 8 to 64 of A-Z a-z 0-9 . _ - (default: a new one each time)
  --mode MODE          channels (default): each channel by itself; mix: one stereo mix made by the server
  --channels LIST      such as 1-8,11 (default: all)
  --frame-ms MS        2.5, 5 or 10 (default: the server's)
  --bitrate BPS        bits per second of one Opus stream, 16000 to 256000 (default: the server's)
  --redundancy N       0 or 1 earlier frames repeated in each packet (default: 0)
  --buffer-ms MS       a fixed jitter buffer, 0.5 to ${MAX_DEPTH_MS} (default: adapts to the measured arrival jitter, and
                       plays up to half a percent faster or slower while it does)
  --out FILE.wav       write all channels to one float WAV
  --play [OUTPUT]      play through PortAudio: alsa:PCM, an index, part of a name (default: the default output)
  --seconds N          end after so much sound (default: until Ctrl-C)
  --json               one JSON object per line instead of text
  --help

What the engineer changes is followed; after a restart of the server it comes back. It ends when its session was ended on
purpose, when its place goes to another device of its id, and when a file can't hold what is streamed now.

Exit code: 0 at the end of --seconds or after Ctrl-C, 1 if it can't go on, 2 for a wrong command line.
`;

export interface ListenOptions {
  readonly server: string;
  readonly joinCode: string;
  /** Body of the join, without what was left out. */
  readonly join: {
    readonly name: string;
    readonly device: string;
    readonly mode: "channels" | "mix";
    readonly channels?: readonly number[];
    readonly frameMs?: number;
    readonly bitrate?: number;
    readonly redundancy?: 0 | 1;
  };
  readonly bufferMs: number | null;
  readonly out: string | null;
  readonly play: { readonly target: string | null } | null;
  readonly seconds: number | null;
  readonly json: boolean;
}

/** As it was typed: without a server, one is to be found. */
export type AskedListen = Omit<ListenOptions, "server"> & { readonly server: string | null };

/** The message is one line for the user. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Where what is missing can be had. */
const MISSING = {
  server: ": a URL such as http://192.0.2.7:5100, or --discover to look for it on this network",
  "join-code": ": it stands in the server's start lines",
};

const DEVICE = /^[A-Za-z0-9._-]{8,64}$/;

/** "1-8,11" → [1, …, 8, 11]. @throws UsageError */
export function channelList(text: string): number[] {
  const channels: number[] = [];
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*$/.exec(part);
    const first = Number(match?.[1]), last = Number(match?.[2] ?? match?.[1]);
    if (!match || first < 1 || last < first || last > MAX_CHANNELS) {
      throw new UsageError(
        `--channels must be numbers and ranges from 1 to ${MAX_CHANNELS}, such as 1-8,11: is ${text}`,
      );
    }
    for (let channel = first; channel <= last; channel++) channels.push(channel);
  }
  if (new Set(channels).size !== channels.length) throw new UsageError(`--channels names a channel twice: ${text}`);
  return channels;
}

function oneOf<T>(flag: string, text: string | undefined, choices: Record<string, T>): T | undefined {
  if (text === undefined) return undefined;
  if (Object.hasOwn(choices, text)) return choices[text];
  throw new UsageError(`--${flag} must be one of ${Object.keys(choices).join(", ")}: is ${text}`);
}

function numberIn(
  flag: string,
  text: string | undefined,
  low: number,
  high: number,
  whole = false,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`--${flag} must be a ${whole ? "whole " : ""}number from ${low} to ${high}: is ${text}`);
}

function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    throw new UsageError(`--server must be a URL such as http://192.0.2.7:5100: is ${text}`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** `--play` may stand alone, which parseArgs doesn't know. */
const withPlayTarget = (args: string[]): string[] =>
  args.map((arg, i) =>
    arg === "--play" && (args[i + 1] === undefined || args[i + 1].startsWith("-")) ? "--play=" : arg
  );

/** null: help was asked for. @throws UsageError */
export function parseListenArgs(args: string[]): AskedListen | null {
  const string = { type: "string" } as const, boolean = { type: "boolean" } as const;
  let values;
  try {
    values = parseArgs({
      args: withPlayTarget(args),
      strict: true,
      options: {
        server: string,
        discover: boolean,
        "join-code": string,
        name: string,
        device: string,
        mode: string,
        channels: string,
        "frame-ms": string,
        bitrate: string,
        redundancy: string,
        "buffer-ms": string,
        out: string,
        play: string,
        seconds: string,
        json: boolean,
        help: boolean,
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
  if (values.help) return null;
  const required = (flag: "server" | "join-code") => {
    const value = values[flag];
    if (value === undefined || value === "") throw new UsageError(`--${flag} is missing${MISSING[flag]}`);
    return value;
  };
  if (values.discover && values.server !== undefined) {
    throw new UsageError("--discover and --server exclude each other");
  }
  const server = values.discover ? null : serverUrl(required("server"));
  const name = values.name ?? "listener", device = values.device ?? crypto.randomUUID();
  // deno-lint-ignore no-control-regex
  if (name.length < 1 || name.length > 64 || /[\u0000-\u001f\u007f-\u009f]/.test(name)) {
    throw new UsageError("--name must have 1 to 64 characters, none of them control characters");
  }
  if (!DEVICE.test(device)) throw new UsageError(`--device must be 8 to 64 of A-Z a-z 0-9 . _ -: is ${device}`);
  if (values.out === "") throw new UsageError("--out must name a file");
  return {
    server,
    joinCode: required("join-code"),
    join: {
      name,
      device,
      mode: oneOf("mode", values.mode, { channels: "channels", mix: "mix" } as const) ?? "channels",
      channels: values.channels === undefined ? undefined : channelList(values.channels),
      frameMs: oneOf("frame-ms", values["frame-ms"], { "2.5": 2.5, "5": 5, "10": 10 }),
      bitrate: numberIn("bitrate", values.bitrate, 16_000, 256_000, true),
      redundancy: oneOf("redundancy", values.redundancy, { "0": 0, "1": 1 } as const),
    },
    bufferMs: numberIn("buffer-ms", values["buffer-ms"], 0.5, MAX_DEPTH_MS) ?? null,
    out: values.out ?? null,
    play: values.play === undefined ? null : { target: values.play === "" ? null : values.play },
    seconds: numberIn("seconds", values.seconds, 0.1, 1e9) ?? null,
    json: values.json ?? false,
  };
}
