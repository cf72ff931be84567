/**
 * Findings for people and for programs. In: findings. Out: text. Main isolate; allocates.
 */
import type { Checked, Verdict } from "./check.ts";

/** A word for each verdict, so that nobody needs colours; and the colour (ECMA-48 SGR). */
const WORDS: Readonly<Record<Verdict, readonly [string, number]>> = {
  green: ["ok", 32],
  yellow: ["look", 33],
  red: ["bad", 31],
};
const WORD_WIDTH = 6, ID_WIDTH = 11;

/** A finding as lines of text without a newline at the end. */
export function linesOf({ id, verdict, says, do: what, details = [] }: Checked, colour: boolean): string {
  const [word, code] = WORDS[verdict];
  const shown = colour ? `\x1b[${code}m${word}\x1b[0m` : word;
  const margin = " ".repeat(WORD_WIDTH + ID_WIDTH);
  return [
    `${shown}${" ".repeat(WORD_WIDTH - word.length)}${id.padEnd(ID_WIDTH)}${says}`,
    ...details.map((line) => `${margin}${line}`),
    ...(what === undefined ? [] : [`${margin}→ ${what}`]),
  ].join("\n");
}

/** The last line: how many of which. */
export function totalOf(checks: readonly Checked[]): string {
  const count = (wanted: Verdict) => checks.filter(({ verdict }) => verdict === wanted).length;
  return `${count("green")} ok, ${count("yellow")} look, ${count("red")} bad`;
}

/** All findings as JSON. */
export const jsonOf = (checks: readonly Checked[]): string =>
  JSON.stringify(
    { checks: checks.map(({ id, verdict, says, do: what, values }) => ({ id, verdict, says, do: what, values })) },
    null,
    2,
  );
