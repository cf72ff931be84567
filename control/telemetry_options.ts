/**
 * Where OpenTelemetry goes, out of its standard environment variables (OpenTelemetry specification: SDK environment
 * variables, OTLP exporter). Everything is checked before anything is opened. Main isolate, once at start.
 */
import type { TelemetryOptions } from "../core/telemetry.ts";
import { FlagError } from "./flags.ts";

type Environment = (name: string) => string | undefined;

const DEFAULT_ENDPOINT = "http://localhost:4318";
const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;
/** Where Deno keeps its own OpenTelemetry for the modules that ask for one. */
const DENO_API = Symbol.for("opentelemetry.js.api.1");

/** Are Deno's own metrics on (`OTEL_DENO=true` without `OTEL_DENO_METRICS=false`)? */
const denoMetricsAreOn = (): boolean =>
  (globalThis as { [DENO_API]?: { metrics?: unknown } })[DENO_API]?.metrics !== undefined;

/**
 * null: nothing is sent, because neither `OTEL_DENO=true` nor an endpoint asks for it.
 * @throws FlagError for what can't be used.
 */
export function telemetryOf(
  environment: Environment,
  denoMetrics: boolean = denoMetricsAreOn(),
): TelemetryOptions | null {
  // Deno asks each isolate for its metrics, and waits: our capture thread sleeps between blocks and never answers. Its
  // exporter would send nothing any more, and keep the process from ending.
  if (denoMetrics) {
    throw new FlagError(
      "cannot start with OTEL_DENO=true alone: set OTEL_DENO_METRICS=false too, Foldback sends its own",
    );
  }
  const text = (name: string) => environment(name)?.trim() || undefined;
  const wanted = isTrue(text("OTEL_DENO")) || text("OTEL_EXPORTER_OTLP_ENDPOINT") !== undefined ||
    text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") !== undefined;
  if (!wanted || isTrue(text("OTEL_SDK_DISABLED")) || text("OTEL_METRICS_EXPORTER") === "none") return null;
  checkProtocol(text);
  const resource = pairsOf("OTEL_RESOURCE_ATTRIBUTES", text);
  return {
    url: urlOf(text),
    headers: { ...pairsOf("OTEL_EXPORTER_OTLP_HEADERS", text), ...pairsOf("OTEL_EXPORTER_OTLP_METRICS_HEADERS", text) },
    intervalMs: millisecondsOf(["OTEL_METRIC_EXPORT_INTERVAL"], text) ?? DEFAULT_INTERVAL_MS,
    timeoutMs: millisecondsOf(["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"], text) ??
      DEFAULT_TIMEOUT_MS,
    resource: { ...resource, "service.name": text("OTEL_SERVICE_NAME") ?? resource["service.name"] ?? "foldback" },
  };
}

const isTrue = (text: string | undefined): boolean => text === "1" || text?.toLowerCase() === "true";

/** JSON goes to every endpoint that takes OTLP over HTTP; gRPC is another port. */
function checkProtocol(text: Environment): void {
  const [name, protocol] = text("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") !== undefined
    ? ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", text("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")]
    : ["OTEL_EXPORTER_OTLP_PROTOCOL", text("OTEL_EXPORTER_OTLP_PROTOCOL")];
  if (protocol === undefined || protocol === "http/json" || protocol === "http/protobuf") return;
  throw new FlagError(
    `${name} must be http/json or http/protobuf: is ${JSON.stringify(protocol)}; metrics are sent as JSON over HTTP`,
  );
}

function urlOf(text: Environment): string {
  const own = text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
  const name = own === undefined ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
  const given = own ?? text("OTEL_EXPORTER_OTLP_ENDPOINT") ?? DEFAULT_ENDPOINT;
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new FlagError(`${name} must be an http or https URL without a password: is ${JSON.stringify(given)}`);
  }
  // The general one is a base, the particular one is taken as it is (OTLP exporter specification).
  if (own === undefined) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/metrics`;
  return url.href;
}

/** `a=1,b=2`, percent-encoded (W3C Baggage). */
function pairsOf(name: string, text: Environment): Record<string, string> {
  const given = text(name);
  const pairs: Record<string, string> = {};
  for (const pair of given?.split(",").filter((one) => one.trim() !== "") ?? []) {
    const match = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair);
    try {
      if (match === null) throw new URIError();
      pairs[decodeURIComponent(match[1])] = decodeURIComponent(match[2].trim());
    } catch {
      // Not what it holds: headers are secrets.
      throw new FlagError(`${name} must be NAME=VALUE,… with percent-encoded values`);
    }
  }
  return pairs;
}

function millisecondsOf(names: readonly string[], text: Environment): number | null {
  const name = names.find((one) => text(one) !== undefined);
  if (name === undefined) return null;
  const given = text(name)!;
  const value = /^\d{1,9}$/.test(given) ? Number(given) : NaN;
  if (!(value >= 1)) throw new FlagError(`${name} must be a whole number of milliseconds: is ${JSON.stringify(given)}`);
  return value;
}
