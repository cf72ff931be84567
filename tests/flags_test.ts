/** Where a setting comes from: flags, environment, config file, and what is so by default. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { instanceName } from "../control/discovery.ts";
import { machineName } from "../control/doors.ts";
import { FlagError, type StartOptions } from "../control/flags.ts";
import { parseConfig } from "../program/config.ts";
import { optionsOf, parseStart, readCommand, valueOf } from "../program/flags.ts";
import { effectiveSettings, startHelp } from "../program/help.ts";
import { keyOf, SETTING_NAMES, type SettingName, SETTINGS, variableOf } from "../program/settings.ts";
import type { Setting } from "../program/rules.ts";
import { distance, nearest } from "../program/suggest.ts";
import { configFile } from "./config_file.ts";

const HOME = { HOME: "/home/ana" };
const reader = (variables: Record<string, string>) => (name: string): string | undefined => variables[name];
const parse = (args: string[] = [], variables: Record<string, string> = {}): StartOptions =>
  parseStart(args, reader({ ...HOME, ...variables }), 4) as StartOptions;

/** Two values of each setting that differ from each other and from the default, as typed. */
const VALUES: Readonly<Record<SettingName, readonly [string, string]>> = {
  source: ["tones", "wav:take.wav"],
  channels: ["3", "64"],
  name: ["Stage left", "Bühne"],
  discovery: ["false", "0"],
  http: ["8080", "[::1]:8080"],
  https: ["5443", "127.0.0.1:5443"],
  cert: ["a.pem", "b.pem"],
  key: ["a.key", "b.key"],
  "media-port": ["6000", "0"],
  "public-host": ["stage.example", "192.0.2.7"],
  "join-code": ["ABCD", "EFGH-12"],
  "engineer-key": ["engineer-key-of-22-char", "another-key-of-22-chars"],
  "state-dir": ["/var/lib/a", "b"],
  "pool-size": ["2", "3"],
  "send-mode": ["sync", "sync-unshared"],
  handoff: ["transfer", "transfer"],
  codec: ["own", "package"],
  dscp: ["0", "63"],
  "max-clients": ["1", "1000"],
  "frame-ms": ["2.5", "10"],
  bitrate: ["16000", "256000"],
  "log-level": ["debug", "error"],
  "log-json": ["true", "1"],
};
/** Which of them go only together with others. */
const COMPANY: Partial<Record<SettingName, Record<string, string>>> = {
  cert: { FOLDBACK_HTTPS: "5443", FOLDBACK_KEY: "x.key" },
  key: { FOLDBACK_HTTPS: "5443", FOLDBACK_CERT: "x.pem" },
};

const settingOf = (name: SettingName): Setting<unknown> => SETTINGS[name];
const isSwitch = (name: SettingName): boolean => settingOf(name).value === null;
const flagFor = (name: SettingName, text: string): string =>
  isSwitch(name) ? `--${settingOf(name).read(text) ? "" : "no-"}${name}` : `--${name}=${text}`;
/** As a config file has it. */
const jsonFor = (name: SettingName, text: string): string =>
  isSwitch(name) ? String(settingOf(name).read(text)) : JSON.stringify(text);

Deno.test("without a word, everything is as the help says", () => {
  const { http, mediaPort, source, channels, name, discovery, stateDir, poolSize, sendMode, dscp, maxClients, frame } =
    parse();
  assert.deepEqual(http, { address: "::", port: 5100 });
  assert.deepEqual([source, channels, name, discovery], [null, null, null, true]);
  assert.deepEqual([mediaPort, sendMode, dscp, maxClients, frame], [5101, "pool", 46, 100, 240]);
  assert.deepEqual(poolSize, { size: 2, why: "auto: half of 4 cores" });
  assert.equal(stateDir, "/home/ana/.local/state/foldback");
  assert.equal(parse([], { XDG_STATE_HOME: "/state" }).stateDir, "/state/foldback");
});

for (const name of SETTING_NAMES) {
  Deno.test(`${name}: the flag wins over the environment, the environment over the file, the file over the default`, () => {
    const [one, other] = VALUES[name], company = COMPANY[name] ?? {};
    using file = configFile(`{ "${keyOf(name)}": ${jsonFor(name, one)} }`);
    const set = (args: string[], variables: Record<string, string>) => {
      const { given } = readCommand(args, reader({ ...HOME, ...company, ...variables }));
      optionsOf(given, reader(HOME), 4);
      return [valueOf(given, name), given.get(name)?.from];
    };
    const read = (text: string) => settingOf(name).read(text);
    const preset = settingOf(name).preset;
    const variable = variableOf(name), inFile = { FOLDBACK_CONFIG: file.path };
    assert.deepEqual(valueOf(new Map(), name), preset === null ? null : read(preset));
    assert.deepEqual(set([], inFile), [read(one), `${keyOf(name)} in ${file.path}:1`]);
    assert.deepEqual(set([], { ...inFile, [variable]: other }), [read(other), variable]);
    const [flag] = flagFor(name, one).split("=");
    assert.deepEqual(set([flagFor(name, one)], { ...inFile, [variable]: other }), [read(one), flag]);
    assert.deepEqual(set([], { ...inFile, [variable]: "" }), [read(one), `${keyOf(name)} in ${file.path}:1`]);
  });
}

