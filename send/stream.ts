/**
 * One encoded channel or mix: samples are gathered here frame by frame, encoded once, and the packet is used by every
 * receiver that hears this source at this frame length and bitrate. Lives in a sender; nothing allocates after its start.
 */
import { isMix, type Source, widthOf } from "../core/block.ts";
import { type BitRate, BLOCK, type Frame, FRAMES } from "../core/units.ts";
import { Encoder, type Gatherer, OPUS_MAX_BYTES } from "../wasm/opus.ts";
import { Reframer } from "./reframe.ts";

export class Stream {
  readonly key: string;
  readonly source: Source;
  readonly frame: Frame;
  readonly bitrate: BitRate;
  /** Receivers that use it. */
  uses = 0;
  /** The packet of the frame that was completed last, and its length; 0 when a part of the frame was missing. */
  readonly packet = new Uint8Array(OPUS_MAX_BYTES);
  bytes = 0;
  readonly #width: number;
  /** null once it is disposed: until its sender's lists are made anew it may still be asked for a frame. */
  #encoder: Encoder | null;
  /** No sample of the frame under way is missing. */
  #whole = false;

  constructor(key: string, source: Source, frame: Frame, bitrate: BitRate) {
    this.key = key;
    this.source = source;
    this.frame = frame;
    this.bitrate = bitrate;
    this.#width = widthOf(source);
    this.#encoder = new Encoder(isMix(source) ? 2 : 1, frame, bitrate);
  }

  /** @hot Has `count` samples (or pairs) that begin `at` into the plane taken to `into` in the frame; `plane` < 0: they are missing. */
  gather(gatherer: Gatherer, plane: number, at: number, count: number, into: number): void {
    if (plane < 0) {
      this.#whole = false;
      return;
    }
    const width = this.#width;
    if (this.#encoder !== null) gatherer.add(this.#encoder, plane + at * width, into * width, count * width);
  }

  /** @hot Encodes the frame that is complete now. True if that gave a packet. */
  encode(): boolean {
    this.bytes = this.#whole && this.#encoder !== null ? this.#encoder.encodeGathered(this.packet) : 0;
    this.#whole = true;
    return this.bytes > 0;
  }

  /** @hot Samples were lost: what was gathered is void, and the next frame begins afresh. */
  restart(): void {
    this.#whole = true;
  }

  dispose(): void {
    this.#encoder?.[Symbol.dispose]();
    this.#encoder = null;
  }
}

/**
 * Where in the batch the Opus packet of these very streams stands already: receivers that hear the same get a copy of it
 * (one memmove), rather than having it assembled again.
 */
export class Assembled {
  /** The batch for which `at` and `bytes` hold. */
  batch = -1;
  at = 0;
  bytes = 0;
}

/** All streams of one frame length: they begin and end together. */
export class FrameGroup<Receiver> {
  readonly frame: Frame;
  readonly reframer: Reframer;
  streams: Stream[] = [];
  receivers: Receiver[] = [];

  constructor(frame: Frame) {
    this.frame = frame;
    this.reframer = new Reframer(frame);
  }

  /**
   * @hot Takes the samples of the block in `gatherer` from `at` until a frame is complete or the block ends; returns where
   * it ended. `planes[source]` is where a source's samples begin, or −1.
   */
  gather(gatherer: Gatherer, planes: Int32Array, at: number): number {
    const reframer = this.reframer, streams = this.streams;
    let next = at;
    while (next < BLOCK) {
      const from = next;
      next = reframer.step(from);
      if (reframer.copy > 0) {
        for (let i = 0; i < streams.length; i++) {
          const stream = streams[i];
          stream.gather(gatherer, planes[stream.source], from, reframer.copy, reframer.into);
        }
        gatherer.flush();
      }
      if (reframer.full) return next;
    }
    return next;
  }

  /** @hot A block begins. */
  begin(position: number): void {
    if (this.reframer.begin(position)) { for (let i = 0; i < this.streams.length; i++) this.streams[i].restart(); }
  }
}

/** The streams of a sender, shared by source, frame and bitrate, or by `owner` too where sharing is off. */
export class StreamPool {
  readonly #streams = new Map<string, Stream>();
  readonly #assembled = new Map<string, WeakRef<Assembled>>();
  readonly #shared: boolean;

  constructor(shared: boolean) {
    this.#shared = shared;
  }

  acquire(source: Source, frame: Frame, bitrate: BitRate, owner: number): Stream {
    const key = `${source} ${frame} ${bitrate}${this.#shared ? "" : ` ${owner}`}`;
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = new Stream(key, source, frame, bitrate);
      this.#streams.set(key, stream);
    }
    stream.uses++;
    return stream;
  }

  release(stream: Stream): void {
    if (--stream.uses > 0) return;
    this.#streams.delete(stream.key);
    stream.dispose();
  }

  /** One object for all who hear these streams in this order. */
  assembled(streams: readonly Stream[]): Assembled {
    const key = streams.map((stream) => stream.key).join("|");
    let assembled = this.#assembled.get(key)?.deref();
    if (!assembled) {
      for (const [old, reference] of this.#assembled) if (!reference.deref()) this.#assembled.delete(old);
      assembled = new Assembled();
      this.#assembled.set(key, new WeakRef(assembled));
    }
    return assembled;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Every source that is needed, in ascending order. */
  sources(): Source[] {
    const all = new Set<Source>();
    for (const stream of this.#streams.values()) all.add(stream.source);
    return [...all].sort((a, b) => a - b);
  }

  of(frame: Frame): Stream[] {
    return [...this.#streams.values()].filter((stream) => stream.frame === frame);
  }

  dispose(): void {
    for (const stream of this.#streams.values()) stream.dispose();
    this.#streams.clear();
  }
}

/**
 * Longest frames first: where a receiver goes from long ones to short ones, the last long and the first short one can end
 * in the same block, and must be sent in that order.
 */
export const frameGroups = <Receiver>(): FrameGroup<Receiver>[] =>
  FRAMES.map((frame) => new FrameGroup<Receiver>(frame)).reverse();
