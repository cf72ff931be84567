/**
 * PortAudio's C face: the symbols, where the library is looked for, and the structures that cross the border. In:
 * library names and numbers. Out: pointers made into plain data. Opened at the first call, never at import, and mapped
 * until the process ends. Any thread; allocates.
 */
import { pin } from "./linker.ts";

/** PortAudio 19. A C `long` is 32 bits on Windows: sizes go in as usize, counts come back as their low 32 bits. */
export const SYMBOLS = {
  /** const char *Pa_GetVersionText(void) */
  Pa_GetVersionText: { parameters: [], result: "pointer" },
  /** PaError Pa_Initialize(void) */
  Pa_Initialize: { parameters: [], result: "i32" },
  /** PaError Pa_Terminate(void) */
  Pa_Terminate: { parameters: [], result: "i32" },
  /** The same, on threads of their own: looking for devices takes 0.1 s and more. */
  initializeAside: { name: "Pa_Initialize", parameters: [], result: "i32", nonblocking: true },
  terminateAside: { name: "Pa_Terminate", parameters: [], result: "i32", nonblocking: true },
  /** const char *Pa_GetErrorText(PaError) */
  Pa_GetErrorText: { parameters: ["i32"], result: "pointer" },
  /** const PaHostErrorInfo *Pa_GetLastHostErrorInfo(void) */
  Pa_GetLastHostErrorInfo: { parameters: [], result: "pointer" },
  /** PaHostApiIndex Pa_GetHostApiCount(void) */
  Pa_GetHostApiCount: { parameters: [], result: "i32" },
  /** const PaHostApiInfo *Pa_GetHostApiInfo(PaHostApiIndex) */
  Pa_GetHostApiInfo: { parameters: ["i32"], result: "pointer" },
  /** PaDeviceIndex Pa_GetDeviceCount(void) */
  Pa_GetDeviceCount: { parameters: [], result: "i32" },
  /** const PaDeviceInfo *Pa_GetDeviceInfo(PaDeviceIndex) */
  Pa_GetDeviceInfo: { parameters: ["i32"], result: "pointer" },
  /** PaDeviceIndex Pa_GetDefaultInputDevice(void) */
  Pa_GetDefaultInputDevice: { parameters: [], result: "i32" },
  /** PaDeviceIndex Pa_GetDefaultOutputDevice(void) */
  Pa_GetDefaultOutputDevice: { parameters: [], result: "i32" },
  /** PaError Pa_IsFormatSupported(const PaStreamParameters *in, const PaStreamParameters *out, double rate) */
  Pa_IsFormatSupported: { parameters: ["buffer", "buffer", "f64"], result: "i32" },
  /**
   * PaError Pa_OpenStream(PaStream **, const PaStreamParameters *in, const PaStreamParameters *out, double rate,
   * unsigned long framesPerBuffer, PaStreamFlags, PaStreamCallback *, void *userData). On a thread of its own, as all
   * that may hang when a device dies.
   */
  Pa_OpenStream: {
    parameters: ["buffer", "buffer", "buffer", "f64", "usize", "usize", "pointer", "pointer"],
    result: "i32",
    nonblocking: true,
  },
  /** PaError Pa_StartStream(PaStream *) */
  Pa_StartStream: { parameters: ["pointer"], result: "i32", nonblocking: true },
  /** PaError Pa_AbortStream(PaStream *) */
  Pa_AbortStream: { parameters: ["pointer"], result: "i32", nonblocking: true },
  /** PaError Pa_CloseStream(PaStream *) */
  Pa_CloseStream: { parameters: ["pointer"], result: "i32", nonblocking: true },
  /** const PaStreamInfo *Pa_GetStreamInfo(PaStream *) */
  Pa_GetStreamInfo: { parameters: ["pointer"], result: "pointer" },
  /** signed long Pa_GetStreamReadAvailable(PaStream *) */
  Pa_GetStreamReadAvailable: { parameters: ["pointer"], result: "i32" },
  /** PaError Pa_ReadStream(PaStream *, void *buffer, unsigned long frames) */
  Pa_ReadStream: { parameters: ["pointer", "pointer", "usize"], result: "i32" },
  /** signed long Pa_GetStreamWriteAvailable(PaStream *) */
  Pa_GetStreamWriteAvailable: { parameters: ["pointer"], result: "i32" },
  /** PaError Pa_WriteStream(PaStream *, const void *buffer, unsigned long frames) */
  Pa_WriteStream: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  /** PaError PaAlsa_SetNumPeriods(int); only where PortAudio was built with ALSA */
  PaAlsa_SetNumPeriods: { parameters: ["i32"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

export type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const NAMES: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  linux: [
    "libportaudio.so.2",
    "libportaudio.so",
    "/usr/lib/x86_64-linux-gnu/libportaudio.so.2",
    "/usr/lib/aarch64-linux-gnu/libportaudio.so.2",
    "/usr/lib/arm-linux-gnueabihf/libportaudio.so.2",
    "/usr/lib64/libportaudio.so.2",
    "/usr/lib/libportaudio.so.2",
    "/usr/local/lib/libportaudio.so.2",
  ],
  darwin: [
    "/opt/homebrew/lib/libportaudio.2.dylib",
    "/usr/local/lib/libportaudio.2.dylib",
    "/opt/local/lib/libportaudio.2.dylib",
    "libportaudio.2.dylib",
  ],
  windows: ["portaudio.dll", "portaudio_x64.dll", "libportaudio.dll", "libportaudio-2.dll"],
};

/** How to get PortAudio, for people. */
export const HOW_TO_INSTALL = "Debian, Ubuntu, Raspberry Pi OS: apt install libportaudio2; " +
  "Fedora: dnf install portaudio; Arch: pacman -S portaudio; macOS: brew install portaudio; " +
  "Windows: portaudio.dll beside the program";

/** There is no PortAudio, or it can't be loaded. */
export class PortAudioMissing extends Error {
  override name = "PortAudioMissing";
}

export interface Library {
  /** The name under which it was found. */
  readonly name: string;
  readonly symbols: Symbols;
}

let loaded: Library | undefined;

/** Opens PortAudio, once in each isolate. `name`: where another isolate found it. @throws PortAudioMissing */
export function loadLibrary(name?: string): Library {
  if (loaded) return loaded;
  let reason = "";
  for (const candidate of name === undefined ? NAMES[Deno.build.os] ?? [] : [name]) {
    try {
      loaded = { name: candidate, symbols: Deno.dlopen(candidate, SYMBOLS).symbols };
      pin(candidate);
      return loaded;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      const message = error instanceof Error ? error.message : String(error);
      // A library that is there but broken says more than one that isn't.
      if (reason === "" || !/No such file|not found/i.test(message)) reason = message;
    }
  }
  throw new PortAudioMissing(`cannot load PortAudio: ${reason || `unknown on ${Deno.build.os}`}`);
}

/** The C string at a pointer, "" for null. */
export const text = (pointer: Deno.PointerValue): string =>
  pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);

/** struct PaHostErrorInfo { PaHostApiTypeId; long errorCode; const char *errorText; } */
export function readHostError(pointer: Deno.PointerValue): { code: number; text: string } | null {
  if (pointer === null) return null;
  const view = new Deno.UnsafePointerView(pointer), windows = Deno.build.os === "windows";
  return { code: view.getInt32(windows ? 4 : 8), text: text(view.getPointer(windows ? 8 : 16)) };
}

/** struct PaHostApiInfo { int version; PaHostApiTypeId type; const char *name; int deviceCount, … } */
export function readHostApi(pointer: Deno.PointerObject): { type: number; name: string } {
  const view = new Deno.UnsafePointerView(pointer);
  return { type: view.getInt32(4), name: text(view.getPointer(8)) };
}

/** struct PaDeviceInfo { int version; const char *name; int hostApi, maxIn, maxOut; double lowIn, lowOut, highIn, highOut, rate; } */
export function readDevice(pointer: Deno.PointerObject) {
  const view = new Deno.UnsafePointerView(pointer);
  return {
    name: text(view.getPointer(8)),
    hostApi: view.getInt32(16),
    inputs: view.getInt32(20),
    outputs: view.getInt32(24),
    /** Seconds. */
    lowInputLatency: view.getFloat64(32),
    lowOutputLatency: view.getFloat64(40),
    defaultRate: view.getFloat64(64),
  };
}

/** struct PaStreamInfo { int version; double inputLatency, outputLatency, sampleRate; }; seconds and Hz. */
export function readStreamInfo(pointer: Deno.PointerObject) {
  const view = new Deno.UnsafePointerView(pointer);
  return { inputLatency: view.getFloat64(8), outputLatency: view.getFloat64(16), rate: view.getFloat64(24) };
}

const PA_FLOAT32 = 1n, PA_ALSA = 8, USE_HOST_SPECIFIC_DEVICE = -2;

/**
 * struct PaStreamParameters { int device, channels; PaSampleFormat; double latency; void *hostSpecific; }, float32
 * interleaved. A string is an ALSA PCM's name, given by PaAlsaStreamInfo { unsigned long size; PaHostApiTypeId;
 * unsigned long version; const char *name; }. Raw pointers don't keep memory alive: hold `keep` until the call is over.
 */
export function streamParameters(device: number | string, channels: number, latencySeconds: number) {
  const bytes = new Uint8Array(32), view = new DataView(bytes.buffer);
  const keep: Uint8Array<ArrayBuffer>[] = [];
  const address = (memory: Uint8Array<ArrayBuffer>) => {
    keep.push(memory);
    return Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory));
  };
  view.setInt32(0, typeof device === "string" ? USE_HOST_SPECIFIC_DEVICE : device, true);
  view.setInt32(4, channels, true);
  view.setBigUint64(8, PA_FLOAT32, true);
  view.setFloat64(16, latencySeconds, true);
  if (typeof device === "string") {
    const info = new Uint8Array(32), infoView = new DataView(info.buffer);
    infoView.setBigUint64(0, 32n, true);
    infoView.setInt32(8, PA_ALSA, true);
    infoView.setBigUint64(16, 1n, true);
    infoView.setBigUint64(24, BigInt(address(new TextEncoder().encode(device + "\0"))), true);
    view.setBigUint64(24, BigInt(address(info)), true);
  }
  return { bytes, keep };
}
