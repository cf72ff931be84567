/** Who gets through the handshake of `GET /api/v1/live`. */
import assert from "node:assert/strict";
import { type FakeHouse, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";
import { BareClient } from "./live_desk.ts";

/** What the server says to a handshake. */
async function shake(
  house: FakeHouse,
  settings: Parameters<typeof BareClient.open>[1],
): Promise<{ status: number; head: string }> {
  const { client, head } = await BareClient.open(house.port, settings);
  client.end();
  return { status: Number(head.split(" ")[1]), head };
}

Deno.test("a page of another origin doesn't get in, nor does a name that isn't ours; an app and our own page do", async () => {
  await using house = await fakeHouse();
  const status = async (settings: Parameters<typeof BareClient.open>[1]) => (await shake(house, settings)).status;
  assert.equal(await status({ more: "Origin: https://evil.example\r\n" }), 403);
  assert.equal(await status({ more: "Origin: null\r\n" }), 403);
  assert.equal(await status({ more: `Origin: http://127.0.0.1:${house.port + 1}\r\n` }), 403);
  assert.equal(await status({ more: "Sec-Fetch-Site: cross-site\r\n" }), 403);
  assert.equal(await status({ host: "evil.example" }), 421);
  assert.equal(await status({ host: "" }), 421);
  const own = `http://127.0.0.1:${house.port}`;
  assert.equal(await status({ more: `Origin: ${own}\r\nSec-Fetch-Site: same-origin\r\n` }), 101);
  assert.equal(await status({ host: "localhost", more: "Origin: http://localhost\r\n" }), 101);
  assert.equal(await status({}), 101);
  const { head } = await shake(house, { host: "evil.example" });
  assert.match(head, /content-type: application\/problem\+json/i);
});

Deno.test("nobody gets in by another path, with another method or with no proper handshake", async () => {
  await using house = await fakeHouse();
  const head = async (path: string) => (await shake(house, { path })).status;
  assert.equal(await head("/api/v1/live?x=1"), 101);
  assert.equal(await head("/api/v1/lives"), 404);
  assert.equal(await head("/healthz"), 503, "an offer to upgrade may be ignored");
  const plain = await house.call("GET", "/api/v1/live");
  assert.equal(plain.status, 426);
  assert.equal(plain.headers.upgrade, "websocket");
  const upgrade = { connection: "Upgrade", upgrade: "websocket" };
  const versions = { ...upgrade, "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const status = async (method: "GET" | "POST", headers: Record<string, string>) =>
    (await house.call(method, "/api/v1/live", { headers })).status;
  assert.equal(await status("GET", { ...versions, "sec-websocket-key": "short" }), 400);
  assert.equal(await status("GET", upgrade), 400);
  assert.ok(await status("POST", versions) >= 400);
});

Deno.test("a client that offers HTTP/2 gets an ordinary answer", async () => {
  await using house = await fakeHouse();
  const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" };
  const { status, json } = await house.call("POST", "/api/v1/sessions", {
    secret: JOIN_CODE,
    headers,
    body: { name: "Ana", device: newDevice() },
  });
  assert.equal(status, 201);
  assert.equal(typeof json.token, "string");
});
