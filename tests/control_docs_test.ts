import assert from "node:assert/strict";
import { record } from "../core/histogram.ts";
import { milliseconds } from "../core/units.ts";
import { ENGINEER, fakeHouse, JOIN_CODE, type Method } from "./control_fake.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/PROTOCOL.md", import.meta.url));

/** The page's ```http blocks: a request, then its answer. */
function examples(): { request: string; answer: string }[] {
  const blocks = [...PAGE.matchAll(/```http\n([\s\S]*?)```/g)].map(([, text]) => text);
  assert.equal(blocks.length % 2, 0, "each request has an answer");
  return Array.from({ length: blocks.length / 2 }, (_, i) => ({ request: blocks[2 * i], answer: blocks[2 * i + 1] }));
}

/** The printed answer and the real one: the same fields and types; printed fields and elements are examples. */
function assertLike(printed: unknown, real: unknown, at: string): void {
  if (Array.isArray(printed)) {
    assert.ok(Array.isArray(real), at);
    if (printed.length > 0 && real.length > 0) assertLike(printed[0], real[0], `${at}[0]`);
  } else if (printed !== null && typeof printed === "object") {
    assert.ok(real !== null && typeof real === "object", at);
    const keyed = Object.keys(printed).every((key) => /^\d+$/.test(key));
    if (!keyed) assert.deepEqual(Object.keys(real).sort(), Object.keys(printed).sort(), at);
    for (const [key, value] of Object.entries(printed)) {
      assert.ok(key in real, `${at}.${key}`);
      assertLike(value, (real as Record<string, unknown>)[key], `${at}.${key}`);
    }
  } else {
    assert.equal(real === null ? "null" : typeof real, printed === null ? "null" : typeof printed, at);
  }
}

/** Fields whose printed values are not the reader's own, but what the example's request leads to. */
const SAME = [
  "status",
  "detail",
  "mode",
  "frameMs",
  "bitrate",
  "gainDb",
  "pan",
  "trimDb",
  "payloadType",
  "streams",
  "encoding",
  "message",
];

function assertSame(printed: unknown, real: unknown, at: string): void {
  // A printed list may be longer than the real one.
  if (printed === null || typeof printed !== "object" || real === undefined) return;
  for (const [key, value] of Object.entries(printed)) {
    const other: unknown = (real as Record<string, unknown>)[key];
    if (SAME.includes(key) && typeof value !== "object") assert.equal(other, value, `${at}.${key}`);
    else assertSame(value, other, `${at}.${key}`);
  }
}

Deno.test("the examples of the protocol page are true", async () => {
  await using house = await fakeHouse();
  house.control.house.channels[0].name = "Kick";
  const { board } = house.control.house;
  board.main.blocks++;
  for (const row of board.workers) row.blocks++;
  for (const counts of [board.main.block, board.main.handoff, board.workers[0].captureToSend]) {
    record(counts, milliseconds(0.02));
  }
  const words: Record<string, string> = { JOIN_CODE, ENGINEER_KEY: ENGINEER, SESSION: "", TOKEN: "" };
  const filled = (text: string) => text.replace(/\b(JOIN_CODE|ENGINEER_KEY|SESSION|TOKEN)\b/g, (word) => words[word]);
  const all = examples();
  assert.ok(all.length > 10);
  for (const { request, answer } of all) {
    const [head, body] = filled(request).trimEnd().split(/\n\n/);
    const [, method, path] = /^(\w+) (\S+)/.exec(head)!;
    const secret = /Bearer (\S+)/.exec(head)?.[1] ?? null;
    const real = await house.call(method as Method, path, { secret, raw: body });
    const [status, printed] = answer.trimEnd().split(/\n\n/);
    assert.equal(real.status, Number(status), `${head}: ${real.text}`);
    if (real.json?.token) [words.SESSION, words.TOKEN] = [real.json.session, real.json.token];
    if (printed === undefined) continue;
    assertLike(JSON.parse(printed), real.json, head);
    assertSame(JSON.parse(printed), real.json, head);
  }
});

Deno.test("the protocol page lists the metrics that there are, with their types and labels", async () => {
  await using house = await fakeHouse();
  await house.join();
  const [{ receiver }] = house.taken("serve");
  const row = house.control.house.board.slots[receiver.slot];
  record(row.server, milliseconds(5));
  row.report(0, 0, 1000);
  const { session } = (await house.call("GET", "/api/v1/sessions")).json[0];
  await house.call("POST", `/api/v1/sessions/${session}/report`, { body: { bufferMs: 1, outputMs: 1 } });
  const target = { address: "192.0.2.1", port: 5004, mode: "mono", channels: [1] };
  await house.call("POST", "/api/v1/targets", { body: target });
  house.control.house.board.slots[house.taken("serve")[0].receiver.slot].report(0, 0, 0);
  const { text } = await house.call("GET", "/metrics");
  const served = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => {
    const sample = new RegExp(`^${name}(?:_total|_bucket)?(?:\\{(.*)\\})? `, "m").exec(text);
    assert.ok(sample !== null, `${name} has no sample`);
    const labels = [...(sample[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) =>
      label !== "le"
    );
    return [name, type, labels.sort().join(" ")].join(" ");
  });
  const listed = [...PAGE.matchAll(/^\| `(foldback_\w+)`\s*\| (\w+)\s*\| (.*)\|$/gm)].map(([, name, type, labels]) =>
    [name, type, [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort().join(" ")].join(" ")
  );
  assert.deepEqual(listed.sort(), served.sort());
});

Deno.test("every route is on the protocol page", async () => {
  const { createApp } = await import("../control/app.ts");
  await using house = await fakeHouse();
  const { app } = createApp(house.control.house);
  const description = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "Foldback", version: "1" } });
  const paths = Object.keys(description.paths ?? {});
  assert.ok(paths.length >= 10);
  for (const path of paths) {
    const printed = new RegExp(path.replaceAll("/", "\\/").replace(/\{\w+\}/g, "(\\{\\w+\\}|SESSION|\\d+)"));
    assert.match(PAGE, printed, path);
  }
});
