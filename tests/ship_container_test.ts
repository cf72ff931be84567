/**
 * The container image: built by buildah from the Dockerfile on a Debian made here, and run as the README says it should
 * be, with a root that can't be written and without a shell, as process 1 of an unprivileged user.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import manifest from "../deno.json" with { type: "json" };
import { modules, PERMISSIONS } from "../packaging/compile.ts";
import { until } from "./faults_phone.ts";
import { type Needs, programTest } from "./require.ts";
import { type Server } from "./server.ts";
import { assertPage, assertQuiet, hear, OWN_PLACE, startShipped } from "./ship_server.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const NEEDS: Needs = { buildah: "buildah", mmdebstrap: "mmdebstrap", setpriv: "util-linux", unshare: "util-linux" };
/** This machine's idea of whom to trust, for a registry that is reached through something in between. */
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const IMAGE = "localhost/foldback";
/** Of the image. */
const USER = 5100;
/** Of the image, with the base made here. With all of FFmpeg it would be 460. */
const MOST_MEGABYTES = 340;

/** What `docker inspect` shows of an image. */
interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly StopSignal: string;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

async function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], env, stdin: "null" }).output();
  const [out, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}${said}`);
  return out;
}

/** buildah with a store of its own. */
class Store implements AsyncDisposable {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }
  buildah(...args: string[]): Promise<string> {
    const { folder } = this, store = ["--root", `${folder}/root`, "--runroot", `${folder}/run`];
    return run("buildah", [...store, "--storage-driver", "vfs", ...args], { TMPDIR: folder });
  }
  /** An image of files: each is copied to where it says. */
  async image(name: string, base: string | null, files: Readonly<Record<string, string>>, config: readonly string[]) {
    const container = (await this.buildah("from", "scratch")).trim();
    if (base) await this.buildah("add", container, base, "/");
    for (const [from, to] of Object.entries(files)) await this.buildah("copy", container, from, to);
    await this.buildah("config", ...config, container);
    await this.buildah("commit", "--rm", container, name);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What the Dockerfile takes from elsewhere: a Debian, and Deno. */
async function makeBases(store: Store): Promise<void> {
  const base = `${store.folder}/base.tar`;
  const slim = ["doc", "locale", "man"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const fast = "--dpkgopt=force-unsafe-io";
  // As Debian's own images do.
  const clean =
    `--customize-hook=echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/*.bin /var/cache/apt/archives/*.deb"; };` +
    ` Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' >"$1/etc/apt/apt.conf.d/docker-clean"`;
  await run("mmdebstrap", ["--variant=minbase", ...slim, fast, clean, "bookworm", base], { TMPDIR: store.folder });
  const trust = await Deno.stat(CERTIFICATES).then(() => ({ [CERTIFICATES]: CERTIFICATES }), () => ({}));
  await store.image("localhost/debian:12-slim", base, trust, ["--env", "DENO_TLS_CA_STORE=mozilla,system"]);
  await Deno.remove(base);
  await store.image("localhost/deno", null, { [Deno.execPath()]: "/deno" }, ["--cmd", ""]);
}

/**
 * Runs in namespaces of its own: `root`, the state's folder, then a command. Only the state can be written; no shell is
 * left; no card is there; the privileges are those of an unprivileged user.
 */
const ENTER = `
root=$1 state=$2; shift 2
mount --bind "$root" "$root"
mount --bind "$state" "$root/var/lib/foldback"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for name in null zero full random urandom; do : >"$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
for shell in bash dash; do mount --bind /dev/null "$root/usr/bin/$shell"; done
mount -o remount,ro,bind "$root"
exec chroot "$root" setpriv --reuid=5100 --regid=5100 --groups=5100,29 \\
  --inh-caps=-all --bounding-set=-all,+sys_nice --no-new-privs "$@"
`;

const enter = (root: string, stateDir: string, config: ImageConfig, command: readonly string[]) => [
  ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", ENTER, "enter", root, stateDir],
  ...["env", "-C", config.WorkingDir, ...command],
];

/** The container's process 1, as it is called outside. */
async function firstProcess(server: Server): Promise<number> {
  const children = await Deno.readTextFile(`/proc/${server.pid}/task/${server.pid}/children`);
  return Number(children.trim());
}

const environment = (config: ImageConfig, more: Record<string, string>): Record<string, string> => ({
  ...Object.fromEntries(config.Env.map((one) => [one.split("=")[0], one.slice(one.indexOf("=") + 1)])),
  HOME: "/var/lib/foldback",
  ...more,
});

Deno.test("the container has the permissions of the compiled binary", async () => {
  const dockerfile = (await Deno.readTextFile(`${ROOT}Dockerfile`)).replaceAll(/\\\n\s*/g, "");
  const words: string[] = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]);
  assert.deepEqual(words.filter((word) => word.startsWith("--allow-")).sort(), PERMISSIONS);
});