Deno.test("every value reaches the options that the server is started with", () => {
  const variables = Object.fromEntries(SETTING_NAMES.map((name) => [variableOf(name), VALUES[name][0]]));
  assert.deepEqual(parse([], variables), {
    source: "tones",
    channels: 3,
    name: "Stage left",
    discovery: false,
    http: { address: "::", port: 8080 },
    https: { address: "::", port: 5443, files: { cert: "a.pem", key: "a.key" } },
    mediaPort: 6000,
    publicHost: "stage.example",
    joinCode: "ABCD",
    engineerKey: "engineer-key-of-22-char",
    stateDir: "/var/lib/a",
    poolSize: { size: 2, why: "FOLDBACK_POOL_SIZE" },
    sendMode: "sync",
    handoff: "transfer",
    codec: "own",
    dscp: 0,
    maxClients: 1,
    frame: 120,
    bitrate: 16000,
    log: { level: "debug", json: true },
  });
});

Deno.test("a switch can be set back by its other form", () => {
  assert.equal(parse(["--no-log-json"], { FOLDBACK_LOG_JSON: "true" }).log.json, false);
  assert.equal(parse(["--discovery"], { FOLDBACK_DISCOVERY: "false" }).discovery, true);
});

Deno.test("AUDIO_SEND_POOL_SIZE is heard, and loses against FOLDBACK_POOL_SIZE", () => {
  assert.deepEqual(parse([], { AUDIO_SEND_POOL_SIZE: "3" }).poolSize, { size: 3, why: "AUDIO_SEND_POOL_SIZE" });
  const both = { AUDIO_SEND_POOL_SIZE: "3", FOLDBACK_POOL_SIZE: "5" };
  assert.deepEqual(parse([], both).poolSize, { size: 5, why: "FOLDBACK_POOL_SIZE" });
  using file = configFile(`{ "poolSize": 7 }`);
  assert.equal(parse(["--config", file.path], { AUDIO_SEND_POOL_SIZE: "3" }).poolSize.size, 3);
  assert.equal(parse(["--config", file.path]).poolSize.size, 7);
});

Deno.test("a value that can't be used names who said it, wherever that was", () => {
  using file = configFile(`{\n  // the network's\n  "dscp": 99\n}`);
  const says = (args: string[], variables: Record<string, string>, message: string) =>
    assert.throws(() => parse(args, variables), { message });
  const rule = "must be a whole number from 0 to 63: is";
  says(["--dscp", "99"], {}, `--dscp ${rule} "99"`);
  says([], { FOLDBACK_DSCP: "EF" }, `FOLDBACK_DSCP ${rule} "EF"`);
  says(["--config", file.path], {}, `dscp in ${file.path}:3 ${rule} "99"`);
  says([], { AUDIO_SEND_POOL_SIZE: "lots" }, `AUDIO_SEND_POOL_SIZE must be auto or 1 to 64: is "lots"`);
  says([], { FOLDBACK_DISCOVERY: "no" }, `FOLDBACK_DISCOVERY must be true or false: is "no"`);
});

Deno.test("a secret that can't be used is named, not shown", () => {
  assert.throws(() => parse([], { FOLDBACK_ENGINEER_KEY: "s3cret" }), (error: Error) => {
    assert.ok(error instanceof FlagError);
    assert.match(error.message, /^FOLDBACK_ENGINEER_KEY must be 22 to 64 /);
    return !error.message.includes("s3cret");
  });
});

Deno.test("what isn't a flag or a key is refused with the nearest that is", () => {
  assert.throws(() => parse(["--max-client", "3"]), {
    message: "unknown flag --max-client; did you mean --max-clients?",
  });
  assert.throws(() => parse(["--no-dicsovery"]), {
    message: "unknown flag --no-dicsovery; did you mean --no-discovery?",
  });
  assert.throws(() => parse(["--something-else"]), { message: "unknown flag --something-else" });
  assert.throws(() => parse(["--no-dscp"]), FlagError);
  assert.throws(() => parseConfig(`{\n"maxClient": 3}`, "a.jsonc"), {
    message: `unknown key "maxClient" in a.jsonc:2; did you mean maxClients?`,
  });
  assert.throws(() => parseConfig(`{"max-clients": 3}`, "a"), /did you mean maxClients/);
  assert.throws(() => parseConfig(`{"config": "other"}`, "a"), /unknown key "config"/);
});

