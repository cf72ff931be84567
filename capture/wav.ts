/**
 * RIFF/WAVE files. Reading: PCM of 16, 24, 32 bits or float of 32, 64 bits, plain or WAVE_FORMAT_EXTENSIBLE, 1 to 64
 * channels at 48 kHz; everything else is refused with a reason, and nothing in a file is believed. Writing: float32.
 * In: a file. Out: interleaved float32, full scale ±1. Any thread; only the reader's `render` is allocation-free.
 */
import { MAX_CHANNELS, SAMPLE_RATE } from "../core/units.ts";

/** A file is held in memory, so that no disk is ever waited for while it plays; more than this wouldn't fit beside the rest on a small machine. */
export const MAX_WAV_BYTES = 2 ** 31;
/** Enough for any real header; a hostile one could chain empty chunks for ever. */
const MAX_CHUNKS = 1000;
const FORMAT_PCM = 1, FORMAT_FLOAT = 3, FORMAT_EXTENSIBLE = 0xfffe;
/** The tail of the GUIDs KSDATAFORMAT_SUBTYPE_…; their first two bytes are the plain format tag. */
const SUBTYPE_TAIL = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

export class WavError extends Error {
  override name = "WavError";
}

export type WavEncoding = "pcm16" | "pcm24" | "pcm32" | "float32" | "float64";

/** What a header says, checked against the file. */
export interface WavFormat {
  readonly channels: number;
  readonly encoding: WavEncoding;
  /** Samples of each channel. */
  readonly frames: number;
  /** Bytes of one sample of every channel. */
  readonly frameBytes: number;
  /** Where the audio begins in the file, in bytes. */
  readonly dataAt: number;
}

const tag = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** Fills `into` from the file's `position` on. @returns the bytes that were there. */
function readAt(file: Deno.FsFile, position: number, into: Uint8Array): number {
  file.seekSync(position, Deno.SeekMode.Start);
  let got = 0;
  while (got < into.length) {
    const count = file.readSync(into.subarray(got));
    if (count === null) break;
    got += count;
  }
  return got;
}

function encodingOf(format: number, bits: number): WavEncoding {
  const encoding = `${format === FORMAT_PCM ? "pcm" : "float"}${bits}`;
  switch (encoding) {
    case "pcm16":
    case "pcm24":
    case "pcm32":
    case "float32":
    case "float64":
      return encoding;
  }
  throw new WavError(`${bits}-bit ${format === FORMAT_PCM ? "PCM" : "float"}: must be PCM 16, 24, 32 or float 32, 64`);
}

/** Reads the fmt chunk's content. */
function formatOf(chunk: Uint8Array): Pick<WavFormat, "channels" | "encoding" | "frameBytes"> {
  if (chunk.length < 16) throw new WavError("its fmt chunk is too short");
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  let format = view.getUint16(0, true);
  const channels = view.getUint16(2, true), rate = view.getUint32(4, true);
  const frameBytes = view.getUint16(12, true), bits = view.getUint16(14, true);
  if (format === FORMAT_EXTENSIBLE) {
    if (chunk.length < 40 || SUBTYPE_TAIL.some((byte, i) => chunk[26 + i] !== byte)) {
      throw new WavError("its extensible format is unknown");
    }
    format = view.getUint16(24, true);
  }
  if (format !== FORMAT_PCM && format !== FORMAT_FLOAT) {
    throw new WavError(`format ${format}: must be PCM or float, not compressed`);
  }
  const encoding = encodingOf(format, bits);
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw new WavError(`${channels} channels: must be 1 to ${MAX_CHANNELS}`);
  }
  if (rate !== SAMPLE_RATE) throw new WavError(`${rate} Hz: must be ${SAMPLE_RATE} Hz`);
  if (frameBytes !== channels * bits / 8) {
    throw new WavError(`${frameBytes} bytes a frame: must be ${channels * bits / 8} for ${channels} × ${bits} bits`);
  }
  return { channels, encoding, frameBytes };
}

