/**
 * Writes one float32 RIFF/WAVE file of any number of channels. In: interleaved float32. Out: a file whose sizes are
 * right once it is closed. Any thread but the sound's: it waits for the disk. Little-endian machines only, as all that
 * Deno runs on.
 */

const HEADER_BYTES = 80;
/** RIFF sizes are 32-bit: more audio than this can't be described in one file. */
const MAX_DATA_BYTES = 2 ** 32 - HEADER_BYTES;
const FORMAT_FLOAT = 3, FORMAT_EXTENSIBLE = 0xfffe;
/** The tail of the GUID KSDATAFORMAT_SUBTYPE_IEEE_FLOAT. */
const SUBTYPE_TAIL = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

/** A WAVE_FORMAT_EXTENSIBLE header for `frames` frames, no speaker positions given (mask 0). */
export function wavHeader(channels: number, sampleRate: number, frames: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES), view = new DataView(bytes.buffer);
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);
  const dataBytes = frames * channels * 4;
  text(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 40, true);
  view.setUint16(20, FORMAT_EXTENSIBLE, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * 4, true);
  view.setUint16(32, channels * 4, true);
  view.setUint16(34, 32, true);
  view.setUint16(36, 22, true);
  view.setUint16(38, 32, true);
  view.setUint32(40, 0, true);
  view.setUint16(44, FORMAT_FLOAT, true);
  bytes.set(SUBTYPE_TAIL, 46);
  text(60, "fact");
  view.setUint32(64, 4, true);
  view.setUint32(68, frames, true);
  text(72, "data");
  view.setUint32(76, dataBytes, true);
  return bytes;
}

/** A file that grows; disposing is closing. */
export class WavWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #channels: number;
  readonly #sampleRate: number;
  #frames = 0;
  #open = true;

  /** Creates or empties the file at `path`. @throws Deno's own error when it can't. */
  constructor(path: string, channels: number, sampleRate = 48_000) {
    if (!Number.isInteger(channels) || channels < 1 || channels > 16_383) {
      throw new RangeError(`cannot write WAV: channels must be 1 to 16383: is ${channels}`);
    }
    this.#channels = channels;
    this.#sampleRate = sampleRate;
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    this.#write(wavHeader(channels, sampleRate, 0));
  }

  /** Frames written so far. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Appends `frames` frames from the start of `interleaved`.
   * @returns the frames taken: fewer when the file has reached the 4 GiB that its format can describe.
   */
  write(interleaved: Float32Array, frames: number): number {
    const room = Math.floor(MAX_DATA_BYTES / (4 * this.#channels)) - this.#frames;
    const count = Math.min(frames, room);
    this.#write(new Uint8Array(interleaved.buffer, interleaved.byteOffset, count * this.#channels * 4));
    this.#frames += count;
    return count;
  }

  /** Writes the true sizes into the header. May be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#write(wavHeader(this.#channels, this.#sampleRate, this.#frames));
    this.#file.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }
}