Deno.test("settings that don't go together are refused", () => {
  assert.throws(() => parse(["--media-port=65535"]), /^Error: --media-port 65535 leaves no port for 2 workers/);
  assert.throws(() => parse([], { FOLDBACK_MEDIA_PORT: "65535" }), /^Error: FOLDBACK_MEDIA_PORT 65535/);
  assert.equal(parse(["--media-port=65535", "--send-mode=sync"]).mediaPort, 65535);
  assert.throws(() => parse(["--https=1", "--cert=a"]), /--cert and --key must be given together/);
  assert.throws(() => parse(["--cert=a", "--key=b"]), /with --https/);
  assert.deepEqual(parse(["--max-clients=1"]).poolSize, { size: 1, why: "auto: half of 4 cores, at most 1" });
});

Deno.test("auto is half the cores: at least one worker, at most eight, at most one for each client", () => {
  const workers = (cores: number) => {
    const options = parseStart([], reader(HOME), cores);
    assert.ok(options !== "help");
    return [options.poolSize.size, options.poolSize.why];
  };
  assert.deepEqual([1, 2, 3, 4, 8, 16, 64].map((cores) => workers(cores)[0]), [1, 1, 1, 2, 4, 8, 8]);
  assert.deepEqual(workers(1), [1, "auto: there is one core"]);
  assert.deepEqual(workers(64), [8, "auto: half of 64 cores, at most 8"]);
});

Deno.test("a flag without its value is told what it needs", () => {
  for (const args of [["--media-port"], ["--media-port", "--source=tones"]]) {
    assert.throws(() => parse(args), { constructor: FlagError, message: "--media-port needs a value: PORT" });
  }
  assert.throws(() => parse(["--config"]), { message: "--config needs a value: FILE" });
});

Deno.test("what would be used is told with who said so, and no secret", () => {
  using file = configFile(`{ "joinCode": "VERYSECRET", "maxClients": 7 }`);
  const environment = reader({ ...HOME, FOLDBACK_CONFIG: file.path, FOLDBACK_FRAME_MS: "2.5", FOLDBACK_DSCP: "" });
  const { check, given } = readCommand(["--check", "--source=tones", "--no-discovery"], environment);
  const text = effectiveSettings(given, optionsOf(given, environment, 4));
  assert.ok(check);
  const rows = text.split("\n").map((line) => line.trim().split(/ {2,}/));
  const row = (key: string) => rows.find(([first]) => first === key)?.slice(1);
  assert.deepEqual(row("source"), ["tones", "--source"]);
  assert.deepEqual(row("discovery"), ["false", "--no-discovery"]);
  assert.deepEqual(row("frameMs"), ["2.5", "FOLDBACK_FRAME_MS"]);
  assert.deepEqual(row("maxClients"), ["7", `maxClients in ${file.path}:1`]);
  assert.deepEqual(row("joinCode"), ["(not shown)", `joinCode in ${file.path}:1`]);
  assert.deepEqual(row("dscp"), ["46", "default"]);
  assert.deepEqual(row("name"), [instanceName(null, machineName()), "default"]);
  assert.deepEqual(row("poolSize"), ["2", "auto: half of 4 cores"]);
  assert.deepEqual(row("stateDir"), ["/home/ana/.local/state/foldback", "default"]);
  assert.doesNotMatch(text, /VERYSECRET/);
  assert.deepEqual(
    rows.map(([key]) => key).filter((key) => SETTING_NAMES.some((name) => keyOf(name) === key)).length,
    SETTING_NAMES.length,
  );
});

Deno.test("help is given before anything is looked at, and names every setting", () => {
  assert.equal(
    parseStart(["--help", "--dscp", "x", "--config", "/nowhere"], reader({ FOLDBACK_CONFIG: "/nowhere" }), 1),
    "help",
  );
  for (const name of SETTING_NAMES) assert.match(startHelp(), new RegExp(`^ {2}--(no-)?${name}\\b`, "m"));
});

Deno.test("names of variables and keys follow from a flag's name, and no two are the same", () => {
  assert.deepEqual([variableOf("max-clients"), keyOf("max-clients")], ["FOLDBACK_MAX_CLIENTS", "maxClients"]);
  assert.equal(new Set(SETTING_NAMES.map(variableOf)).size, SETTING_NAMES.length);
  assert.equal(new Set(SETTING_NAMES.map(keyOf)).size, SETTING_NAMES.length);
});

Deno.test("the nearest word is at most two slips away, and a slip costs one", () => {
  assert.deepEqual(
    [["dscp", "dscp"], ["dcsp", "dscp"], ["dsc", "dscp"], ["dscpp", "dscp"], ["", "ab"]].map(([a, b]) =>
      distance(a, b)
    ),
    [0, 1, 1, 1, 2],
  );
  assert.equal(nearest("strat", ["stop", "start"]), "start");
  assert.equal(nearest("sing", ["start", "listen"]), null);
  assert.equal(nearest("x", ["y"]), null, "one letter for another is another word");
  const word = fc.string({ maxLength: 12 });
  fc.assert(fc.property(word, word, (a, b) => {
    assert.equal(distance(a, b), distance(b, a));
    assert.ok(distance(a, b) >= Math.abs(a.length - b.length) && distance(a, b) <= Math.max(a.length, b.length));
    assert.equal(distance(a, b) === 0, a === b);
  }));
});
