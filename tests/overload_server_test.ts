/** A real server that can't keep up: it refuses who would come, and those who are there stay. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { JoinedPhone } from "./faults_phone.ts";
import { startServer } from "./server.ts";

const PROGRAM = fileURLToPath(new URL("./slow_server.ts", import.meta.url));
/** Ten times what it takes. */
const GUARD_MS = 40_000;

Deno.test("a server whose worker can't keep up refuses the next client, and those who are there stay", async () => {
  await using server = await startServer({ program: PROGRAM, args: ["--source", "tones", "--pool-size", "1"] });
  const device = "the-first-phone";
  using phone = await JoinedPhone.join(server, { mode: "mix", frameMs: 2.5, device });
  await server.line(/send worker 0 is full/, GUARD_MS);
  const refused = await server.join({ mode: "mix", frameMs: 2.5, device: "the-second-phone" });
  assert.equal(refused.status, 503, JSON.stringify(refused.body));
  assert.equal(refused.body.code, "overloaded");
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  await phone.more(400);
  const { body } = await server.call("GET", "/api/v1/status");
  assert.deepEqual(body.workers.map(({ clients, full }: { clients: number; full: boolean }) => [clients, full]), [[
    1,
    true,
  ]]);
  const again = await server.join({ mode: "mix", frameMs: 2.5, device });
  assert.equal(again.status, 201, "who is there may take its own place");
  assert.equal(await server.stop(), 0);
});
