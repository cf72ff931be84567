/**
 * The audio worker of a page that listens: the line, the decoders and the playout, off the page's main thread. In: from
 * the page `start`, `media`, `gains`, `burst`, `wake`, `stop`; a word from the worklet when the ring runs low. Out:
 * `state`, once a second `stats`, `doubt` when what comes isn't what was agreed on, `failed`. Allocates for each packet what
 * the browser does.
 */
import { Decoders, loadLibopus } from "./listen_decoder.js";
import { Line } from "./listen_line.js";
import { LIMITER_DELAY } from "./listen_mix.js";
import { isRtcp, Packet, readRtcp, Reception } from "./listen_packets.js";
import { Playout } from "./listen_playout.js";
import { Ring } from "./listen_ring.js";

const SECOND_MS = 1000, PER_MS = 48;
/** What the codec looks ahead, and the limiter of a mix, in frames: as much earlier was captured what a timestamp names. */
const LOOKAHEAD = 120;
/** No packet for so long: nothing is played. */
const QUIET_MS = 500;
/** While something is in doubt the page hears of it so often. */
const DOUBT_MS = 250;

/**
 * @typedef {{ ssrc: number, payloadType: number, encoding: "opus" | "multiopus", frameMs: number, streams: number,
 *   coupledStreams: number, bitrate: number, channels?: readonly number[] }} Media docs/PROTOCOL.md, Join
 */

class Listener {
  #media;
  #ring;
  #playout;
  #line;
  #packet = new Packet();
  #reception = new Reception();
  /** @type {any} */
  #opus;
  /** @type {Decoders | null} */
  #decoders = null;
  /** Timestamp and the server's time of the same sample. @type {{ timestamp: number, ntpMs: number } | null} */
  #report = null;
  #delays = /** @type {number[]} */ ([]);
  #state = "";
  #packetAt = -Infinity;
  #doubtAt = -Infinity;
  #timer = 0;
  #cover = 0;

  /** @param {any} start @param {any} opus */
  constructor({ url, token, media, memory, worklet, gains, burst }, opus) {
    this.#opus = opus;
    this.#media = /** @type {Media} */ (media);
    this.#ring = new Ring(memory);
    this.#playout = new Playout(this.#ring);
    this.#playout.redirect(this.#decodersFor(media));
    if (gains) this.#playout.mixdown.set(gains);
    this.burst = burst;
    this.#line = new Line(url, token, (bytes) => this.#datagram(bytes), (state, reason) => this.#say(state, reason));
    this.#timer = setInterval(() => this.#second(), SECOND_MS);
    worklet.onmessage = () => this.#low();
  }

