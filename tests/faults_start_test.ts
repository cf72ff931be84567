/** What `start` refuses: each flag's bad values, sources that aren't there, ports that are taken. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Phone } from "./phone.ts";
import { startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Processes at a time. */
const ABREAST = 3;
const SECRETS = ["--join-code", "TESTJOIN", "--engineer-key", "test-engineer-key-of-32-characters"];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function foldback(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", `${ROOT}deno.json`, `${ROOT}main.ts`, ...args],
    env: { NO_COLOR: "1", AUDIO_SEND_POOL_SIZE: "", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs `work` for each, some at a time. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item; (item = left.shift()) !== undefined;) await work(item);
  };
  await Promise.all(Array.from({ length: ABREAST }, worker));
}

/** Refused before anything was opened: code, one line that says what is wrong, no banner, no state directory. */
async function assertRefused(args: readonly string[], says: RegExp, code = 2, env = {}): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "foldback-refused-" });
  try {
    const own = args.some((arg) => arg.startsWith("--state-dir")) ? [] : ["--state-dir", `${folder}/state`];
    const ended = await foldback(["start", "--http", "127.0.0.1:0", "--media-port", "0", ...own, ...args], env);
    const what = `${args.join(" ")}: ${JSON.stringify(ended)}`;
    assert.equal(ended.code, code, what);
    assert.equal(ended.stdout, "", what);
    assert.match(ended.stderr, /^foldback: [^\n]+\n$/, what);
    assert.match(ended.stderr, says, what);
    assert.deepEqual([...Deno.readDirSync(folder)], [], what);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const BAD: Readonly<Record<string, readonly string[]>> = {
  "source": ["microphone", "wav:", "demo:1"],
  "channels": ["0", "65", "many", "1.5"],
  "name": ["", "a\nb", " blank", "ä".repeat(32)],
  "no-discovery": ["yes"],
  "http": ["nowhere", "localhost:5100", "127.0.0.1:99999", "::1:5100:", "127.0.0.1:"],
  "https": ["nowhere", "127.0.0.1:99999"],
  "cert": ["", "alone.pem"],
  "key": ["", "alone.pem"],
  "media-port": ["65536", "-1", "x"],
  "public-host": ["two words", "", "192.0.2.256", "stage.5", "..."],
  "join-code": ["abc", "with space", ""],
  "engineer-key": ["too-short"],
  "state-dir": ["", "/dev/null/state"],
  "pool-size": ["0", "65", "half"],
  "send-mode": ["fast"],
  "handoff": ["fast"],
  "codec": ["fast"],
  "dscp": ["64", "EF"],
  "max-clients": ["0", "1001"],
  "frame-ms": ["20", "3", "5ms"],
  "bitrate": ["15999", "256001", "96k"],
  "log-level": ["loud"],
  "log-json": ["yes"],
  "config": ["", "/dev/null/config"],
  "check": ["me"],
  "help": ["me"],
};

Deno.test("every flag in the help has bad values, and each is one line and exit code 2", async () => {
  const { code, stdout } = await foldback(["start", "--help"]);
  assert.equal(code, 0);
  const flags = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag);
  assert.deepEqual([...flags].sort(), Object.keys(BAD).sort());
  const cases = flags.flatMap((flag) => BAD[flag].map((value) => [flag, value] as const));
  await forEach(cases, ([flag, value]) => {
    const says = flag === "config" && value ? /cannot read config file/ : new RegExp(`--${flag}\\b`);
    return assertRefused([...flag === "source" ? [] : ["--source", "tones"], `--${flag}=${value}`], says);
  });
});

Deno.test("an unknown flag, a stray word, a flag without its value, a bad environment: one line and exit code 2", async () => {
  await forEach(
    [
      [["--sauce", "tones"], /--sauce/],
      [["tones"], /tones/],
      [["--dscp"], /--dscp/],
      [["--media-port=65535", "--pool-size=2"], /--media-port/],
      [["--source", "tones"], /AUDIO_SEND_POOL_SIZE/, { AUDIO_SEND_POOL_SIZE: "lots" }],
    ] as const,
    ([args, says, env]) => assertRefused(args, says, 2, env),
  );
  const { code, stderr } = await foldback(["sing"]);
  assert.equal(code, 2);
  assert.match(stderr, /^foldback: [^\n]*"sing"[^\n]*\n$/);
});

Deno.test("a source that isn't there, or is no sound, is one line that says why", async () => {
  const folder = await Deno.makeTempDir({ prefix: "foldback-wav-" });
  try {
    await Deno.writeTextFile(`${folder}/text.wav`, "this is no sound, but it is as long as a header would be ...");
    await Deno.writeFile(`${folder}/empty.wav`, new Uint8Array(0));
    await forEach(
      [`${folder}/none.wav`, folder, `${folder}/text.wav`, `${folder}/empty.wav`],
      (path) => assertRefused(["--source", `wav:${path}`], new RegExp(`cannot play ${RegExp.escape(path)}: `)),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a port that somebody has is one line that names it, and nothing stays open", async () => {
  using http = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tcp = (http.addr as Deno.NetAddr).port;
  using phone = new Phone();
  const udp = phone.port;
  const folder = await Deno.makeTempDir({ prefix: "foldback-ports-" });
  let count = 0;
  const start = (...args: string[]) =>
    foldback(["start", "--source", "tones", "--state-dir", `${folder}/${count++}`, ...SECRETS, ...args]);
  await forEach(
    [
      [["--http", `127.0.0.1:${tcp}`, "--media-port", "0"], `127.0.0.1:${tcp}`],
      [["--http", "127.0.0.1:0", "--media-port", `${udp}`], `127.0.0.1:${udp}`],
      [["--http", "127.0.0.1:0", "--media-port", `${udp}`, "--send-mode", "sync"], `127.0.0.1:${udp}`],
      [["--http", "127.0.0.1:0", "--media-port", `${udp - 1}`, "--pool-size", "2"], "bind UDP 127.0.0.1:"],
      [["--http", "192.0.2.1:0", "--media-port", "0"], "192.0.2.1"],
    ] as const,
    async ([args, names]) => {
      const ended = await start(...args), what = `${args.join(" ")}: ${JSON.stringify(ended)}`;
      assert.equal(ended.code, 1, what);
      assert.equal(ended.stdout, "", what);
      assert.match(ended.stderr, /^foldback: [^\n]+\n$/, what);
      assert.ok(ended.stderr.includes(names), what);
    },
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a second server on the same state is refused, and the first goes on", async () => {
  await using first = await startServer({ args: ["--source", "tones"] });
  const ports = ["--http", "127.0.0.1:0", "--media-port", "0"];
  const second = await foldback(["start", ...ports, ...SECRETS, "--source", "tones", "--state-dir", first.stateDir]);
  assert.equal(second.code, 2, JSON.stringify(second));
  assert.match(second.stderr, /in use by another server/);
  assert.equal((await first.call("GET", "/healthz")).status, 200);
});
