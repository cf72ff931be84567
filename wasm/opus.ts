/**
 * libopus, compiled to WebAssembly (our own build or npm libopus-wasm), set up as the stage needs it: restricted low delay, constant bit
 * rate, full band, never folded to mono by itself. Planar mono or interleaved stereo float32 in, one Opus packet out.
 * Send workers encode, and allocate nothing for it; the listener decodes, into a new array for each packet.
 */
import { Application, Bandwidth, createDecoder, EncoderCtl, type OpusDecoderHandle, Signal } from "libopus-wasm";
import { type BitRate, type Frame, SAMPLE_RATE } from "../core/units.ts";
import { type Codec, codecOf, type Libopus, loadLibopus, PIECE_WORDS } from "./libopus.ts";

export type Decoder = OpusDecoderHandle;

/** 1 and 2 cost a tenth to a quarter more than 0 and are no better; 5 costs twice as much for 1.5 dB (docs/QUALITY.md). */
const COMPLEXITY = 0;

/** The largest packet of one Opus stream: a frame (RFC 6716 section 3.2.1) and its TOC byte. */
export const OPUS_MAX_BYTES = 1276;

/** OPUS_INVALID_STATE */
const INVALID_STATE = -6;

let libopus: Libopus | null = null;
let loaded = "";

/** Makes libopus ready for this isolate's encoders, the first that is asked for; resolves to its name and version. */
export async function loadOpus(codec: Codec = codecOf()): Promise<string> {
  if (libopus === null) ({ libopus, name: loaded } = await loadLibopus(codec));
  return loaded;
}

function loadedLibopus(action: string): Libopus {
  if (libopus === null) throw new Error(`cannot ${action}: libopus is not loaded`);
  return libopus;
}

function allocate(libopus: Libopus, bytes: number, action: string): number {
  const pointer = libopus._malloc(bytes);
  if (pointer === 0) throw new Error(`cannot ${action}: no memory for ${bytes} bytes`);
  return pointer;
}

/** An encoder that takes exactly `frame` samples of each channel a call. After {@link loadOpus}. */
export class Encoder implements Disposable {
  readonly #libopus: Libopus;
  /** OpusEncoder *; 0 once it is freed. */
  #encoder: number;
  readonly #frame: number;
  readonly #samples: number;
  /** Index into HEAPF32. */
  readonly #pcm: number;
  /** Index into HEAPU8. */
  readonly #packet: number;

