import assert from "node:assert/strict";
import { connect } from "node:net";
import fc from "fast-check";
import { doorNames, refusedDoor } from "../control/doors.ts";
import { type Answer, assertProblem, ENGINEER, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";

const NAMES = doorNames("stage.example.org", "Studio.lan");
const asked = (host: string | undefined, more = {}, method = "GET") =>
  refusedDoor({ host, ...more }, method, NAMES)?.status ?? 200;

const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
};

Deno.test("addresses, localhost, the machine's names and --public-host are our names, on any port and in any case", () => {
  for (
    const host of [
      "192.0.2.7",
      "127.0.0.1:5100",
      "[::1]",
      "[fe80::1]:5100",
      "[2001:DB8::7]:80",
      "localhost",
      "LOCALHOST:1",
      "localhost.:5100",
      "ana.localhost:5100",
      "studio.lan",
      "studio",
      "STUDIO.local:5100",
      "foldback.local",
      "stage.example.org",
      "Stage.Example.Org.:443",
    ]
  ) {
    assert.equal(asked(host), 200, host);
  }
});

Deno.test("any other name is misdirected", () => {
  for (
    const host of [
      "evil.example",
      "localhost.evil.example",
      "notlocalhost",
      "127.0.0.1.evil.example",
      "studio.local.evil.example",
      "x.studio.local",
      "example.org",
      "x.stage.example.org",
      "2130706433",
      "127.1",
    ]
  ) {
    assert.equal(asked(host), 421, host);
  }
});

Deno.test("so is what has no name, or what is none", () => {
  for (
    const host of [
      undefined,
      "",
      ":5100",
      "127.0.0.1@evil.example",
      "127.0.0.1, evil.example",
      "127.0.0.1:5100:5100",
      "127.0.0.1:port",
      "[::1",
      "::1",
      "[evil.example]",
      "[::1].evil.example",
      "localhost..",
      "a".repeat(254),
    ]
  ) {
    assert.equal(asked(host), 421, String(host));
  }
});

Deno.test("without the system's or the operator's name the rest of the names stay", () => {
  const few = doorNames(null, null);
  const ask = (host: string) => refusedDoor({ host }, "GET", few)?.status ?? 200;
  assert.deepEqual(["foldback.local", "10.0.0.1", "localhost", "studio", "stage.example.org"].map(ask), [
    200,
    200,
    200,
    421,
    421,
  ]);
});

Deno.test("a change by a page of another origin is refused, by our own page and by programs it isn't", () => {
  const change = (host: string, more = {}) => asked(host, more, "POST");
  assert.equal(change("10.0.0.1:5100"), 200);
  for (
    const [host, origin] of [
      ["10.0.0.1:5100", "http://10.0.0.1:5100"],
      ["10.0.0.1:5100", "https://10.0.0.1:5100"],
      ["studio.local", "http://studio.local"],
      ["Studio.Local", "https://studio.local"],
      ["studio.local:80", "http://studio.local"],
      ["studio.local", "https://studio.local:443"],
      ["[::1]:5100", "http://[::1]:5100"],
    ]
  ) {
    assert.equal(change(host, { origin }), 200, `${origin} at ${host}`);
    assert.equal(change(host, { origin, "sec-fetch-site": "same-origin" }), 200, origin);
  }
  for (
    const origin of [
      "null",
      "",
      "http://evil.example",
      "http://10.0.0.1",
      "http://10.0.0.1:5101",
      "http://10.0.0.2:5100",
      "ftp://10.0.0.1:5100",
      "http://10.0.0.1:5100/",
      "http://10.0.0.1:5100 http://evil.example",
      "http://10.0.0.1:5100, http://10.0.0.1:5100",
      "http://ana@10.0.0.1:5100",
      "10.0.0.1:5100",
    ]
  ) {
    assert.equal(change("10.0.0.1:5100", { origin }), 403, origin);
    assert.equal(asked("10.0.0.1:5100", { origin }), 200, `to read is no change: ${origin}`);
  }
  assert.equal(change("studio.local:443", { origin: "http://studio.local" }), 403);
  for (const site of ["cross-site", "same-site"]) {
    assert.equal(change("10.0.0.1:5100", { "sec-fetch-site": site }), 403, site);
    assert.equal(change("10.0.0.1:5100", { origin: "http://10.0.0.1:5100", "sec-fetch-site": site }), 403, site);
  }
  for (const site of ["same-origin", "none"]) assert.equal(change("10.0.0.1", { "sec-fetch-site": site }), 200, site);
});

