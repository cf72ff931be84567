/**
 * The heart of the listener: packets in at the time they arrive, samples out at the time they are heard. Says when each
 * frame is due, and plays at the speed that keeps the depth; what is decoded or made up is the feed's (feed.ts). Knows no
 * clock of its own: each call says what time it is. In: RTP payloads. Out: interleaved float32 frames. The listener's
 * audio thread; allocates only in the decoders.
 *
 * Timestamps are unwrapped into doubles.
 */
import { BUCKETS, record } from "../core/histogram.ts";
import { LOOKAHEAD, type RtpTimestamp, SAMPLE_RATE } from "../core/units.ts";
import { timestampDistance } from "../core/wrap.ts";
import { tocOf } from "../send/multistream.ts";
import { ArrivalWindow } from "./arrival.ts";
import type { StreamDecoders } from "./decoders.ts";
import { DepthControl, depthSamples, MAX_DEPTH_MS } from "./depth.ts";
import { type Counts, FrameFeed } from "./feed.ts";

const PER_MS = SAMPLE_RATE / 1000;
/** A timestamp so far ahead is a new start of the sender's, not a late us. */
const JUMP_SAMPLES = 2 * SAMPLE_RATE;
/** Packets have come too late for so long, and none in time: the path has become longer for good. */
const LATE_MS = 100;
/** So much deeper than meant isn't played off, it is skipped. */
const SKIP_MS = 40;

export class Playout {
  readonly arrivals = new ArrivalWindow();
  readonly depth: DepthControl;
  /** Time in the buffer of each packet, and from capture to output of each rendered piece: core/histogram.ts. */
  readonly buffered = new Uint32Array(BUCKETS);
  readonly delays = new Uint32Array(BUCKETS);
  /** Set while packets are read that waited for us, not we for them: they say nothing about the network. */
  stalled = false;
  /** When the first frame is due; Infinity before the first packet. */
  startAt = Infinity;
  readonly #feed: FrameFeed;
  #started = false;
  /** Samples of the newest frame that came. */
  #newest: number;
  /** When the next sample to be rendered is due. */
  #dueAt = 0;
  /** The newest timestamp, wrapped and not. */
  #timestamp = 0 as RtpTimestamp;
  #unwrapped = 0;
  #lateSince = Infinity;
  #deepSince = Infinity;
  /** The next packet's timestamp has nothing to do with those before. */
  #anew = false;
  /** Timestamp and time of the same sample, by the last sender report. */
  #reportTimestamp = NaN;
  #reportTime = NaN;

  /** `frame`: samples of a frame, as announced. `bufferMs`: fixed, or null to adapt. `repair`: frames are repeated. */
  constructor(decoders: StreamDecoders, frame: number, bufferMs: number | null, repair: boolean) {
    this.#feed = new FrameFeed(decoders, frame);
    this.#newest = frame;
    this.depth = new DepthControl(this.arrivals, bufferMs, repair ? frame / PER_MS : 0);
  }

  get channels(): number {
    return this.#feed.decoders.channels;
  }
  get stereo(): boolean {
    return this.#feed.decoders.stereo;
  }
  /** Times that sound came back after silence. */
  get returns(): number {
    return this.#feed.returns;
  }
  get counts(): Counts {
    return this.#feed.counts;
  }

  /** @hot {@link StreamDecoders.fits} */
  fits(packet: Uint8Array, at: number, bytes: number, bitrate: number): boolean {
    return this.#feed.decoders.fits(packet, at, bytes, bitrate);
  }

  /**
   * Other streams from now on; time goes on. What waits in the buffer can't be decoded any more, and what comes begins
   * with a fade. @returns the decoders so far, which are the caller's to free.
   */
  redirect(decoders: StreamDecoders): StreamDecoders {
    return this.#feed.redirect(decoders, this.#started);
  }

  /** The next packet is the first one of another sender's clock. */
  renew(): void {
    this.#anew = this.#started;
    this.#reportTimestamp = NaN;
  }

