/**
 * libopus with its memory: our own build (opus.wasm beside this file, where `deno task build:opus` was run), else the
 * emscripten module inside npm libopus-wasm. That package's own encoder makes two arrays and four C++ allocations for each
 * packet; what calls these functions itself makes none. They are what the package is built from, not what it documents:
 * its version is pinned, and {@link loadLibopus} refuses a module of another shape. Loading allocates; the functions
 * don't. Any thread; {@link codecOf} reads a file.
 */
import manifest from "../deno.json" with { type: "json" };

/** Which libopus: our own build where there is one, our own build, the package's. */
export type CodecChoice = "auto" | "own" | "package";

/** Our own build, compiled, as workers get it; null: the package's. */
export type Codec = WebAssembly.Module | null;

/** The functions and views that we use, as emscripten exports them. Pointers are bytes into the views' memory. */
export interface Libopus {
  /** All views are replaced when the memory grows (the package's does): never keep one. */
  readonly HEAPU8: Uint8Array;
  readonly HEAP32: Int32Array;
  readonly HEAPF32: Float32Array;
  /** 0 when there is no memory left. */
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  /** OpusEncoder *opus_encoder_create(opus_int32 rate, int channels, int application, int *error) */
  _oc_create_encoder(rate: number, channels: number, application: number, error: number): number;
  _oc_destroy_encoder(encoder: number): void;
  /** opus_encoder_ctl for requests that take one number. @returns 0, or an error's negative number */
  _oc_encoder_ctl(encoder: number, request: number, value: number): number;
  /**
   * Takes `count` pieces: each four Int32 words, the encoder, from where, to where, how many samples of all its channels.
   * Our own build takes the high pass before an encode along, for four encoders at once.
   */
  _oc_gather(pieces: number, count: number): void;
  /** opus_encode_float, of what was gathered. @returns bytes of the packet, or an error's negative number */
  _oc_encode_float(encoder: number, pcm: number, frame: number, packet: number, maxBytes: number): number;
  _oc_strerror(error: number): number;
  UTF8ToString(text: number): string;
}

const FUNCTIONS = [
  "_malloc",
  "_free",
  "_oc_create_encoder",
  "_oc_destroy_encoder",
  "_oc_encoder_ctl",
  "_oc_gather",
  "_oc_encode_float",
  "_oc_strerror",
] as const satisfies (keyof Libopus)[];
const NAMES = ["HEAPU8", "HEAP32", "HEAPF32", "UTF8ToString", ...FUNCTIONS] as const satisfies (keyof Libopus)[];

/** What the C compiler calls them: the same without the underscore. */
type OwnExports = Readonly<Record<string, (...words: number[]) => number>>;

/** Int32 words of a piece, as {@link Libopus._oc_gather} takes them. */
export const PIECE_WORDS = 4;

/** Where the package keeps it, relative to its entry point. */
const GENERATED = "./generated/libopus.generated.mjs";

/** Where `deno task build:opus` puts it. */
export const OWN_BUILD = new URL("./opus.wasm", import.meta.url);

/** @throws Error when it must be our own build and there is none. */
export function codecOf(choice: CodecChoice = "auto", own: URL = OWN_BUILD): Codec {
  if (choice === "package") return null;
  try {
    return new WebAssembly.Module(Deno.readFileSync(own));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (choice === "auto") return null;
    throw new Error("cannot load our own libopus: there is none, deno task build:opus makes it");
  }
}

/** A libopus with memory of its own, and what it is called. @throws Error if the package holds something else. */
export async function loadLibopus(codec: Codec): Promise<{ libopus: Libopus; name: string }> {
  if (codec !== null) return loadOwn(codec);
  const place = new URL(GENERATED, import.meta.resolve("libopus-wasm")).href;
  const { default: create } = await import(place) as { default: () => Promise<Omit<Libopus, "_oc_gather">> };
  const theirs = await create();
  return {
    libopus: checked(Object.assign(theirs, { _oc_gather: copies(theirs) }), place),
    name: manifest.imports["libopus-wasm"].replace(/^npm:(.*)@/, "$1 "),
  };
}

/** The package encodes what was copied; `views`: as they are at that moment. */
function copies(views: Pick<Libopus, "HEAP32" | "HEAPF32">): Libopus["_oc_gather"] {
  return (pieces, count) => {
    const words = views.HEAP32, samples = views.HEAPF32;
    for (let at = pieces / 4; count > 0; count--, at += PIECE_WORDS) {
      const from = words[at + 1] / 4, to = words[at + 2] / 4, n = words[at + 3];
      for (let i = 0; i < n; i++) samples[to + i] = samples[from + i];
    }
  };
}

function loadOwn(codec: WebAssembly.Module): { libopus: Libopus; name: string } {
  const { memory, ...functions } = new WebAssembly.Instance(codec).exports;
  const own = functions as OwnExports, { buffer } = memory as WebAssembly.Memory;
  const bytes = new Uint8Array(buffer);
  const text = (at: number) => new TextDecoder().decode(bytes.slice(at, bytes.indexOf(0, at)));
  const libopus = {
    HEAPU8: bytes,
    HEAP32: new Int32Array(buffer),
    HEAPF32: new Float32Array(buffer),
    UTF8ToString: text,
    ...Object.fromEntries(FUNCTIONS.map((name) => [name, own[name.slice(1)]])),
  };
  return {
    libopus: checked(libopus as unknown as Libopus, "our own build, which deno task build:opus makes anew,"),
    name: `${text(own.opus_get_version_string())}, own build, SIMD`,
  };
}

function checked(libopus: Libopus, place: string): Libopus {
  const missing = NAMES.filter((name) => libopus[name] === undefined);
  if (missing.length > 0) throw new Error(`cannot load libopus: ${place} has no ${missing.join(", ")}`);
  return libopus;
}
