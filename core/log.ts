/**
 * Logging, the same in each isolate: logtape to stderr, for people or as JSON lines. Never called in the sound's way.
 */
import { configureSync, getJsonLinesFormatter, getLogger, getTextFormatter, type LogRecord } from "@logtape/logtape";
import type { LogOptions } from "./messages.ts";

/** Once in each isolate, before the first line. */
export function configureLog({ level, json }: LogOptions): void {
  const encoder = new TextEncoder();
  const format = json ? getJsonLinesFormatter() : getTextFormatter({ timestamp: "time", level: "full", category: ":" });
  const write = (record: LogRecord) => {
    Deno.stderr.writeSync(encoder.encode(format(record)));
  };
  configureSync({
    sinks: { stderr: write },
    loggers: [
      { category: "foldback", lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** `part`: "capture", "mix", "send 0", "control". */
export const logger = (part: string) => getLogger(["foldback", part]);
