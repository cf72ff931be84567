/** The real server sends OpenTelemetry to a receiver in the test; what is sent, and what the environment may say. */
import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };
import { record } from "../core/histogram.ts";
import type { TelemetryOptions } from "../core/telemetry.ts";
import { milliseconds } from "../core/units.ts";
import { createApp } from "../control/app.ts";
import { BOUNDS } from "../control/buckets.ts";
import { FlagError } from "../control/flags.ts";
import { INSTRUMENTS, readingOf } from "../control/metrics.ts";
import { otlpMetrics, otlpName } from "../control/otlp.ts";
import { startTelemetry } from "../control/telemetry.ts";
import { telemetryOf } from "../control/telemetry_options.ts";
import { fakeHouse } from "./control_fake.ts";
import { ENGINEER_KEY, JOIN_CODE } from "./server.ts";
import { GUARD_MS, type Metrics, metricsIn, Receiver, startTask } from "./otlp_receiver.ts";

const one = (metrics: Metrics, name: string) => metrics.get(name)?.points[0];

Deno.test("with OTEL_DENO=true every measurement arrives by OTLP, no secret does, and the server ends as ever", async () => {
  await using receiver = new Receiver();
  const stateDir = await Deno.makeTempDir({ prefix: "foldback-telemetry-" });
  const server = await startTask(stateDir, {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=the%20stage",
    OTEL_METRIC_EXPORT_INTERVAL: "1000",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
  });
  try {
    const joined = await fetch(`${server.url}/api/v1/sessions`, {
      method: "POST",
      headers: { authorization: `Bearer ${JOIN_CODE}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "Ana", device: "test-device", mode: "mix" }),
    });
    assert.equal(joined.status, 201);
    const { session, token } = await joined.json();
    const paused = (metrics: Metrics) =>
      metrics.get("foldback.sessions")?.points.find(({ attributes }) => attributes.state === "paused")?.value;
    const metrics = await receiver.until((all) =>
      paused(all) === 1 && (one(all, "foldback.block_duration")?.count ?? 0) > 100 &&
      one(all, "foldback.healthy")?.value === 1
    );
    const blocks = one(metrics, "foldback.blocks")!, duration = one(metrics, "foldback.block_duration")!;
    assert.ok(blocks.value > 100);
    // The counter is read first; a block that is under way then is in neither or in one.
    assert.ok(duration.count >= blocks.value - 1, `${duration.count} of ${blocks.value} blocks`);
    assert.ok(duration.sum > 0 && duration.sum / duration.count < 0.1, `${duration.sum} s`);
    assert.deepEqual(one(metrics, "foldback.build")?.attributes, { version: manifest.version });
    assert.equal(one(metrics, "foldback.session_packets")?.value, 0);
    assert.equal(one(metrics, "foldback.session_packets")?.attributes.session, session);
    assert.equal(metrics.size, INSTRUMENTS.length);

    const { headers, text } = receiver.requests.at(-1)!;
    assert.equal(headers.get("content-type"), "application/json");
    assert.equal(headers.get("x-tenant"), "the stage");
    const resource = Object.fromEntries(
      // deno-lint-ignore no-explicit-any
      JSON.parse(text).resourceMetrics[0].resource.attributes.map(({ key, value }: any) => [key, value.stringValue]),
    );
    assert.equal(resource["service.name"], "foldback");
    assert.equal(resource["service.version"], manifest.version);
    assert.equal(resource["deployment.environment"], "test");

    const left = await fetch(`${server.url}/api/v1/sessions/${session}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(left.status, 204);
    const after = await receiver.until((all) => paused(all) === 0);
    assert.equal(one(after, "foldback.session_packets"), undefined, "who left is told about no more");
    assert.ok(one(after, "foldback.blocks")!.value > blocks.value);
    const before = receiver.requests.length;
    assert.equal(await server.stop(), 0, server.output.join("\n"));
    assert.ok(receiver.requests.length > before, "the end is told");
    const sent = receiver.texts.join("\n");
    for (const secret of [JOIN_CODE, ENGINEER_KEY, token]) assert.ok(!sent.includes(secret), "a secret was sent");
  } finally {
    await server.stop();
    await Deno.remove(stateDir, { recursive: true });
  }
});

const OPTIONS = { headers: {}, intervalMs: 60_000, timeoutMs: GUARD_MS, resource: { "service.name": "foldback" } };
const to = (url: string): TelemetryOptions => ({ ...OPTIONS, url: `${url}/v1/metrics` });

Deno.test("it is told at each interval, and at the end", async () => {
  await using receiver = new Receiver();
  await using house = await fakeHouse();
  const { health } = createApp(house.control.house);
  const telemetry = startTelemetry(house.control.house, health, to(receiver.url));
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      house.pass(1000);
      telemetry.tick();
    }
    await house.call("GET", "/healthz");
  };
  await pass(59);
  assert.equal(receiver.requests.length, 0);
  const first = receiver.until(() => true);
  await pass(1);
  assert.equal(one(await first, "foldback.uptime")?.value, 60);
  await pass(59);
  assert.equal(receiver.requests.length, 1);
  // The answer to the first may not have come back yet: then the second waits.
  const second = receiver.until(() => true);
  while (receiver.requests.length < 2) await pass(1);
  assert.ok(one(await second, "foldback.uptime")!.value >= 120);
  await telemetry.stop();
  assert.equal(receiver.requests.length, 3);
});

Deno.test("a receiver that refuses, or isn't there, keeps nothing from going on", async () => {
  await using receiver = new Receiver();
  receiver.status = 503;
  await using house = await fakeHouse();
  const { health } = createApp(house.control.house);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  for (const url of [receiver.url, `http://127.0.0.1:${listener.addr.port}`]) {
    const telemetry = startTelemetry(house.control.house, health, { ...to(url), intervalMs: 1 });
    house.pass(10);
    telemetry.tick();
    await telemetry.stop();
  }
  assert.equal((await house.call("GET", "/api/v1/status")).status, 200);
  receiver.status = 200;
  const heard = receiver.until(() => true);
  await startTelemetry(house.control.house, health, to(receiver.url)).stop();
  assert.ok((await heard).size > 20);
});

Deno.test("what is sent are the numbers of /metrics, each as what it is", async () => {
  await using house = await fakeHouse();
  await house.join({ name: "Ana \u00e9" });
  const [{ receiver }] = house.taken("serve");
  const { board } = house.control.house;
  board.slots[receiver.slot].report(64, 48, 1000);
  for (const ms of [0.004, 0.3, 3, 3, 5000]) record(board.main.block, milliseconds(ms));
  record(board.workers[1].captureToSend, milliseconds(1));
  const { health } = createApp(house.control.house);
  const { startedAt } = house.control.house;
  const body = otlpMetrics(readingOf(house.control.house, health), { "service.name": "x" }, startedAt, startedAt + 1.5);
  const sent = metricsIn(JSON.parse(body));
  assert.equal(sent.size, INSTRUMENTS.length);
  for (const { kind, name } of INSTRUMENTS) {
    const own = otlpName(name), metric = sent.get(own.name)!;
    assert.equal(metric.kind, { counter: "sum", gauge: "gauge", histogram: "histogram" }[kind], name);
    assert.equal(metric.monotonic, kind === "counter", name);
    assert.equal(metric.unit, own.unit);
  }
  const { text } = await house.call("GET", "/metrics");
  const shown = text.split("\n").flatMap((line) => {
    const match = /^(foldback_\w+?)(?:_total)?(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || /_(bucket|count|sum)$/.test(match[1])) return [];
    const values = [...(match[2] ?? "").matchAll(/="([^"]*)"/g)].map(([, value]) => value);
    return [`${otlpName(match[1]).name} ${match[3]} ${values}`];
  });
  const told = [...sent].flatMap(([name, { kind, points }]) =>
    kind === "histogram" ? [] : points.map(({ value, attributes }) => `${name} ${value} ${Object.values(attributes)}`)
  );
  assert.ok(told.length > 20);
  assert.deepEqual(told.sort(), shown.sort());
  const block = one(sent, "foldback.block_duration")!;
  assert.deepEqual(block.bounds, [...BOUNDS]);
  assert.equal(block.buckets.length, BOUNDS.length + 1);
  assert.deepEqual(BOUNDS.flatMap((bound, i) => block.buckets[i] === 0 ? [] : [[bound, block.buckets[i]]]), [
    [1e-5, 1],
    [5e-4, 1],
    [5e-3, 2],
  ]);
  assert.deepEqual([block.buckets.at(-1), block.count], [1, 5]);
  assert.ok(Math.abs(block.sum - 5.0063) < 0.2);
  const late = sent.get("foldback.capture_to_send")!.points.map(({ attributes, count }) => [attributes.worker, count]);
  assert.deepEqual(late, [["0", 0], ["1", 1]]);
  const [{ scopeMetrics: [{ metrics: [{ gauge }] }] }] = JSON.parse(body).resourceMetrics;
  assert.deepEqual(gauge.dataPoints[0].startTimeUnixNano, `${startedAt}000000`);
  assert.deepEqual(gauge.dataPoints[0].timeUnixNano, `${startedAt + 1}500000`);
});

Deno.test("names and units are those from which Prometheus' names come back", () => {
  for (const { name, kind } of INSTRUMENTS) {
    const own = otlpName(name);
    const suffix = { "s": "_seconds", "1": "_ratio", "": "" }[own.unit];
    assert.equal(`${own.name.replaceAll(".", "_")}${suffix}`, name);
    if (kind === "histogram") assert.equal(own.unit, "s");
  }
  assert.throws(() => otlpName("blocks"), /must be foldback_/);
});

const asked = (environment: Record<string, string>, denoMetrics = false) =>
  telemetryOf((name) => environment[name], denoMetrics);

Deno.test("the environment's standard variables say whether, where and how it is told", () => {
  assert.equal(asked({}), null);
  assert.equal(asked({ OTEL_DENO: "false", OTEL_EXPORTER_OTLP_ENDPOINT: " " }), null);
  assert.deepEqual(asked({ OTEL_DENO: "true" }), {
    url: "http://localhost:4318/v1/metrics",
    headers: {},
    intervalMs: 60_000,
    timeoutMs: 10_000,
    resource: { "service.name": "foldback" },
  });
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example:1234/base/" };
  assert.equal(asked(endpoint)?.url, "https://collector.example:1234/base/v1/metrics");
  const own = { ...endpoint, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://[::1]:9090/api/v1/otlp" };
  assert.equal(asked(own)?.url, "http://[::1]:9090/api/v1/otlp");
  assert.equal(asked({ ...own, OTEL_SDK_DISABLED: "true" }), null);
  assert.equal(asked({ ...own, OTEL_METRICS_EXPORTER: "none" }), null);
  assert.deepEqual(
    asked({
      ...own,
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1, authorization=Basic%20YTpi==",
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "a=2",
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      OTEL_METRIC_EXPORT_INTERVAL: "15000",
      OTEL_SERVICE_NAME: "stage",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=other,place=Caf%C3%A9,",
    }),
    {
      url: "http://[::1]:9090/api/v1/otlp",
      headers: { a: "2", authorization: "Basic YTpi==" },
      intervalMs: 15_000,
      timeoutMs: 500,
      resource: { "service.name": "stage", place: "Caf\u00e9" },
    },
  );
});

Deno.test("what the environment says and can't be used is refused by name, and no header is shown", () => {
  for (
    const [name, value] of [
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "unix:/run/collector"],
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://ana:secret@collector"],
      ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "nowhere"],
      ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
      ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "console"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "secret"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "a=secret%"],
      ["OTEL_EXPORTER_OTLP_TIMEOUT", "0"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "1.5"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "-1"],
      ["OTEL_RESOURCE_ATTRIBUTES", "=x"],
    ]
  ) {
    assert.throws(() => asked({ OTEL_DENO: "true", [name]: value }), (error) => {
      assert.ok(error instanceof FlagError);
      assert.ok(error.message.startsWith(`${name} must be `), error.message);
      assert.ok(!/HEADERS/.test(name) || !error.message.includes("secret"));
      return true;
    });
  }
  assert.throws(() => asked({ OTEL_DENO: "true" }, true), /set OTEL_DENO_METRICS=false too/);
});
