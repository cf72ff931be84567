/** Imports run one way. Every source file is parsed; what it imports, re-exports or starts as a worker counts, types too. */
import assert from "node:assert/strict";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** What control and the listener's parts may know of the wire: no I/O, no state, nothing native behind it. */
const PROTOCOL = ["bigendian", "crc32", "fit", "hmac_sha1", "multistream", "red", "rtcp", "rtp", "sdp", "stun"].map((
  name,
) => `send/${name}.ts`);

/** Folder → the folders and files that its files may import beside their own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  capture: ["core/"],
  mix: ["core/", "capture/"],
  wasm: ["core/"],
  send: ["core/", "wasm/"],
  workers: ["core/", "wasm/", "send/"],
  control: ["core/", ...PROTOCOL],
  listen: [
    "core/",
    "send/",
    "wasm/",
    ...["portaudio", "playback", "wav", "wav_writer"].map((name) => `capture/${name}.ts`),
  ],
  program: ["core/", "capture/", "mix/", "wasm/libopus.ts", "workers/", "control/"],
  packaging: [],
  bench: ["core/", "capture/", "mix/", "wasm/", "send/", "workers/", "control/", "listen/"],
  doctor: [
    "core/",
    "capture/",
    "mix/",
    "wasm/",
    "send/",
    "workers/",
    "control/",
    "listen/",
    "bench/",
    "program/flags.ts",
  ],
};
/** The main isolate's side of the pool takes what it hands over from the mixer; what runs in a worker never does. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  "workers/pool.ts": ["mix/"],
  "workers/sync.ts": ["mix/"],
};

/** The module specifiers in a source text, in order. */
function specifiersOf(source: string, file: string): string[] {
  const found: string[] = [];
  const add = (node: { source: Deno.lint.Expression | null }) => {
    if (node.source?.type === "Literal") found.push(String(node.source.value));
  };
  Deno.lint.runPlugin(
    {
      name: "imports",
      rules: {
        collect: {
          create: () => ({
            ImportDeclaration: add,
            ExportNamedDeclaration: add,
            ExportAllDeclaration: add,
            ImportExpression: add,
            TSImportType: (node) =>
              add({ source: node.argument.type === "TSLiteralType" ? node.argument.literal : null }),
            // new URL("./worker.ts", import.meta.url) is a worker; main.ts so named is a program to run, from outside.
            'NewExpression[callee.name="URL"][arguments.length=2]': (
              { arguments: [first] }: Deno.lint.NewExpression,
            ) => {
              const path = first.type === "Literal" ? String(first.value) : "";
              if (/^\.{1,2}\/.*\.ts$/.test(path) && !path.endsWith("/main.ts")) found.push(path);
            },
          }),
        },
      },
    },
    file,
    source,
  );
  return found;
}

interface Import {
  readonly from: string;
  readonly to: string;
}

/** TypeScript files below a folder, relative to the project. */
const filesOf = (folder: string): string[] =>
  [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isFile }) =>
    !isFile ? filesOf(`${folder}${name}/`) : name.endsWith(".ts") ? [`${folder}${name}`] : []
  );

/** What a file imports: relative to the project, and from outside as written. */
const importsOf = (from: string): Import[] =>
  specifiersOf(Deno.readTextFileSync(new URL(from, ROOT)), from).map((specifier) => ({
    from,
    to: specifier.startsWith(".")
      ? relative(fileURLToPath(ROOT), fileURLToPath(new URL(specifier, new URL(from, ROOT)))).replaceAll("\\", "/")
      : specifier,
  }));

const entries = [...Deno.readDirSync(ROOT)].filter(({ name }) => !name.startsWith(".") && name !== "node_modules");
const folders = entries.filter(({ name, isDirectory }) => isDirectory && filesOf(`${name}/`).length > 0)
  .map(({ name }) => name);
const program = [
  ...entries.filter(({ name, isFile }) => isFile && name.endsWith(".ts")).map(({ name }) => name),
  ...folders.filter((folder) => folder !== "tests" && folder !== "lint").flatMap((folder) => filesOf(`${folder}/`)),
].flatMap(importsOf);
const isOurs = ({ to }: Import) => to.endsWith(".ts") && !to.includes(":");
const text = (found: Import[]) => found.map(({ from, to }) => `${from} imports ${to}`);

/** Everything that a file brings with it. */
function reach(file: string, seen: Set<string> = new Set([file])): Set<string> {
  for (const found of program) {
    if (found.from !== file || !isOurs(found) || seen.has(found.to)) continue;
    seen.add(found.to);
    reach(found.to, seen);
  }
  return seen;
}

Deno.test("the parser sees every way to name a module", () => {
  const source =
    `import a from "./a.ts"; import type { B } from "./b.ts"; export * from "./c.ts"; export { d } from "./d.ts";
    await import("./e.ts"); type F = import("./f.ts").F; new Worker(new URL("./g.ts", import.meta.url)); // import "./h.ts"
    new URL("./page.html", import.meta.url); new URL("../main.ts", import.meta.url); export const z = 1;`;
  assert.deepEqual(
    specifiersOf(source, "a.ts").sort(),
    ["a", "b", "c", "d", "e", "f", "g"].map((name) => `./${name}.ts`),
  );
});

Deno.test("every folder with code has its place in the order", () => {
  const known = [...Object.keys(MAY_IMPORT), "lint", "tests"];
  assert.deepEqual(folders.filter((folder) => !known.includes(folder)), []);
  assert.ok(program.filter(isOurs).length > folders.length, "the files were read");
});

for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
  Deno.test(`${folder}/ imports only ${["its own files", ...allowed].join(", ")}`, () => {
    const wrong = program.filter((found) =>
      found.from.startsWith(`${folder}/`) && isOurs(found) &&
      ![`${folder}/`, ...allowed, ...EXCEPTIONS[found.from] ?? []].some((prefix) => found.to.startsWith(prefix))
    );
    assert.deepEqual(text(wrong), []);
  });
}

Deno.test("nothing of the program imports main.ts, the tests or the linter", () => {
  assert.deepEqual(text(program.filter(({ to }) => to === "main.ts" || /^(tests|lint)\//.test(to))), []);
});

Deno.test("the protocol files bring nothing but core and each other", () => {
  const brought = new Set(PROTOCOL.flatMap((file) => [...reach(file)]));
  assert.deepEqual([...brought].filter((file) => !file.startsWith("core/") && !PROTOCOL.includes(file)), []);
});

Deno.test("what runs in a send worker brings nothing of capture, mix, control", () => {
  assert.deepEqual(
    [...reach("workers/send_worker.ts")].filter((file) => /^(capture|mix|control|listen)\//.test(file)),
    [],
  );
});

Deno.test("everything from outside is built in or pinned to npm in deno.json", () => {
  const pinned: Record<string, string> = manifest.imports;
  for (const [name, target] of Object.entries(pinned)) assert.match(target, /^npm:.+@\d+\.\d+\.\d+(\/.+)?$/, name);
  const outside = program.filter(({ to }) => !/\.(ts|json)$/.test(to) && !to.startsWith("node:"));
  assert.deepEqual(
    text(outside.filter(({ to }) => !Object.keys(pinned).some((name) => to === name || to.startsWith(`${name}/`)))),
    [],
  );
});
