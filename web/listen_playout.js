// @ts-check
/**
 * The heart of listening in a page: decodes each packet when it comes and keeps the shared ring as full as it must be, no
 * fuller. Makes up what is missing, plays at the speed that keeps the depth, begins anew when the sender does. In: RTP
 * packets, in the order in which they were sent (the line keeps it). Out: stereo in the ring. The page's audio worker;
 * allocates nothing after the constructor.
 *
 * Timestamps are unwrapped. `edge` is that of the next sample to be decoded; the sample that is played now is as far before
 * it as the ring and the resampler hold. Time is the card's own: frames it has taken.
 */
import { Arrivals, Depth } from "./listen_depth.js";
import { Mixdown } from "./listen_mix.js";
import { frameOf } from "./listen_packets.js";
import { MOST_PUSHED, Resampler } from "./listen_resampler.js";
import { Card } from "./listen_ring.js";

const PER_MS = 48;
/** A timestamp so far off is a new start of the sender's. */
const JUMP_FRAMES = 96_000;
/** Packets have come too late for so long: the path has become longer for good. The same for a buffer of another depth. */
const LATE_MS = 100;
/** So much deeper than meant isn't played off, it is left out; so much shallower begins anew, if packets come too late. */
const SKIP_MS = 15;
/** Missing audio is made up for so long; then there is silence. */
const CONCEAL_FRAMES = 4800;
/** How long before the card asks, at least, what is late is made up; how much at once; how much more after the first time. */
const COVER_MS = 1, COVER_FRAMES = 120, AGAIN_FRAMES = 240;
/** Arrivals are timed by what the card has taken, a burst at a time: some are so much later than they look, or more. */
const HIDDEN_MS = 1;
/** A step between what was played and what comes is spread over so many frames. */
const SEAM_FRAMES = 96;

export class Playout {
  arrivals = new Arrivals();
  depth = new Depth(this.arrivals);
  mixdown = new Mixdown();
  /** Times that something was made up; packets too late, that couldn't be decoded; times that the buffer was set anew. */
  concealed = 0;
  late = 0;
  broken = 0;
  resyncs = 0;
  /** Sum and count of how early packets were, since somebody set them to 0, in frames. */
  leads = 0;
  leadCount = 0;
  #ring;
  /** Frames that the card takes in one go. */
  #burst = 128;
  /** @type {import("./listen_decoder.js").Decoders | null} */
  #decoders = null;
  #resampler = new Resampler();
  #rendered = new Float32Array(2 * MOST_PUSHED);
  #started = false;
  #anew = false;
  #edge = 0;
  #timestamp = 0;
  #unwrapped = 0;
  #lateSince = Infinity;
  #offSince = Infinity;
  /** Packets that had come too late when that began. */
  #lateBefore = 0;
  /** Frames made up since the last real one. */
  #gap = 0;
  #seam = false;
  #last = new Float32Array(2);
  #card;

  /** @param {import("./listen_ring.js").Ring} ring */
  constructor(ring) {
    this.#ring = ring;
    this.#card = new Card(ring);
  }

