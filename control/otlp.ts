/**
 * The house's measurements as OTLP, OpenTelemetry's own format (opentelemetry-proto 1.x, metrics/v1, in its JSON
 * encoding: 64-bit numbers are strings). In: the instruments of metrics.ts. Out: the body of one request, with all that
 * was counted since the start. Pure; control worker; allocates.
 *
 * `foldback_block_duration_seconds` is `foldback.block_duration` with the unit `s` here, from which every converter to
 * Prometheus makes the first name again.
 */
import { BOUNDS, gathered } from "./buckets.ts";
import { type Durations, INSTRUMENTS, type Reading, type Values } from "./metrics.ts";
import type { Labels } from "./openmetrics.ts";

/** AGGREGATION_TEMPORALITY_CUMULATIVE: since the start, so that a request that got lost is made good by the next. */
const CUMULATIVE = 2;

/** When a measurement began and when it was read, in nanoseconds since the Unix epoch. */
interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

/** Name and unit as OpenTelemetry has them: UCUM, and no unit in the name. */
export function otlpName(name: string): { readonly name: string; readonly unit: string } {
  const match = /^foldback_(\w+?)(?:_(seconds|ratio))?$/.exec(name);
  if (match === null) throw new Error(`as a metric must be foldback_…: is ${name}`);
  return { name: `foldback.${match[1]}`, unit: match[2] === "seconds" ? "s" : match[2] === "ratio" ? "1" : "" };
}

/** The body of a request. `resource`: what sends it (`service.name` …). Times are milliseconds since the Unix epoch. */
export function otlpMetrics(reading: Reading, resource: Labels, startedMs: number, nowMs: number): string {
  const times = { startTimeUnixNano: nanoseconds(startedMs), timeUnixNano: nanoseconds(nowMs) };
  const metrics = INSTRUMENTS.map((instrument) => ({
    ...otlpName(instrument.name),
    description: instrument.help,
    ...instrument.kind === "histogram" ? histogram(instrument, reading, times) : values(instrument, reading, times),
  }));
  const scope = { name: "foldback", version: reading.house.options.version };
  return JSON.stringify({
    resourceMetrics: [{ resource: { attributes: attributesOf(resource) }, scopeMetrics: [{ scope, metrics }] }],
  });
}

/** Milliseconds would lose a third of a microsecond as a floating-point number of nanoseconds: that is precise enough. */
const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);

const attributesOf = (labels: Labels) =>
  Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));

function values({ kind, read }: Values, reading: Reading, times: Times): Record<string, unknown> {
  const dataPoints = read(reading).map(({ labels = {}, value }) => ({
    attributes: attributesOf(labels),
    ...times,
    asDouble: value,
  }));
  return kind === "gauge"
    ? { gauge: { dataPoints } }
    : { sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } };
}

function histogram({ read }: Durations, reading: Reading, times: Times): Record<string, unknown> {
  const dataPoints = read(reading).map(({ labels = {}, counts: recorded }) => {
    const { counts, count, sum } = gathered(recorded);
    return {
      attributes: attributesOf(labels),
      ...times,
      count: String(count),
      sum,
      bucketCounts: counts.map(String),
      explicitBounds: BOUNDS,
    };
  });
  return { histogram: { aggregationTemporality: CUMULATIVE, dataPoints } };
}
