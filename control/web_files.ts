/**
 * The page's files, read and compressed once. In: the folder web/, and the npm packages that deno.json's import map names
 * below /vendor/ (so that browser and type checker find the same ones). Out: each path's bytes, plain, gzip and brotli.
 * Nothing that isn't in this list is ever read. Control worker; allocates.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import manifest from "../deno.json" with { type: "json" };

const FOLDER = new URL("../web/", import.meta.url);
const VENDOR = "/vendor/";
/** Quality 9 takes twice the time for three percent, 11 much more. */
const BROTLI_QUALITY = 5;
/** Below it, compressing gains nothing. */
const SHORT_BYTES = 200;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

export type Coding = "identity" | "gzip" | "br";

export interface WebFile {
  readonly type: string;
  /** Strong, of the plain bytes, without quotes. */
  readonly tag: string;
  readonly bytes: Readonly<Record<Coding, Uint8Array<ArrayBuffer>>>;
  /** Modules that it imports, and those that they import: absolute paths. */
  readonly modules: readonly string[];
}

/** Never called. What is named here is fetched together with the program, and embedded in a compiled one. */
export const EMBEDDED =
  () => [import("/vendor/preact.js"), import("/vendor/uplot.js"), import("/vendor/uqr.js"), import("libopus-wasm")];

/** Files of packages that name them to nobody: beside the package's entry. The Opus decoder, for listening. */
const INNER: Readonly<Record<string, readonly [name: string, file: string]>> = {
  [`${VENDOR}libopus.js`]: ["libopus-wasm", "./generated/libopus.generated.mjs"],
};

/** Where the vendored files lie on this machine: what the control worker must be allowed to read beside our own. */
export function vendorFiles(): Map<string, string> {
  const named = Object.keys(manifest.imports).filter((name) => name.startsWith(VENDOR))
    .map((path) => [path, import.meta.resolve(path)]);
  const inner = Object.entries(INNER).map((
    [path, [name, file]],
  ) => [path, new URL(file, import.meta.resolve(name)).href]);
  return new Map([...named, ...inner].map(([path, url]) => [path, fileURLToPath(url)]));
}

/** Paths below `/web/` → files on this machine. */
function ownFiles(): Map<string, string> {
  const folder = fileURLToPath(FOLDER);
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name);
  return new Map(
    names.filter((name) => extname(name) in TYPES).sort().map((name) => [`/web/${name}`, `${folder}${name}`]),
  );
}

/** Every path that is served. */
export const webPaths = (): string[] => [...ownFiles().keys(), ...vendorFiles().keys()];

const IMPORT = /(?:^|[;\n])\s*(?:import|export)\s*(?:[\w*{}\s,$]+from\s*)?["']([^"']+)["']/g;
const SCRIPT = /<script[^>]*type="module"[^>]*src="([^"]+)"/g;

/** What a page or a module names itself: absolute paths. */
function namedBy(path: string, text: string): string[] {
  const found = [...text.matchAll(path.endsWith(".html") ? SCRIPT : IMPORT)].map(([, name]) => name);
  return found.map((name) => new URL(name, `http://page${path}`).pathname);
}

/** Everything that is loaded with `path`. */
function reach(path: string, named: (path: string) => readonly string[], seen = new Set<string>()): Set<string> {
  for (const next of named(path)) {
    if (seen.has(next)) continue;
    seen.add(next);
    reach(next, named, seen);
  }
  return seen;
}

async function compressed(bytes: Uint8Array<ArrayBuffer>): Promise<WebFile["bytes"]> {
  if (bytes.length < SHORT_BYTES) return { identity: bytes, gzip: bytes, br: bytes };
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } };
  const [small, smaller] = await Promise.all([
    promisify(gzip)(bytes, { level: 9 }),
    promisify<Uint8Array, typeof brotli, Uint8Array>(brotliCompress)(bytes, brotli),
  ]);
  return { identity: bytes, gzip: new Uint8Array(small), br: new Uint8Array(smaller) };
}

/** All that is served, by path. Compressing goes on in other threads. */
export async function readWebFiles(): Promise<ReadonlyMap<string, WebFile>> {
  const read = [...ownFiles(), ...vendorFiles()].map(([path, file]) => ({
    path,
    bytes: new Uint8Array(readFileSync(file)),
  }));
  const texts = new Map(read.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
  const named = (path: string) => namedBy(path, texts.get(path) ?? "");
  const files = read.map(async ({ path, bytes }): Promise<[string, WebFile]> => [path, {
    type: TYPES[extname(path)],
    tag: createHash("sha256").update(bytes).digest("base64url").slice(0, 22),
    bytes: await compressed(bytes),
    modules: path.endsWith(".html") ? [...reach(path, named)] : [],
  }]);
  return new Map(await Promise.all(files));
}
