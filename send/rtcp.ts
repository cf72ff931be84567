/**
 * RTCP (RFC 3550 section 6): writes the compound packets that we send (SR or RR, then SDES with the CNAME, then BYE) in
 * place, allocating nothing, and reads whatever comes into plain objects. Pure; any thread.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|    RC   |      PT       | length in 32-bit words − 1    |
 * |                         SSRC of sender                        |
 * | SR: NTP time (64 bits), RTP timestamp, packets, octets        |
 * | SR, RR: RC report blocks of 24 bytes                          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { NTP_EPOCH_SECONDS } from "../core/clock.ts";
import { type RtpTimestamp, rtpTimestamp } from "../core/units.ts";
import { copyBytes, get16, get32, put16, put32 } from "./bigendian.ts";

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const CNAME = 1;
const HEADER_BYTES = 8;
const SENDER_INFO_BYTES = 20;
const REPORT_BYTES = 24;
const WORD = 2 ** 32;

/** Packets in one compound packet that a reader takes; ours have three. */
const MAX_PACKETS = 32;
/** Report blocks, and BYEs, of one compound packet that a reader takes: more than any receiver has streams. */
const MAX_ENTRIES = 64;
/** Any compound packet that is written here fits in so many bytes. */
export const RTCP_MAX_BYTES: number = HEADER_BYTES + SENDER_INFO_BYTES + REPORT_BYTES + HEADER_BYTES + 260 +
  HEADER_BYTES;

/** A report block (RFC 3550 section 6.4.1). */
export interface ReceptionReport {
  /** Whose packets it is about. */
  readonly ssrc: number;
  /** Of 256. */
  readonly fractionLost: number;
  /** Signed: duplicates count against it. */
  readonly cumulativeLost: number;
  /** With the count of wraps in the upper 16 bits. */
  readonly highestSequence: number;
  /** In samples. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last SR; 0 = none yet. */
  readonly lastSr: number;
  /** From that SR's arrival to this report, in 1/65536 s. */
  readonly delaySinceLastSr: number;
}

/** A sender report (RFC 3550 section 6.4.1) without its report blocks. */
export interface SenderReport {
  /** The sender's. */
  readonly ssrc: number;
  /** What a report block's `lastSr` repeats. */
  readonly ntpMiddle: number;
  /** Milliseconds since the Unix epoch; 0 if the sender has no clock. */
  readonly ntpMs: number;
  /** The same moment as `ntpMs`, by the clock of the stream. */
  readonly rtpTimestamp: RtpTimestamp;
  /** RTP packets sent so far, modulo 2³². */
  readonly packets: number;
  /** Bytes of payload sent so far, modulo 2³². */
  readonly octets: number;
}

/** What a compound packet says, in its order; packet types that we don't use are left out. */
export interface RtcpPacket {
  /** One for each SR. */
  readonly senderReports: SenderReport[];
  /** Blocks of SRs and RRs alike; `reporter`: the SSRC of who sent them. */
  readonly reports: (ReceptionReport & { readonly reporter: number })[];
  /** SSRCs that leave. */
  readonly byes: number[];
}

/** @hot Whole seconds of NTP time, modulo 2³² (RFC 5905 section 6). */
function ntpSeconds(timeMs: number): number {
  return (Math.floor(timeMs / 1000) + NTP_EPOCH_SECONDS) % WORD;
}

/** @hot Fraction of the second, in 2⁻³² s. */
function ntpFraction(timeMs: number): number {
  return Math.floor((timeMs % 1000) * (WORD / 1000));
}

/**
 * The middle 32 bits of the NTP time of `timeMs` since the Unix epoch: 1/65536 s, modulo 2³².
 * @hot
 */
export function ntpMiddle(timeMs: number): number {
  return (ntpSeconds(timeMs) << 16 | ntpFraction(timeMs) >>> 16) >>> 0;
}

/**
 * Round trip in milliseconds, from a report block that arrived at `arrivalMs` since the Unix epoch; never negative, but
 * −1 if the report knows of no SR.
 * @hot
 */
export function roundTripMs(arrivalMs: number, lastSr: number, delaySinceLastSr: number): number {
  if (lastSr === 0) return -1;
  const ticks = (ntpMiddle(arrivalMs) - lastSr - delaySinceLastSr) | 0;
  return ticks > 0 ? ticks * 1000 / 65536 : 0;
}

/** @hot */
function writeHeader(out: Uint8Array, at: number, count: number, type: number, bytes: number, ssrc: number): void {
  out[at] = 0x80 | count;
  out[at + 1] = type;
  put16(out, at + 2, bytes / 4 - 1);
  put32(out, at + 4, ssrc);
}

/** @hot One chunk with the CNAME, ended by 1 to 4 zero bytes (RFC 3550 section 6.5). `cname`: at most 255 bytes. */
function writeCname(out: Uint8Array, at: number, ssrc: number, cname: Uint8Array): number {
  const bytes = (HEADER_BYTES + 2 + cname.length + 4) & ~3;
  writeHeader(out, at, 1, SOURCE_DESCRIPTION, bytes, ssrc);
  out[at + HEADER_BYTES] = CNAME;
  out[at + HEADER_BYTES + 1] = cname.length;
  const end = at + HEADER_BYTES + 2 + cname.length;
  copyBytes(cname, 0, cname.length, out, at + HEADER_BYTES + 2);
  for (let i = end; i < at + bytes; i++) out[i] = 0;
  return bytes;
}

/**
 * SR + SDES. `timeMs` since the Unix epoch is the moment of `timestamp`; `packets` and `octets` (of payload) are taken
 * modulo 2³²; `cname` is UTF-8, at most 255 bytes. Returns the bytes written.
 * @hot
 */
