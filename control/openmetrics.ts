/**
 * Writes OpenMetrics text (version 1.0.0 of the specification). Names are checked: a wrong one is our own bug. Pure;
 * control worker; allocates.
 */
import { BOUNDS, gathered } from "./buckets.ts";

export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export type Labels = Readonly<Record<string, string>>;
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** Durations counted as core/histogram.ts does, in nanoseconds. */
export interface Series {
  readonly labels?: Labels;
  readonly counts: Uint32Array;
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (c) => c === "\n" ? "\\n" : `\\${c}`);

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new Error(`as a label must be a snake_case word: is ${name}`);
    return `${name}="${escaped(value)}"`;
  });
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

export interface MetricText {
  /** Only ever grows; named without `_total`. */
  counter(name: string, help: string, samples: readonly Sample[], unit?: "seconds" | "bytes"): void;
  gauge(name: string, help: string, samples: readonly Sample[], unit?: "seconds" | "bytes"): void;
  /** Of durations counted as core/histogram.ts does; in seconds. */
  histogram(name: string, help: string, series: readonly Series[]): void;
  /** Ends the text. */
  end(): string;
}

export function createMetricText(): MetricText {
  const lines: string[] = [];
  const families = new Set<string>();
  const begin = (name: string, type: string, help: string, unit?: string) => {
    if (!/^foldback(_[a-z0-9]+)+$/.test(name) || /_(total|created|count|sum|bucket|info)$/.test(name)) {
      throw new Error(`as a metric must be foldback_… in snake_case without a reserved ending: is ${name}`);
    }
    if (unit !== undefined && !name.endsWith(`_${unit}`)) throw new Error(`as a name must end in its unit: is ${name}`);
    if (families.has(name)) throw new Error(`as a metric can be written once: ${name} was written before`);
    families.add(name);
    lines.push(`# TYPE ${name} ${type}`);
    if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${escaped(help)}`);
  };
  return {
    counter(name, help, samples, unit) {
      begin(name, "counter", help, unit);
      for (const { labels = {}, value } of samples) lines.push(`${name}_total${labelText(labels)} ${value}`);
    },
    gauge(name, help, samples, unit) {
      begin(name, "gauge", help, unit);
      for (const { labels = {}, value } of samples) lines.push(`${name}${labelText(labels)} ${value}`);
    },
    histogram(name, help, series) {
      begin(name, "histogram", help, "seconds");
      for (const { labels = {}, counts } of series) lines.push(...histogramLines(name, labels, counts));
    },
    end: () => [...lines, "# EOF", ""].join("\n"),
  };
}

function histogramLines(name: string, labels: Labels, recorded: Uint32Array): string[] {
  const { counts, count, sum } = gathered(recorded);
  let seen = 0;
  const lines = counts.map((fresh, i) => {
    seen += fresh;
    const le = i < BOUNDS.length ? String(BOUNDS[i]) : "+Inf";
    return `${name}_bucket${labelText({ ...labels, le })} ${seen}`;
  });
  return [...lines, `${name}_count${labelText(labels)} ${count}`, `${name}_sum${labelText(labels)} ${sum}`];
}
