/** The program from outside: its commands, their help, what it refuses, what it says elsewhere about itself. */
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { encode } from "uqr";
import manifest from "../deno.json" with { type: "json" };
import type { StartOptions } from "../control/flags.ts";
import { banner, joinUrl, qrText } from "../program/banner.ts";
import { COMMANDS } from "../program/commands.ts";
import { bashCompletions } from "../program/completions.ts";
import { withTable } from "../program/documents.ts";
import { parseStart } from "../program/flags.ts";
import { healthOf } from "../program/healthcheck.ts";
import { programTest } from "./require.ts";
import { ENGINEER_KEY, JOIN_CODE, startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PROGRAM = ["run", "-A", "--config", `${ROOT}deno.json`, `${ROOT}main.ts`];
/** Ten times what a command takes on a slow machine. */
const COMMAND_MS = 60_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Deno to its end. */
async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1", AUDIO_SEND_POOL_SIZE: "", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const guard = setTimeout(() => child.kill("SIGKILL"), COMMAND_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(guard);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
const foldback = (args: readonly string[], env?: Record<string, string>) => deno([...PROGRAM, ...args], env);

Deno.test("--version is the version, --help names every command, and each one's --help its flags", async () => {
  assert.equal((await foldback(["--version"])).stdout, `${manifest.version}\n`);
  const { code, stdout } = await foldback(["--help"]);
  assert.equal(code, 0);
  assert.deepEqual([...stdout.matchAll(/^ {2}foldback (\w+)/gm)].map(([, name]) => name), Object.keys(COMMANDS));
  for (const [name, { flags }] of Object.entries(COMMANDS)) {
    const help = await foldback([name, "--help"]);
    assert.equal(help.code, 0, `${name}: ${help.stderr}`);
    assert.match(help.stdout, /--help|for start/, name);
    const named = new Set([...help.stdout.matchAll(/--([a-z][a-z-]*)/g)].map(([, flag]) => flag));
    for (const flag of named) assert.ok(flag in flags, `${name} --help names --${flag}`);
    const forms = (flag: string) => [flag, `no-${flag}`, flag.replace(/^no-/, "")];
    for (const flag of Object.keys(flags)) {
      assert.ok(
        flag === "help" || forms(flag).some((form) => named.has(form)),
        `${name} --help doesn't name --${flag}`,
      );
    }
  }
});

Deno.test("what isn't a command or a flag is one line with the nearest that is, and exit code 2", async () => {
  const wrong: readonly (readonly [args: string[], says: RegExp])[] = [
    [["lisen"], /^foldback: unknown command "lisen"; did you mean listen\?\n$/],
    [["sing"], /^foldback: unknown command "sing"; there are start, listen, /],
    [["start", "--sorce", "tones"], /^foldback: unknown flag --sorce; did you mean --source\?\n$/],
    [["--sorce", "tones"], /^foldback: unknown flag --sorce; did you mean --source\?\n$/],
    [["listen", "--sever", "x"], /^foldback: unknown flag --sever; did you mean --server\?\n$/],
    [["bench", "--client", "3"], /^foldback: unknown flag --client; did you mean --clients\?\n$/],
    [["doctor", "--jsno"], /^foldback: unknown flag --jsno; did you mean --json\?\n$/],
    [["healthcheck", "--https", "1"], /^foldback: unknown flag --https; did you mean --http\?\n$/],
    [["completions", "fish"], /^foldback: completions are for bash: is "fish"\n$/],
    [["devices", "all"], /^foldback devices: [^\n]+\n$/],
  ];
  for (const [args, says] of wrong) {
    const { code, stdout, stderr } = await foldback(args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, says);
  }
});

Deno.test("start --check, with the permissions of the task, says what would be used, and opens nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "foldback-check-" });
  try {
    await Deno.writeTextFile(`${folder}/stage.jsonc`, `{ "channels": 8 /* the small desk */ }`);
    const check = (...args: string[]) =>
      deno(["task", "--quiet", "--config", `${ROOT}deno.json`, "start", "--check", ...args], {
        FOLDBACK_MAX_CLIENTS: "12",
        FOLDBACK_ENGINEER_KEY: ENGINEER_KEY,
        FOLDBACK_CONFIG: `${folder}/stage.jsonc`,
        FOLDBACK_STATE_DIR: `${folder}/state`,
      });
    const { code, stdout, stderr } = await check("--source", "tones");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^ +maxClients +12 +FOLDBACK_MAX_CLIENTS$/m);
    assert.match(stdout, /^ +channels +8 +channels in .*stage\.jsonc:1$/m);
    assert.match(stdout, /^ +source +tones +--source$/m);
    assert.ok(!stdout.includes(ENGINEER_KEY));
    const refused = await check("--dscp", "64");
    assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    assert.match(refused.stderr, /^foldback: --dscp must be [^\n]+\n$/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["stage.jsonc"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README's table is what the code says", async () => {
  const text = await Deno.readTextFile(`${ROOT}README.md`);
  assert.ok(withTable(text) === text, "out of date: deno run --allow-read --allow-write program/documents.ts");
});

Deno.test("a variable that is misspelt is refused, with the nearest name", async () => {
  const { code, stdout, stderr } = await deno(["task", "--quiet", "--config", `${ROOT}deno.json`, "start", "--check"], {
    FOLDBACK_POOLSIZE: "2",
  });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.equal(stderr, "foldback: unknown variable FOLDBACK_POOLSIZE; did you mean FOLDBACK_POOL_SIZE?\n");
});

Deno.test("healthcheck finds the server where start was told to serve, and says that it is well", async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  const { host } = new URL(server.url);
  await server.line(/Send pool/);
  const task = ["task", "--quiet", "--config", `${ROOT}deno.json`, "healthcheck"];
  for (const ended of [await deno([...task, "--http", host]), await deno(task, { FOLDBACK_HTTP: host })]) {
    assert.deepEqual(ended, { code: 0, stdout: `ok: http://${host}/healthz\n`, stderr: "" });
  }
  assert.equal(await server.stop(), 0);
  const gone = await foldback(["healthcheck", "--http", host]);
  assert.deepEqual([gone.code, gone.stdout], [1, ""]);
  assert.match(gone.stderr, /^failing: http:[^\n]+\n$/);
});

Deno.test("healthcheck takes nothing for well but our own word, in time", async () => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    "/ill": (response) => response.writeHead(503).end(`{ "status": "failing", "reason": "no audio from Scarlett" }`),
    "/lies": (response) => response.writeHead(200).end(`{ "status": "failing" }`),
    "/other": (response) => response.writeHead(200).end("<html>"),
    "/endless": (response) => response.writeHead(200).write("x".repeat(1 << 16)),
    "/silent": () => {},
  };
  const server = createServer(({ url }, response) => answers[url!](response)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const at = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    assert.deepEqual(await healthOf(at("/ill")), { well: false, line: "failing: no audio from Scarlett" });
    assert.deepEqual(await healthOf(at("/lies")), { well: false, line: `failing: ${at("/lies")} answers 200` });
    assert.match((await healthOf(at("/other"))).line, /its answer is none of ours$/);
    assert.match((await healthOf(at("/endless"))).line, /its answer is none of ours$/);
    assert.match((await healthOf(at("/silent"), 50)).line, /no answer within 0\.05 s$/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

/** What bash offers after these words, the last one being begun. */
async function offered(...words: string[]): Promise<string[]> {
  const script = `${bashCompletions()}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_foldback
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-c", script, "bash", "foldback", ...words],
    cwd: ROOT,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

programTest("bash completes commands, flags and what follows them", { bash: "bash" }, async () => {
  assert.deepEqual(await offered(""), Object.keys(COMMANDS));
  assert.deepEqual(await offered("he"), ["healthcheck"]);
  assert.deepEqual(await offered("start", "--send"), ["--send-mode"]);
  assert.deepEqual(await offered("start", "--send-mode", ""), ["pool", "sync", "sync-unshared"]);
  assert.deepEqual(await offered("--send-mode", "=", "sy"), ["sync", "sync-unshared"]);
  assert.deepEqual(await offered("--no-d"), ["--no-discovery"]);
  assert.deepEqual(await offered("listen", "--dis"), ["--discover"]);
  assert.deepEqual(await offered("start", "--config", "deno.j"), ["deno.json"]);
  assert.deepEqual(await offered("start", "--state-dir", "progr"), ["program"]);
  assert.deepEqual(await offered("start", "--join-code", "--"), []);
  assert.deepEqual(await offered("completions", ""), ["--help", "bash"]);
  assert.deepEqual(await offered("sing", ""), []);
});

/** The modules of a printed code, true for black. */
const modulesOf = (text: string): boolean[][] =>
  // deno-lint-ignore no-control-regex
  text.replace(/\x1b\[[\d;]*m/g, "").split("\n").flatMap((line) => {
    const halves = [...line.slice(2)].map((half) => " ▀▄█".indexOf(half));
    return [halves.map((half) => (half & 1) !== 0), halves.map((half) => (half & 2) !== 0)];
  });

Deno.test("the printed code is that of the address with the join code in it", () => {
  for (const code of [JOIN_CODE, "A B/#ü"]) {
    const url = joinUrl("http://192.0.2.7:5100/", code), { data, size } = encode(url, { border: 2 });
    assert.equal(new URL(url).hash, `#join=${encodeURIComponent(code)}`);
    assert.deepEqual(modulesOf(qrText(url)).slice(0, size), data);
  }
});

Deno.test("the printed code leads to where phones go, and the console stays where it was", () => {
  const options = parseStart(["--state-dir", "/state"], () => undefined, 2) as StartOptions;
  const opened = { version: "1", source: { name: "tones", channels: 2 }, mediaPorts: [5101] };
  const secrets = { joinCode: JOIN_CODE, engineerKey: ENGINEER_KEY, engineerKeyFile: null };
  const url = "http://192.0.2.7:5100/", secureUrl = "https://192.0.2.7:5443/";
  for (const [secure, leads] of [[null, url], [secureUrl, secureUrl]] as const) {
    const text = banner(options, { ...opened, url, secureUrl: secure, phonesUrl: leads }, secrets, true);
    const to = joinUrl(leads, JOIN_CODE);
    assert.ok(text.includes(`musicians  ${to}\n\n${qrText(to)}`), text);
    assert.match(text, /^ {2}console {4}http:\/\/192\.0\.2\.7:5100\/#key=/m);
  }
});

programTest(
  "on a terminal, start shows the address with the join code and a code to scan",
  { script: "bsdutils" },
  async () => {
    const stateDir = await Deno.makeTempDir({ prefix: "foldback-terminal-" });
    const own = ["--source", "tones", "--http", "127.0.0.1:0", "--media-port", "0", "--public-host", "192.0.2.7"];
    const line = [Deno.execPath(), ...PROGRAM, "start", ...own, "--join-code", JOIN_CODE, "--state-dir", stateDir];
    const child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", `exec ${line.map((word) => `'${word}'`).join(" ")}`, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const guard = setTimeout(() => child.kill("SIGKILL"), COMMAND_MS);
    const keys = child.stdin.getWriter();
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const before = text.includes("Send pool");
      text += part;
      if (!before && text.includes("Send pool")) await keys.write(new Uint8Array([3])); // Ctrl-C
    }
    clearTimeout(guard);
    await keys.close().catch(() => {});
    assert.equal((await child.status).code, 0, text);
    await Deno.remove(stateDir, { recursive: true });
    const url = /^ {2}musicians {2}(\S+)/m.exec(text)?.[1] ?? "";
    assert.match(url, new RegExp(`^http://192\\.0\\.2\\.7:\\d+/me#join=${JOIN_CODE}$`));
    assert.ok(text.replaceAll("\r", "").includes(qrText(url)));
    assert.match(text, /^ {2}console {4}http:\S+#key=\S+/m);
  },
);

Deno.test("what isn't a terminal gets neither the engineer's key nor a code to scan", async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  await server.line(/Send pool/);
  const text = server.output.join("\n");
  assert.ok(!text.includes(ENGINEER_KEY) && !text.includes("musicians") && !text.includes("▀"), text);
});
