/**
 * The heart of the listener: packets in at the time they arrive, samples out at the time they are heard. Holds the jitter
 * buffer, repairs from repeated frames, conceals what is missing, and plays at the speed that keeps the depth. Knows no
 * clock of its own: each call says what time it is. In: RTP payloads. Out: interleaved float32 frames. The listener's
 * audio thread; allocates only in the decoders.
 *
 * Timestamps are unwrapped into doubles. `edge` is that of the next frame to be decoded; what lies between the output and
 * the edge is stored in the resampler.
 */
import { BUCKETS, record } from "../core/histogram.ts";
import { LOOKAHEAD, type RtpTimestamp, SAMPLE_RATE } from "../core/units.ts";
import { timestampDistance } from "../core/wrap.ts";
import { tocOf } from "../send/multistream.ts";
import { ArrivalWindow } from "./arrival.ts";
import { MAX_PACKET_SAMPLES, type StreamDecoders } from "./decoders.ts";
import { DepthControl, depthSamples, MAX_DEPTH_MS } from "./depth.ts";
import { JitterStore } from "./jitter.ts";
import { Resampler } from "./resampler.ts";

const PER_MS = SAMPLE_RATE / 1000;
/** A timestamp so far ahead is a new start of the sender's, not a late us. */
const JUMP_SAMPLES = 2 * SAMPLE_RATE;
/** Packets have come too late for so long, and none in time: the path has become longer for good. */
const LATE_MS = 100;
/** So much deeper than meant isn't played off, it is skipped. */
const SKIP_MS = 40;
/** Missing audio is made up for so long, fading from the middle on; then there is silence. */
const CONCEAL_SAMPLES = 4800;
/** Audio that returns after silence fades in over so long. */
const FADE_SAMPLES = 120;

export class Playout {
  readonly arrivals = new ArrivalWindow();
  readonly depth: DepthControl;
  /** Frames played from a repeated copy; made up; packets that came after they were needed, that couldn't be decoded. */
  repaired = 0;
  concealed = 0;
  late = 0;
  broken = 0;
  /** Times that something had to be made up for, or was silent, in one go; and all of it, in samples. */
  gaps = 0;
  missingSamples = 0;
  /** Times that the buffer was set anew. */
  resyncs = 0;
  /** Time in the buffer of each packet, and from capture to output of each rendered piece: core/histogram.ts. */
  readonly buffered = new Uint32Array(BUCKETS);
  readonly delays = new Uint32Array(BUCKETS);
  /** Set while packets are read that waited for us, not we for them: they say nothing about the network. */
  stalled = false;
  /** When the first frame is due; Infinity before the first packet. */
  startAt = Infinity;
  #decoders: StreamDecoders;
  readonly #store = new JitterStore();
  #resampler: Resampler;
  #edge = 0;
  #started = false;
  /** Samples of a frame: of the last one decoded, and of the newest that came. */
  #frame: number;
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
  /** Samples made up since the last real one. */
  #gap = 0;
  /** Timestamp and time of the same sample, by the last sender report. */
  #reportTimestamp = NaN;
  #reportTime = NaN;

  /** `frame`: samples of a frame, as announced. `bufferMs`: fixed, or null to adapt. `repair`: frames are repeated. */
  constructor(decoders: StreamDecoders, frame: number, bufferMs: number | null, repair: boolean) {
    this.#decoders = decoders;
    this.#resampler = new Resampler(decoders.channels);
    this.#frame = this.#newest = frame;
    this.depth = new DepthControl(this.arrivals, bufferMs, repair ? frame / PER_MS : 0);
  }

  get channels(): number {
    return this.#decoders.channels;
  }
  get stereo(): boolean {
    return this.#decoders.stereo;
  }

  /** @hot {@link StreamDecoders.fits} */
  fits(packet: Uint8Array, at: number, bytes: number, bitrate: number): boolean {
    return this.#decoders.fits(packet, at, bytes, bitrate);
  }

