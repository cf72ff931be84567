/** `foldback doctor` from outside: what turns red, what stays green, what is printed. */
import assert from "node:assert/strict";
import { RATES } from "../doctor/airtime.ts";
import { openMediaSocket } from "../send/open_socket.ts";
import { Phone } from "./phone.ts";
import { freePorts } from "./programs.ts";
import { hasProgram, programTest } from "./require.ts";
import { check, checkOne, folder, IDS, PROGRAM, run } from "./doctor_run.ts";

Deno.test("on tones everything but this machine's own speed is ok or to be looked at, and nothing stays behind", async () => {
  await using place = await folder();
  const plan = ["--source", "tones", "--clients", "2", "--channels", "2", "--frame-ms", "10"];
  const short = ["--seconds", "1", "--load-seconds", "1", "--pool-size", "1"];
  const ports = ["--http", "127.0.0.1:0", "--media-port", "0", "--state-dir", `${place.path}/state`];
  const checks = await check("", [...plan, ...short, ...ports]);
  assert.deepEqual(checks.map(({ id }) => id), IDS);
  const found = Object.fromEntries(checks.map((one) => [one.id, one]));
  for (const { id, verdict, says } of checks) if (id !== "clients") assert.notEqual(verdict, "red", says);
  for (const id of ["ports", "state", "radio", "buffers"]) assert.equal(found[id].verdict, "green", found[id].says);
  assert.equal(found.source.values.channels, 2);
  assert.equal(found.source.values.stalled, false);
  assert.ok(found.source.values.blocks > 0);
  const [first] = found.clients.values.steps;
  assert.equal(first.clients, 2, found.clients.says);
  assert.ok(first.sent > 0 && first.p99Ms > 0, JSON.stringify(first));
  assert.equal(found.addresses.verdict, "yellow", "only this machine can connect to 127.0.0.1");
  assert.deepEqual([...Deno.readDirSync(place.path)], []);
});

Deno.test("people get a line for each check that says ok, look or bad, and a last line that counts them", async () => {
  const { code, stdout } = await run([
    "--only",
    "ports,dscp,radio",
    "--http",
    "127.0.0.1:0",
    "--media-port",
    "0",
    "--dscp",
    "0",
  ]);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.match(lines[0], /^ok +ports +free: TCP any, UDP any$/);
  assert.match(lines[1], /^look +dscp +\S/);
  assert.match(lines[2], /^ +→ \S/);
  assert.match(lines[3], /^ok +radio +10 clients × 16 channels every 5 ms: 2000 packets\/s of \d+ bytes/);
  assert.equal(lines.filter((line) => /802\.11(n|ac|ax).* \d+ % +\d+ %$/.test(line)).length, Object.keys(RATES).length);
  assert.equal(lines.at(-1), "2 ok, 1 look, 0 bad");
  assert.ok(!stdout.includes("\x1b"));
});

programTest("a terminal gets colours, unless NO_COLOR asks for none", { script: "bsdutils" }, async () => {
  const command = `${Deno.execPath()} run -A ${PROGRAM} --only radio`;
  const shown = async (noColor: string) => {
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      env: { NO_COLOR: noColor, TERM: "xterm" },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  };
  assert.ok((await shown("")).includes("\x1b[32mok\x1b[0m    radio"));
  assert.match(await shown("1"), /(^|\n)ok +radio/);
});

Deno.test("what can't be meant is one line on stderr and exit code 2; --help is none of that", async () => {
  for (
    const [args, says] of [
      [["--clients", "0"], /--clients must be a whole number from 1/],
      [["--channels", "65"], /--channels/],
      [["--frame-ms", "3"], /--frame-ms/],
      [["--mode", "loud"], /--mode must be one of channels, mix/],
      [["--http", "nowhere"], /--http/],
      [["--only", "radio,taste"], /"taste"/],
      [["--sorce", "tones"], /--sorce.*--source/],
      [["tones"], /tones/],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /^foldback doctor: [^\n]+$/);
    assert.match(stderr, says);
  }
  const { code, stdout } = await run(["--help"]);
  assert.equal(code, 0);
  for (const id of IDS) assert.ok(stdout.includes(id), id);
});

/** Whether this machine lets us hide a library from a process. */
const mayHide = Deno.build.os === "linux" && Deno.uid() === 0 && hasProgram("unshare") &&
  new Deno.Command("unshare", { args: ["-m", "true"], stderr: "null" }).outputSync().success;

Deno.test({
  name: "a missing PortAudio is bad for who asked for a card, and no matter for who didn't",
  ignore: !mayHide,
  fn: async () => {
    const hide =
      'for f in $(find /usr/lib /usr/local/lib /lib -name "libportaudio.so*"); do mount --bind /dev/null $f; done; exec "$@"';
    const hidden = { through: ["unshare", "-m", "sh", "-c", hide, "sh"] };
    const wanted = async (args: string[]) => await check("portaudio,source", ["--seconds", "1", ...args], hidden);
    for (const source of ["portaudio", "alsa:hw:0"]) {
      const [library, card] = await wanted(["--source", source]);
      assert.equal(library.verdict, "red");
      assert.match(library.do!, /libportaudio2/);
      assert.equal(library.values.found, false);
      assert.equal(card.verdict, "red");
    }
    const [unasked, band] = await wanted([]);
    assert.equal(unasked.verdict, "yellow");
    assert.match(unasked.says, /demo band/);
    assert.equal(band.values.kind, "demo");
    assert.notEqual(band.verdict, "green", "nobody asked for the demo band");
    const [needless] = await wanted(["--source", "tones"]);
    assert.equal(needless.verdict, "green");
  },
});

