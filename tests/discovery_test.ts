/**
 * Being found, and finding: real multicast between two machines (network namespaces joined by a cable), read by
 * somebody else's mDNS client.
 */
import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { instanceName } from "../control/discovery.ts";
import { type Answer, Heard } from "../listen/discover.ts";
import { parseListenArgs, UsageError } from "../listen/options.ts";
import { programTest } from "./require.ts";
import { JOIN_CODE, readLines, type Server, startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const READER = fileURLToPath(new URL("./mdns_reader.ts", import.meta.url));
/** Ten times what the slowest of it takes. */
const HANG_MS = 60_000;
const SERVICE = "_foldback._tcp.local";
const STAGE = "192.0.2.7", PHONE = "192.0.2.8";

async function run(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(args[0], { args: args.slice(1) }).output();
  assert.ok(success, `${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Two machines and a cable between them. */
class Cable implements AsyncDisposable {
  readonly stage: string;
  readonly phone: string;

  private constructor(id: string) {
    this.stage = `${id}s`;
    this.phone = `${id}p`;
  }
  static async lay(): Promise<Cable> {
    const cable = new Cable(`fb${Deno.pid}`), { stage, phone } = cable;
    for (const name of [stage, phone]) await run("ip", "netns", "add", name);
    await run("ip", "link", "add", "net", "netns", stage, "type", "veth", "peer", "name", "net", "netns", phone);
    for (const [name, address] of [[stage, STAGE], [phone, PHONE]]) {
      await run("ip", "-n", name, "addr", "add", `${address}/24`, "dev", "net");
      for (const link of ["lo", "net"]) await run("ip", "-n", name, "link", "set", link, "up");
    }
    return cable;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [this.stage, this.phone]) await run("ip", "netns", "delete", name);
  }
}

/** A Deno program in a namespace. */
const inside = (namespace: string, args: readonly string[]): Deno.Command =>
  new Deno.Command("ip", {
    args: ["netns", "exec", namespace, Deno.execPath(), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });

// deno-lint-ignore no-explicit-any
type Line = any;

/** mdns_reader.ts, and what it has said. */
class Reader implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #read: Promise<unknown>;
  readonly #errors: Promise<string>;
  #heard = Promise.withResolvers<void>();

  private constructor(namespace: string, argument: string) {
    this.#process = inside(namespace, ["run", "-A", "--config", `${ROOT}deno.json`, READER, argument]).spawn();
    this.#errors = new Response(this.#process.stderr).text();
    this.#read = readLines(this.#process.stdout, (line) => {
      this.lines.push(JSON.parse(line));
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
    }).then(() => this.#heard.resolve());
  }
  static async open(namespace: string, argument: string): Promise<Reader> {
    const reader = new Reader(namespace, argument);
    await reader.line(({ ready, held }) => ready || held);
    return reader;
  }
  /** The first line, heard or to come, for which `wanted` holds. */
  async line(wanted: (line: Line) => boolean): Promise<Line> {
    const guard = setTimeout(() => this.#process.kill("SIGKILL"), HANG_MS);
    let ended = false;
    void this.#process.status.then(() => ended = true);
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined || ended) {
        clearTimeout(guard);
        if (found === undefined) assert.fail(`never heard: ${JSON.stringify(this.lines)} ${await this.#errors}`);
        return found;
      }
      await this.#heard.promise;
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended already */ }
    await Promise.all([this.#process.status, this.#read, this.#errors]);
  }
}

/** `listen --discover` with the permissions of the task. */
async function listen(namespace: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const permissions = ["--allow-ffi", "--allow-net", "--allow-read", "--allow-write", "--allow-sys=networkInterfaces"];
  const own = ["listen", "--discover", "--join-code", JOIN_CODE, "--seconds", "0.5"];
  const program = ["run", "--no-prompt", ...permissions, "--config", `${ROOT}deno.json`, `${ROOT}main.ts`];
  const child = inside(namespace, [...program, ...own]).spawn();
  const guard = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(guard);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const portOf = (server: Server): number => Number(new URL(server.url).port);
const serve = (namespace: string, address: string, ...args: string[]) =>
  startServer({ namespace, address, args: ["--source", "tones", "--channels", "2", ...args] });

programTest(
  "a server is found by name, place and text, is listened to, and says goodbye",
  { ip: "iproute2" },
  async () => {
    await using cable = await Cable.lay();
    await using reader = await Reader.open(cable.phone, PHONE);
    await using server = await serve(cable.stage, "::", "--name", "Bühne 1", "--https", "0");
    const secure = /:(\d+)\/ /.exec(await server.line(/^ {2}secure/))![1];
    const mine = ({ instance }: Line) => instance === `Bühne 1.${SERVICE}`;
    const found = await reader.line((line) => mine(line) && line.ttl > 0 && line.port !== undefined);
    assert.equal(found.port, portOf(server));
    assert.equal(found.host, "foldback.local");
    assert.deepEqual(found.addresses, [STAGE]);
    assert.deepEqual(found.text.toSorted(), [`https=${secure}`, "path=/", "version=0.1.0"]);
    await server.line(/Devices find this server as "Bühne 1", and at foldback\.local\./);

    const { code, stdout, stderr } = await listen(cable.phone);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, `listen: found "Bühne 1" at http://${STAGE}:${portOf(server)}\n`);
    assert.match(stdout, new RegExp(`^joined as .* from ${RegExp.escape(STAGE)}:\\d+$`, "m"));

    assert.equal(await server.stop(), 0);
    await reader.line((line) => mine(line) && line.ttl === 0);
  },
);

programTest(
  "of several servers all are named, and one that doesn't want to be found isn't",
  { ip: "iproute2" },
  async () => {
    await using cable = await Cable.lay();
    await using _hidden = await serve(cable.stage, "::", "--name", "Hidden", "--no-discovery");
    await using one = await serve(cable.stage, STAGE, "--name", "One");
    await one.line(/Devices find this server/);
    const alone = await listen(cable.phone);
    assert.equal(alone.stderr, `listen: found "One" at ${one.url}\n`);
    assert.equal(alone.code, 0);
    await using two = await serve(cable.phone, PHONE, "--name", "Two");
    // foldback.local is the first one's.
    const [, name] = /server as "(Two[^"]*)"\./.exec(await two.line(/Devices find this server/))!;
    for (const place of [cable.phone, cable.stage]) {
      const { code, stderr } = await listen(place);
      assert.equal(code, 1);
      assert.equal(
        stderr,
        `listen: several servers found, choose one with --server: ${one.url} (One), ${two.url} (${name})\n`,
      );
    }
  },
);

