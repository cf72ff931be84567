/** A collector of OpenTelemetry metrics, and a server that tells it, for tests. Test runner's main isolate. */
import { fileURLToPath } from "node:url";
import { ENGINEER_KEY, JOIN_CODE, type Server, serverProcess } from "./server.ts";

export const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Ten times what a start, or the wait for a value, takes on a slow machine. */
export const GUARD_MS = 60_000;

/** One number (or histogram) of OTLP's JSON, with its attributes by name. */
export interface Point {
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly number[];
  readonly bounds: readonly number[];
}
export interface Metric {
  readonly kind: "sum" | "gauge" | "histogram";
  readonly unit: string;
  readonly monotonic: boolean;
  readonly points: readonly Point[];
}
export type Metrics = ReadonlyMap<string, Metric>;

/** The metrics of our scope in an OTLP request (opentelemetry-proto, metrics/v1, as JSON). */
// deno-lint-ignore no-explicit-any
export function metricsIn(request: any): Metrics {
  const found = new Map<string, Metric>();
  for (const { scopeMetrics } of request.resourceMetrics ?? []) {
    for (const { scope, metrics } of scopeMetrics) {
      if (scope.name !== "foldback") continue;
      for (const metric of metrics) {
        const kind = (["sum", "gauge", "histogram"] as const).find((one) => metric[one] !== undefined)!;
        // deno-lint-ignore no-explicit-any
        const points = metric[kind].dataPoints.map((point: any): Point => ({
          attributes: Object.fromEntries(
            // deno-lint-ignore no-explicit-any
            point.attributes.map(({ key, value }: any) => [key, value.stringValue]),
          ),
          value: Number(point.asDouble ?? point.asInt),
          count: Number(point.count),
          sum: Number(point.sum),
          buckets: (point.bucketCounts ?? []).map(Number),
          bounds: point.explicitBounds ?? [],
        }));
        found.set(metric.name, { kind, unit: metric.unit, monotonic: metric[kind].isMonotonic === true, points });
      }
    }
  }
  return found;
}

/** An OTLP receiver: everything that came, and the first metrics that are as somebody waits for. */
export class Receiver implements AsyncDisposable {
  /** The requests for metrics, as they came. */
  readonly requests: { readonly headers: Headers; readonly text: string }[] = [];
  /** Everything that came, also Deno's own traces and logs. */
  readonly texts: string[] = [];
  /** What it answers. */
  status = 200;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #waiting = new Set<(metrics: Metrics) => void>();

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const text = await request.text();
      this.texts.push(text);
      if (new URL(request.url).pathname === "/v1/metrics") {
        this.requests.push({ headers: request.headers, text });
        const metrics = metricsIn(JSON.parse(text));
        for (const heard of this.#waiting) heard(metrics);
      }
      return Response.json({}, { status: this.status });
    });
  }
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }
  until(isIt: (metrics: Metrics) => boolean): Promise<Metrics> {
    const { promise, resolve, reject } = Promise.withResolvers<Metrics>();
    const guard = setTimeout(() => reject(new Error("these metrics never came")), GUARD_MS);
    const heard = (metrics: Metrics) => {
      if (!isIt(metrics)) return;
      clearTimeout(guard);
      this.#waiting.delete(heard);
      resolve(metrics);
    };
    this.#waiting.add(heard);
    return promise;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

/** The server as `deno task start` runs it, with its permissions. */
export function startTask(stateDir: string, env: Record<string, string>): Promise<Server> {
  const own = ["--http", "127.0.0.1:0", "--media-port", "0", "--source", "tones", "--state-dir", stateDir];
  const secrets = ["--join-code", JOIN_CODE, "--engineer-key", ENGINEER_KEY];
  const args = ["task", "--quiet", "--config", `${ROOT}deno.json`, "start", ...own, ...secrets];
  const options = { args, env: { NO_COLOR: "1", AUDIO_SEND_POOL_SIZE: "1", ...env }, stdin: "null" } as const;
  return serverProcess(Deno.execPath(), options, stateDir);
}
