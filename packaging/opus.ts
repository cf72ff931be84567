/**
 * `deno task build:opus [--source FILE]`: libopus from Debian's source package, compiled for WebAssembly with SIMD; the
 * server takes it in place of npm's from then on. In: the source, by the machine's own apt (or a file of the same bytes),
 * clang, WASI's C library and SIMDe's headers, which put libopus's SSE code into WebAssembly's words. Out: wasm/opus.wasm,
 * which needs nothing from outside: no file system, no system calls, memory that doesn't grow. Run by hand; may allocate.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const WASM = fileURLToPath(new URL("../wasm/", import.meta.url));

const VERSION = "1.6.1";
const SHA256 = "001ac615b9f8f8994b229ad2b1a5969ed12ab48b0d154d0af1016a5899cd6ba1";
const ARCHIVE = `opus_${VERSION}.orig.tar.xz`;
/** Debian's packages, for all that is needed beside tar and apt. */
const PACKAGES = "clang-19 lld-19 libclang-rt-19-dev-wasm32 libsimde-dev wasi-libc xz-utils";

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
  ...["OPUS_X86_MAY_HAVE_SSE", "OPUS_X86_PRESUME_SSE", "OPUS_X86_MAY_HAVE_SSE2", "OPUS_X86_PRESUME_SSE2"],
  ...[`PACKAGE_VERSION="${VERSION}"`, "SIMDE_ENABLE_NATIVE_ALIASES"],
].map((name) => `-D${name}`);
/** Intel's headers, by SIMDe. */
const HEADERS = { "xmmintrin.h": "sse", "emmintrin.h": "sse2" };
/** Lists in the source's makefiles, and the SSE code that music at low delay meets. */
const LISTS = {
  "celt_sources.mk": ["CELT_SOURCES"],
  "silk_sources.mk": ["SILK_SOURCES", "SILK_SOURCES_FLOAT"],
  "opus_sources.mk": ["OPUS_SOURCES", "OPUS_SOURCES_FLOAT"],
};
const SSE = ["celt/x86/pitch_sse.c", "celt/x86/vq_sse2.c"];
/**
 * What the search for pure tones sums up, by the SSE code that is there for such sums: a sixth of an encode of a low tone,
 * for which it looks five times. Packets stay the same.
 */
const PATCHED = "celt/celt_encoder.c";
const PATCH = [
  `   for (i=0;i<len-2*delay;i++) {
      r00 += MULT16_16(x[i],x[i]);
      r01 += MULT16_16(x[i],x[i+delay]);
      r02 += MULT16_16(x[i],x[i+2*delay]);
   }
`,
  `   r00 = celt_inner_prod(x, x, len-2*delay, 0);
   r01 = celt_inner_prod(x, x+delay, len-2*delay, 0);
   r02 = celt_inner_prod(x, x+2*delay, len-2*delay, 0);
`,
] as const;

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

/** From the mirror that this machine has Debian from. */
async function fetchSource(to: string): Promise<void> {
  const indexes = await run("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI)",
    "Created-By: Packages",
    "Origin: Debian",
  ]);
  const [mirror] = indexes.split("\n");
  if (mirror === "") throw new Error("apt knows no Debian mirror: apt-get update, or --source");
  await run("/usr/lib/apt/apt-helper", [
    "download-file",
    `${mirror}pool/main/o/opus/${ARCHIVE}`,
    to,
    `SHA256:${SHA256}`,
  ]);
}

async function sha256(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** The .c files of a list: `NAME = \`, then a file a line. */
function listed(makefile: string, name: string): string[] {
  const lines = makefile.replaceAll("\\\n", " ").split("\n");
  return lines.find((line) => line.startsWith(`${name} =`))!.split("=")[1].trim().split(/\s+/);
}

async function patch(source: string): Promise<void> {
  const path = `${source}/${PATCHED}`, text = await Deno.readTextFile(path), [before, after] = PATCH;
  if (text.split(before).length !== 2) throw new Error(`${PATCHED} isn't what is known of libopus ${VERSION}`);
  await Deno.writeTextFile(path, text.replace(before, after));
}

async function compile(source: string, work: string): Promise<string[]> {
  const files = [`${WASM}opus.c`, ...SSE.map((file) => `${source}/${file}`)];
  for (const [makefile, names] of Object.entries(LISTS)) {
    const text = await Deno.readTextFile(`${source}/${makefile}`);
    files.push(...names.flatMap((name) => listed(text, name)).map((file) => `${source}/${file}`));
  }
  for (const [header, simde] of Object.entries(HEADERS)) {
    await Deno.writeTextFile(`${work}/${header}`, `#include <simde/x86/${simde}.h>\n`);
  }
  const includes = [work, ...["include", "celt", "silk", "silk/float", ""].map((folder) => `${source}/${folder}`)];
  const flags = [...TARGET, ...FEATURES, ...DEFINES, ...includes.map((folder) => `-I${folder}`), "-w"];
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
    await patch(source);
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
