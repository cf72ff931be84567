/**
 * PortAudio for the rest of the program, and its input stream. In: a device. Out: blocks, by polling: a blocking read
 * could never be cancelled, and a JavaScript callback would make PortAudio's thread wait for the isolate. Any thread,
 * one at a time; what is marked @hot allocates nothing.
 */
import { openStream, type PortAudio } from "./host.ts";
import { type Library, readStreamInfo } from "./native.ts";

export { type Device, PortAudio, PortAudioError } from "./host.ts";
export { HOW_TO_INSTALL, PortAudioMissing } from "./native.ts";
export { type PlaybackOptions, PlaybackStream } from "./playback.ts";

/** PaErrorCode paInputOverflowed: samples were lost before this read. */
export const INPUT_OVERFLOWED = -9981;
/** Periods of 128 frames in ALSA's buffer: 43 ms. On input more of them add no delay, since each is read as it comes. */
const PERIODS = 16;

/** A started input stream, interleaved float32 at 48 kHz. Close it before PortAudio. */
export class CaptureStream implements AsyncDisposable {
  readonly #symbols: Library["symbols"];
  #stream: Deno.PointerValue;
  /** What PortAudio says of the delay before a sample can be read, in seconds. */
  readonly inputLatency: number;

  private constructor(symbols: Library["symbols"], stream: Deno.PointerObject) {
    this.#symbols = symbols;
    this.#stream = stream;
    this.inputLatency = readStreamInfo(symbols.Pa_GetStreamInfo(stream)!).inputLatency;
  }

  /** `device`: an index, or an ALSA PCM's name. `latencySeconds` as the device wants it. @throws PortAudioError */
  static async open(
    portaudio: PortAudio,
    device: number | string,
    channels: number,
    blockFrames: number,
    latencySeconds: number,
  ): Promise<CaptureStream> {
    const { symbols } = portaudio.library;
    symbols.PaAlsa_SetNumPeriods?.(PERIODS);
    const handle = await openStream(portaudio, "input", device, channels, blockFrames, latencySeconds);
    const stream = new CaptureStream(symbols, handle);
    try {
      portaudio.check(await symbols.Pa_StartStream(handle), `start input ${device}`);
    } catch (error) {
      await stream.close();
      throw error;
    }
    return stream;
  }

  /** @hot Frames that can be read without waiting, or a negative PaErrorCode. */
  available(): number {
    return this.#symbols.Pa_GetStreamReadAvailable(this.#stream);
  }

  /** @hot Reads `frames` frames (a bigint, made once) to `address`. @returns 0, or a PaErrorCode; after INPUT_OVERFLOWED the data is good. */
  read(address: Deno.PointerValue, frames: bigint): number {
    return this.#symbols.Pa_ReadStream(this.#stream, address, frames);
  }

  /** Aborts and closes, on a thread of its own: with a dead device either may take long. May be called twice. */
  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) return;
    this.#stream = null;
    await this.#symbols.Pa_AbortStream(stream);
    await this.#symbols.Pa_CloseStream(stream);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
