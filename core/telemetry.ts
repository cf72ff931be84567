/**
 * Where OpenTelemetry goes: what the environment said (control/telemetry_options.ts), for the isolate that sends
 * (control/telemetry.ts). Plain data.
 */

/** Metrics as OTLP over HTTP. */
export interface TelemetryOptions {
  /** They are posted there. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Attributes of what sends: `service.name` … */
  readonly resource: Readonly<Record<string, string>>;
}