  set burst(/** @type {number} */ frames) {
    this.#burst = Math.max(128, frames);
    this.#ring.low = this.#burst;
    this.depth.coverMs = this.#burst / PER_MS - Math.max(0, this.patience - HIDDEN_MS);
  }
  /** Whole milliseconds to wait when the ring runs low, until what isn't there is made up: timers count in those. */
  get patience() {
    return Math.max(0, Math.floor(this.#burst / PER_MS - COVER_MS));
  }

  /** Other streams from now on. @returns the decoders so far, which are the caller's to free */
  redirect(/** @type {import("./listen_decoder.js").Decoders} */ decoders) {
    const before = this.#decoders;
    this.#decoders = decoders;
    return before;
  }
  /** The next packet is the first one of another sender's clock. */
  renew() {
    this.#anew = true;
  }

  /** Timestamp of the sample that goes to the card next. */
  get position() {
    return this.#edge - this.#resampler.ahead - this.#ring.level;
  }
  /** A timestamp without its wraps. */
  unwrap(/** @type {number} */ timestamp) {
    return this.#unwrapped + ((timestamp - this.#timestamp) | 0);
  }

  /**
   * @param {Uint8Array} b the datagram @param {import("./listen_packets.js").Packet} packet @param {number} time
   * @returns {number} frames that it holds; 0: it can't be decoded
   */
  packet(b, packet, time) {
    const frames = frameOf(b[packet.at]);
    if (this.#decoders === null || frames === 0) return this.#refuse();
    this.#look(time);
    let at = this.unwrap(packet.timestamp);
    const off = Math.abs(at - this.#edge) > JUMP_FRAMES;
    if (!this.#started || this.#anew || off) at = this.#begin(packet.timestamp);
    this.#timestamp = packet.timestamp;
    this.#unwrapped = at;
    const missing = at - this.#edge;
    if (missing > 0) {
      const repeated = packet.earlierLength > 0 && packet.earlierOffset === missing &&
        this.#decoders.decode(b, packet.earlierAt, packet.earlierLength) === missing;
      if (repeated) this.#store(0, missing);
      else this.#conceal(missing);
    }
    if (this.#decoders.decode(b, packet.at, packet.length) !== frames) return this.#refuse();
    this.#look(time);
    this.#arrived(at, frames);
    const behind = Math.max(0, this.#edge - at);
    if (behind >= frames) this.#late(at, frames, time);
    else {
      this.#lateSince = Infinity;
      if (this.#gap >= CONCEAL_FRAMES) this.mixdown.rise();
      this.#gap = 0;
      if (behind > 0) this.#seam = true;
      this.#store(behind, frames - behind);
    }
    this.#regulate(time, at + frames, frames);
    return frames;
  }

  /**
   * The ring is about to run dry: makes up what is late, for the next burst.
   * @returns {number} milliseconds after which to ask again; 0: not by itself
   */
  cover() {
    if (!this.#started || this.#card.asleep) return 0;
    this.#look(NaN);
    // After the first time for longer: timers that start each other are held to 4 ms.
    const wanted = this.#burst + (this.#gap === 0 ? 0 : AGAIN_FRAMES);
    while (this.#ring.level < wanted && this.#gap < CONCEAL_FRAMES) this.#conceal(COVER_FRAMES);
    if (this.#gap === 0 || this.#gap >= CONCEAL_FRAMES) return 0;
    return Math.max(1, Math.floor((this.#ring.level - this.#burst) / PER_MS));
  }

  #refuse() {
    this.broken++;
    return 0;
  }

  /** What the card has done meanwhile. */
  #look(/** @type {number} */ time) {
    const card = this.#card;
    card.look(time, this.#started);
    // What was silent instead isn't played any more.
    this.#edge += card.silence;
    if (card.silence > 0) this.#seam = false;
    if (card.woke) this.#anew = true;
  }

  /** The packet with this timestamp is heard after the depth that is meant. @returns its timestamp, not wrapped yet */
  #begin(/** @type {number} */ timestamp) {
    if (this.#started) this.resyncs++;
    this.#started = true;
    this.#anew = false;
    this.#settle(timestamp);
    return timestamp;
  }

  /** Frames by which what comes now should be early: how much of its burst the card has still got isn't known. */
  #early() {
    return Math.round(this.depth.targetMs * PER_MS) + (this.#burst >> 1);
  }

  /**
   * Sets the buffer anew, so that what comes next, at `edge`, is early by the depth that is meant.
   * @param {number} edge @param {number} inFrames how long from now that is
   */
  #settle(edge, inFrames = 0) {
    const frames = this.#early() + inFrames;
    this.arrivals.reset();
    this.depth.restart(this.#card.frames / PER_MS);
    this.#edge = edge;
    this.#lateSince = this.#offSince = Infinity;
    this.#gap = 0;
    this.#seam = false;
    this.mixdown.rise();
    this.#ring.silence(frames);
    this.#ring.keep(frames);
    this.#ring.playing = true;
  }

  /** @param {number} at @param {number} frames */
  #arrived(at, frames) {
    if (this.#card.asleep || this.#ring.jumps) return;
    const now = this.#card.frames / PER_MS;
    this.arrivals.arrived(now, now - at / PER_MS, frames / PER_MS);
    this.leads += Math.max(0, at - this.position);
    this.leadCount++;
  }

  /** All of it came too late: it is left out; when that goes on, all is played so much later from then on. */
  #late(/** @type {number} */ at, /** @type {number} */ frames, /** @type {number} */ time) {
    this.late++;
    this.#seam = true;
    this.#lateSince = Math.min(this.#lateSince, time);
    if (time - this.#lateSince < LATE_MS) return;
    this.resyncs++;
    this.#settle(at);
    this.#store(0, frames);
  }

  /** @param {number} time @param {number} next timestamp of the packet after this one @param {number} frames until it comes */
  #regulate(time, next, frames) {
    if (this.#card.asleep || this.#ring.jumps || Number.isNaN(this.arrivals.usual)) return;
    const depthMs = (this.#card.frames - this.position) / PER_MS - this.arrivals.usual;
    const { depth } = this, most = Math.max(depth.depthMs, depth.targetMs) + SKIP_MS + (this.#burst >> 1) / PER_MS;
    const shallow = depthMs < Math.min(depth.depthMs, depth.targetMs) - SKIP_MS;
    if (!shallow && depthMs < most) this.#offSince = Infinity;
    else if (this.#offSince === Infinity) {
      this.#offSince = time;
      this.#lateBefore = this.late;
    } else if (time - this.#offSince > LATE_MS) {
      if (shallow && this.late === this.#lateBefore) return this.#play(depthMs);
      this.resyncs++;
      this.#offSince = Infinity;
      if (shallow) return this.#settle(next, frames);
      this.#ring.keep(Math.max(0, this.#ring.level - Math.round((depthMs - depth.targetMs) * PER_MS)));
      depth.restart(this.#card.frames / PER_MS);
      return;
    }
    this.#play(depthMs);
  }

  /** At the speed that keeps the depth. */
  #play(/** @type {number} */ depthMs) {
    this.depth.update(this.#card.frames / PER_MS, depthMs);
    this.#resampler.speed = this.depth.speed;
  }

  /** Makes up `frames` frames, as long as that makes sense. */
  #conceal(/** @type {number} */ frames) {
    for (let left = frames; left > 0 && this.#gap < CONCEAL_FRAMES;) {
      const count = Math.min(left, 480);
      this.#decoders?.conceal(count);
      this.concealed++;
      this.#gap += count;
      this.#store(0, count);
      left -= count;
      frames -= count;
    }
    // What would be too much is silence. The empty ring gave it until now; what is early again waits as long as ever.
    this.#ring.silence(Math.min(frames, this.#early()));
    this.#edge += frames;
  }

  /** Puts `count` decoded frames, from frame `first` on, behind what is there. */
  #store(/** @type {number} */ first, /** @type {number} */ count) {
    const decoders = /** @type {import("./listen_decoder.js").Decoders} */ (this.#decoders);
    const resampler = this.#resampler, at = resampler.writeAt(), { stored } = resampler;
    const plane = (/** @type {number} */ stream) => decoders.plane(stream) + first;
    if (!decoders.stereo) this.mixdown.apply(decoders.samples, plane, decoders.streams, count, stored, at);
    else {
      const { samples } = decoders, from = decoders.plane(0) + 2 * first;
      for (let i = 0; i < 2 * count; i++) stored[at + i] = samples[from + i];
    }
    if (this.#seam) this.#spread(stored, at, count);
    this.#last[0] = stored[at + 2 * count - 2];
    this.#last[1] = stored[at + 2 * count - 1];
    resampler.commit(count);
    this.#edge += count;
    for (let ready = resampler.ready; ready > 0; ready = resampler.ready) {
      const piece = Math.min(ready, MOST_PUSHED);
      resampler.render(this.#rendered, piece);
      this.#ring.push(this.#rendered, piece);
    }
  }

  /** @param {Float32Array} stored @param {number} at @param {number} count */
  #spread(stored, at, count) {
    const left = this.#last[0] - stored[at], right = this.#last[1] - stored[at + 1];
    for (let i = 0; i < Math.min(count, SEAM_FRAMES); i++) {
      const rest = (1 - i / SEAM_FRAMES) ** 2;
      stored[at + 2 * i] += left * rest;
      stored[at + 2 * i + 1] += right * rest;
    }
    this.#seam = false;
  }
}
