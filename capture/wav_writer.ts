/**
 * Writes one float32 RIFF/WAVE file of any number of channels; past 4 GiB it becomes RF64 (EBU Tech 3306). In: interleaved
 * float32. Out: a file that says each second how much it holds, so that little is lost with the process. Any thread but the
 * sound's: it waits for the disk. Little-endian machines only, as all that Deno runs on.
 */

const HEADER_BYTES = 116;
/** RIFF's sizes have 32 bits; this one says that the true ones stand in the chunk ds64. */
const TOO_LONG = 2 ** 32 - 1;
const FORMAT_FLOAT = 3, FORMAT_EXTENSIBLE = 0xfffe;
/** The tail of the GUID KSDATAFORMAT_SUBTYPE_IEEE_FLOAT. */
const SUBTYPE_TAIL = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

/** A WAVE_FORMAT_EXTENSIBLE header for `frames` frames, no speaker positions given (mask 0). */
export function wavHeader(channels: number, sampleRate: number, frames: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES), view = new DataView(bytes.buffer);
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);
  const dataBytes = frames * channels * 4, riffBytes = HEADER_BYTES - 8 + dataBytes, long = riffBytes >= TOO_LONG;
  text(0, long ? "RF64" : "RIFF");
  view.setUint32(4, long ? TOO_LONG : riffBytes, true);
  text(8, long ? "WAVEds64" : "WAVEJUNK");
  view.setUint32(16, 28, true);
  if (long) [riffBytes, dataBytes, frames].forEach((size, i) => view.setBigUint64(20 + 8 * i, BigInt(size), true));
  text(48, "fmt ");
  view.setUint32(52, 40, true);
  view.setUint16(56, FORMAT_EXTENSIBLE, true);
  view.setUint16(58, channels, true);
  view.setUint32(60, sampleRate, true);
  view.setUint32(64, sampleRate * channels * 4, true);
  view.setUint16(68, channels * 4, true);
  view.setUint16(70, 32, true);
  view.setUint16(72, 22, true);
  view.setUint16(74, 32, true);
  view.setUint16(80, FORMAT_FLOAT, true);
  bytes.set(SUBTYPE_TAIL, 82);
  text(96, "fact");
  view.setUint32(100, 4, true);
  view.setUint32(104, long ? TOO_LONG : frames, true);
  text(108, "data");
  view.setUint32(112, long ? TOO_LONG : dataBytes, true);
  return bytes;
}

/** A file that grows; disposing is closing. */
export class WavWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #channels: number;
  readonly #sampleRate: number;
  #frames = 0;
  /** Frames by what the header says. */
  #said = 0;
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

  /** Appends `frames` frames from the start of `interleaved`. @throws Deno's own error, of a full disk, say. */
  write(interleaved: Float32Array, frames: number): void {
    this.#write(new Uint8Array(interleaved.buffer, interleaved.byteOffset, frames * this.#channels * 4));
    this.#frames += frames;
    if (this.#frames - this.#said < this.#sampleRate) return;
    this.#sayFrames();
    this.#file.seekSync(0, Deno.SeekMode.End);
  }

  /** May be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#sayFrames();
    this.#file.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  #sayFrames(): void {
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#write(wavHeader(this.#channels, this.#sampleRate, this.#frames));
    this.#said = this.#frames;
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }
}
