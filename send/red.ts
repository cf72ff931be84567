/**
 * Redundant audio (RFC 2198): an earlier packet is repeated in front of the present one. Writes the block headers in
 * place, allocating nothing; reading makes one small array. Pure; any thread.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |1|  block PT   |  timestamp offset         |   block length    |0|  block PT   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * then the earlier blocks, oldest first, then the primary one up to the end
 * ```
 */
import { put16 } from "./bigendian.ts";

/** The block length has 10 bits. */
export const RED_MAX_BYTES = 1023;
/** The timestamp offset has 14 bits. */
export const RED_MAX_OFFSET = 16383;
/** Header bytes of one earlier block. */
export const RED_EARLIER_BYTES = 4;
/** Header byte of the primary block. */
export const RED_PRIMARY_BYTES = 1;
/** Blocks that a reader takes: more would be no audio that we could still use. */
const MAX_BLOCKS = 8;

/**
 * Writes the headers for an earlier packet of `earlierBytes` (at most {@link RED_MAX_BYTES}; 0 = none) that began
 * `earlierOffsetSamples` (at most {@link RED_MAX_OFFSET}) before the primary one, both of one payload type. The caller
 * puts the earlier packet and then the primary one behind them. Returns the bytes written: 5, or 1 without an earlier packet.
 * @hot
 */
export function writeRedHeader(
  out: Uint8Array,
  at: number,
  payloadType: number,
  earlierOffsetSamples: number,
  earlierBytes: number,
): number {
  if (earlierBytes === 0) {
    out[at] = payloadType;
    return RED_PRIMARY_BYTES;
  }
  out[at] = payloadType | 0x80;
  out[at + 1] = earlierOffsetSamples >> 6;
  put16(out, at + 2, (earlierOffsetSamples & 0x3f) << 10 | earlierBytes);
  out[at + 4] = payloadType;
  return RED_EARLIER_BYTES + RED_PRIMARY_BYTES;
}

/** One block of a RED payload, which stays in the array that was read. */
export interface RedBlock {
  /** The block's own, not RED's. */
  readonly payloadType: number;
  /** Samples before the packet's timestamp; 0 for the primary block. */
  readonly timestampOffset: number;
  /** Index of its first byte in the array that was read. */
  readonly at: number;
  /** May be 0: RFC 2198 doesn't forbid it. */
  readonly bytes: number;
}

/** The blocks of an RTP payload, earlier ones first, the primary one last; null if they don't fit in `length` bytes. */
export function readRed(packet: Uint8Array, at: number, length: number): RedBlock[] | null {
  const end = at + length;
  let header = at, blockBytes = 0, count = 1;
  while (header < end && packet[header] >= 0x80) {
    if (header + RED_EARLIER_BYTES > end || ++count > MAX_BLOCKS) return null;
    blockBytes += (packet[header + 2] & 3) << 8 | packet[header + 3];
    header += RED_EARLIER_BYTES;
  }
  if (header + RED_PRIMARY_BYTES + blockBytes > end) return null;

  const blocks: RedBlock[] = [];
  let blockAt = header + RED_PRIMARY_BYTES;
  for (let i = at; i < header; i += RED_EARLIER_BYTES) {
    const bytes = (packet[i + 2] & 3) << 8 | packet[i + 3];
    const timestampOffset = packet[i + 1] << 6 | packet[i + 2] >> 2;
    blocks.push({ payloadType: packet[i] & 0x7f, timestampOffset, at: blockAt, bytes });
    blockAt += bytes;
  }
  blocks.push({ payloadType: packet[header], timestampOffset: 0, at: blockAt, bytes: end - blockAt });
  return blocks;
}
