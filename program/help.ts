/**
 * The settings in words: for `--help`, for the README, and with what they are now for `--check`. Main isolate; allocates.
 */
import { instanceName } from "../control/discovery.ts";
import { machineName } from "../control/doors.ts";
import type { StartOptions } from "../control/flags.ts";
import type { Setting } from "./rules.ts";
import {
  CONFIG_VARIABLE,
  flagOf,
  type GivenSettings,
  keyOf,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  variableOf,
} from "./settings.ts";

const settingOf = (name: SettingName): Setting<unknown> => SETTINGS[name];

/** What it is when nobody says anything. */
const presetOf = (name: SettingName): string => settingOf(name).preset ?? settingOf(name).absent ?? "";

/** "--http [ADDRESS:]PORT". */
const usageOf = (name: SettingName): string => [flagOf(name), settingOf(name).value ?? []].flat().join(" ");

/** What the flag does, which for a switch that is on is the opposite of the setting. */
function purposeOf(name: SettingName): string {
  const { value, preset, help } = settingOf(name);
  return value === null && preset === "true" ? `don't ${help}` : help;
}

const OTHERS: readonly (readonly [usage: string, help: string])[] = [
  ["--config FILE", `settings by their keys, JSON with comments (or ${CONFIG_VARIABLE}=FILE)`],
  ["--check", "check all of these, say what would be used and who said so, open nothing"],
  ["--help", "this text"],
];

/** @returns the text of `start --help`. */
export function startHelp(): string {
  const rows: (readonly [string, string])[] = SETTING_NAMES.map((name) => {
    const by = settingOf(name).value === null ? "" : ` (default: ${presetOf(name)})`;
    return [usageOf(name), `${purposeOf(name)}${by}`];
  });
  const table = [...rows, ...OTHERS].map(([usage, help]) => `  ${usage}`.padEnd(28) + help).join("\n");
  return `foldback start: captures the stage and serves it.

${table}

Each is also a variable (--max-clients: ${variableOf("max-clients")}) and a key in the config file (${
    keyOf("max-clients")
  }).
A flag wins over the environment, the environment over the file. Paths are relative to the working directory.
`;
}

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

/** @returns the README's table of settings, as `deno fmt` has it. */
export function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { value, preset, alias, help } = settingOf(name);
    const variables = [variableOf(name), ...alias ? [alias] : []].map(code).join(", ");
    const what = value === null && preset === "true" ? `${help}; the flag ends it` : help;
    const by = preset === null ? presetOf(name).replaceAll("|", "\\|") : code(preset);
    return [code(usageOf(name)), variables, code(keyOf(name)), by, what.replaceAll("|", "\\|")];
  });
  const head = ["flag", "variable", "key", "default", "what"];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** What it comes to, where that isn't what was typed. */
function resultOf(name: SettingName, options: StartOptions): string | null {
  if (name === "pool-size") return `${options.poolSize.size}`;
  if (name === "state-dir") return options.stateDir;
  if (name === "name") return instanceName(options.name, machineName());
  return null;
}

/** @returns the text of `start --check`: each setting, what it is, who said so; no secrets. */
export function effectiveSettings(given: GivenSettings, options: StartOptions): string {
  const rows = SETTING_NAMES.map((name) => {
    const said = given.get(name), { secret } = settingOf(name);
    const value = secret && said ? "(not shown)" : resultOf(name, options) ?? said?.text ?? presetOf(name);
    const why = name === "pool-size" && !said ? options.poolSize.why : "default";
    return [keyOf(name), value, said?.from ?? why];
  });
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  return [
    ...rows.map(([key, value, from]) => `  ${key.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${from}`),
    "All of it can be used as far as that can be told without opening anything: whether source, files, addresses and",
    "ports are there shows at the start.",
  ].join("\n");
}
