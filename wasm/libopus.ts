/**
 * libopus with its memory: the emscripten module inside npm libopus-wasm. The package's own encoder makes two arrays and
 * four C++ allocations for each packet; what calls these functions itself makes none. They are what the package is built
 * from, not what it documents: its version is pinned, and {@link loadLibopus} refuses a module of another shape. Loading
 * allocates; the functions don't. Any thread.
 */

/** The functions and views that we use, as emscripten exports them. Pointers are bytes into the views' memory. */
export interface Libopus {
  /** All views are replaced when the memory grows: never keep one. */
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
  /** opus_encode_float. @returns bytes of the packet, or an error's negative number */
  _oc_encode_float(encoder: number, pcm: number, frame: number, packet: number, maxBytes: number): number;
  _oc_strerror(error: number): number;
  _oc_get_version_string(): number;
  UTF8ToString(text: number): string;
}

const NAMES = [
  "HEAPU8",
  "HEAP32",
  "HEAPF32",
  "_malloc",
  "_free",
  "_oc_create_encoder",
  "_oc_destroy_encoder",
  "_oc_encoder_ctl",
  "_oc_encode_float",
  "_oc_strerror",
  "_oc_get_version_string",
  "UTF8ToString",
] as const satisfies (keyof Libopus)[];

/** Where the package keeps it, relative to its entry point. */
const GENERATED = "./generated/libopus.generated.mjs";

/** Compiles a libopus with memory of its own. @throws Error if the package holds something else. */
export async function loadLibopus(): Promise<Libopus> {
  const place = new URL(GENERATED, import.meta.resolve("libopus-wasm")).href;
  const { default: create } = await import(place) as { default: () => Promise<Libopus> };
  const libopus = await create();
  const missing = NAMES.filter((name) => !(name in libopus));
  if (missing.length > 0) throw new Error(`cannot load libopus: ${place} has no ${missing.join(", ")}`);
  return libopus;
}