/** Reads and checks the header of an open file. @throws WavError with the reason why it can't be played. */
export function readWavFormat(file: Deno.FsFile): WavFormat {
  const { size, isFile } = file.statSync();
  if (!isFile) throw new WavError("it is not a regular file");
  if (size > MAX_WAV_BYTES) {
    throw new WavError(`it has ${size} bytes: at most ${MAX_WAV_BYTES} are played, because it is held in memory`);
  }
  const head = new Uint8Array(12), header = new Uint8Array(8);
  if (readAt(file, 0, head) < 12 || tag(head, 0) !== "RIFF" || tag(head, 8) !== "WAVE") {
    throw new WavError("it is not a RIFF/WAVE file");
  }
  let format: ReturnType<typeof formatOf> | undefined;
  let at = 12;
  for (let chunks = 0; chunks < MAX_CHUNKS && readAt(file, at, header) === 8; chunks++) {
    const bytes = new DataView(header.buffer).getUint32(4, true);
    const name = tag(header, 0);
    if (at + 8 + bytes > size) throw new WavError(`it ends before its ${JSON.stringify(name)} chunk does`);
    if (name === "fmt ") {
      const chunk = new Uint8Array(Math.min(bytes, 40));
      readAt(file, at + 8, chunk);
      format = formatOf(chunk);
    } else if (name === "data") {
      if (!format) throw new WavError("its data comes before its fmt chunk");
      const frames = Math.floor(bytes / format.frameBytes);
      if (frames === 0) throw new WavError("it holds no audio");
      return { ...format, frames, dataAt: at + 8 };
    }
    at += 8 + bytes + bytes % 2;
  }
  throw new WavError(format ? "it has no data chunk" : "it has no fmt chunk");
}

/** Reads and checks the header of the file at `path`. @throws WavError, or Deno's own error when it can't be opened. */
export function inspectWav(path: string): WavFormat {
  using file = Deno.openSync(path, { read: true });
  return readWavFormat(file);
}

/** The whole file in memory, as it is on disk, ready to be rendered in a loop for ever. */
export class WavReader {
  readonly format: WavFormat;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;

  /** @throws as {@link inspectWav}. */
  constructor(path: string) {
    using file = Deno.openSync(path, { read: true });
    this.format = readWavFormat(file);
    this.#data = new Uint8Array(this.format.frames * this.format.frameBytes);
    if (readAt(file, this.format.dataAt, this.#data) < this.#data.length) {
      throw new WavError("it became shorter while it was read");
    }
    this.#view = new DataView(this.#data.buffer);
  }

  /** @hot Writes `frames` frames from sample `position` on, which counts for ever, interleaved into `out` at `at`. */
  render(position: number, out: Float32Array, at: number, frames: number): void {
    const { channels, encoding, frameBytes } = this.format;
    let frame = position % this.format.frames, left = frames;
    while (left > 0) {
      const count = Math.min(left, this.format.frames - frame), values = count * channels;
      const from = frame * frameBytes;
      if (encoding === "pcm16") pcm16(this.#view, from, out, at, values);
      else if (encoding === "pcm24") pcm24(this.#data, from, out, at, values);
      else if (encoding === "pcm32") pcm32(this.#view, from, out, at, values);
      else if (encoding === "float32") float32(this.#view, from, out, at, values);
      else float64(this.#view, from, out, at, values);
      at += values;
      left -= count;
      frame = 0;
    }
  }
}

/** @hot */
function pcm16(data: DataView, from: number, out: Float32Array, at: number, values: number): void {
  for (let i = 0; i < values; i++) out[at + i] = data.getInt16(from + 2 * i, true) / 0x8000;
}
/** @hot */
function pcm24(data: Uint8Array, from: number, out: Float32Array, at: number, values: number): void {
  for (let i = 0; i < values; i++) {
    const b = from + 3 * i;
    out[at + i] = (data[b] << 8 | data[b + 1] << 16 | data[b + 2] << 24) / 0x8000_0000;
  }
}
/** @hot */
function pcm32(data: DataView, from: number, out: Float32Array, at: number, values: number): void {
  for (let i = 0; i < values; i++) out[at + i] = data.getInt32(from + 4 * i, true) / 0x8000_0000;
}
/** @hot */
function float32(data: DataView, from: number, out: Float32Array, at: number, values: number): void {
  for (let i = 0; i < values; i++) out[at + i] = data.getFloat32(from + 4 * i, true);
}
/** @hot */
function float64(data: DataView, from: number, out: Float32Array, at: number, values: number): void {
  for (let i = 0; i < values; i++) out[at + i] = data.getFloat64(from + 8 * i, true);
}

export { WavWriter } from "./wav_writer.ts";