  /** @hot Timestamp of the sample that is due at `time`. */
  #position(time: number): number {
    return this.#feed.edge - this.#feed.resampler.ahead + (time - this.#dueAt) * PER_MS;
  }

  /** @hot `timestamp` without its wraps. */
  #unwrap(timestamp: RtpTimestamp): number {
    return this.#unwrapped + timestampDistance(timestamp, this.#timestamp);
  }

  /**
   * @hot A packet's own payload, which arrived at `time`; everything due before is rendered. `marker`: the sender started
   * anew with it.
   */
  insert(
    packet: Uint8Array,
    at: number,
    bytes: number,
    timestamp: RtpTimestamp,
    time: number,
    marker: boolean,
  ): void {
    const frame = tocOf(packet[at]).frameSamples;
    if (!this.#started) this.#start(timestamp, time, frame);
    const unwrapped = this.#unwrap(timestamp);
    if (frame !== this.#newest && unwrapped >= this.#unwrapped) this.#follow(frame);
    this.#timestamp = timestamp;
    this.#unwrapped = unwrapped;
    const ahead = unwrapped - this.#position(time);
    if (this.#anew || ahead > JUMP_SAMPLES || (marker && ahead < -JUMP_SAMPLES)) {
      this.#anew = false;
      this.#reportTimestamp = NaN;
      this.#resync(unwrapped, time);
    }
    if (unwrapped < this.#feed.edge) {
      this.counts.late++;
      if (this.#lateSince === Infinity && !this.stalled) this.#lateSince = time;
      if (time - this.#lateSince >= LATE_MS) this.#resync(unwrapped, time);
    }
    if (!this.stalled) this.arrivals.arrived(time, time - unwrapped / PER_MS);
    if (unwrapped < this.#feed.edge) return;
    this.#lateSince = Infinity;
    record(this.buffered, Math.max(0, (unwrapped - this.#position(time)) / PER_MS));
    this.#feed.store.insert(packet, at, bytes, unwrapped, false);
    this.#regulate(time);
  }

  /** @hot A repeated frame: kept if it still helps. */
  insertCopy(packet: Uint8Array, at: number, bytes: number, timestamp: RtpTimestamp): void {
    const unwrapped = this.#unwrap(timestamp);
    if (this.#started && unwrapped >= this.#feed.edge) this.#feed.store.insert(packet, at, bytes, unwrapped, true);
  }

  /** @hot A sender report: the sample `timestamp` was captured at `time`, by the sender's clock. */
  report(timestamp: RtpTimestamp, time: number): void {
    if (!this.#started) return;
    this.#reportTimestamp = this.#unwrap(timestamp);
    this.#reportTime = time;
  }

  /** @hot */
  #start(timestamp: RtpTimestamp, time: number, frame: number): void {
    this.#started = true;
    this.#newest = frame;
    this.#timestamp = timestamp;
    this.#unwrapped = this.#feed.edge = timestamp;
    this.startAt = this.#dueAt = time + this.depth.depthMs;
    this.depth.restart(time);
  }

  /**
   * @hot From now on frames are so long. A longer one comes later after its first sample, and so all of them are heard that
   * much later; what a shorter one comes earlier is played off.
   */
  #follow(frame: number): void {
    const later = frame - this.#newest;
    this.#newest = frame;
    this.arrivals.reset();
    if (later > 0) this.#feed.edge -= later;
  }

  /** @hot Sets the buffer anew, so that the packet is heard after the depth that is meant. */
  #resync(unwrapped: number, time: number): void {
    this.counts.resyncs++;
    this.#feed.store.clear();
    this.arrivals.reset();
    this.depth.restart(time);
    this.#lateSince = this.#deepSince = Infinity;
    const heardNow = unwrapped - depthSamples(this.depth.depthMs);
    // What lies between the new edge and the packet will be concealed.
    this.#feed.edge = Math.min(unwrapped, Math.round(this.#feed.edge + heardNow - this.#position(time)));
  }

  /** @hot */
  #regulate(time: number): void {
    if (this.arrivals.fastest === Infinity) return;
    const fastest = (time - this.arrivals.fastest) * PER_MS;
    const depthMs = (fastest - this.#position(time)) / PER_MS;
    if (depthMs < this.depth.targetMs + SKIP_MS) this.#deepSince = Infinity;
    else if (this.#deepSince === Infinity) this.#deepSince = time;
    else if (time - this.#deepSince > LATE_MS || depthMs > 2 * MAX_DEPTH_MS) this.#skip(fastest, time);
    this.depth.update(time, depthMs);
    this.#feed.resampler.speed = this.depth.speed;
  }

  /** @hot Leaves out what is too much. */
  #skip(fastest: number, time: number): void {
    this.counts.resyncs++;
    this.depth.restart(time);
    this.#deepSince = Infinity;
    const most = Math.round(fastest - depthSamples(this.depth.depthMs) - this.#position(time));
    this.#feed.skipTo(this.#feed.edge + Math.max(0, most));
  }

  /**
   * Renders the next `frames` frames into `out`, the first of which is heard at `heardAt` (NaN: unknown); the one after
   * them is due at `dueAt`. Before the first packet there is silence.
   */
  render(out: Float32Array, frames: number, heardAt: number, dueAt: number): void {
    if (!this.#started) {
      out.fill(0, 0, frames * this.channels);
      return;
    }
    const feed = this.#feed, { resampler } = feed;
    const captured = this.#reportTime +
      (feed.edge - resampler.ahead - LOOKAHEAD - this.#reportTimestamp) / PER_MS;
    if (feed.whole && heardAt > captured) record(this.delays, heardAt - captured);
    while (resampler.ahead < resampler.needed(frames)) feed.produce(this.#unwrapped);
    resampler.render(out, frames);
    this.#dueAt = dueAt;
  }
}