programTest("a PortAudio that is there is named", { "libportaudio.so.2": "libportaudio2" }, async () => {
  const { verdict, says, values } = await checkOne("portaudio", ["--source", "tones"]);
  assert.equal(verdict, "green", says);
  assert.match(says, /PortAudio V19/);
  assert.match(values.library, /portaudio/);
});

Deno.test("a busy TCP port is bad, and the flag is named", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const { verdict, says, do: what, values } = await checkOne("ports", [
    "--http",
    `127.0.0.1:${port}`,
    "--media-port",
    "0",
  ]);
  assert.equal(verdict, "red");
  assert.match(says, new RegExp(`TCP ${port} is in use .*--http`));
  assert.match(what!, /--http/);
  assert.deepEqual(values.busy, [port]);
});

Deno.test("a busy UDP port of any send worker is bad, and the flag is named", async () => {
  const first = freePorts(3);
  using taken = openMediaSocket({ address: "127.0.0.1", port: first + 2, descriptor: -1, dscp: 0 });
  const { port } = taken;
  const ports = (size: number) =>
    checkOne("ports", ["--http", "127.0.0.1:0", "--media-port", `${first}`, "--pool-size", `${size}`]);
  const free = await ports(2);
  assert.equal(free.verdict, "green", free.says);
  assert.deepEqual(free.values.udp, [first, first + 1]);
  const busy = await ports(3);
  assert.equal(busy.verdict, "red");
  assert.match(busy.says, new RegExp(`UDP ${port} is in use .*--media-port`));
  assert.deepEqual(busy.values.busy, [port]);
});

Deno.test("a server that runs is found by its port, whatever address it listens on", async () => {
  using taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  assert.equal((await checkOne("ports", ["--http", `${port}`, "--media-port", "0"])).verdict, "red");
  using phone = new Phone();
  const { verdict, says } = await checkOne("ports", ["--http", "127.0.0.1:0", "--media-port", `${phone.port}`]);
  assert.equal(verdict, "red", says);
});

Deno.test({
  name: "the mark is what arrives, on both families",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { verdict, values } = await checkOne("dscp", ["--dscp", "34"]);
    assert.equal(verdict, "green");
    for (const { target, dscp } of values.arrived) {
      // A machine without IPv6 has no ::1.
      if (target === "127.0.0.1" || dscp !== null) assert.equal(dscp, 34, target);
    }
    assert.equal((await checkOne("dscp", ["--dscp", "0", "--http", "127.0.0.1:5100"])).verdict, "yellow");
  },
});

Deno.test({
  name: "without permission for real-time priority a line says how to get it",
  ignore: !mayHide || !hasProgram("setpriv") || !hasProgram("prlimit"),
  fn: async () => {
    const less = ["prlimit", "--rtprio=0:0", "setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"];
    const { verdict, do: what, values } = await checkOne("realtime", [], { through: less });
    assert.equal(verdict, "yellow");
    assert.match(what!, /limits\.conf/);
    assert.equal(values.permitted, false);
    assert.equal(values.limit, 0);
  },
});

Deno.test("a state directory that can't be written is bad; one that a server holds is to be looked at", async () => {
  await using place = await folder();
  await Deno.writeTextFile(`${place.path}/file`, "");
  const bad = await checkOne("state", ["--state-dir", `${place.path}/file/state`]);
  assert.equal(bad.verdict, "red");
  assert.match(bad.do!, /--state-dir/);
  const good = await checkOne("state", ["--state-dir", place.path]);
  assert.equal(good.verdict, "green", good.says);
  assert.deepEqual([...Deno.readDirSync(place.path)].map(({ name }) => name), ["file"], "nothing is left");
  using lock = await Deno.open(`${place.path}/lock`, { write: true, create: true });
  await lock.lock(true);
  assert.equal((await checkOne("state", ["--state-dir", place.path])).verdict, "yellow");
});

Deno.test("a radio that is asked for too much says so, and what would take less", async () => {
  const tight = await checkOne("radio", ["--frame-ms", "2.5"]);
  assert.equal(tight.verdict, "yellow");
  assert.equal(tight.values.packetsPerSecond, 4000);
  assert.match(tight.do!, /frames of 5 ms .*frames of 10 ms .*mixes instead of channels/);
  const many = await checkOne("radio", ["--clients", "14"]);
  assert.equal(many.verdict, "yellow");
  assert.match(many.do!, /; or \d+ channels for each client/);
  const much = await checkOne("radio", ["--clients", "40"]);
  assert.equal(much.verdict, "red");
  assert.match(much.do!, /on each access point/);
  const mix = await checkOne("radio", ["--mode", "mix"]);
  assert.equal(mix.verdict, "green");
  const huge = await checkOne("radio", ["--channels", "64", "--bitrate", "256000"]);
  assert.equal(huge.verdict, "red");
  assert.match(huge.says, /at most 1452 bytes/);
});
