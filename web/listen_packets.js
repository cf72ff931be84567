// @ts-check
/**
 * What comes over the line of a page that listens, and what goes back (docs/PROTOCOL.md): takes RTP packets (RFC 3550)
 * and redundant ones (RFC 2198) apart, splits Opus multistream packets, reads sender reports, counts what arrived, writes
 * receiver reports. In: datagrams as Uint8Array. Out: numbers. The page's audio worker; allocates once a second.
 */

export const OPUS = 96, MULTIOPUS = 97, RED = 98;
/** RFC 3550 appendix A.1: a jump of the numbering that is more than loss or disorder. */
const MAX_DROPOUT = 3000, MAX_MISORDER = 100;
const SENDER_REPORT = 200, RECEIVER_REPORT = 201, DESCRIPTION = 202, GOODBYE = 203;
/** Seconds from 1900 to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;

/** @param {Uint8Array} b @param {number} at */
const get16 = (b, at) => b[at] << 8 | b[at + 1];
/** @param {Uint8Array} b @param {number} at */
const get32 = (b, at) => (b[at] << 24 | b[at + 1] << 16 | b[at + 2] << 8 | b[at + 3]) >>> 0;
/** @param {Uint8Array} b @param {number} at @param {number} value */
function put32(b, at, value) {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

/** @param {Uint8Array} bytes RTCP shares the line (RFC 5761 section 4) */
export const isRtcp = (bytes) => bytes[1] >= 192 && bytes[1] <= 223;

/** Samples of a packet by its first byte (RFC 6716 section 3.1), 0 for what the server never sends: several frames. */
export function frameOf(/** @type {number} */ toc) {
  return toc >> 3 >= 16 && (toc & 3) === 0 ? 120 << (toc >> 3 & 3) : 0;
}
/** Bytes of a packet of `frames` at constant bit rate, as libopus rounds. */
export const opusBytes = (/** @type {number} */ bitrate, /** @type {number} */ frames) =>
  (Math.floor(bitrate * frames / 48_000) + 4) >> 3;
export const isStereo = (/** @type {number} */ toc) => (toc & 4) !== 0;

/** The fields of one packet; one object for all of them. */
export class Packet {
  payloadType = 0;
  marker = false;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  /** The Opus packet itself, redundant or not. */
  at = 0;
  length = 0;
  /** The packet before, repeated: 0 bytes if there is none. */
  earlierAt = 0;
  earlierLength = 0;
  earlierOffset = 0;

  /** @param {Uint8Array} b @returns {boolean} false: it is none of ours */
  read(b) {
    if (b.length < 14 || b[0] !== 0x80) return false;
    this.payloadType = b[1] & 0x7f;
    this.marker = b[1] >= 0x80;
    this.sequence = get16(b, 2);
    this.timestamp = get32(b, 4);
    this.ssrc = get32(b, 8);
    this.at = 12;
    this.earlierLength = 0;
    if (this.payloadType === RED) {
      if (b[12] >= 0x80) {
        this.earlierOffset = b[13] << 6 | b[14] >> 2;
        this.earlierLength = (b[14] & 3) << 8 | b[15];
        if (b[16] >= 0x80) return false;
        this.earlierAt = 17;
        this.at = 17 + this.earlierLength;
      } else this.at = 13;
    }
    this.length = b.length - this.at;
    return this.length > 0;
  }
}

/**
 * Where the plain packets of a multistream packet lie (RFC 6716 appendix B): `heads` gets the place of each TOC byte,
 * `bodies` and `lengths` those of the bytes behind it. Only packets of one frame.
 * @param {Uint8Array} b @param {number} at @param {number} length @param {number} streams
 * @param {Int32Array} heads @param {Int32Array} bodies @param {Int32Array} lengths
 * @returns {boolean} false: it isn't one of so many streams
 */
export function split(b, at, length, streams, heads, bodies, lengths) {
  const end = at + length;
  for (let k = 0; k < streams; k++) {
    if (at >= end || frameOf(b[at]) === 0 || frameOf(b[at]) !== frameOf(b[heads[0]]) && k > 0) return false;
    heads[k] = at++;
    if (k === streams - 1) lengths[k] = end - at;
    else {
      lengths[k] = b[at++];
      if (lengths[k] >= 252) lengths[k] += 4 * b[at++];
    }
    bodies[k] = at;
    at += lengths[k];
    // At a constant bit rate all are equally long; else it has another number of streams.
    if (at > end || lengths[k] !== lengths[0]) return false;
  }
  return true;
}

/**
 * @param {Uint8Array} b a compound packet
 * @param {number} ssrc
 * @returns {{ report: { middle: number, ntpMs: number, timestamp: number } | null, bye: boolean }}
 */
export function readRtcp(b, ssrc) {
  let report = null, bye = false;
  for (let at = 0; at + 8 <= b.length;) {
    const bytes = 4 + 4 * get16(b, at + 2);
    if (at + bytes > b.length) break;
    const mine = get32(b, at + 4) === ssrc;
    if (mine && b[at + 1] === SENDER_REPORT && bytes >= 28) {
      const seconds = get32(b, at + 8), fraction = get32(b, at + 12);
      const ntpMs = (seconds - NTP_EPOCH_SECONDS + fraction / 2 ** 32) * 1000;
      report = { middle: (seconds << 16 | fraction >>> 16) >>> 0, ntpMs, timestamp: get32(b, at + 16) };
    }
    if (mine && b[at + 1] === GOODBYE) bye = true;
    at += bytes;
  }
  return { report, bye };
}

/** What arrived of one stream (RFC 3550 appendices A.1, A.3, A.8). The line keeps the order. */
export class Reception {
  received = 0;
  lost = 0;
  /** In samples. */
  jitter = 0;
  #highest = -1;
  #transit = NaN;
  #reportedReceived = 0;
  #reportedLost = 0;
  #lastSr = 0;
  #lastSrAt = 0;
  #ssrc = crypto.getRandomValues(new Uint32Array(1))[0];

  /** @param {Packet} packet @param {number} time in milliseconds */
  arrived({ sequence, timestamp, marker }, time) {
    const highest = this.#highest, distance = highest < 0 ? 1 : (sequence - highest) << 16 >> 16;
    const transit = time * 48 % 2 ** 32 - timestamp, change = Math.abs((transit - this.#transit) | 0);
    // The sender's clock goes on through a pause; a start begins with another one.
    const anew = marker && !(change < 48_000);
    const jump = distance > MAX_DROPOUT || distance < -MAX_MISORDER || anew;
    if (highest < 0 || jump) {
      this.#transit = NaN;
      this.#highest = highest < 0 ? sequence : highest + ((sequence - highest) & 0xffff);
    } else if (distance > 0) {
      this.lost += distance - 1;
      this.#highest += distance;
    } else this.lost = Math.max(0, this.lost - 1);
    this.received++;
    if (!Number.isNaN(this.#transit) && change < 48_000) this.jitter += (change - this.jitter) / 16;
    this.#transit = transit;
  }

  /** @param {number} middle of the sender report's NTP time @param {number} time */
  heard(middle, time) {
    this.#lastSr = middle;
    this.#lastSrAt = time;
  }

  /**
   * A receiver report about `ssrc` and our CNAME, for the time since the one before; null before the first packet.
   * @param {number} ssrc @param {number} time
   */
  report(ssrc, time) {
    if (this.#highest < 0) return null;
    const lost = this.lost - this.#reportedLost, expected = lost + this.received - this.#reportedReceived;
    this.#reportedLost = this.lost;
    this.#reportedReceived = this.received;
    const b = new Uint8Array(32 + 16);
    b.set([0x81, RECEIVER_REPORT, 0, 7]);
    put32(b, 4, this.#ssrc);
    put32(b, 8, ssrc);
    put32(b, 12, Math.min(0x7fffff, this.lost));
    b[12] = expected <= 0 ? 0 : Math.min(255, Math.floor(Math.max(0, lost) * 256 / expected));
    put32(b, 16, this.#highest >>> 0);
    put32(b, 20, Math.round(this.jitter));
    put32(b, 24, this.#lastSr);
    put32(b, 28, this.#lastSr === 0 ? 0 : Math.round((time - this.#lastSrAt) * 65.536));
    // CNAME "page", ended and filled up with zeros.
    b.set([0x81, DESCRIPTION, 0, 3], 32);
    put32(b, 36, this.#ssrc);
    b.set([1, 4, 0x70, 0x61, 0x67, 0x65], 40);
    return b;
  }
}
