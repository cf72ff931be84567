/** What `start` prints: where it is, and how musicians come in. Main isolate, once; allocates. */
import { encode } from "uqr";
import type { StartOptions } from "../control/flags.ts";
import type { Secrets } from "../control/kept.ts";
import { isLoopback } from "../core/endpoint.ts";

/** What is said of. */
export interface Opened {
  readonly version: string;
  readonly source: { readonly name: string; readonly channels: number };
  readonly mediaPorts: readonly number[];
  readonly url: string;
  /** Over TLS; null: nowhere. */
  readonly secureUrl: string | null;
  /** Where musicians go: one of them. */
  readonly phonesUrl: string;
}

/** "2 send workers (--pool-size)". */
export const poolText = ({ sendMode, poolSize: { why } }: StartOptions, workers: number): string =>
  sendMode === "pool"
    ? `${workers} send worker${workers > 1 ? "s" : ""} (${why})`
    : `none: the main isolate sends (--send-mode ${sendMode})`;

/** Where a phone goes that has the join code with it. */
export const joinUrl = (url: string, joinCode: string): string => `${url}me#join=${encodeURIComponent(joinCode)}`;

/** Black on white whatever the terminal's colours are, two rows to a line, with the border that readers want. */
export function qrText(text: string): string {
  const { data, size } = encode(text, { border: 2 });
  const lines: string[] = [];
  for (let y = 0; y < size; y += 2) {
    const halves = Array.from(
      { length: size },
      (_, x) => " ▀▄█"[Number(data[y][x]) + 2 * Number(data[y + 1]?.[x] ?? false)],
    );
    lines.push(`  \x1b[38;5;16;48;5;231m${halves.join("")}\x1b[0m`);
  }
  return lines.join("\n");
}

/** `terminal`: somebody looks, so the engineer's key may be shown; a log is read by more people. */
export function banner(options: StartOptions, opened: Opened, secrets: Secrets, terminal: boolean): string {
  const { version, source, mediaPorts, url, secureUrl, phonesUrl } = opened;
  const key = terminal
    ? `${url}#key=${encodeURIComponent(secrets.engineerKey)}`
    : `${url}  (engineer key: ${secrets.engineerKeyFile ? `in ${secrets.engineerKeyFile}` : "as given"})`;
  const join = joinUrl(phonesUrl, secrets.joinCode);
  // A phone that followed a loopback address would only find itself.
  const reachable = !isLoopback(new URL(phonesUrl).hostname);
  return [
    `Foldback ${version}`,
    `  source     ${source.name}, ${source.channels} channels at 48 kHz, blocks of 128 (2.67 ms)`,
    `  pool       ${poolText(options, mediaPorts.length)}, UDP ${mediaPorts.join(", ")}`,
    `  console    ${key}`,
    ...secureUrl === null ? [] : [`  secure     ${secureUrl}  (for listening in the browser)`],
    `  join code  ${secrets.joinCode}`,
    ...reachable ? [`  musicians  ${join}`] : [],
    ...reachable && terminal ? ["", qrText(join), ""] : [],
  ].join("\n");
}