Deno.test("every method but GET, HEAD and OPTIONS is a change, the opening of a socket too", () => {
  const origin = "http://evil.example";
  const answers = ["GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE", "CONNECT"].map((method) =>
    asked("10.0.0.1", { origin }, method)
  );
  assert.deepEqual(answers, [200, 200, 200, 403, 403, 403, 403, 403]);
});

Deno.test("whatever stands in the headers, the doors answer, and let no foreign name in", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.constantFrom("GET", "POST"), (host, origin, method) => {
      const refusal = refusedDoor({ host, origin, "sec-fetch-site": origin }, method, NAMES);
      assert.ok(refusal === null || [403, 421].includes(refusal.status));
    }),
  );
  fc.assert(fc.property(fc.domain(), (name) => assert.equal(asked(name), 421)));
});

Deno.test("the server refuses foreign names and pages before it looks at secrets, and nothing changes", async () => {
  await using house = await fakeHouse();
  const before = await house.picture();
  const body = { name: "Ana", device: newDevice(), mode: "channels" };
  const join = (headers: Record<string, string>, secret: string | null = JOIN_CODE) =>
    house.call("POST", "/api/v1/sessions", { secret, body, headers });
  for (const path of ["/", "/healthz", "/api/v1/status", "/api/v1/docs", "/nowhere"]) {
    const answer = await house.call("GET", path, { headers: { host: "evil.example:5100" }, secret: "wrong" });
    assertProblem(answer, 421);
    assert.match(answer.json.detail, /--public-host evil\.example$/);
  }
  assertProblem(await join({ host: "evil.example" }), 421);
  assertProblem(await join({ origin: "http://evil.example" }), 403);
  assertProblem(await join({ origin: "null" }, null), 403);
  assertProblem(await join({ "sec-fetch-site": "cross-site" }), 403);
  assertProblem(
    await house.call("PATCH", "/api/v1/channels/1", { body: {}, headers: { origin: "http://a.example" } }),
    403,
  );
  assert.equal(await house.picture(), before);
  assert.equal((await join({ origin: `http://127.0.0.1:${house.port}` })).status, 201);
});

Deno.test("--public-host opens the door for its name", async () => {
  await using house = await fakeHouse({ options: { publicHost: "Stage.Example.org" } });
  const ask = (host: string) => house.call("GET", "/api/v1/status", { headers: { host } });
  assert.equal((await ask("stage.example.org:5100")).status, 200);
  assertProblem(await ask("other.example.org"), 421);
});

Deno.test("a request without a Host is refused with a reason", async () => {
  await using house = await fakeHouse();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(house.port, "127.0.0.1");
  let got = "";
  socket.on("data", (data) => got += data.toString());
  socket.on("close", () => resolve(got));
  socket.on("error", reject);
  socket.write(`GET /api/v1/status HTTP/1.1\r\nAuthorization: Bearer ${ENGINEER}\r\nConnection: close\r\n\r\n`);
  assert.match(await promise, /^HTTP\/1\.1 400 .*application\/problem\+json.*"status":400/s);
});

Deno.test("every answer has the security headers, and none lets another origin read it", async () => {
  await using house = await fakeHouse();
  const assertSecured = ({ headers }: Answer, what: string) => {
    for (const [name, value] of Object.entries(HEADERS)) assert.equal(headers[name], value, `${name} of ${what}`);
    for (const name of Object.keys(headers)) assert.ok(!name.startsWith("access-control-"), `${name} of ${what}`);
  };
  const origin = { origin: "http://evil.example" };
  for (
    const path of ["/", "/healthz", "/metrics", "/api/v1/status", "/api/v1/docs", "/api/v1/openapi.json", "/nowhere"]
  ) {
    assertSecured(await house.call("GET", path, { headers: origin }), path);
    assertSecured(await house.call("OPTIONS", path, { headers: origin }), `OPTIONS ${path}`);
    assertSecured(await house.call("GET", path, { secret: "wrong" }), `${path} with a wrong secret`);
  }
  assertSecured(await house.call("POST", "/api/v1/sessions", { raw: "{" }), "a bad body");
  assertSecured(await house.call("GET", "/", { headers: { host: "evil.example" } }), "a foreign name");
  assertSecured(await house.call("GET", "/", { headers: { host: "a b/c@d" } }), "a senseless name");
  assertSecured(await house.call("GET", "/", { headers: { "x-long": "x".repeat(20_000) } }), "long headers");
});
