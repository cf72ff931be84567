/**
 * What a compiled binary has inside, as files: where Deno's runtime part can't be had, the program runs from these. In:
 * a folder. Out: the files that `deno task compile` lists as embedded, and nothing else, with the npm packages where
 * Deno looks for them; and the command line that stands for the binary. Test runner's main isolate; may allocate.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PERMISSIONS } from "../packaging/compile.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Where a binary has its npm packages. */
const PACKAGES = ".deno_compile_node_modules/localhost/";

export interface Compiled {
  readonly code: number;
  /** Both streams, without colours. */
  readonly said: string;
}

/** Runs `deno task compile`. */
export async function compile(args: readonly string[], env: Record<string, string>): Promise<Compiled> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "compile", ...args],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  // deno-lint-ignore no-control-regex
  return { code, said: (text.decode(stdout) + text.decode(stderr)).replace(/\x1b\[[0-9;]*m/g, "") };
}

/** The paths in a list of embedded files; one that ends in `/*` is a folder with all that is in it. */
export function embeddedPaths(said: string): string[] {
  const paths: string[] = [], folders: string[] = [];
  for (const [, indent, mark, name] of said.matchAll(/^((?:│ | {2})*)[├└]─([┬─]) (.+?)(?: \([\d.]+[KMG]?B.*\))?$/gm)) {
    folders.length = indent.length / 2;
    folders.push(name);
    if (mark === "─") paths.push(folders.join("/"));
  }
  return paths;
}

async function copy(from: string, to: string): Promise<void> {
  if (from.endsWith("/*")) {
    for await (const { name, isDirectory } of Deno.readDir(from.slice(0, -2))) {
      await copy(
        from.slice(0, -1) + name + (isDirectory ? "/*" : ""),
        to.slice(0, -1) + name + (isDirectory ? "/*" : ""),
      );
    }
    return;
  }
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  await Deno.copyFile(from, to);
}

/** This machine's cache of npm packages, and the one registry that it has them of. */
async function packageCache(): Promise<{ folder: string; registry: string }> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: ROOT }).output();
  const folder: string = JSON.parse(new TextDecoder().decode(stdout)).npmCache;
  const [registry, ...others] = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
  assert.deepEqual(others, []);
  return { folder, registry: registry.name };
}

/**
 * The lock file with the packages that `embedded` says yes to. A binary carries the versions of these within itself;
 * Deno, when it is to run without a network, wants every package that a lock file names.
 */
function lockOf(embedded: (name: string) => boolean): string {
  const lock = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.lock`));
  const nameOf = (key: string) => key.replace(/^npm:/, "").replace(/(?!^)@.*/, "");
  const only = (all: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(all).filter(([key]) => embedded(nameOf(key))));
  return JSON.stringify({ ...lock, npm: only(lock.npm), specifiers: only(lock.specifiers) });
}

/** The program laid out from a list of what is embedded. */
export class Embedded implements AsyncDisposable {
  readonly folder: string;
  readonly paths: readonly string[];

  private constructor(folder: string, paths: readonly string[]) {
    this.folder = folder;
    this.paths = paths;
  }

  /** With a Deno of its own, so that every user of this machine can run it. */
  static async lay(said: string): Promise<Embedded> {
    const folder = await Deno.makeTempDir({ prefix: "foldback-embedded-" });
    await Deno.chmod(folder, 0o755);
    const paths = embeddedPaths(said), cache = await packageCache(), packages = new Set<string>();
    for (const path of paths) {
      if (path.startsWith(PACKAGES)) {
        const name = path.slice(PACKAGES.length);
        packages.add(/^(@[^/]+\/)?[^/]+/.exec(name)![0]);
        await copy(`${cache.folder}/${cache.registry}/${name}`, `${folder}/deno/npm/${cache.registry}/${name}`);
      } else await copy(ROOT + path, `${folder}/program/${path}`);
    }
    await Deno.writeTextFile(`${folder}/program/deno.lock`, lockOf((name) => packages.has(name)));
    await Deno.copyFile(Deno.execPath(), `${folder}/bin`);
    return new Embedded(folder, paths);
  }

  /** What stands for the binary's name in a command line, with the permissions that it has. */
  get command(): string[] {
    const run = ["run", "--no-prompt", "--cached-only", "--no-remote", "--quiet"];
    return [`${this.folder}/bin`, ...run, ...PERMISSIONS, `${this.folder}/program/main.ts`];
  }
  get env(): Record<string, string> {
    return { DENO_DIR: `${this.folder}/deno`, DENO_NO_UPDATE_CHECK: "1", HOME: "/nonexistent", PATH: "/usr/bin:/bin" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Lists what a binary would have inside, with Deno itself in the place of its runtime part. */
export async function listEmbedded(): Promise<Compiled> {
  const folder = await Deno.makeTempDir({ prefix: "foldback-compiled-" });
  try {
    return await compile(["--output", `${folder}/foldback`], { DENORT_BIN: Deno.execPath() });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
