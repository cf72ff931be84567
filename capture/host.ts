/**
 * PortAudio as a whole: initialised and ended, asked for its devices, made to open a stream. In: device numbers, ALSA
 * PCMs by name. Out: plain lists, raw streams for portaudio.ts and playback.ts. Any thread, but one at a time:
 * PortAudio itself has no locks. Allocates.
 */
import { SAMPLE_RATE } from "../core/units.ts";
import { hush, quietly, quietlyAside } from "./hush.ts";
import { type Library, loadLibrary, readDevice, readHostApi, readHostError, streamParameters, text } from "./native.ts";

/** PaErrorCode. */
const UNANTICIPATED_HOST_ERROR = -9999, DEVICE_UNAVAILABLE = -9985, INVALID_SAMPLE_RATE = -9997;
/** PaHostApiTypeId paJACK, paALSA. */
const JACK = 12, ALSA = 8;

export class PortAudioError extends Error {
  override name = "PortAudioError";
  /** PaErrorCode. */
  readonly code: number;
  /** What the system's own sound interface said, where that is the cause. */
  readonly hostError: { readonly code: number; readonly text: string } | null;

  constructor(action: string, code: number, reason: string, hostError: PortAudioError["hostError"]) {
    const host = hostError === null ? "" : `: ${hostError.text} (${hostError.code})`;
    super(`cannot ${action}: ${reason} (${code})${host}`);
    this.code = code;
    this.hostError = hostError;
  }
}

export interface Device {
  readonly index: number;
  readonly name: string;
  readonly hostApi: string;
  readonly isJack: boolean;
  readonly isAlsa: boolean;
  readonly inputs: number;
  readonly outputs: number;
  /** Seconds. */
  readonly lowInputLatency: number;
  readonly lowOutputLatency: number;
  readonly defaultRate: number;
}

/** PortAudio, initialised. Dispose of every stream before it. */
export class PortAudio implements Disposable {
  readonly library: Library;
  #open = true;

  /** `libraryName`: where another isolate found it. @throws PortAudioMissing, PortAudioError */
  constructor(libraryName?: string) {
    hush();
    this.library = loadLibrary(libraryName);
    this.check(quietly(() => this.library.symbols.Pa_Initialize()), "initialise PortAudio");
  }

  /** "PortAudio V19.6.0-devel, revision …". */
  get version(): string {
    return text(this.library.symbols.Pa_GetVersionText());
  }

  /** @throws PortAudioError if `code` is negative. @returns it otherwise. */
  check(code: number, action: string): number {
    if (code >= 0) return code;
    const { symbols } = this.library;
    const host = code === UNANTICIPATED_HOST_ERROR ? readHostError(symbols.Pa_GetLastHostErrorInfo()) : null;
    throw new PortAudioError(action, code, text(symbols.Pa_GetErrorText(code)), host);
  }

  errorText(code: number): string {
    return text(this.library.symbols.Pa_GetErrorText(code));
  }

  hostApis(): string[] {
    const { symbols } = this.library;
    const count = this.check(symbols.Pa_GetHostApiCount(), "list the host APIs");
    return Array.from({ length: count }, (_, i) => readHostApi(symbols.Pa_GetHostApiInfo(i)!).name);
  }

  /** All devices as PortAudio found them when it was initialised, inputs and outputs. */
  devices(): Device[] {
    const { symbols } = this.library;
    const count = this.check(symbols.Pa_GetDeviceCount(), "list the devices");
    return Array.from({ length: count }, (_, index) => {
      const { hostApi, ...device } = readDevice(symbols.Pa_GetDeviceInfo(index)!);
      const api = readHostApi(symbols.Pa_GetHostApiInfo(hostApi)!);
      return { index, ...device, hostApi: api.name, isJack: api.type === JACK, isAlsa: api.type === ALSA };
    });
  }

  /** Index of the default device, or −1. */
  defaultInput(): number {
    return this.library.symbols.Pa_GetDefaultInputDevice();
  }
  defaultOutput(): number {
    return this.library.symbols.Pa_GetDefaultOutputDevice();
  }

  /** Whether `device` takes `channels` inputs of float32 at 48 kHz: "yes", "busy", or why not. */
  supports(device: Device, channels: number): string {
    const { symbols } = this.library;
    const { bytes } = streamParameters(device.index, channels, device.lowInputLatency);
    const code = quietly(() => symbols.Pa_IsFormatSupported(bytes, null, SAMPLE_RATE));
    if (code >= 0) return "yes";
    if (code === DEVICE_UNAVAILABLE) return "busy";
    if (code === INVALID_SAMPLE_RATE) return "not at 48 kHz";
    return text(symbols.Pa_GetErrorText(code));
  }

  /**
   * False while PortAudio is a client of a JACK server: its Pa_Terminate asserts, and takes the process along, when that
   * server has died meanwhile, and nobody can say that it hasn't.
   */
  get #mayTerminate(): boolean {
    const { symbols } = this.library;
    const count = symbols.Pa_GetHostApiCount();
    for (let i = 0; i < count; i++) if (readHostApi(symbols.Pa_GetHostApiInfo(i)!).type === JACK) return false;
    return true;
  }

  /** Looks for devices anew, aside from this thread. Every stream must be closed; what was found before is void. */
  async rescan(): Promise<void> {
    if (!this.#mayTerminate) return;
    await this.library.symbols.terminateAside();
    this.check(await quietlyAside(() => this.library.symbols.initializeAside()), "initialise PortAudio again");
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#mayTerminate) this.library.symbols.Pa_Terminate();
  }
}

/** Flags of Pa_OpenStream: paClipOff | paDitherOff: float32 is neither clipped nor dithered on its way. */
const RAW = 3n;
/** Opens, not yet started. `direction` decides which side the parameters are for. @throws PortAudioError */
export async function openStream(
  portaudio: PortAudio,
  direction: "input" | "output",
  device: number | string,
  channels: number,
  blockFrames: number,
  latencySeconds: number,
): Promise<Deno.PointerObject> {
  const { symbols } = portaudio.library;
  const parameters = streamParameters(device, channels, latencySeconds);
  const handle = new BigUint64Array(1);
  const input = direction === "input" ? parameters.bytes : null;
  const output = direction === "output" ? parameters.bytes : null;
  const code = await quietlyAside(() =>
    symbols.Pa_OpenStream(handle, input, output, SAMPLE_RATE, BigInt(blockFrames), RAW, null, null)
  );
  // Named after the call, so that what its pointers point at lives until here.
  parameters.keep.length = 0;
  portaudio.check(code, `open ${direction} ${device}`);
  const stream = Deno.UnsafePointer.create(handle[0]);
  if (stream === null) throw new Error(`cannot open ${direction} ${device}: PortAudio gave no stream`);
  return stream;
}