  set burst(/** @type {number} */ frames) {
    this.#playout.burst = frames;
  }
  set gains(/** @type {Float32Array} */ gains) {
    this.#playout.mixdown.set(gains);
  }
  hurry() {
    this.#line.hurry();
  }
  /** @param {Media} media the session's shape was changed */
  agree(media) {
    const before = this.#media, same = ["encoding", "streams", "coupledStreams"];
    this.#media = media;
    if (media.ssrc !== before.ssrc) {
      this.#reception = new Reception();
      this.#report = null;
      this.#playout.renew();
    }
    const other = same.some((field) => /** @type {any} */ (media)[field] !== /** @type {any} */ (before)[field]);
    if (other) this.#playout.redirect(this.#decodersFor(media))?.free();
    else if (this.#decoders) this.#decoders.bitrate = media.bitrate;
  }
  close() {
    clearInterval(this.#timer);
    clearTimeout(this.#cover);
    this.#line.close();
    this.#ring.playing = false;
  }

  /** @param {Media} media */
  #decodersFor({ streams, coupledStreams, bitrate }) {
    const decoders = this.#decoders = new Decoders(this.#opus, streams, coupledStreams === 1);
    decoders.bitrate = bitrate;
    return decoders;
  }

  /** @param {string} state @param {string} reason */
  #say(state, reason = "") {
    if (state === this.#state && reason === "") return;
    this.#state = state;
    self.postMessage({ kind: "state", state, reason });
  }

  /** @param {Uint8Array} bytes */
  #datagram(bytes) {
    const time = performance.now();
    if (bytes.length < 8) return;
    if (isRtcp(bytes)) return this.#rtcp(bytes, time);
    const packet = this.#packet, { ssrc, payloadType, frameMs } = this.#media;
    if (!packet.read(bytes) || packet.ssrc !== ssrc) return;
    this.#reception.arrived(packet, time);
    const frames = this.#playout.packet(bytes, packet, time);
    if (frames !== frameMs * PER_MS || packet.payloadType !== payloadType) this.#doubt(time);
    if (frames === 0) return;
    this.#packetAt = time;
    this.#say("playing");
    const delay = this.#delayMs(time);
    if (delay !== null) this.#delays.push(delay);
  }

  /** @param {Uint8Array} bytes @param {number} time */
  #rtcp(bytes, time) {
    const { report } = readRtcp(bytes, this.#media.ssrc);
    if (report === null) return;
    this.#reception.heard(report.middle, time);
    if (report.ntpMs > 0) this.#report = report;
  }

  /** From capture to the worklet, of the sample that goes there now. @param {number} time */
  #delayMs(time) {
    const report = this.#report, { offset } = this.#line;
    if (report === null || offset === null) return null;
    const playout = this.#playout, unseen = LOOKAHEAD + LIMITER_DELAY;
    const captured = report.ntpMs + (playout.position - unseen - playout.unwrap(report.timestamp)) / PER_MS;
    const delay = time + offset - captured;
    return delay > 0 && delay < 10_000 ? delay : null;
  }

  /** @param {number} time */
  #doubt(time) {
    if (time - this.#doubtAt < DOUBT_MS) return;
    this.#doubtAt = time;
    self.postMessage({ kind: "doubt" });
  }

  /** The next burst of the card may find nothing: what hasn't come shortly before it is made up. */
  #low() {
    clearTimeout(this.#cover);
    const cover = () => {
      const again = this.#playout.cover();
      if (again > 0) this.#cover = setTimeout(cover, again);
    };
    this.#cover = setTimeout(cover, this.#playout.patience);
  }

  #second() {
    const time = performance.now(), playout = this.#playout, reception = this.#reception;
    const report = reception.report(this.#media.ssrc, time);
    if (report !== null) this.#line.send(report);
    if (this.#state === "playing" && time - this.#packetAt > QUIET_MS) this.#say("waiting");
    const delays = this.#delays.sort((a, b) => a - b);
    self.postMessage({
      kind: "stats",
      stats: {
        received: reception.received,
        lost: reception.lost,
        jitterMs: reception.jitter / PER_MS,
        concealed: playout.concealed,
        late: playout.late,
        broken: playout.broken,
        resyncs: playout.resyncs,
        underruns: this.#ring.underruns,
        bufferMs: playout.leadCount === 0 ? null : playout.leads / playout.leadCount / PER_MS,
        targetMs: playout.depth.targetMs,
        driftPpm: playout.arrivals.driftPpm,
        speedPpm: (playout.depth.speed - 1) * 1e6,
        networkMs: this.#line.networkMs,
        workletMs: delays.length === 0 ? null : delays[delays.length >> 1],
        workletP99Ms: delays.length === 0 ? null : delays[Math.floor(delays.length * 0.99)],
      },
    });
    this.#delays = [];
    playout.leads = playout.leadCount = 0;
  }
}

/** @type {Promise<Listener> | null} */
let listener = null;

self.onmessage = async ({ data }) => {
  try {
    if (data.kind === "start") listener = loadLibopus().then((opus) => new Listener(data, opus));
    const started = await listener;
    if (data.kind === "media") started?.agree(data.media);
    if (data.kind === "gains") started && (started.gains = data.gains);
    if (data.kind === "burst") started && (started.burst = data.burst);
    if (data.kind === "wake") started?.hurry();
    if (data.kind === "stop") {
      started?.close();
      self.postMessage({ kind: "stopped" });
    }
  } catch (error) {
    self.postMessage({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
};