Deno.test("the container leaves out those npm packages that the program doesn't import, and no others", async () => {
  const dockerfile = (await Deno.readTextFile(`${ROOT}Dockerfile`)).replaceAll(/\\\n\s*/g, "");
  const removed = /deno remove --frozen=false (.*?) *&&/.exec(dockerfile)![1].split(" ");
  const program = (await Promise.all(modules().map((path) => Deno.readTextFile(ROOT + path)))).join("\n");
  const imported = (name: string) => program.includes(`"${name}"`) || program.includes(`"${name}/`);
  // Types are never run.
  const unused = Object.keys(manifest.imports).filter((name) => !/^(\/vendor|@types)\//.test(name) && !imported(name));
  assert.deepEqual(unused, removed.filter((name) => !name.startsWith("@types/")));
});

Deno.test("compose.yaml gives the container what the README's command gives it", async () => {
  const [readme, compose] = await Promise.all(
    ["README.md", "compose.yaml"].map((name) => Deno.readTextFile(ROOT + name)),
  );
  const command = /^docker run ((?:.*\\\n)*.*)$/m.exec(readme)![1];
  const same: Record<string, RegExp> = {
    "--network host": /network_mode: host/,
    "--device /dev/snd": /devices: \[\/dev\/snd\]/,
    "--group-add audio": /group_add: \[audio\]/,
    "--cap-drop ALL": /cap_drop: \[ALL\]/,
    "--cap-add SYS_NICE": /cap_add: \[SYS_NICE\]/,
    "--ulimit rtprio=95": /rtprio: 95/,
    "--read-only": /read_only: true/,
    "--tmpfs /tmp": /tmpfs: \[\/tmp\]/,
    "--volume foldback:/var/lib/foldback": /foldback:\/var\/lib\/foldback/,
  };
  for (const [flag, line] of Object.entries(same)) {
    assert.ok(command.includes(flag), `${flag} in ${command}`);
    assert.match(compose, line);
  }
});

/** Builds the image. @returns what it is configured to be, and the folder that holds its files. */
async function build(store: Store): Promise<{ config: ImageConfig; root: string }> {
  await makeBases(store);
  const bases = ["BASE=localhost/debian:12-slim", "DENO=localhost/deno"].flatMap((base) => ["--build-arg", base]);
  const how = ["--isolation", "chroot", "--format", "docker", "--layers=false", "--pull-never"];
  await store.buildah("bud", ...how, ...bases, "--tag", IMAGE, ROOT);
  const { Docker } = JSON.parse(await store.buildah("inspect", "--type", "image", IMAGE));
  const container = (await store.buildah("from", "--pull-never", IMAGE)).trim();
  return { config: Docker.config, root: (await store.buildah("mount", container)).trim() };
}

/** It is as large as the README says, and nothing that a library or plugin wants is missing. */
async function assertWhole(root: string): Promise<void> {
  const megabytes = Number((await run("du", ["-sm", root])).split("\t")[0]);
  console.log(`The image has ${megabytes} MB.`);
  assert.ok(megabytes < MOST_MEGABYTES, `${megabytes} MB`);
  const linked = await run("chroot", [root, "sh", "-c", "ldd /usr/lib/*/libportaudio.so.2 /usr/lib/*/alsa-lib/*.so"]);
  assert.match(linked, /libasound_module_pcm_jack/);
  assert.doesNotMatch(linked, /not found/);
}

async function codeOf(command: readonly string[], env: Record<string, string>): Promise<number> {
  const program = new Deno.Command(command[0], { args: command.slice(1), env, clearEnv: true });
  return (await program.output()).code;
}

/** A TCP port that nobody has. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function runsAndEnds(): Promise<void> {
  await using store = new Store(await Deno.makeTempDir({ prefix: "foldback-container-" }));
  const { config, root } = await build(store);
  assert.deepEqual([config.User, config.StopSignal, config.Cmd], ["foldback", "SIGTERM", ["start"]]);
  assert.deepEqual(Object.keys(config.Volumes), ["/var/lib/foldback"]);
  assert.equal(config.Healthcheck.Test[0], "CMD", "the health check needs no shell");
  await assertWhole(root);

  const stateDir = `${store.folder}/state`;
  await Deno.mkdir(stateDir, { mode: 0o700 });
  await Deno.chown(stateDir, USER, USER);
  const env = environment(config, { ...OWN_PLACE, FOLDBACK_HTTP: `127.0.0.1:${freePort()}` });
  const inside = (command: readonly string[]) => enter(root, stateDir, config, command);
  const health = inside(config.Healthcheck.Test.slice(1));
  assert.equal(await codeOf(health, env), 1, "nobody is there yet");
  await using server = await startShipped({ command: inside([...config.Entrypoint, ...config.Cmd]), env, stateDir });
  const said = () => server.output.join("\n");
  assert.match(said(), /source {5}demo band/, "there is no card");
  const [kick] = await hear(server, [1], 1);
  assert.ok(kick.some((sample) => Math.abs(sample) > 0.01), "it is silent");
  await assertPage(server);
  assert.equal(await codeOf(health, env), 0);
  const first = await firstProcess(server), status = await Deno.readTextFile(`/proc/${first}/status`);
  assert.match(status, new RegExp(`^Uid:(\t${USER}){4}$`, "m"));
  assert.match(status, /^CapEff:\t0+$/m);
  Deno.kill(first, "SIGTERM");
  assert.equal((await server.process.status).code, 0, said());
  await until(() => server.output.some((line) => line.endsWith("Ended.")), said());
  assertQuiet(server);
}

const NAME = "the image runs without a shell on a root that can't be written: it is heard, it is well, SIGTERM ends it";
if (Deno.build.os === "linux" && Deno.uid() === 0) programTest(NAME, NEEDS, runsAndEnds);
else Deno.test({ name: `${NAME} [needs: root]`, ignore: true, fn: runsAndEnds });
