/**
 * What the program can be asked, by name: for its help, for completing, and for saying no to what isn't there. The flags
 * of `start` are its settings; those of the others stand here again, and a test compares them with each one's help.
 */
import { formsOf, START_FLAGS } from "./flags.ts";
import type { Setting } from "./rules.ts";
import { type SettingName, SETTINGS } from "./settings.ts";

/** What follows a flag: nothing, some text, a path, or one of these. */
export type After = "nothing" | "text" | "file" | "directory" | readonly string[];

export interface Command {
  readonly summary: string;
  /** Without dashes. */
  readonly flags: Readonly<Record<string, After>>;
  /** Words that may follow it. */
  readonly words?: readonly string[];
}

function afterStartFlag(flag: string): After {
  if (flag === "config") return "file";
  const setting: Setting<unknown> | undefined = SETTINGS[flag as SettingName];
  if (!setting || setting.value === null) return "nothing";
  return setting.path ?? setting.choices ?? "text";
}

const START = Object.fromEntries(formsOf(START_FLAGS).map((flag) => [flag, afterStartFlag(flag)]));
const { http, https, cert, key, config, source, bitrate } = START;
const frame = START["frame-ms"], sendMode = START["send-mode"], poolSize = START["pool-size"];
const mode = ["channels", "mix"];

export const COMMANDS: Readonly<Record<string, Command>> = {
  start: { summary: "serve the stage (the default)", flags: START },
  listen: {
    summary: "be a listener: hear, record, measure",
    flags: {
      server: "text",
      discover: "nothing",
      "join-code": "text",
      name: "text",
      device: "text",
      mode,
      channels: "text",
      "frame-ms": frame,
      bitrate,
      redundancy: ["0", "1"],
      "buffer-ms": "text",
      out: "file",
      play: "text",
      seconds: "text",
      json: "nothing",
      help: "nothing",
    },
  },
  devices: { summary: "list the inputs that can be captured", flags: { help: "nothing" } },
  bench: {
    summary: "measure this machine",
    flags: {
      clients: "text",
      channels: "text",
      "frame-ms": frame,
      mode,
      bitrate,
      seconds: "text",
      "pool-size": poolSize,
      "send-mode": sendMode,
      handoff: START.handoff,
      codec: START.codec,
      compare: "nothing",
      "control-load": "nothing",
      quality: "nothing",
      churn: "text",
      suite: "nothing",
      rounds: "text",
      only: "text",
      json: "nothing",
      help: "nothing",
    },
  },
  doctor: {
    summary: "will this machine hold tonight?",
    flags: {
      clients: "text",
      channels: "text",
      "frame-ms": frame,
      mode,
      source,
      seconds: "text",
      "load-seconds": "text",
      only: "text",
      json: "nothing",
      config,
      http,
      https,
      cert,
      key,
      "media-port": "text",
      "public-host": "text",
      "state-dir": "directory",
      "pool-size": poolSize,
      codec: START.codec,
      handoff: START.handoff,
      "max-clients": "text",
      "send-mode": sendMode,
      dscp: "text",
      bitrate,
      help: "nothing",
    },
  },
  healthcheck: {
    summary: "ask the server on this machine whether all is well",
    flags: { http, config, help: "nothing" },
  },
  completions: {
    summary: "print what makes a shell complete all this",
    flags: { help: "nothing" },
    words: ["bash"],
  },
};

/** @returns the text of `--help`. */
export function programHelp(version: string): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  foldback ${name}`.padEnd(24) + summary);
  return `Foldback ${version}: every musician's own mix, on their own phone.

${rows.join("\n")}

Each has --help. foldback --version prints the version.
`;
}
