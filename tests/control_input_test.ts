import assert from "node:assert/strict";
import fc from "fast-check";
import { assertProblem, fakeHouse, JOIN_CODE, type Method, newDevice } from "./control_fake.ts";

const good = () => ({ name: "Ana", device: newDevice(), mode: "channels", channels: [1, 2] });

Deno.test("a join's fields are checked, each error names its field, and nothing changes", async () => {
  await using house = await fakeHouse();
  await house.join();
  const before = await house.picture();
  const cases: [unknown, string][] = [
    [{ ...good(), name: "" }, "name"],
    [{ ...good(), name: "x".repeat(65) }, "name"],
    [{ ...good(), name: "a\u0000b" }, "name"],
    [{ ...good(), name: "a\nb" }, "name"],
    [{ ...good(), name: "a\u0085b" }, "name"],
    [{ ...good(), name: "a\u2028b" }, "name"],
    [{ ...good(), name: "a\ud800b" }, "name"],
    [{ ...good(), name: 7 }, "name"],
    [{ device: newDevice(), mode: "mix" }, "name"],
    [{ name: "Ana", mode: "mix" }, "device"],
    [{ ...good(), device: "short" }, "device"],
    [{ ...good(), device: "x".repeat(65) }, "device"],
    [{ ...good(), device: "with spaces" }, "device"],
    [{ ...good(), device: "12345678\n" }, "device"],
    [{ ...good(), mode: "mono" }, "mode"],
    [{ ...good(), channels: [] }, "channels"],
    [{ ...good(), channels: [1, 2, 1] }, "channels"],
    [{ ...good(), channels: [0] }, "channels.0"],
    [{ ...good(), channels: [1, 1.5] }, "channels.1"],
    [{ ...good(), channels: ["1"] }, "channels.0"],
    [{ ...good(), channels: Array.from({ length: 65 }, (_, i) => i + 1) }, "channels"],
    [{ ...good(), channels: null }, "channels"],
    [{ ...good(), frameMs: 20 }, "frameMs"],
    [{ ...good(), frameMs: "5" }, "frameMs"],
    [{ ...good(), bitrate: 15999 }, "bitrate"],
    [{ ...good(), bitrate: 256001 }, "bitrate"],
    [{ ...good(), bitrate: 96000.5 }, "bitrate"],
    [{ ...good(), redundancy: 2 }, "redundancy"],
    [{ ...good(), redundancy: true }, "redundancy"],
    [{ ...good(), token: "x" }, "token"],
    [{ ...good(), constructor: "x" }, "constructor"],
    [[], ""],
    [null, ""],
    ["join", ""],
    [7, ""],
  ];
  for (const [body, path] of cases) {
    const answer = await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE, body });
    assertProblem(answer, 400);
    const paths = answer.json.errors.map((error: { path: string }) => error.path);
    assert.ok(paths.includes(path), `${JSON.stringify(body)}: ${JSON.stringify(answer.json.errors)}`);
    for (const error of answer.json.errors) assert.ok(error.message.length > 0);
  }
  assert.equal(await house.picture(), before);
});

Deno.test("the longest and the strangest names that are allowed are kept as they are", async () => {
  await using house = await fakeHouse();
  for (const name of ["x", "x".repeat(64), "🥁".repeat(64), "Åsa Øverli-Čapek", "'; drop table", "👩🏽‍🎤"]) {
    const { session } = await house.join({ name });
    assert.equal((await house.call("GET", `/api/v1/sessions/${session}`)).json.name, name);
  }
});

Deno.test("numbers that aren't finite, and fields that hide behind the prototype, are refused", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join();
  const before = await house.picture();
  const raws: [Method, string, string][] = [
    ["POST", "report", '{"bufferMs":1e999,"outputMs":1}'],
    ["POST", "report", '{"bufferMs":-1,"outputMs":1}'],
    ["POST", "report", '{"bufferMs":NaN,"outputMs":1}'],
    ["POST", "report", '{"bufferMs":1}'],
    ["PATCH", "mix", '{"master":{"gainDb":1e999}}'],
    ["PATCH", "mix", '{"master":{"gainDb":10.1}}'],
    ["PATCH", "mix", '{"master":{"pan":0}}'],
    ["PATCH", "mix", '{"channels":{"1":{"pan":-1.1}}}'],
    ["PATCH", "mix", '{"channels":{"1":{"gain":0}}}'],
    ["PATCH", "mix", '{"channels":{"0":{}}}'],
    ["PATCH", "mix", '{"channels":{"01":{}}}'],
    ["PATCH", "mix", '{"channels":{"1.0":{}}}'],
    ["PATCH", "mix", '{"channels":{"__proto__":{"mute":true}}}'],
    ["PATCH", "mix", '{"__proto__":{"master":{"mute":true}}}'],
    ["PATCH", "mix", '{"channels":[{"mute":true}]}'],
    ["PATCH", "mix", '{"channels":{"1":{"mute":"yes"}}}'],
  ];
  for (const [method, part, raw] of raws) {
    assertProblem(await house.call(method, `/api/v1/sessions/${session}/${part}`, { raw }), 400);
  }
  assertProblem(await house.call("PATCH", "/api/v1/channels/1", { raw: '{"trimDb":20.5}' }), 400);
  assertProblem(await house.call("PATCH", "/api/v1/channels/1", { raw: '{"trimDb":-61}' }), 400);
  assertProblem(await house.call("PATCH", "/api/v1/channels/1", { raw: '{"name":"a\\tb"}' }), 400);
  assert.equal(await house.picture(), before);
});

