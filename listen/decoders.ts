/**
 * From Opus packets to samples: a mono decoder for each stream of a multistream packet, or one stereo decoder for a mix.
 * In: plain or multistream packets (send/multistream.ts). Out: interleaved float32 frames, written into the caller's
 * array. The listener's audio thread. The library returns a new array for each packet; nothing else is allocated while the
 * packets keep their sizes.
 */
import { FRAME_GRID } from "../core/units.ts";
import { MAX_DATAGRAM, opusBytes } from "../send/fit.ts";
import { splitMultistream, tocOf } from "../send/multistream.ts";
import { createOpusDecoder, type Decoder } from "../wasm/opus.ts";

/** libopus conceals multiples of 2.5 ms (opus_decode in opus.h). */
const CONCEAL_UNIT = 120;
/** The longest packet that a decoder of ours takes (RFC 6716 section 3.2.5). */
export const MAX_PACKET_SAMPLES = 5760;

export class StreamDecoders {
  /** Channels that come out: the streams, or two. */
  readonly channels: number;
  /** One stereo stream, not mono ones. */
  readonly stereo: boolean;
  readonly #decoders: readonly Decoder[];
  readonly #width: 1 | 2;
  readonly #plain = new Uint8Array(MAX_DATAGRAM + 64);
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  /** Where each stream's packet lay the last time: at a constant bit rate, where it lies the next time. */
  readonly #views: Uint8Array[];
  readonly #concealing = { frameSize: CONCEAL_UNIT };

  private constructor(decoders: readonly Decoder[], width: 1 | 2) {
    this.#decoders = decoders;
    this.#width = width;
    this.stereo = width === 2;
    this.channels = decoders.length * width;
    this.#offsets = new Int32Array(decoders.length);
    this.#lengths = new Int32Array(decoders.length);
    this.#views = decoders.map(() => this.#plain);
  }

  /** `streams` mono streams; or one stereo stream. */
  static async create(streams: number, stereo: boolean): Promise<StreamDecoders> {
    const width = stereo ? 2 : 1;
    const decoders = await Promise.all(Array.from({ length: streams }, () => createOpusDecoder(width)));
    return new StreamDecoders(decoders, width);
  }

  /**
   * @hot Is this a packet for these decoders? What isn't may decode all the same, to noise. At a constant bit rate all
   * streams of a packet are equally long, so that two or more say how many they are; a single mono one is known by the
   * length that `bitrate` gives it.
   */
  fits(packet: Uint8Array, at: number, bytes: number, bitrate: number): boolean {
    const streams = this.#decoders.length, offsets = this.#offsets, lengths = this.#lengths, plain = this.#plain;
    if (bytes > plain.length || !splitMultistream(packet, at, bytes, streams, plain, offsets, lengths)) return false;
    const frame = tocOf(plain[0]).frameSamples;
    if (frame > FRAME_GRID) return false;
    if (streams === 1 && !this.stereo && bytes !== opusBytes(bitrate, frame)) return false;
    for (let stream = 0; stream < streams; stream++) {
      if (lengths[stream] !== lengths[0] || tocOf(plain[offsets[stream]]).stereo !== this.stereo) return false;
    }
    return true;
  }

  /**
   * Decodes one packet into `out`, frames of `stride` floats from index `outAt` on.
   * @returns the frames (at most {@link MAX_PACKET_SAMPLES}), or −1, with `out` undefined, if the packet is malformed.
   */
  decode(packet: Uint8Array, at: number, bytes: number, out: Float32Array, outAt: number, stride: number): number {
    if (bytes > this.#plain.length) return -1;
    const streams = this.#decoders.length;
    if (!splitMultistream(packet, at, bytes, streams, this.#plain, this.#offsets, this.#lengths)) return -1;
    let frames = -1;
    for (let stream = 0; stream < streams; stream++) {
      const from = this.#offsets[stream], length = this.#lengths[stream];
      // A stereo packet decodes in a mono decoder, too; but it isn't what was agreed on.
      if (tocOf(this.#plain[from]).stereo !== this.stereo) return -1;
      let samples: Float32Array;
      try {
        samples = this.#decoders[stream].decodeFloat(this.#view(stream, from, length));
      } catch {
        return -1;
      }
      frames = samples.length / this.#width;
      interleave(samples, 0, frames, this.#width, out, outAt + stream * this.#width, stride);
    }
    return frames;
  }

  /** The library wants a view of just the packet. */
  #view(stream: number, from: number, length: number): Uint8Array {
    const view = this.#views[stream];
    if (view.byteOffset === from && view.length === length) return view;
    return this.#views[stream] = this.#plain.subarray(from, from + length);
  }

  /** What the decoders make of `frames` missing frames (any number up to {@link MAX_PACKET_SAMPLES}), as {@link decode}. */
  conceal(frames: number, out: Float32Array, outAt: number, stride: number): void {
    this.#concealing.frameSize = Math.ceil(frames / CONCEAL_UNIT) * CONCEAL_UNIT;
    for (let stream = 0; stream < this.#decoders.length; stream++) {
      const samples = this.#decoders[stream].decodeFloat(null, this.#concealing);
      interleave(samples, 0, frames, this.#width, out, outAt + stream * this.#width, stride);
    }
  }

  [Symbol.dispose](): void {
    for (const decoder of this.#decoders) decoder.free();
  }
}

/** @hot */
function interleave(
  samples: Float32Array,
  from: number,
  frames: number,
  width: number,
  out: Float32Array,
  outAt: number,
  stride: number,
): void {
  for (let channel = 0; channel < width; channel++) {
    for (let i = 0, s = from + channel, to = outAt + channel; i < frames; i++, s += width, to += stride) {
      out[to] = samples[s];
    }
  }
}
