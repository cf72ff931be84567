/**
 * Sends the house's measurements as OpenTelemetry: every minute, or as `OTEL_METRIC_EXPORT_INTERVAL` says, one request
 * with all that was counted since the start. In: the instruments of metrics.ts. Out: OTLP over HTTP, as JSON (otlp.ts).
 * One that fails is said once in the log, and made good by the next. Control worker; allocates.
 *
 * Deno's own exporter (`OTEL_DENO`) can't do it: it waits for every isolate to answer from its event loop, and the
 * capture thread never goes back to its own.
 */
import { logger } from "../core/log.ts";
import type { TelemetryOptions } from "../core/telemetry.ts";
import type { Health } from "./health.ts";
import type { House } from "./house.ts";
import { readingOf } from "./metrics.ts";
import { otlpMetrics } from "./otlp.ts";

/** For the last request: the whole process has two seconds to end. */
const LAST_MS = 300;

export interface Telemetry {
  /** Once a second: sends what is due, unless the request before is still under way. */
  tick(): void;
  /** A last request, so that the end is seen. */
  stop(): Promise<void>;
}

/** `options` null: nothing is ever sent. */
export function startTelemetry(house: House, health: Health, options: TelemetryOptions | null): Telemetry {
  if (options === null) return { tick: () => {}, stop: () => Promise.resolve() };
  const { url, headers, intervalMs, timeoutMs } = options;
  const resource = {
    "service.version": house.options.version,
    "service.instance.id": crypto.randomUUID(),
    ...options.resource,
  };
  let sentAt = house.startedAt, failing = false;
  let underWay: Promise<void> | null = null;

  const request = async (ms: number) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: otlpMetrics(readingOf(house, health), resource, house.startedAt, house.clock()),
      redirect: "manual",
      signal: AbortSignal.timeout(ms),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the answer was ${response.status}`);
  };
  const send = async (ms: number) => {
    try {
      await request(ms);
      if (failing) logger("control").info("Telemetry arrives again at {url}.", { url });
      failing = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!failing) logger("control").warn("Telemetry doesn't arrive at {url}: {reason}", { url, reason });
      failing = true;
    }
  };
  return {
    tick: () => {
      if (underWay !== null || house.clock() - sentAt < intervalMs) return;
      sentAt = house.clock();
      underWay = send(timeoutMs).finally(() => underWay = null);
    },
    stop: () => send(LAST_MS),
  };
}