Deno.test("a body that isn't JSON, isn't UTF-8 or is compressed is refused", async () => {
  await using house = await fakeHouse();
  const join = (raw: string | Uint8Array, headers: Record<string, string> = {}) =>
    house.call("POST", "/api/v1/sessions", { raw, headers });
  const text = JSON.stringify(good());
  for (const raw of ["", "{", text + "x", "{'name':1}", "\ufeff{"]) assertProblem(await join(raw), 400);
  const notUtf8 = new TextEncoder().encode(text.replace("Ana", "A?a"));
  notUtf8[notUtf8.indexOf(63)] = 0xe9;
  assertProblem(await join(notUtf8), 400);
  for (
    const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonx",
      "application/json; charset=latin1",
      "",
    ]
  ) {
    assertProblem(await join(text, { "content-type": type }), 415);
  }
  assertProblem(await join(text, { "content-encoding": "gzip" }), 415);
  for (
    const type of [
      "application/json",
      "Application/JSON",
      'application/json; charset="UTF-8"',
      "application/json;charset=utf-8",
    ]
  ) {
    const whole = JSON.stringify(good());
    assert.equal((await join(whole, { "content-type": type })).status, 201, type);
  }
  assertProblem(await house.call("POST", "/api/v1/sessions"), 415);
});

const anything = fc.jsonValue({ maxDepth: 3 }).map((value) => value as unknown);
const field = <T>(right: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: anything });
const joinish = fc.record({
  name: field(fc.string({ maxLength: 70, unit: "binary" })),
  device: field(fc.stringMatching(/^[A-Za-z0-9._-]{6,66}$/)),
  mode: field(fc.constantFrom("mix", "channels")),
  channels: field(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 20 })),
  frameMs: field(fc.constantFrom(2.5, 5, 10)),
  bitrate: field(fc.integer({ min: 10_000, max: 300_000 })),
  redundancy: field(fc.constantFrom(0, 1)),
  extra: anything,
}, { requiredKeys: [] });
const patchish = fc.record({
  channels: field(fc.dictionary(fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom("1", "16", "17")), anything)),
  master: field(fc.record({ gainDb: field(fc.double()), mute: field(fc.boolean()) })),
}, { requiredKeys: [] });

Deno.test("whatever a body says, it is accepted or refused with a problem, and a refused one changes nothing", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join({ mode: "mix" });
  const request = fc.oneof(
    fc.tuple(fc.constant<Method>("POST"), fc.constant("/api/v1/sessions"), fc.oneof(joinish, anything)),
    fc.tuple(fc.constant<Method>("PATCH"), fc.constant(`/api/v1/sessions/${session}`), fc.oneof(joinish, anything)),
    fc.tuple(
      fc.constant<Method>("PATCH"),
      fc.constant(`/api/v1/sessions/${session}/mix`),
      fc.oneof(patchish, anything),
    ),
    fc.tuple(fc.constant<Method>("PATCH"), fc.constant("/api/v1/channels/3"), anything),
    fc.tuple(fc.constant<Method>("POST"), fc.constant("/api/v1/targets"), anything),
  );
  await fc.assert(
    fc.asyncProperty(request, async ([method, path, body]) => {
      const before = await house.picture();
      const answer = await house.call(method, path, { body });
      if (answer.status < 300) return;
      assertProblem(answer, answer.status);
      assert.ok([400, 409, 503].includes(answer.status), answer.text);
      assert.equal(await house.picture(), before);
    }),
    { numRuns: 150 },
  );
});

Deno.test("whatever bytes are sent as a body, the answer is a problem", async () => {
  await using house = await fakeHouse();
  const before = await house.picture();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (raw) => {
      assertProblem(await house.call("POST", "/api/v1/sessions", { raw }), 400);
    }),
    { numRuns: 60 },
  );
  assert.equal(await house.picture(), before);
});
