// @ts-check
/**
 * From Opus packets to samples, by libopus in WebAssembly: a mono decoder for each stream, or one stereo decoder. In:
 * packets. Out: planar samples in the library's own memory, of which {@link Decoders.plane} tells where they lie. The
 * page's audio worker; allocates only when it is made.
 */
import { frameOf, isStereo, opusBytes, split } from "./listen_packets.js";

const RATE = 48_000;
/** Bytes of the largest plain packet (RFC 6716 section 3.2.1). */
const PACKET_BYTES = 1276;
/** The longest frame that the server sends, and the longest that is made up at once. */
export const MOST_FRAMES = 480;
/** libopus makes up multiples of 2.5 ms. */
const UNIT = 120;

/** @type {Promise<any> | null} */
let library = null;
/** The library, compiled once. */
export const loadLibopus = () => library ??= import("/vendor/libopus.js").then(({ default: create }) => create());

export class Decoders {
  /** @type {any} */
  #opus;
  /** @type {number[]} */
  #decoders = [];
  #packet;
  #pcm;
  #heads;
  #bodies;
  #lengths;
  streams;
  stereo;
  /** Bits per second of each stream. */
  bitrate = 0;

  /** @param {any} opus @param {number} streams @param {boolean} stereo one stream of two channels, instead of mono ones */
  constructor(opus, streams, stereo) {
    this.#opus = opus;
    this.streams = streams;
    this.stereo = stereo;
    this.#heads = new Int32Array(streams);
    this.#bodies = new Int32Array(streams);
    this.#lengths = new Int32Array(streams);
    this.#packet = this.#allocate(PACKET_BYTES);
    this.#pcm = this.#allocate(streams * 2 * MOST_FRAMES * 4);
    for (let stream = 0; stream < streams; stream++) {
      const decoder = opus._oc_create_decoder(RATE, stereo ? 2 : 1, this.#packet);
      if (!decoder) throw new Error(`cannot make an Opus decoder: error ${opus.HEAP32[this.#packet >> 2]}`);
      this.#decoders.push(decoder);
    }
  }

  /** Samples of all streams: replaced when the library's memory grows, so take it anew each time. @returns {Float32Array} */
  get samples() {
    return this.#opus.HEAPF32;
  }
  /** Index of a stream's first sample in {@link samples}; stereo is interleaved. */
  plane(/** @type {number} */ stream) {
    return (this.#pcm >> 2) + stream * 2 * MOST_FRAMES;
  }

  /**
   * @param {Uint8Array} b @param {number} at @param {number} length
   * @returns {number} samples of the frame; 0: it isn't a packet for these decoders, whatever it would sound like
   */
  decode(b, at, length) {
    const opus = this.#opus, heads = this.#heads, bodies = this.#bodies, lengths = this.#lengths;
    if (!split(b, at, length, this.streams, heads, bodies, lengths)) return 0;
    const frames = frameOf(b[heads[0]]);
    if (frames > MOST_FRAMES) return 0;
    // Several mono streams look like one: by their length alone it is seen, and they would decode to noise.
    if (this.streams === 1 && !this.stereo && 1 + lengths[0] !== opusBytes(this.bitrate, frames)) return 0;
    for (let stream = 0; stream < this.streams; stream++) {
      if (isStereo(b[heads[stream]]) !== this.stereo || lengths[stream] >= PACKET_BYTES) return 0;
    }
    for (let stream = 0; stream < this.streams; stream++) {
      const bytes = opus.HEAPU8, to = this.#packet, from = bodies[stream], count = lengths[stream];
      bytes[to] = b[heads[stream]];
      for (let i = 0; i < count; i++) bytes[to + 1 + i] = b[from + i];
      const done = opus._oc_decode_float(this.#decoders[stream], to, 1 + count, this.plane(stream) * 4, MOST_FRAMES, 0);
      if (done !== frames) return 0;
    }
    return frames;
  }

  /** Makes up a frame that is missing; `frames` at most {@link MOST_FRAMES}. */
  conceal(/** @type {number} */ frames) {
    const whole = Math.ceil(frames / UNIT) * UNIT;
    for (let stream = 0; stream < this.streams; stream++) {
      this.#opus._oc_decode_float(this.#decoders[stream], 0, 0, this.plane(stream) * 4, whole, 0);
    }
  }

  free() {
    for (const decoder of this.#decoders) this.#opus._oc_destroy_decoder(decoder);
    this.#opus._free(this.#packet);
    this.#opus._free(this.#pcm);
    this.#decoders = [];
  }

  /** @param {number} bytes */
  #allocate(bytes) {
    const pointer = this.#opus._malloc(bytes);
    if (!pointer) throw new Error("cannot make an Opus decoder: no memory");
    return pointer;
  }
}
