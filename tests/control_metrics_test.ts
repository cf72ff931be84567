import assert from "node:assert/strict";
import { record } from "../core/histogram.ts";
import { milliseconds } from "../core/units.ts";
import { createMetricText } from "../control/openmetrics.ts";
import { fakeHouse } from "./control_fake.ts";

Deno.test("the metrics are OpenMetrics text that a reader of the specification accepts", async () => {
  await using house = await fakeHouse();
  await house.join({ name: 'A "quoted" \\ name' });
  const [{ receiver }] = house.taken("serve");
  const row = house.control.house.board.slots[receiver.slot];
  row.report(128, 48, 1000);
  row.packets = 12;
  const { board } = house.control.house;
  for (const ms of [0.004, 0.3, 3, 5000]) record(board.main.block, milliseconds(ms));
  await house.call("POST", "/api/v1/targets", { body: { address: "192.0.2.1", port: 5004, mode: "mix" } });
  const { text, headers } = await house.call("GET", "/metrics");
  assert.equal(headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
  const samples = readOpenMetrics(text);
  assert.equal(samples.get("foldback_session_loss_ratio")![0].value, 0.5);
  assert.equal(samples.get("foldback_session_jitter_seconds")![0].value, 0.001);
  const [packets] = samples.get("foldback_session_packets_total")!;
  assert.equal(packets.value, 12);
  assert.equal(packets.labels.name, 'A \\"quoted\\" \\\\ name');
  const buckets = samples.get("foldback_block_duration_seconds_bucket")!;
  const at = (le: string) => buckets.find(({ labels }) => labels.le === le)!.value;
  assert.deepEqual([at("0.00001"), at("0.0005"), at("0.005"), at("1"), at("+Inf")], [1, 2, 3, 3, 4]);
  assert.equal(samples.get("foldback_block_duration_seconds_count")![0].value, 4);
  assert.ok(Math.abs(samples.get("foldback_block_duration_seconds_sum")![0].value - 5.0033) < 0.2);
});

interface Read {
  labels: Record<string, string>;
  value: number;
}

/** Reads OpenMetrics text as strictly as is needed here. */
function readOpenMetrics(text: string): Map<string, Read[]> {
  assert.ok(text.endsWith("\n# EOF\n"));
  const samples = new Map<string, Read[]>();
  let family = "", type = "";
  const families = new Set<string>();
  for (const line of text.split("\n").slice(0, -2)) {
    const meta = /^# (TYPE|UNIT|HELP) (\w+) (.+)$/.exec(line);
    if (meta !== null) {
      if (meta[1] === "TYPE") {
        [family, type] = [meta[2], meta[3]];
        assert.ok(!families.has(family), `${family} twice`);
        families.add(family);
      }
      assert.equal(meta[2], family, line);
      if (meta[1] === "UNIT") assert.ok(family.endsWith(`_${meta[3]}`), line);
      continue;
    }
    const sample = /^(foldback_\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?[\d.e+-]+)$/.exec(line);
    assert.ok(sample !== null, `not a sample: ${line}`);
    const suffixes: Record<string, string[]> = {
      counter: ["_total"],
      gauge: [""],
      histogram: ["_bucket", "_count", "_sum"],
    };
    assert.ok(suffixes[type].some((suffix) => sample[1] === family + suffix), `${line} in ${family}`);
    const labels: Record<string, string> = {};
    for (const [, name, value] of (sample[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value;
    const known = samples.get(sample[1]) ?? [];
    known.push({ labels, value: Number(sample[3]) });
    samples.set(sample[1], known);
  }
  return samples;
}

Deno.test("a metric with a wrong name, without its unit, or written twice is our own bug", () => {
  const text = createMetricText();
  for (const name of ["blocks", "foldback_Blocks", "foldback_blocks_total", "foldback", "foldback_a-b"]) {
    assert.throws(() => text.counter(name, "x", []), /as a metric must be/);
  }
  assert.throws(() => text.gauge("foldback_uptime", "x", [], "seconds"), /must end in its unit/);
  text.gauge("foldback_thing", "x", []);
  assert.throws(() => text.gauge("foldback_thing", "x", []), /was written before/);
});
