/**
 * `deno task build:opus [--source FILE]`: libopus from Debian's source package, compiled for WebAssembly with SIMD; the
 * server takes it in place of npm's from then on. In: the source, by the machine's own apt (or a file of the same bytes),
 * clang and WASI's C library. Out: wasm/opus.wasm, which needs nothing from outside: no file system, no system calls, memory
 * that doesn't grow. Run by hand; may allocate.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { changed, CHANGED_FILES } from "./opus_changes.ts";

const WASM = fileURLToPath(new URL("../wasm/", import.meta.url));

const VERSION = "1.6.1";
const SHA256 = "001ac615b9f8f8994b229ad2b1a5969ed12ab48b0d154d0af1016a5899cd6ba1";
const ARCHIVE = `opus_${VERSION}.orig.tar.xz`;
/** Debian's packages, for all that is needed beside tar and apt. */
const PACKAGES = "clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc xz-utils";

const HELP = `deno task build:opus [--source FILE]

  --source FILE   ${ARCHIVE}, if apt isn't to fetch it

On Debian: apt-get install ${PACKAGES}`;

/** For 6000 encoders, more than one thread can drive in time at any frame length. The system gives it as it is touched. */
const MEMORY_BYTES = 256 << 20;
const STACK_BYTES = 256 << 10;

const TARGET = ["--target=wasm32-wasi", "-O3", "-flto"];
const FEATURES = ["-msimd128", "-mnontrapping-fptoint", "-mbulk-memory", "-msign-ext"];
const DEFINES = [
  ...["OPUS_BUILD", "NDEBUG", "VAR_ARRAYS", "HAVE_STDINT_H", "HAVE_LRINT", "HAVE_LRINTF", "FLOAT_APPROX"],
  `PACKAGE_VERSION="${VERSION}"`,
].map((name) => `-D${name}`);
/** What wasm/opus.c calls: libopus's CELT layer. Each file sees the SIMD header first. */
const LIST = { makefile: "celt_sources.mk", name: "CELT_SOURCES" };
const OURS = ["opus.c", "allocation.c", "mdct.c", "pvq.c"].map((name) => `${WASM}${name}`);
const FIRST = `${WASM}simd.h`;

/** @throws Error with what it said. */
async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd, stdin: "null" }).output()
    .catch((error: Error) => {
      if (error instanceof Deno.errors.NotFound) throw new Error(`no ${command}: apt-get install ${PACKAGES}`);
      throw error;
    });
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

/** The mirror doesn't have it, or there is none. */
export class NoSource extends Error {}

/** From the mirror that this machine has Debian from. @throws NoSource */
async function fetchSource(to: string): Promise<void> {
  try {
    const words = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"];
    const [mirror] = (await run("apt-get", words)).split("\n");
    if (mirror === "") throw new Error("apt knows no Debian mirror: apt-get update, or --source");
    const url = `${mirror}pool/main/o/opus/${ARCHIVE}`;
    await run("/usr/lib/apt/apt-helper", ["download-file", url, to, `SHA256:${SHA256}`]);
  } catch (error) {
    throw new NoSource((error as Error).message);
  }
}

async function sha256(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** The .c files of a list: `NAME = \`, then a file a line. */
function listed(makefile: string, name: string): string[] {
  const lines = makefile.replaceAll("\\\n", " ").split("\n");
  return lines.find((line) => line.startsWith(`${name} =`))!.split("=")[1].trim().split(/\s+/);
}

async function change(source: string): Promise<void> {
  for (const file of CHANGED_FILES) {
    const path = `${source}/${file}`;
    await Deno.writeTextFile(path, changed(file, await Deno.readTextFile(path)));
  }
}

async function compile(source: string, work: string): Promise<string[]> {
  const theirs = listed(await Deno.readTextFile(`${source}/${LIST.makefile}`), LIST.name);
  const files = [...OURS, ...theirs.map((file) => `${source}/${file}`)];
  const includes = ["include", "celt", "silk"].map((folder) => `-I${source}/${folder}`);
  const flags = [...TARGET, ...FEATURES, ...DEFINES, ...includes, "-include", FIRST, "-w"];
  const objects = files.map((_, i) => `${work}/${i}.o`), waiting = files.keys();
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (const i of waiting) await run("clang-19", [...flags, "-c", files[i], "-o", objects[i]]);
  }));
  return objects;
}

/** Makes wasm/opus.wasm, or `to`. @throws Error in one line. */
export async function buildOpus(given?: string, to: string = `${WASM}opus.wasm`): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "foldback-opus-" });
  try {
    const archive = given ?? `${work}/${ARCHIVE}`;
    if (given === undefined) await fetchSource(archive);
    if (await sha256(archive) !== SHA256) throw new Error(`${archive} isn't the source of libopus ${VERSION}`);
    await run("tar", ["-xJf", archive, "-C", work]);
    const source = `${work}/opus-${VERSION}`;
    await change(source);
    const objects = await compile(source, work), made = `${work}/opus.wasm`;
    const exports = ["malloc", "free", "opus_get_version_string"].map((name) => `--export=${name}`);
    const memory = [
      `--initial-memory=${MEMORY_BYTES}`,
      `--max-memory=${MEMORY_BYTES}`,
      "-z",
      `stack-size=${STACK_BYTES}`,
    ];
    const link = ["--no-entry", "--lto-O3", "--strip-all", "--stack-first", ...exports, ...memory];
    // The linker itself: clang would run what it finds of binaryen, which may be too old for clang's output.
    const libraries = await Promise.all(
      ["-print-file-name=libc.a", "-print-file-name=libm.a", "-print-libgcc-file-name"]
        .map((print) => run("clang-19", [...TARGET, print])),
    );
    await run("wasm-ld-19", [...link, ...objects, ...libraries.map((path) => path.trim()), "-o", made]);
    const outside = WebAssembly.Module.imports(new WebAssembly.Module(await Deno.readFile(made)));
    if (outside.length > 0) throw new Error(`it wants ${outside.map(({ name }) => name).join(", ")} from outside`);
    await Deno.copyFile(made, to);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { source: { type: "string" }, help: { type: "boolean" } } });
    if (values.help) console.log(HELP);
    else {
      await buildOpus(values.source);
      console.error(`Made wasm/opus.wasm, libopus ${VERSION}.`);
    }
  } catch (error) {
    console.error(`cannot build libopus: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
