/** The sound card goes while phones listen, and comes back. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertTone, assertUnbroken, JoinedPhone, until } from "./faults_phone.ts";
import { parseRtp } from "./phone.ts";
import { programTest } from "./require.ts";
import { type Server, startServer } from "./server.ts";
import { CARD_NEEDS, startCard } from "./soundcard.ts";

const health = (server: Server) => server.call("GET", "/healthz", undefined, null);
const said = (server: Server, pattern: RegExp) => server.output.filter((line) => pattern.test(line)).length;

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  programTest(
    `a card that dies (${signal}) is silence meanwhile, and its audio comes back by itself`,
    CARD_NEEDS,
    async () => {
      await using card = await startCard();
      await using server = await startServer({ args: ["--source", card.source, "--pool-size", "1"], env: card.env });
      try {
        using phone = await JoinedPhone.join(server, { channels: [3] });
        await phone.more(60);
        await assertTone(phone, 400);
        assert.equal((await health(server)).status, 200);
        await card.kill(signal);
        await until(async () => (await health(server)).status === 503);
        assert.match((await health(server)).body.reason, /no audio/);
        await phone.more(20); // silence, but on it goes
        await card.restart();
        await until(async () => (await health(server)).status === 200);
        await phone.more(60);
        await assertTone(phone, 400);
        // Not one datagram was left out: what the card didn't give moves the timestamp alone.
        const packets = phone.heard.map(parseRtp);
        packets.slice(1).forEach(({ marker, sequence, ssrc }, i) => {
          assert.equal(sequence, (packets[i].sequence + 1) & 0xffff);
          assert.equal(marker, false);
          assert.equal(ssrc, phone.media.ssrc);
        });
        assertUnbroken(phone, phone.heard.slice(-50));
        assert.equal(said(server, /has gone/), 1);
        assert.equal(said(server, /is back after/), 1);
        assert.equal(said(server, /\[error\]/), 0);
        assert.equal(await server.stop(), 0);
        await phone.radio.until(() => phone.saidBye);
      } catch (error) {
        console.log(server.output.join("\n"));
        throw error;
      }
    },
  );
}

programTest("a server whose card is gone ends as quickly as any", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 2 });
  await using server = await startServer({ args: ["--source", card.source, "--pool-size", "1"], env: card.env });
  using phone = await JoinedPhone.join(server, { channels: [1] });
  await card.kill();
  await until(async () => (await health(server)).status === 503);
  assert.equal(await server.stop(), 0, server.output.join("\n"));
  assert.ok(server.output.some((line) => line.endsWith("Ended.")), server.output.join("\n"));
  await phone.radio.until(() => phone.saidBye);
});

programTest("a server that waits for a sound library which hangs is ended by a signal", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 2 });
  Deno.kill(card.pid, "SIGSTOP");
  const folder = await Deno.makeTempDir({ prefix: "foldback-hanging-" });
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, "start", "--source", card.source, "--state-dir", folder, "--http", "127.0.0.1:0"],
    env: card.env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await until(() => Deno.readTextFileSync(`/proc/${server.pid}/maps`).includes("libasound_module_pcm_jack"));
    server.kill("SIGTERM");
    let ended: Deno.CommandStatus | undefined;
    void server.status.then((status) => ended = status);
    await until(() => ended !== undefined, "its end");
    assert.equal(ended!.signal, "SIGTERM");
  } finally {
    try {
      server.kill("SIGKILL");
    } catch { /* it has ended */ }
    Deno.kill(card.pid, "SIGCONT");
    await Deno.remove(folder, { recursive: true });
  }
});
