/** Phones that fall silent, come back, or come back from elsewhere; a listener that is frozen for real. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertTone, assertUnbroken, JoinedPhone, until } from "./faults_phone.ts";
import { parseRtp } from "./phone.ts";
import { JOIN_CODE, readLines, type Server, startServer } from "./server.ts";

const encoders = async (server: Server): Promise<number> => {
  const { body } = await server.call("GET", "/api/v1/status");
  return body.workers.reduce((sum: number, worker: { encoders: number }) => sum + worker.encoders, 0);
};
const paused = async (phone: JoinedPhone): Promise<boolean> => (await phone.status()).paused;

/** RTP timestamps of the last packet before a pause and the first after it; time and sequence are as the contract says. */
function assertPause(phone: JoinedPhone, before: number, at: number): void {
  const last = parseRtp(phone.heard[before]), first = parseRtp(phone.heard[at]);
  assert.equal(first.marker, true);
  assert.equal(first.sequence, (last.sequence + 1) & 0xffff, "the sequence goes on by 1");
  assert.equal(first.ssrc, phone.media.ssrc);
  const counted = ((first.timestamp - last.timestamp) >>> 0) / 48, passed = phone.heard[at].at - phone.heard[before].at;
  assert.ok(Math.abs(counted - passed) < 500, `the timestamp counts ${counted} ms of a pause of ${passed} ms`);
}

Deno.test("a phone that falls silent pauses after three seconds, costs nothing, and resumes with its next binding", async () => {
  await using server = await startServer({ args: ["--source", "tones", "--pool-size", "1"] });
  using frozen = await JoinedPhone.join(server, { channels: [5] });
  using other = await JoinedPhone.join(server, { channels: [6] });
  assert.equal(await encoders(server), 2);
  await frozen.more(40);
  frozen.freeze();
  const from = frozen.heard.length;
  assert.equal(await paused(frozen), false);
  await until(() => paused(frozen));
  assert.equal(await encoders(server), 1);
  const heard = frozen.heard.length, since = heard - from;
  // Three seconds of consent, the last binding up to a second before, some tenths until it is noticed.
  assert.ok(since >= 190 && since < 400, `${since} packets until the pause`);
  await other.more(50);
  assert.equal(frozen.heard.length, heard, "nothing is sent in a pause");
  frozen.thaw();
  await frozen.more(50);
  assertUnbroken(frozen, frozen.heard.slice(0, heard));
  assertPause(frozen, heard - 1, heard);
  assertUnbroken(frozen, frozen.heard.slice(heard));
  await assertTone(frozen, 500);
  assert.equal(await paused(frozen), false);
  assert.equal(await encoders(server), 2);
  assertUnbroken(other);
});

Deno.test("a phone that comes back from another network resumes there, and roams without a pause", async () => {
  await using server = await startServer({ args: ["--source", "tones", "--pool-size", "1"] });
  using phone = await JoinedPhone.join(server, { channels: [4] });
  await phone.more(20);
  const { address: first } = await phone.status();
  phone.move();
  await until(() => paused(phone));
  phone.thaw();
  await phone.more(40);
  assert.equal(phone.marked(0), 0, "a resume sets the marker");
  assertUnbroken(phone);
  await assertTone(phone, 400);
  const { address: second } = await phone.status();
  assert.notEqual(second, first);
  assert.equal(second, `127.0.0.1:${phone.radio.port}`);
  phone.move();
  phone.thaw();
  await phone.more(40);
  assert.equal(phone.marked(0), -1, "roaming sets no marker");
  assertUnbroken(phone);
  assert.equal((await phone.status()).address, `127.0.0.1:${phone.radio.port}`);
});

Deno.test("a listener process that is frozen pauses, and goes on when it is thawed", async () => {
  await using server = await startServer({ args: ["--source", "tones", "--pool-size", "1"] });
  const program = fileURLToPath(new URL("./listen_program.ts", import.meta.url));
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "--server", server.url, "--join-code", JOIN_CODE, "--channels", "1-4", "--json"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  const read = Promise.all([readLines(process.stdout, (line) => said.push(line)), readLines(process.stderr, () => {})]);
  const session = async () => (await server.call("GET", "/api/v1/status")).body.sessions[0];
  try {
    await until(async () => (await session())?.packets > 100);
    process.kill("SIGSTOP");
    await until(async () => (await session()).paused);
    assert.equal(await encoders(server), 0);
    const { packets } = await session(), stats = said.length;
    process.kill("SIGCONT");
    await until(async () => !(await session()).paused && (await session()).packets > packets + 100);
    await until(() => said.length > stats + 1);
    assert.equal(await encoders(server), 4);
    process.kill("SIGINT");
    assert.equal((await process.status).code, 0, said.join("\n"));
    await until(async () => (await session()) === undefined);
  } finally {
    try {
      process.kill("SIGKILL");
    } catch { /* it has ended already */ }
    await read;
  }
});
