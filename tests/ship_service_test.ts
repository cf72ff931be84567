/** The systemd unit: what systemd-analyze thinks of it, and that its command line serves an unprivileged user. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { until } from "./faults_phone.ts";
import { programTest } from "./require.ts";
import { Embedded, listEmbedded } from "./ship_embedded.ts";
import { assertQuiet, assertTones, OWN_PLACE, startShipped } from "./ship_server.ts";

const UNIT = fileURLToPath(new URL("../packaging/foldback.service", import.meta.url));
/** systemd calls up to 2 OK, 4.5 medium; a unit that says nothing has 9.6. */
const MOST_EXPOSED = 2;
const ANALYZE = { "systemd-analyze": "systemd" };
/** One of those that DynamicUser= hands out. */
const DYNAMIC_USER = 61184 + 200;

/** All values that the unit gives a setting. */
const valuesOf = (unit: string, name: string): string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value);

async function analyze(...args: string[]): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args: ["--no-pager", ...args],
    env: { SYSTEMD_COLORS: "0" },
  }).output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

programTest("systemd-analyze calls the unit's exposure OK", ANALYZE, async () => {
  const { said } = await analyze("security", "--offline=true", UNIT);
  const exposure = /Overall exposure level for foldback\.service: ([\d.]+) OK/.exec(said)?.[1];
  assert.ok(exposure && Number(exposure) <= MOST_EXPOSED, said);
});

programTest("systemd-analyze finds nothing wrong in the unit", ANALYZE, async () => {
  const folder = await Deno.makeTempDir({ prefix: "foldback-unit-" });
  try {
    const unit = await Deno.readTextFile(UNIT), [command] = valuesOf(unit, "ExecStart");
    // The binary needs to be there; here it isn't.
    const there = unit.replace(command, command.replace(/^\S+/, "/usr/bin/env"));
    await Deno.writeTextFile(`${folder}/foldback.service`, there);
    assert.deepEqual(await analyze("verify", `${folder}/foldback.service`), { code: 0, said: "" });
    await Deno.writeTextFile(`${folder}/foldback.service`, there.replace(/^WatchdogSec=.*/m, "WatchdogSec=often"));
    assert.match((await analyze("verify", `${folder}/foldback.service`)).said, /often/, "it would say what is wrong");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the unit asks for real-time priority, and forbids what only a JIT or a card would miss", async () => {
  const unit = await Deno.readTextFile(UNIT);
  assert.ok(Number(valuesOf(unit, "LimitRTPRIO")[0]) >= 50, "capture has 50");
  assert.deepEqual(valuesOf(unit, "RestrictRealtime"), ["no"]);
  assert.deepEqual(valuesOf(unit, "MemoryDenyWriteExecute"), []);
  assert.deepEqual(valuesOf(unit, "DeviceAllow"), ["char-alsa rw"]);
  assert.deepEqual(valuesOf(unit, "SupplementaryGroups"), ["audio"]);
});

/** What systemd would hear. */
function listenForNotes(path: string): { notes: string[]; close: () => void } {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path }), notes: string[] = [];
  Deno.chmodSync(path, 0o777);
  void (async () => {
    for await (const [bytes] of socket) notes.push(...new TextDecoder().decode(bytes).split("\n"));
  })().catch(() => {});
  return { notes, close: () => socket.close() };
}

/** In front of a command: the unit's user and groups, without privileges. Whoever isn't root is that already. */
function unprivileged(unit: string): string[] {
  if (Deno.uid() !== 0) return [];
  const [groups] = valuesOf(unit, "SupplementaryGroups"), ids = [`--reuid=${DYNAMIC_USER}`, `--regid=${DYNAMIC_USER}`];
  return ["setpriv", ...ids, `--groups=${groups}`, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"];
}

const NEEDS = { setpriv: "util-linux" };

programTest("the unit's command line serves an unprivileged user, and tells systemd how it is", NEEDS, async () => {
  const unit = await Deno.readTextFile(UNIT);
  await using embedded = await Embedded.lay((await listEmbedded()).said);
  const states = await Deno.makeTempDir({ prefix: "foldback-state-" }), stateDir = `${states}/foldback`;
  await Deno.chmod(states, 0o755);
  await Deno.mkdir(stateDir, { mode: 0o700 });
  if (Deno.uid() === 0) await Deno.chown(stateDir, DYNAMIC_USER, DYNAMIC_USER);
  const environment = valuesOf(unit, "Environment").flatMap((line) => line.split(" ")).map((one) => {
    const [name, value] = one.replaceAll("%S", states).split("=");
    return [name, value];
  });
  const systemd = listenForNotes(`${states}/notify`);
  try {
    const [program, ...args] = valuesOf(unit, "ExecStart")[0].split(" ");
    assert.equal(program, "/usr/local/bin/foldback");
    await using server = await startShipped({
      command: [...unprivileged(unit), ...embedded.command, ...args],
      env: {
        ...embedded.env,
        ...Object.fromEntries(environment),
        ...OWN_PLACE,
        FOLDBACK_SOURCE: "tones",
        NOTIFY_SOCKET: `${states}/notify`,
        WATCHDOG_USEC: "1000000",
      },
      cwd: "/",
      stateDir: states,
    });
    await until(() => systemd.notes.includes("READY=1"));
    await assertTones(server);
    await until(() => systemd.notes.includes("WATCHDOG=1"));
    await Deno.stat(`${stateDir}/lock`);
    assert.equal(await server.stop("SIGTERM"), 0, server.output.join("\n"));
    await until(() => systemd.notes.includes("STOPPING=1"));
    assertQuiet(server);
  } finally {
    systemd.close();
  }
});
