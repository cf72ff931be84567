/**
 * What other files say about the settings: README.md's table, and the variables that deno.json's tasks and the Dockerfile
 * let the program read. `deno run --allow-read --allow-write program/documents.ts` writes them anew; a test compares.
 */
import { settingsTable } from "./help.ts";
import { NOTIFY_VARIABLES } from "./notify.ts";
import { CONFIG_VARIABLE, SETTING_NAMES, SETTINGS, variableOf } from "./settings.ts";
import type { Setting } from "./rules.ts";

/** Of others: where to keep the state, what OpenTelemetry and the ws package want to know. */
const OTHERS = ["HOME", "USERPROFILE", "XDG_STATE_HOME", "OTEL_*", "WS_NO_BUFFER_UTIL"];

/** Every variable that the program may read. */
export const VARIABLES: readonly string[] = [
  ...SETTING_NAMES.flatMap((name) => [variableOf(name), (SETTINGS[name] as Setting<unknown>).alias ?? []].flat()),
  CONFIG_VARIABLE,
  ...NOTIFY_VARIABLES,
  ...OTHERS,
].sort();

const BEGIN = "<!-- settings -->", END = "<!-- /settings -->";

/** A README with the table that the code says. @throws Error if the place for it is missing. */
export function withTable(readme: string): string {
  const begin = readme.indexOf(BEGIN), end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`cannot place the settings: ${BEGIN} … ${END} is missing`);
  return `${readme.slice(0, begin)}${BEGIN}\n\n${settingsTable()}\n\n${readme.slice(end)}`;
}

/** A text with each list of variables as the code says. */
export const withVariables = (text: string): string =>
  text.replaceAll(/--allow-env=[A-Z0-9_,*]+/g, `--allow-env=${VARIABLES.join(",")}`);

/** File → what is written into it. */
export const DOCUMENTS: Readonly<Record<string, (text: string) => string>> = {
  "README.md": withTable,
  "deno.json": withVariables,
  Dockerfile: withVariables,
};

if (import.meta.main) {
  for (const [name, written] of Object.entries(DOCUMENTS)) {
    const file = new URL(`../${name}`, import.meta.url);
    Deno.writeTextFileSync(file, written(Deno.readTextFileSync(file)));
  }
}
