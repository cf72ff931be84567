/**
 * RTP (RFC 3550 section 5): writes the fixed header in place, reads whatever header comes, and tells apart what shares a
 * media socket. Numbers and bytes in, bytes and numbers out. Pure; any thread; allocates nothing.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |           synchronization source (SSRC) identifier            |
 * |                    CSRCs, CC of 32 bits each                  |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { type RtpTimestamp, rtpTimestamp, type SequenceNumber, sequenceNumber } from "../core/units.ts";
import { get16, get32, put16, put32 } from "./bigendian.ts";

/** The fixed header: no CSRCs, no extension (RFC 3550 section 5.1). */
export const RTP_HEADER_BYTES = 12;
/** One Opus packet, `opus/48000/2` (RFC 7587). */
export const PAYLOAD_TYPE_OPUS = 96;
/** One Opus multistream packet of mono streams, `multiopus/48000/N`. */
export const PAYLOAD_TYPE_MULTIOPUS = 97;
/** An earlier packet and this one (RFC 2198). */
export const PAYLOAD_TYPE_RED = 98;

/**
 * Writes a header without CSRCs, extension and padding. `payloadType` is at most 127, `sequence` is taken modulo 2¹⁶,
 * `timestamp` and `ssrc` modulo 2³². Returns the bytes written: {@link RTP_HEADER_BYTES}.
 * @hot
 */
export function writeRtpHeader(
  out: Uint8Array,
  at: number,
  payloadType: number,
  marker: boolean,
  sequence: number,
  timestamp: number,
  ssrc: number,
): number {
  out[at] = 0x80;
  out[at + 1] = marker ? payloadType | 0x80 : payloadType;
  put16(out, at + 2, sequence);
  put32(out, at + 4, timestamp);
  put32(out, at + 8, ssrc);
  return RTP_HEADER_BYTES;
}

/** A header that was read; one object serves for all packets. */
export class RtpPacket {
  /** 7 bits. */
  payloadType = 0;
  /** The first packet after a start or a break (RFC 3551 section 4.1). */
  marker = false;
  /** As it came: wraps are not counted. */
  sequence: SequenceNumber = sequenceNumber(0);
  /** Of the payload's first sample; of the primary one's with redundancy. */
  timestamp: RtpTimestamp = rtpTimestamp(0);
  /** 0 … 2³²−1. */
  ssrc = 0;
  /** Index of the payload's first byte in the array that was read. */
  payloadAt = 0;
  /** Without the padding; 0 for a packet that is only padding. */
  payloadBytes = 0;

  /**
   * Reads the packet of `length` bytes that begins at `at`. False, with the fields undefined, if it isn't version 2 or if
   * CSRCs, extension or padding don't fit in it.
   * @hot
   */
  read(packet: Uint8Array, at: number, length: number): boolean {
    if (length < RTP_HEADER_BYTES) return false;
    const first = packet[at];
    if (first >> 6 !== 2) return false;
    const end = at + length;
    let payload = at + RTP_HEADER_BYTES + 4 * (first & 15);
    if (payload > end) return false;
    if ((first & 0x10) !== 0) {
      // Extension: 16 bits for its profile, 16 bits that count the 32-bit words after them.
      if (payload + 4 > end) return false;
      payload += 4 + 4 * get16(packet, payload + 2);
      if (payload > end) return false;
    }
    let bytes = end - payload;
    if ((first & 0x20) !== 0) {
      // The last byte counts the padding, itself included.
      if (bytes === 0) return false;
      const padding = packet[end - 1];
      if (padding === 0 || padding > bytes) return false;
      bytes -= padding;
    }
    this.payloadType = packet[at + 1] & 0x7f;
    this.marker = packet[at + 1] >= 0x80;
    this.sequence = sequenceNumber(get16(packet, at + 2));
    this.timestamp = rtpTimestamp(get32(packet, at + 4));
    this.ssrc = get32(packet, at + 8);
    this.payloadAt = payload;
    this.payloadBytes = bytes;
    return true;
  }
}

/** What comes on a media socket; `other` is anything that we don't speak, DTLS and TURN channels too. */
export type DatagramKind = "stun" | "rtp" | "rtcp" | "other";

/**
 * What a datagram on a media socket is by its first two bytes: RFC 7983 section 7, RFC 5761 section 4.
 * @hot
 */
export function kindOfDatagram(firstByte: number, secondByte: number): DatagramKind {
  if (firstByte < 4) return "stun";
  if (firstByte < 128 || firstByte > 191) return "other";
  // RTCP packet types 192 to 223 stand where RTP has marker and payload type; RTP keeps off 64 to 95 for it.
  return secondByte >= 192 && secondByte <= 223 ? "rtcp" : "rtp";
}
