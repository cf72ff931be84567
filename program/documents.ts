/**
 * README.md's table of the settings. `deno run --allow-read --allow-write program/documents.ts` writes it anew; a test
 * compares.
 */
import { settingsTable } from "./help.ts";

const BEGIN = "<!-- settings -->", END = "<!-- /settings -->";

/** A README with the table that the code says. @throws Error if the place for it is missing. */
export function withTable(readme: string): string {
  const begin = readme.indexOf(BEGIN), end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`cannot place the settings: ${BEGIN} … ${END} is missing`);
  return `${readme.slice(0, begin)}${BEGIN}\n\n${settingsTable()}\n\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const file = new URL("../README.md", import.meta.url);
  Deno.writeTextFileSync(file, withTable(Deno.readTextFileSync(file)));
}
