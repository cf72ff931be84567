/**
 * `deno task compile [--target TRIPLE] [--output FILE]`: one file with Deno's runtime part (denort), the program, its
 * workers, WebAssembly and the page, and its permissions. In: every module of the source folders. Out: the binary, and
 * on stderr what is embedded in it. Exit code 0 only if the binary was made and, for this machine's own system, printed
 * its version. Run by hand; may allocate.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import manifest from "../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Folders that the program isn't made of. */
const ASIDE = ["docs", "lint", "packaging", "tests", "web"];

const HELP = `deno task compile [--target TRIPLE] [--output FILE]

  --target   x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, x86_64-apple-darwin, aarch64-apple-darwin,
             x86_64-pc-windows-msvc; default: this machine's. Another than this machine's isn't tried out.
  --output   default: foldback
  DENORT_BIN in the environment: Deno's runtime part, where it can't be downloaded: the file denort, unpacked from
             denort-TRIPLE.zip of Deno's release ${Deno.version.deno} (github.com/denoland/deno/releases).`;

/** What the program may do: all that its commands need together. What talks to the network narrows itself down to less. */
export const PERMISSIONS: readonly string[] = ["env", "ffi", "net", "read", "run", "sys", "write"]
  .map((name) => `--allow-${name}`);

/** Heaps are collected when they are 1.4 times what was left, not four times, young ones at 4 MB, and none while nothing happens (docs/LATENCY.md). */
export const V8_FLAGS = /DENO_V8_FLAGS=(\S+)/.exec(manifest.tasks.start.command)![1];

/** Every module of the program, workers and WebAssembly too: relative to the project's folder, sorted. */
export function modules(folder: string = ""): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return name.startsWith(".") || ASIDE.includes(name) ? [] : modules(`${folder}${name}/`);
    return /\.(ts|wasm)$/.test(name) ? [folder + name] : [];
  }).sort();
}

/** Copies a stream to stderr as it comes; all of it as text in the end. */
async function show(stream: ReadableStream<Uint8Array>, hide: RegExp): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (!hide.test(text)) await Deno.stderr.write(new TextEncoder().encode(part));
  }
  return text;
}

/** One line: what file, where from, in which form, how it is named. */
const howToFetch = (target: string): string =>
  `run this where it can, or fetch denort-${target}.zip of Deno's release ${Deno.version.deno} ` +
  `(github.com/denoland/deno/releases), unpack it, and name the file denort that is in it in DENORT_BIN`;

/** What Deno says when its runtime part can't be had; a stack trace follows. */
const NO_RUNTIME = /temporary file|base binary|denort/i;

/** null: made; else why not, in a line. */
async function compile(target: string, output: string): Promise<string | null> {
  const process = new Deno.Command(Deno.execPath(), {
    // Types are the business of `deno task ok`.
    args: [
      ...["compile", "--no-check", "--no-prompt", "--frozen", "--exclude-unused-npm", `--v8-flags=${V8_FLAGS}`],
      ...["--target", target, "--output", output],
      ...PERMISSIONS,
      ...modules().flatMap((path) => ["--include", path]),
      ...["--include", "web", "main.ts"],
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [said, , { success }] = await Promise.all([
    show(process.stderr, NO_RUNTIME),
    show(process.stdout, /^\b$/),
    process.status,
  ]);
  if (!success && NO_RUNTIME.test(said)) {
    return `Deno's runtime part can't be downloaded: ${howToFetch(target)}`;
  }
  return success ? null : "deno compile failed";
}

/** null: it is ours; else what it is, in a line. */
async function tryOut(binary: string): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command(await Deno.realPath(binary), { args: ["--version"] }).output();
    const [line] = new TextDecoder().decode(stdout).split("\n");
    if (line.split(" ").at(-1) === manifest.version) return null;
    await Deno.remove(binary);
    return `what was made calls itself ${JSON.stringify(line)}: is DENORT_BIN the denort of Deno ${Deno.version.deno}?`;
  } catch (error) {
    return `what was made doesn't run: ${(error as Error).message}`;
  }
}

async function run(args: string[]): Promise<string | null> {
  const { values } = parseArgs({
    args,
    options: { target: { type: "string" }, output: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) return console.log(HELP), null;
  const target = values.target ?? Deno.build.target, output = values.output ?? `${ROOT}foldback`;
  const failed = await compile(target, output);
  if (failed) return failed;
  if (target === Deno.build.target) return await tryOut(output);
  console.error(`Made for ${target}: untested, as this machine can't run it.`);
  return null;
}

if (import.meta.main) {
  const failed = await run(Deno.args).catch((error: Error) => error.message);
  if (failed) console.error(`cannot compile: ${failed}`);
  Deno.exit(failed ? 1 : 0);
}
