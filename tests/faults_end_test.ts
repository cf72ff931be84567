/** Ending: by each signal, with clients, with a worker that hangs, twice; and that nothing is left open. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertUnbroken, JoinedPhone, until } from "./faults_phone.ts";
import { type Server, startServer } from "./server.ts";

const FAULTY = fileURLToPath(new URL("./faulty_server.ts", import.meta.url));

/** Everything that the server had open can be opened at once. */
function assertClosed(server: Server, ...phones: JoinedPhone[]): void {
  Deno.listen({ hostname: "127.0.0.1", port: Number(new URL(server.url).port) }).close();
  for (const port of new Set(phones.map(({ media }) => media.port))) {
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }).close();
  }
}

async function hang(server: Server, place: number): Promise<void> {
  const writer = server.process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`hang ${place}\n`));
  writer.releaseLock();
  await server.line(/faulty worker: hang/);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  for (const mode of [["--pool-size", "2"], ["--send-mode", "sync"]]) {
    Deno.test(`${signal} with ${mode.join(" ")} ends it: a BYE for each session, code 0, nothing left open`, async () => {
      await using server = await startServer({ args: ["--source", "tones", ...mode] });
      using one = await JoinedPhone.join(server, { channels: [1] });
      using two = await JoinedPhone.join(server, { mode: "mix" });
      using asleep = await JoinedPhone.join(server, { channels: [2] });
      const { status } = await server.join({ device: "joined-but-never-bound" });
      assert.equal(status, 201);
      asleep.freeze();
      assert.equal(await server.stop(signal), 0, server.output.join("\n"));
      for (const phone of [one, two, asleep]) {
        await phone.radio.until(() => phone.saidBye);
        assertUnbroken(phone);
      }
      assertClosed(server, one, two, asleep);
      assert.ok(server.output.some((line) => line.endsWith("Ended.")), server.output.join("\n"));
    });
  }
}

Deno.test("a send worker that hangs doesn't keep it from ending, and the others say BYE", async () => {
  await using server = await startServer({ program: FAULTY, args: ["--source", "tones", "--pool-size", "2"] });
  using one = await JoinedPhone.join(server, { channels: [1] });
  using two = await JoinedPhone.join(server, { channels: [2] });
  await hang(server, 0);
  assert.equal(await server.stop(), 0, server.output.join("\n"));
  await until(() => one.saidBye || two.saidBye);
  assertClosed(server, one, two);
});

Deno.test("a second signal ends it at once", async () => {
  await using server = await startServer({ program: FAULTY, args: ["--source", "tones", "--pool-size", "1"] });
  using phone = await JoinedPhone.join(server, { channels: [1] });
  // It would wait for this worker for a second.
  await hang(server, 0);
  let ended = false;
  const status = server.process.status.then((status) => (ended = true, status));
  await until(() => {
    try {
      server.process.kill("SIGTERM");
    } catch { /* it has ended already */ }
    return ended;
  });
  const { code } = await status;
  assert.equal(code, 143, server.output.join("\n"));
  assert.ok(!server.output.some((line) => line.endsWith("Ended.")));
  assertClosed(server, phone);
});

Deno.test("neither a slow request nor an idle connection keeps it from ending", async () => {
  await using server = await startServer({ args: ["--source", "tones", "--pool-size", "1"] });
  const { hostname, port } = new URL(server.url);
  using slow = await Deno.connect({ hostname, port: Number(port) });
  await slow.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nhost: localhost\r\n"));
  using _idle = await Deno.connect({ hostname, port: Number(port) });
  await server.call("GET", "/api/v1/status");
  assert.equal(await server.stop(), 0, server.output.join("\n"));
  assert.ok(!server.output.some((line) => /\[(warning|error)\]/.test(line)), server.output.join("\n"));
  assertClosed(server);
});