programTest("where nobody answers, listen says so, and what to do", { ip: "iproute2" }, async () => {
  await using cable = await Cable.lay();
  assert.deepEqual(await listen(cable.phone), {
    code: 1,
    stdout: "",
    stderr: "listen: no server found within 3 s; name it with --server\n",
  });
});

programTest("the first start, for which Deno has analysed nothing yet, is found too", { ip: "iproute2" }, async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)), cold = await Deno.makeTempDir();
  try {
    await Deno.symlink(npmCache, `${cold}/npm`);
    await using cable = await Cable.lay();
    const args = ["--source", "tones", "--channels", "2"], env = { DENO_DIR: cold };
    await using server = await startServer({ namespace: cable.stage, address: "::", args, env });
    await server.line(/Devices find this server as/);
    assert.equal(await server.stop(), 0);
  } finally {
    await Deno.remove(cold, { recursive: true });
  }
});

programTest("a server that can't announce itself warns once, and serves", { ip: "iproute2" }, async () => {
  await using cable = await Cable.lay();
  await using _holder = await Reader.open(cable.stage, "hold");
  await using server = await serve(cable.stage, "::");
  await server.line(/\[warning\].*Devices may not find this server by themselves \(.*EADDRINUSE/);
  assert.equal(await server.stop(), 0);
  assert.equal(server.output.filter((line) => /discovery/.test(line)).length, 1, server.output.join("\n"));
});

Deno.test("listen wants a server by name or a search for one, not both", () => {
  const code = ["--join-code", JOIN_CODE];
  assert.equal(parseListenArgs(["--discover", ...code])?.server, null);
  assert.equal(parseListenArgs(["--server", "http://192.0.2.7:5100", ...code])?.server, "http://192.0.2.7:5100");
  assert.throws(() => parseListenArgs(["--discover", "--server", "http://192.0.2.7:5100", ...code]), UsageError);
});

Deno.test("a server is called as given, else after its machine, within what a name may have", () => {
  assert.equal(instanceName("Stage", "studio"), "Stage");
  assert.equal(instanceName(null, "studio.lan"), "Foldback on studio");
  assert.equal(instanceName(null, null), "Foldback");
  for (const letter of ["x", "ü"]) {
    const bytes = new TextEncoder().encode(instanceName(null, letter.repeat(64))).length;
    assert.ok(bytes <= 63 && bytes > 61, `${bytes}`);
  }
});

const A = (name: string, data: string): Answer => ({ type: "A", name, ttl: 120, data });
const records = (instance: string, port: number, target: string, path?: string): Answer[] => [
  { type: "PTR", name: SERVICE, ttl: 4500, data: `${instance}.${SERVICE}` },
  { type: "SRV", name: `${instance}.${SERVICE}`, ttl: 120, data: { port, target } },
  {
    type: "TXT",
    name: `${instance}.${SERVICE}`,
    ttl: 4500,
    data: path ? [new TextEncoder().encode(`path=${path}`)] : [],
  },
];

Deno.test("a server's address is the one that it spoke from, if that is its own", () => {
  const heard = new Heard();
  heard.take({
    answers: [...records("One", 5100, "one.local", "/stage/"), A("one.local", "10.0.0.1"), A("one.local", STAGE)],
  }, STAGE);
  heard.take({ answers: [...records("Two", 80, "two.local"), A("two.local", "10.0.0.2")] }, PHONE);
  assert.deepEqual(heard.servers(), [
    { name: "One", url: `http://${STAGE}:5100/stage` },
    { name: "Two", url: "http://10.0.0.2:80" },
  ]);
  heard.take({ answers: [{ type: "PTR", name: SERVICE, ttl: 0, data: `One.${SERVICE}` }] }, STAGE);
  assert.deepEqual(heard.servers().map(({ name }) => name), ["Two"]);
});

Deno.test("what an answer leaves out is asked for", () => {
  const heard = new Heard(), [pointer, ...rest] = records("One", 5100, "one.local");
  heard.take({ answers: [pointer] }, STAGE);
  assert.deepEqual(heard.servers(), []);
  assert.deepEqual(heard.questions(), [
    { name: SERVICE, type: "PTR" },
    { name: `One.${SERVICE}`, type: "SRV" },
    { name: `One.${SERVICE}`, type: "TXT" },
  ]);
  heard.take({ additionals: rest }, STAGE);
  assert.deepEqual(heard.servers(), [{ name: "One", url: `http://${STAGE}:5100` }]);
});

Deno.test("whatever is answered, what is found is an address to connect to and a name to print", () => {
  const name = fc.oneof(fc.constantFrom(SERVICE, `a.${SERVICE}`, "a.local"), fc.string({ unit: "binary" }));
  const data = fc.oneof(
    name,
    fc.string({ unit: "binary" }).map((text) => `${text}.${SERVICE}`),
    fc.constant(null),
    fc.record({ port: fc.oneof(fc.integer(), fc.string(), fc.constant(5100)), target: name }, { requiredKeys: [] }),
    fc.array(fc.oneof(fc.uint8Array(), fc.string().map((text) => new TextEncoder().encode(`path=/${text}`)))),
  );
  const answer = fc.record({
    type: fc.constantFrom("PTR", "SRV", "TXT", "A", "AAAA"),
    name,
    ttl: fc.constantFrom(0, 120),
    data,
  });
  fc.assert(fc.property(fc.array(fc.array(answer, { maxLength: 8 }), { maxLength: 4 }), (packets) => {
    const heard = new Heard();
    for (const answers of packets) heard.take({ answers }, STAGE);
    for (const { name, url } of heard.servers()) {
      const { protocol, hostname, port, search, hash, username } = new URL(url);
      assert.ok(protocol === "http:" && isIPv4(hostname) && !search && !hash && !username, url);
      assert.ok(port === "" || Number(port) > 0, url);
      assert.doesNotMatch(name, /\p{Cc}/u);
    }
  }));
});