  /** `complexity`: 0 to 10; another than ours is for measuring, and our own build refuses it. */
  constructor(channels: 1 | 2, frame: Frame, bitrate: BitRate, complexity = COMPLEXITY) {
    const libopus = this.#libopus = loadedLibopus("make an Opus encoder");
    this.#frame = frame;
    this.#samples = channels * frame;
    const pcm = allocate(libopus, this.#samples * 4, "make an Opus encoder");
    this.#pcm = pcm / 4;
    this.#packet = allocate(libopus, OPUS_MAX_BYTES, "make an Opus encoder");
    // The packet's place takes the error for a moment: malloc aligns to 8.
    this.#encoder = libopus._oc_create_encoder(SAMPLE_RATE, channels, Application.RestrictedLowDelay, this.#packet);
    if (this.#encoder === 0) this.#fail(libopus.HEAP32[this.#packet / 4], "make an Opus encoder");
    this.#set(EncoderCtl.SetBitrate, bitrate);
    this.#set(EncoderCtl.SetComplexity, complexity);
    this.#set(EncoderCtl.SetSignal, Signal.Music);
    this.#set(EncoderCtl.SetVbr, 0);
    this.#set(EncoderCtl.SetMaxBandwidth, Bandwidth.Fullband);
    // Left alone, libopus narrows the band and folds stereo at low rates: 2.5 ms at 32 kb/s came out narrowband.
    this.#set(EncoderCtl.SetBandwidth, Bandwidth.Fullband);
    this.#set(EncoderCtl.SetForceChannels, channels);
  }

  /** Encodes `pcm` (frame × channels samples) into `packet`, at least {@link OPUS_MAX_BYTES} long; returns its bytes. */
  encode(pcm: Float32Array, packet: Uint8Array): number {
    const libopus = this.#libopus, heap = libopus.HEAPF32;
    for (let i = 0; i < this.#samples; i++) heap[this.#pcm + i] = pcm[i];
    // The packet's place takes the piece for a moment.
    this.piece(libopus.HEAP32, this.#packet / 4, this.#pcm * 4, 0, this.#samples);
    libopus._oc_gather(this.#packet, 1);
    return this.encodeGathered(packet);
  }

  /** @hot Writes for {@link Gatherer}: `count` samples at byte `from` of libopus's memory belong at sample `into` of the frame. */
  piece(words: Int32Array, at: number, from: number, into: number, count: number): void {
    if (this.#encoder === 0) this.#fail(INVALID_STATE, "encode with an encoder that is freed");
    words[at] = this.#encoder;
    words[at + 1] = from;
    words[at + 2] = (this.#pcm + into) * 4;
    words[at + 3] = count;
  }

  /** @hot Encodes what was gathered, as {@link encode}; once. */
  encodeGathered(packet: Uint8Array): number {
    const libopus = this.#libopus, input = this.#pcm;
    if (this.#encoder === 0) this.#fail(INVALID_STATE, "encode with an encoder that is freed");
    const bytes = libopus._oc_encode_float(this.#encoder, input * 4, this.#frame, this.#packet, OPUS_MAX_BYTES);
    if (bytes < 0) this.#fail(bytes, "encode");
    const heap = libopus.HEAPU8, output = this.#packet;
    for (let i = 0; i < bytes; i++) packet[i] = heap[output + i];
    return bytes;
  }

  [Symbol.dispose](): void {
    if (this.#encoder === 0) return;
    this.#libopus._oc_destroy_encoder(this.#encoder);
    this.#libopus._free(this.#pcm * 4);
    this.#libopus._free(this.#packet);
    this.#encoder = 0;
  }

  #set(request: number, value: number): void {
    const error = this.#libopus._oc_encoder_ctl(this.#encoder, request, value);
    if (error < 0) this.#fail(error, `set an Opus encoder's ${request} to ${value}`);
  }

  #fail(error: number, action: string): never {
    throw new Error(`cannot ${action}: ${this.#libopus.UTF8ToString(this.#libopus._oc_strerror(error))}`);
  }
}

/** Pieces that are taken with one call. */
const PIECES = 64;

/**
 * Copies what encoders need of a block, into their frames under way, for all of them with few calls. One for each sender.
 * What was added must be flushed before the next block, and before one of its encoders is added again or freed.
 */
export class Gatherer implements Disposable {
  readonly #libopus: Libopus;
  /** Pointers: the pieces, the block. */
  #pieces: number;
  #block = 0;
  /** Samples that there is room for. */
  #room = 0;
  #count = 0;

  /** After {@link loadOpus}. */
  constructor() {
    this.#libopus = loadedLibopus("gather samples");
    this.#pieces = allocate(this.#libopus, PIECES * PIECE_WORDS * 4, "gather samples");
  }

  /** @hot The samples that {@link add} takes from; copied. */
  load(samples: Float32Array): void {
    if (samples.length > this.#room) this.#grow(samples.length);
    this.#libopus.HEAPF32.set(samples, this.#block / 4);
  }

  /** @hot `count` samples (of all channels), from `from` on, belong to `into` in the encoder's frame; there after {@link flush}. */
  add(encoder: Encoder, from: number, into: number, count: number): void {
    if (this.#count === PIECES) this.flush();
    const at = this.#pieces / 4 + this.#count * PIECE_WORDS;
    encoder.piece(this.#libopus.HEAP32, at, this.#block + from * 4, into, count);
    this.#count++;
  }

  /** @hot */
  flush(): void {
    if (this.#count > 0) this.#libopus._oc_gather(this.#pieces, this.#count);
    this.#count = 0;
  }

  #grow(samples: number): void {
    const block = allocate(this.#libopus, samples * 4, "gather samples");
    this.#libopus._free(this.#block);
    this.#block = block;
    this.#room = samples;
  }

  [Symbol.dispose](): void {
    this.#libopus._free(this.#pieces);
    this.#libopus._free(this.#block);
    this.#pieces = this.#block = this.#room = 0;
  }
}

/** A decoder of plain Opus packets of at most 10 ms; interleaved when stereo. */
export function createOpusDecoder(channels: 1 | 2): Promise<Decoder> {
  return createDecoder({ channels, sampleRate: SAMPLE_RATE });
}