  /**
   * Other streams from now on; time goes on. What waits in the buffer can't be decoded any more, and what comes begins
   * with a fade. @returns the decoders so far, which are the caller's to free.
   */
  redirect(decoders: StreamDecoders): StreamDecoders {
    const before = this.#decoders, ahead = Math.round(this.#resampler.ahead);
    if (decoders.channels !== before.channels) {
      this.#resampler = new Resampler(decoders.channels);
      // Silence as long as what was stored, so that the output stays where it is.
      this.#resampler.commit(ahead);
    }
    this.#decoders = decoders;
    this.#store.clear();
    if (this.#started && this.#gap === 0) this.gaps++;
    this.#gap = CONCEAL_SAMPLES;
    return before;
  }

  /** The next packet is the first one of another sender's clock. */
  renew(): void {
    this.#anew = this.#started;
    this.#reportTimestamp = NaN;
  }

  /** @hot Timestamp of the sample that is due at `time`. */
  #position(time: number): number {
    return this.#edge - this.#resampler.ahead + (time - this.#dueAt) * PER_MS;
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
    if (unwrapped < this.#edge) {
      this.late++;
      if (this.#lateSince === Infinity && !this.stalled) this.#lateSince = time;
      if (time - this.#lateSince >= LATE_MS) this.#resync(unwrapped, time);
    }
    if (!this.stalled) this.arrivals.arrived(time, time - unwrapped / PER_MS);
    if (unwrapped < this.#edge) return;
    this.#lateSince = Infinity;
    record(this.buffered, Math.max(0, (unwrapped - this.#position(time)) / PER_MS));
    this.#store.insert(packet, at, bytes, unwrapped, false);
    this.#regulate(time);
  }

  /** @hot A repeated frame: kept if it still helps. */
  insertCopy(packet: Uint8Array, at: number, bytes: number, timestamp: RtpTimestamp): void {
    const unwrapped = this.#unwrap(timestamp);
    if (this.#started && unwrapped >= this.#edge) this.#store.insert(packet, at, bytes, unwrapped, true);
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
    this.#unwrapped = this.#edge = timestamp;
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
    if (later > 0) this.#edge -= later;
  }

  /** @hot Sets the buffer anew, so that the packet is heard after the depth that is meant. */
  #resync(unwrapped: number, time: number): void {
    this.resyncs++;
    this.#store.clear();
    this.arrivals.reset();
    this.depth.restart(time);
    this.#lateSince = this.#deepSince = Infinity;
    const heardNow = unwrapped - depthSamples(this.depth.depthMs);
    // What lies between the new edge and the packet will be concealed.
    this.#edge = Math.min(unwrapped, Math.round(this.#edge + heardNow - this.#position(time)));
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
    this.#resampler.speed = this.depth.speed;
  }

  /** @hot Leaves out what is too much. */
  #skip(fastest: number, time: number): void {
    this.resyncs++;
    this.depth.restart(time);
    this.#deepSince = Infinity;
    this.#edge += Math.max(0, Math.round(fastest - depthSamples(this.depth.depthMs) - this.#position(time)));
    while (this.#store.first < this.#edge) this.#store.drop();
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
    const resampler = this.#resampler;
    const captured = this.#reportTime +
      (this.#edge - resampler.ahead - LOOKAHEAD - this.#reportTimestamp) / PER_MS;
    if (this.#gap === 0 && heardAt > captured) record(this.delays, heardAt - captured);
    while (resampler.ahead < resampler.needed(frames)) this.#produce();
    resampler.render(out, frames);
    this.#dueAt = dueAt;
  }

  /** The next frame, or what stands in for it. */
  #produce(): void {
    const store = this.#store, resampler = this.#resampler, stride = resampler.stride;
    while (store.first < this.#edge) {
      this.late++;
      store.drop();
    }
    const missing = store.first - this.#edge;
    if (missing > 0) return this.#conceal(Math.min(missing, this.#toBoundary()));
    const at = resampler.writeAt(), copy = store.firstIsCopy;
    const frames = this.#decoders.decode(store.bytes, store.firstAt, store.firstLength, resampler.stored, at, stride);
    store.drop();
    if (frames <= 0 || frames > MAX_PACKET_SAMPLES) {
      this.broken++;
      return this.#conceal(this.#frame);
    }
    if (copy) this.repaired++;
    if (this.#gap >= CONCEAL_SAMPLES) this.#fade(at, Math.min(frames, FADE_SAMPLES), 0, 1 / FADE_SAMPLES);
    this.#gap = 0;
    this.#frame = frames;
    this.#edge += frames;
    resampler.commit(frames);
  }

  /** @hot Samples from the edge to where the next frame should begin, by the timestamps that have come: 1 … a frame. */
  #toBoundary(): number {
    const past = (this.#edge - this.#unwrapped) % this.#frame;
    return past < 0 ? -past : this.#frame - past;
  }

  /** `frames` frames that nobody sent, or that never came. */
  #conceal(frames: number): void {
    const resampler = this.#resampler, at = resampler.writeAt(), stride = resampler.stride;
    if (this.#gap === 0) this.gaps++;
    if (this.#gap >= CONCEAL_SAMPLES) resampler.stored.fill(0, at, at + frames * stride);
    else {
      this.concealed++;
      this.#decoders.conceal(frames, resampler.stored, at, stride);
      const half = CONCEAL_SAMPLES / 2;
      if (this.#gap + frames > half) this.#fade(at, frames, 1 - (this.#gap - half) / half, -1 / half);
    }
    this.#gap += frames;
    this.missingSamples += frames;
    this.#edge += frames;
    resampler.commit(frames);
  }

  /** @hot Multiplies stored frames by a gain that begins at `gain` and changes by `step` each, within 0 … 1. */
  #fade(at: number, frames: number, gain: number, step: number): void {
    const { stored, stride } = this.#resampler;
    for (let i = 0; i < frames; i++) {
      const factor = Math.max(0, Math.min(1, gain + i * step));
      for (let s = at + i * stride; s < at + (i + 1) * stride; s++) stored[s] *= factor;
    }
  }
}
