/**
 * Keeps C libraries from writing to stderr: PortAudio's search for devices makes ALSA and JACK print up to a hundred
 * lines, and it adds some of its own for each device that doesn't open. In, out: nothing. Any thread; what it sets holds
 * for the whole process; allocates. Linux with glibc only: elsewhere nothing of this is printed.
 */
import { addressOf, openAny } from "./linker.ts";

/** A function of libc that ignores what it is given, whatever that is, and changes nothing. */
const NO_OP = "getpid";

const ALSA = {
  /** int snd_lib_error_set_handler(snd_lib_error_handler_t handler) */
  snd_lib_error_set_handler: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const JACK = {
  /** void jack_set_error_function(void (*)(const char *)) */
  jack_set_error_function: { parameters: ["pointer"], result: "void" },
  /** void jack_set_info_function(void (*)(const char *)) */
  jack_set_info_function: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

let hushed = false;

/**
 * For good: the error handlers of ALSA and JACK become a C function that does nothing. A callback into this isolate would
 * be called from their threads, and wait for ours. Call it before Pa_Initialize. Where there is no ALSA or no JACK, nothing happens. */
export function hush(): void {
  if (hushed) return;
  hushed = true;
  const nothing = addressOf(NO_OP);
  // Null would bring the printing handlers back.
  if (nothing === null) return;
  openAny(["libasound.so.2"], ALSA)?.snd_lib_error_set_handler(nothing);
  const jack = openAny(["libjack.so.0"], JACK);
  jack?.jack_set_error_function(nothing);
  jack?.jack_set_info_function(nothing);
}

const STDIO = {
  /** FILE *fopen(const char *path, const char *mode) */
  fopen: { parameters: ["buffer", "buffer"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const cString = (text: string) => new TextEncoder().encode(text + "\0");

/** C's own `stderr`, a variable of 8 bytes, with what it holds normally and what it holds in silence. */
function findStderr() {
  const variable = addressOf("stderr"), normal = addressOf("_IO_2_1_stderr_");
  const silence = openAny(["libc.so.6"], STDIO)?.fopen(cString("/dev/null"), cString("w")) ?? null;
  if (variable === null || normal === null || silence === null) return null;
  return {
    variable: new BigUint64Array(Deno.UnsafePointerView.getArrayBuffer(variable, 8)),
    normal: BigInt(Deno.UnsafePointer.value(normal)),
    silence: BigInt(Deno.UnsafePointer.value(silence)),
  };
}

let stderr: ReturnType<typeof findStderr> | undefined;
let depth = 0;

function quiet(deeper: 1 | -1): void {
  stderr ??= findStderr();
  depth += deeper;
  if (stderr !== null) stderr.variable[0] = depth > 0 ? stderr.silence : stderr.normal;
}

/** Meanwhile C's stdio prints nothing to stderr; our own log, which writes to the descriptor, does. */
export function quietly<Result>(work: () => Result): Result {
  quiet(1);
  try {
    return work();
  } finally {
    quiet(-1);
  }
}

/** As {@link quietly}, until the promise settles. */
export async function quietlyAside<Result>(work: () => Promise<Result>): Promise<Result> {
  quiet(1);
  try {
    return await work();
  } finally {
    quiet(-1);
  }
}
