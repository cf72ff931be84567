import { OpenAPIHono } from "@hono/zod-openapi";
import { Validator } from "@seriousme/openapi-schema-validator";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createApp } from "../control/app.ts";
import { exampleOf, fieldsOf } from "../control/docs_fields.ts";
import { addDocsRoutes } from "../control/docs_page.ts";
import { admitting, createDocument, type Document, operationsOf, type Schema } from "../control/openapi.ts";
import type { ControlEnv } from "../control/routing.ts";
import { type FakeHouse, fakeHouse, JOIN_CODE, type Method, newDevice } from "./control_fake.ts";

async function documentOf(house: FakeHouse): Promise<Document> {
  const { status, json, headers } = await house.call("GET", "/api/v1/openapi.json", { secret: null });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/json");
  return json;
}

/** Every object in a tree, and where it is. */
function* objectsIn(value: unknown, at = "#"): Generator<[string, Record<string, unknown>]> {
  if (value === null || typeof value !== "object") return;
  yield [at, value as Record<string, unknown>];
  for (const [key, inner] of Object.entries(value)) yield* objectsIn(inner, `${at}/${key}`);
}

Deno.test("the description is OpenAPI 3.1 by the official schema, and all its references lead somewhere", async () => {
  await using house = await fakeHouse();
  const document = await documentOf(house);
  assert.match(document.openapi, /^3\.1\./);
  const { valid, errors } = await new Validator().validate({ ...document });
  assert.ok(valid, JSON.stringify(errors, null, 1));
  let references = 0;
  for (const [at, { $ref }] of objectsIn(document)) {
    if ($ref === undefined) continue;
    references++;
    const parts = String($ref).replace(/^#\//, "").split("/");
    // deno-lint-ignore no-explicit-any
    const found = parts.reduce((node: any, part) => node?.[part], document);
    assert.ok(found !== undefined && found !== null, `${at} leads to ${$ref}, which isn't there`);
  }
  assert.ok(references > 10);
});

Deno.test("a description that is wrong would be noticed", async () => {
  await using house = await fakeHouse();
  const document = await documentOf(house);
  assert.equal((await new Validator().validate({ ...document, info: { title: "no version" } })).valid, false);
});

Deno.test("every route is in the description, with its path's parameters and a name of its own", async () => {
  await using house = await fakeHouse();
  const document = await documentOf(house);
  const { app } = createApp(house.control.house);
  // The page's own files aren't the API, these two describe it, live is a WebSocket, and ALL is for what isn't there.
  const others = ["/api/v1/openapi.json", "/api/v1/docs", "/api/v1/live"];
  const served = new Set(
    app.routes.filter(({ method, path }) =>
      method !== "ALL" && /^\/(api\/|metrics$|healthz$)/.test(path) && !others.includes(path)
    ).map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
  );
  assert.ok(served.size > 10);
  const all = operationsOf(document);
  assert.deepEqual(all.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort(), [...served].sort());
  assert.equal(new Set(all.map(({ operation }) => operation.operationId)).size, all.length);
  for (const { path, operation } of all) {
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const given = (operation.parameters ?? []).flatMap((one) => "name" in one && one.in === "path" ? [one] : []);
    assert.deepEqual(given.map(({ name }) => name).sort(), wanted.sort(), path);
    for (const { required, schema } of given) assert.ok(required && schema !== undefined, path);
  }
});

Deno.test("a route that refuses without a secret says which ones it takes, the others take none", async () => {
  await using house = await fakeHouse();
  const document = await documentOf(house);
  assert.deepEqual(document.components?.securitySchemes?.bearer && "bearer", "bearer");
  for (const { path, method, operation } of operationsOf(document)) {
    const filled = path.replaceAll("{n}", "1").replaceAll(/\{\w+\}/g, "s_1");
    const { status } = await house.call(method.toUpperCase() as Method, filled, { secret: null });
    const secrets = (operation.security ?? []).flatMap((one) => one.bearer);
    if (status !== 401) assert.deepEqual(operation.security, [], `${method} ${path}`);
    else assert.ok(secrets.length > 0 && secrets.includes("engineer"), `${method} ${path} takes ${secrets}`);
    const join = await house.call(method.toUpperCase() as Method, filled, { secret: JOIN_CODE });
    if (status === 401) assert.equal(join.status === 403, !secrets.includes("join"), `${method} ${path}`);
  }
});

Deno.test("which secrets a route takes is read from its middleware, and is left open where that doesn't say", () => {
  const app = new OpenAPIHono<ControlEnv>();
  const pass = (_: unknown, next: () => Promise<void>) => next();
  const responses = { 200: { description: "Well" }, 401: { description: "No secret" } };
  app.openapi(
    { method: "get", path: "/api/v1/things/{id}", responses, middleware: [pass, admitting(["session"], pass)] },
    (c) => c.body(null, 200),
  );
  app.openapi({ method: "get", path: "/api/v1/others", responses, middleware: [] }, (c) => c.body(null, 200));
  const found = operationsOf(createDocument(app, "1")).map(({ operation: { security, tags, operationId } }) => ({
    security,
    tags,
    operationId,
  }));
  assert.deepEqual(found, [
    { security: [{ bearer: ["session"] }], tags: ["house"], operationId: "getThingsId" },
    { security: [{ bearer: [] }], tags: ["house"], operationId: "getOthers" },
  ]);
});

Deno.test("the examples of the description pass the server's own checks, once their words in capitals are replaced", async () => {
  await using house = await fakeHouse();
  const document = await documentOf(house);
  const { session, seat } = await house.join({ channels: [1, 2, 3] });
  const other = await house.join();
  const make = async (path: string, body: unknown) => (await house.call("POST", path, { body })).json;
  const { group } = await make("/api/v1/groups", { name: "Drums", channels: [1, 2] });
  const { scene } = await make("/api/v1/scenes", { name: "Song 1" });
  const ids: Record<string, string> = { sessions: session, seats: seat, groups: group, scenes: scene };
  const words: Record<string, string> = { DEVICE: "", SESSION: other.session, TO: other.seat, JOIN_CODE: "STAGE8" };
  let tried = 0;
  for (const { path, method, operation } of operationsOf(document)) {
    // deno-lint-ignore no-explicit-any
    const schema: Schema = (operation as any).requestBody?.content["application/json"].schema;
    if (schema === undefined) continue;
    tried++;
    words.DEVICE = newDevice();
    const text = JSON.stringify(exampleOf(schema, document)).replaceAll(
      /"([A-Z_]+)"/g,
      (_, word) => `"${words[word]}"`,
    );
    const body = JSON.parse(text);
    // An order names all that there are.
    if (path.endsWith("/order")) body.order = house.control.house.state.order;
    const filled = path.replace("{n}", "1").replace(/(\w+)\/\{id\}/, (_, things) => `${things}/${ids[things]}`);
    const answer = await house.call(method.toUpperCase() as Method, filled, { body });
    assert.ok(answer.status < 300, `${method} ${filled} ${JSON.stringify(body)}: ${answer.text}`);
  }
  assert.ok(tried >= 5);
});

Deno.test("the page shows every route, loads nothing, runs nothing, and has a policy that says so", async () => {
  await using house = await fakeHouse();
  const document = await documentOf(house);
  const { status, headers, text } = await house.call("GET", "/api/v1/docs", { secret: null });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  for (const { path, method, operation } of operationsOf(document)) {
    assert.ok(text.includes(`id="${operation.operationId}"`), path);
    assert.ok(text.includes(`<b class="${method}">${method.toUpperCase()}</b> <code>${path}</code>`), path);
  }
  const policy = String(headers["content-security-policy"]);
  const style = /<style>([\s\S]*?)<\/style>/.exec(text)![1];
  const hash = createHash("sha256").update(style).digest("base64");
  assert.deepEqual(policy.split("; ").slice(0, 2), ["default-src 'none'", `style-src 'sha256-${hash}'`]);
  assert.doesNotMatch(text, /<script|<link|<img|<iframe|\sstyle=|\son\w+=|javascript:|@import|url\(/i);
  const links = [...text.matchAll(/\b(?:href|src|action)="([^"]*)"/g)].map(([, target]) => target);
  const ids = new Set([...text.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id));
  assert.ok(links.length > 10);
  for (const link of links) assert.ok(link === "openapi.json" || ids.has(link.replace(/^#/, "")), link);
  assert.match(text, /<html lang="en">/);
  assert.match(text, /<meta name="viewport" content="width=device-width/);
  assert.match(text, /prefers-color-scheme: dark/);
});

Deno.test("the page says who may, what goes into a body and how to ask", async () => {
  await using house = await fakeHouse();
  const { text } = await house.call("GET", "/api/v1/docs", { secret: null });
  const article = /<article id="postSessions">([\s\S]*?)<\/article>/.exec(text)![1].replaceAll(/\s+/g, " ");
  assert.match(article, /With the join code, the seat&#39;s invite or the engineer key\./);
  assert.match(article, /<code>bitrate<\/code>\s*<small>optional<\/small>\s*<\/th>\s*<td>integer 16000 … 256000<\/td>/);
  assert.match(article, /<code>frameMs<\/code>.*?<td>2\.5 or 5 or 10<\/td>/);
  assert.match(article, /<td>channels or mix; left out: channels<\/td>/);
  assert.match(
    article,
    /curl -X POST http:\/\/SERVER:5100\/api\/v1\/sessions \\ -H &#39;Authorization: Bearer JOIN_CODE&#39;/,
  );
  assert.match(article, /Refusals: 400, 401/);
  const health = /<article id="getHealthz">([\s\S]*?)<\/article>/.exec(text)![1];
  assert.match(health, /No secret\./);
});

Deno.test("what a route says about itself can't break out of the page", async () => {
  const app = new OpenAPIHono<ControlEnv>();
  const bad = `<script>alert("1")</script>&'`;
  app.openapi(
    {
      method: "post",
      path: "/api/v1/things",
      summary: bad,
      description: bad,
      request: {
        body: {
          content: {
            "application/json": {
              schema: { type: "object", properties: { [bad]: { type: "string", description: bad, example: bad } } },
            },
          },
        },
      },
      responses: { 200: { description: bad } },
    },
    (c) => c.body(null, 200),
  );
  addDocsRoutes(app, bad);
  const text = await (await app.request("/api/v1/docs")).text();
  assert.ok(text.includes("&lt;script&gt;"));
  assert.ok(!text.includes("<script"));
  assert.ok(!text.includes(`"1"`));
});

Deno.test("a body's fields are named by their whole path, each with what may be in it", () => {
  const document: Document = {
    openapi: "3.1.0",
    info: { title: "x", version: "1" },
    components: {
      schemas: {
        Strip: { type: "object", properties: { pan: { type: "number", minimum: -1, maximum: 1 } }, required: ["pan"] },
        Tree: { type: "object", properties: { inner: { $ref: "#/components/schemas/Tree" } } },
      },
    },
  };
  const schema: Schema = {
    type: "object",
    properties: {
      name: { type: ["string", "null"], minLength: 1, maxLength: 64, description: "Who" },
      list: { type: "array", items: { type: "integer", minimum: 1 }, minItems: 1, maxItems: 64 },
      strips: { type: "object", additionalProperties: { $ref: "#/components/schemas/Strip" } },
      one: { anyOf: [{ $ref: "#/components/schemas/Strip" }, { type: "null" }] },
      kind: { type: "string", enum: ["a", "b"], default: "b" },
      count: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    },
    required: ["list"],
  };
  const found = fieldsOf(schema, document).map(({ path, type, required }) => `${path}${required ? "" : "?"}: ${type}`);
  assert.deepEqual(found, [
    "name?: string, length 1 … 64 or null",
    "list: list of integer ≥ 1, length 1 … 64",
    "strips?: map",
    "strips.{}.pan: number -1 … 1",
    "one?: object or null",
    "one.pan: number -1 … 1",
    "kind?: a or b; left out: b",
    "count?: integer ≥ 0",
  ]);
  assert.ok(fieldsOf({ $ref: "#/components/schemas/Tree" }, document).length < 20);
  assert.throws(() => fieldsOf({ $ref: "#/components/schemas/None" }, document), /must lead to a schema/);
});