export function writeSenderReport(
  out: Uint8Array,
  at: number,
  ssrc: number,
  timeMs: number,
  timestamp: number,
  packets: number,
  octets: number,
  cname: Uint8Array,
): number {
  const bytes = HEADER_BYTES + SENDER_INFO_BYTES;
  writeHeader(out, at, 0, SENDER_REPORT, bytes, ssrc);
  put32(out, at + 8, ntpSeconds(timeMs));
  put32(out, at + 12, ntpFraction(timeMs));
  put32(out, at + 16, timestamp);
  put32(out, at + 20, packets);
  put32(out, at + 24, octets);
  return bytes + writeCname(out, at + bytes, ssrc, cname);
}

/**
 * RR, with one report or none, + SDES. `cumulativeLost` is held within 24 bits, signed; `cname` is UTF-8, at most 255
 * bytes. Returns the bytes written.
 * @hot
 */
export function writeReceiverReport(
  out: Uint8Array,
  at: number,
  ssrc: number,
  cname: Uint8Array,
  report: ReceptionReport | null,
): number {
  const bytes = report === null ? HEADER_BYTES : HEADER_BYTES + REPORT_BYTES;
  writeHeader(out, at, report === null ? 0 : 1, RECEIVER_REPORT, bytes, ssrc);
  if (report !== null) {
    const lost = Math.max(-0x800000, Math.min(0x7fffff, report.cumulativeLost));
    put32(out, at + 8, report.ssrc);
    put32(out, at + 12, report.fractionLost << 24 | lost & 0xffffff);
    put32(out, at + 16, report.highestSequence);
    put32(out, at + 20, report.jitter);
    put32(out, at + 24, report.lastSr);
    put32(out, at + 28, report.delaySinceLastSr);
  }
  return bytes + writeCname(out, at + bytes, ssrc, cname);
}

/**
 * Empty RR + SDES + BYE. `cname` is UTF-8, at most 255 bytes. Returns the bytes written.
 * @hot
 */
export function writeBye(out: Uint8Array, at: number, ssrc: number, cname: Uint8Array): number {
  const bytes = writeReceiverReport(out, at, ssrc, cname, null);
  writeHeader(out, at + bytes, 1, GOODBYE, HEADER_BYTES, ssrc);
  return bytes + HEADER_BYTES;
}

function readSenderReport(packet: Uint8Array, at: number): SenderReport {
  const seconds = get32(packet, at + 8), fraction = get32(packet, at + 12);
  // NTP time wraps in 2036: a first bit of 0 means after that (RFC 4330 section 3).
  const era = seconds < WORD / 2 ? WORD : 0;
  const known = seconds !== 0 || fraction !== 0;
  return {
    ssrc: get32(packet, at + 4),
    ntpMiddle: (seconds << 16 | fraction >>> 16) >>> 0,
    ntpMs: known ? (seconds + era - NTP_EPOCH_SECONDS) * 1000 + fraction * 1000 / WORD : 0,
    rtpTimestamp: rtpTimestamp(get32(packet, at + 16)),
    packets: get32(packet, at + 20),
    octets: get32(packet, at + 24),
  };
}

function readReport(packet: Uint8Array, at: number): ReceptionReport {
  const loss = get32(packet, at + 4);
  return {
    ssrc: get32(packet, at),
    fractionLost: loss >>> 24,
    cumulativeLost: loss << 8 >> 8,
    highestSequence: get32(packet, at + 8),
    jitter: get32(packet, at + 12),
    lastSr: get32(packet, at + 16),
    delaySinceLastSr: get32(packet, at + 20),
  };
}

/**
 * Reads a compound packet; null unless it passes the checks of RFC 3550 appendix A.2: version 2 throughout, SR or RR
 * first, padding in the last packet alone, lengths that add up to `length`; and counts that fit in those lengths.
 */
export function readRtcp(packet: Uint8Array, at: number, length: number): RtcpPacket | null {
  const end = at + length;
  const found: RtcpPacket = { senderReports: [], reports: [], byes: [] };
  let from = at;
  for (let packets = 0; from < end; packets++) {
    if (packets === MAX_PACKETS || from + 4 > end || packet[from] >> 6 !== 2) return null;
    const count = packet[from] & 31, type = packet[from + 1];
    const next = from + 4 * (get16(packet, from + 2) + 1);
    if (next > end) return null;
    if (from === at && type !== SENDER_REPORT && type !== RECEIVER_REPORT) return null;
    let bytes = next - from;
    if ((packet[from] & 0x20) !== 0) {
      // Padding counts itself, in words; the first packet has none, unless it is the last one too.
      const padding = packet[next - 1];
      if (next !== end || padding === 0 || padding % 4 !== 0 || padding > bytes - 4) return null;
      bytes -= padding;
    }
    if (type === SENDER_REPORT || type === RECEIVER_REPORT) {
      const head = type === SENDER_REPORT ? HEADER_BYTES + SENDER_INFO_BYTES : HEADER_BYTES;
      if (head + count * REPORT_BYTES > bytes) return null;
      if (type === SENDER_REPORT) found.senderReports.push(readSenderReport(packet, from));
      const reporter = get32(packet, from + 4);
      for (let i = 0; i < count; i++) {
        found.reports.push({ reporter, ...readReport(packet, from + head + i * REPORT_BYTES) });
      }
    } else if (type === GOODBYE) {
      if (4 + 4 * count > bytes) return null;
      for (let i = 0; i < count; i++) found.byes.push(get32(packet, from + 4 + 4 * i));
    }
    if (found.reports.length > MAX_ENTRIES || found.byes.length > MAX_ENTRIES) return null;
    from = next;
  }
  return from === at ? null : found;
}
