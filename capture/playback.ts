/**
 * Playing through PortAudio, for the listener. In: interleaved float32 blocks at 48 kHz. Out: sound. The device is the
 * clock: whoever plays asks how much fits, and writes no more. One thread; `writable` and `queued` allocate
 * nothing, `write` one small number.
 */
import { SAMPLE_RATE } from "../core/units.ts";
import { type Library, readStreamInfo } from "./native.ts";
import { openStream, PortAudio } from "./host.ts";

/** PaErrorCode paOutputUnderflowed: the device ran dry before this write. */
const OUTPUT_UNDERFLOWED = -9980;

export interface PlaybackOptions {
  /** Frames that are written at a time: the device's period is made to fit. Default 128. */
  readonly blockFrames?: number;
  /** Default: the device's low latency; for an ALSA PCM four blocks. */
  readonly latencySeconds?: number;
}

/** A started output stream; owns its PortAudio. */
export class PlaybackStream implements AsyncDisposable {
  readonly #portaudio: PortAudio;
  readonly #symbols: Library["symbols"];
  #stream: Deno.PointerValue;
  /** For people. */
  readonly name: string;
  readonly channels: number;
  /** What PortAudio says of the delay between a write and the sound, in milliseconds. */
  readonly latencyMs: number;
  /** Frames that fit when nothing waits to be played. */
  readonly capacity: number;
  /** Times that the device ran dry. */
  underflows = 0;

  private constructor(portaudio: PortAudio, stream: Deno.PointerObject, name: string, channels: number) {
    this.#portaudio = portaudio;
    this.#symbols = portaudio.library.symbols;
    this.#stream = stream;
    this.name = name;
    this.channels = channels;
    this.latencyMs = readStreamInfo(this.#symbols.Pa_GetStreamInfo(stream)!).outputLatency * 1000;
    this.capacity = this.#symbols.Pa_GetStreamWriteAvailable(stream);
  }

  /**
   * `target`: null for the default output, an index, part of a name, or "alsa:PCM".
   * @throws Error whose message lists the outputs that exist when none matches; PortAudioMissing; PortAudioError.
   */
  static async open(target: string | null, channels: number, options: PlaybackOptions = {}): Promise<PlaybackStream> {
    const { blockFrames = 128 } = options;
    const portaudio = new PortAudio();
    try {
      const found = findOutput(portaudio, target);
      const latency = options.latencySeconds ?? found.latencySeconds ?? 4 * blockFrames / SAMPLE_RATE;
      const handle = await openStream(portaudio, "output", found.device, channels, blockFrames, latency);
      try {
        portaudio.check(await portaudio.library.symbols.Pa_StartStream(handle), `start output ${found.name}`);
        return new PlaybackStream(portaudio, handle, found.name, channels);
      } catch (error) {
        await portaudio.library.symbols.Pa_CloseStream(handle);
        throw error;
      }
    } catch (error) {
      portaudio[Symbol.dispose]();
      throw error;
    }
  }

  /** @hot Frames that can be written without waiting; a negative PaErrorCode when the device is gone. */
  writable(): number {
    return this.#symbols.Pa_GetStreamWriteAvailable(this.#stream);
  }

  /** @hot Frames that wait to be played: a frame written now is heard after these and the device's own delay. */
  queued(): number {
    const writable = this.#symbols.Pa_GetStreamWriteAvailable(this.#stream);
    return writable < 0 || writable > this.capacity ? 0 : this.capacity - writable;
  }

  /**
   * @hot Writes `frames` frames from the start of `interleaved`; waits if more than {@link writable}.
   * @returns 0, or a negative PaErrorCode; an underflow is counted and is none.
   */
  write(interleaved: Float32Array<ArrayBuffer>, frames: number): number {
    const code = this.#symbols.Pa_WriteStream(this.#stream, interleaved, BigInt(frames));
    if (code !== OUTPUT_UNDERFLOWED) return code;
    this.underflows++;
    return 0;
  }

  /** Ends at once, without playing what waits. May be called twice. */
  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) return;
    this.#stream = null;
    await this.#symbols.Pa_AbortStream(stream);
    await this.#symbols.Pa_CloseStream(stream);
    this.#portaudio[Symbol.dispose]();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function findOutput(portaudio: PortAudio, target: string | null) {
  if (target?.startsWith("alsa:")) {
    return { device: target.slice("alsa:".length), name: target, latencySeconds: undefined };
  }
  const outputs = portaudio.devices().filter(({ outputs, isJack }) => outputs > 0 && !isJack);
  const index = target === null ? portaudio.defaultOutput() : /^\d+$/.test(target) ? Number(target) : NaN;
  const wanted = target?.toLowerCase() ?? "";
  const device = Number.isNaN(index)
    ? outputs.find(({ name, hostApi }) => `${hostApi}: ${name}`.toLowerCase().includes(wanted))
    : outputs.find((output) => output.index === index);
  if (device) return { device: device.index, name: device.name, latencySeconds: device.lowOutputLatency };
  const list = outputs.map((output) => `${output.index} ${output.name} (${output.hostApi})`).join(", ");
  throw new Error(`cannot play on ${target ?? "the default output"}: there is none; outputs: ${list || "none"}`);
}
