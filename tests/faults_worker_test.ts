/** Send workers that throw, hang or vanish under a real server: their clients go on, the others never notice. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertTone, assertUnbroken, JoinedPhone, until } from "./faults_phone.ts";
import { parseRtp } from "./phone.ts";
import { type Server, startServer } from "./server.ts";

const PROGRAM = fileURLToPath(new URL("./faulty_server.ts", import.meta.url));

/** Between two faults: 1.5 s. */
const WELL_PACKETS = 150;

/** A test for each hand-over, with a breakable server of two send workers; what the server said is printed when it fails. */
function faultTest(name: string, body: (server: Server) => Promise<void>): void {
  for (const handoff of ["shared", "transfer"]) {
    Deno.test(`${name} (--handoff ${handoff})`, async () => {
      const args = ["--source", "tones", "--pool-size", "2", "--handoff", handoff];
      await using server = await startServer({ program: PROGRAM, args });
      try {
        await body(server);
      } catch (error) {
        console.log(server.output.join("\n"));
        throw error;
      }
    });
  }
}

async function command(server: Server, line: string): Promise<void> {
  const writer = server.process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${line}\n`));
  writer.releaseLock();
}

const replacements = (server: Server, worker: number) =>
  server.output.filter((line) => line.includes(`Send worker ${worker} failed and is replaced`)).length;

/** Index of the worker that serves the phone, by its port. */
function workerOf(server: Server, phone: JoinedPhone): number {
  const ports = server.output.map((line) => /UDP (\d+(?:, \d+)*)/.exec(line)?.[1]).find((text) => text !== undefined)!;
  return ports.split(", ").map(Number).indexOf(phone.media.port);
}

/** Milliseconds without a packet before packet `at`. */
const gapBefore = (phone: JoinedPhone, at: number) => phone.heard[at].at - phone.heard[at - 1].at;

/** The longest silence between two packets. */
const longestGap = (phone: JoinedPhone) =>
  phone.heard.reduce((most, { at }, i, all) => i === 0 ? 0 : Math.max(most, at - all[i - 1].at), 0);

for (const fault of ["throw", "hang", "reject", "vanish"] as const) {
  faultTest(
    `a send worker that breaks (${fault}) is replaced: its clients go on by themselves, the others lose nothing`,
    async (server) => {
      using victim = await JoinedPhone.join(server, { channels: [7, 3] });
      using other = await JoinedPhone.join(server, { channels: [2, 4, 5] });
      using mixed = await JoinedPhone.join(server, { mode: "mix" });
      const worker = workerOf(server, victim);
      assert.notEqual(workerOf(server, other), worker);
      assert.equal(workerOf(server, mixed), worker);
      for (let time = 1; time <= 2; time++) {
        await other.more(WELL_PACKETS);
        await command(server, `${fault} ${worker}`);
        for (const phone of [victim, mixed]) {
          await phone.radio.until(() => phone.marked(time) > 0);
          const at = phone.marked(time);
          console.log(`${fault}, time ${time}: ${gapBefore(phone, at).toFixed(0)} ms without audio`);
          await phone.more(40);
          assert.equal(phone.marked(time + 1), -1, "one marker for one gap");
          assertUnbroken(phone, phone.heard.slice(at));
        }
        await assertTone(victim, 700);
      }
      console.log(`${fault}: the others' longest gap was ${longestGap(other).toFixed(0)} ms`);
      assertUnbroken(other);
      assert.equal(victim.marked(0), 0);
      const { body } = await server.call("GET", "/api/v1/status");
      assert.equal(body.workers[worker].restarts, 2);
      assert.equal(body.workers[1 - worker].restarts, 0);
      for (const { latency } of body.sessions) {
        assert.ok((latency?.serverMs ?? 0) < 1000, "a replacement goes by the same clock");
      }
      assert.equal(replacements(server, worker), 2);
      assert.equal(replacements(server, 1 - worker), 0);
      assert.equal(parseRtp(victim.heard.at(-1)!).ssrc, victim.media.ssrc);
      assert.equal(await server.stop(), 0);
    },
  );
}

faultTest(
  "a send worker that breaks at each block is tried less and less often, and the others lose nothing",
  async (server) => {
    using victim = await JoinedPhone.join(server, { channels: [1] });
    using other = await JoinedPhone.join(server, { channels: [2, 4, 5] });
    const worker = workerOf(server, victim), line = `Send worker ${worker} failed and is replaced`;
    await command(server, `doom ${worker}`);
    await server.line(new RegExp(`${line} in 2 s`));
    const when = server.output.flatMap((text) => new RegExp(`${line} (now|in \\d+ s)`).exec(text)?.[1] ?? []);
    assert.deepEqual(when, ["now", "now", "now", "in 1 s", "in 2 s"]);
    const { status, body } = await server.call("GET", "/api/v1/status");
    assert.equal(status, 200);
    assert.equal(body.workers[worker].restarts, when.length);
    assert.equal(body.workers[1 - worker].restarts, 0);
    assertUnbroken(other);
    await assertTone(other, 200);
    await other.more(WELL_PACKETS);
    assertUnbroken(other);
    assert.equal(await server.stop(), 0);
    assert.ok(other.saidBye);
  },
);

faultTest(
  "with every send worker broken the server stays up, audio comes back, and health tells the truth",
  async (server) => {
    using one = await JoinedPhone.join(server, { channels: [1] });
    using two = await JoinedPhone.join(server, { channels: [2] });
    await command(server, "hang 0");
    await command(server, "hang 1");
    for (const [phone, hertz] of [[one, 100], [two, 200]] as const) {
      await phone.radio.until(() => phone.marked(1) > 0);
      console.log(`both hang: ${gapBefore(phone, phone.marked(1)).toFixed(0)} ms without audio`);
      await phone.more(40);
      await assertTone(phone, hertz);
    }
    using third = await JoinedPhone.join(server, { channels: [3] });
    await third.more(40);
    await assertTone(third, 300);
    await command(server, "doom 0");
    await command(server, "doom 1");
    const health = () => server.call("GET", "/healthz", undefined, null);
    await until(async () => /send worker/.test((await health()).body.reason));
    assert.equal((await server.call("GET", "/api/v1/status")).status, 200);
    assert.equal(await server.stop(), 0);
  },
);

faultTest("a spare worker that ends while nobody needs it is missed by nobody", async (server) => {
  using victim = await JoinedPhone.join(server, { channels: [7] });
  await server.line(/a spare is there/);
  await command(server, "die -1");
  await server.line(/The spare send worker failed: .*a fault on purpose/);
  const worker = workerOf(server, victim);
  await command(server, `throw ${worker}`);
  await victim.radio.until(() => victim.marked(1) > 0);
  await victim.more(40);
  await assertTone(victim, 700);
  assert.equal(replacements(server, worker), 1);
  assert.equal(await server.stop(), 0);
});
