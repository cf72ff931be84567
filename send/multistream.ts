/**
 * Opus multistream packets, put together and taken apart without a codec: streams 1 to N−1 in self-delimiting framing
 * (RFC 6716 appendix B), the last in plain framing (section 3), as in RFC 7845 section 3. Opus packets in, packets out,
 * written in place. Pure; any thread, one call at a time in each isolate; allocates nothing.
 *
 * For every frame code the self-delimiting form is the plain one with one more length, that of the last frame (for
 * constant sizes: of each), put in where the lengths end; padding stays where it is. So both ways are a copy in two pieces.
 */
import { copyBytes } from "./bigendian.ts";

/** Up to 4, 6, 8, 12 and 20 kHz of audio (RFC 6716 section 2, table 1). */
export type Bandwidth = "narrowband" | "mediumband" | "wideband" | "superwideband" | "fullband";

/** What the first byte of an Opus packet says (RFC 6716 section 3.1). */
export interface Toc {
  /** 0 … 31 */
  readonly config: number;
  /** Two channels in the one stream. */
  readonly stereo: boolean;
  /** Frame code: 0 one frame, 1 two of a size, 2 two, 3 any number. */
  readonly code: number;
  /** Samples of one frame, at 48 kHz. */
  readonly frameSamples: number;
  /** By `config`: the most that the frame can hold. */
  readonly bandwidth: Bandwidth;
}

/** RFC 6716 section 3.2: no frame is longer. */
const MAX_FRAME_BYTES = 1275;
/** RFC 6716 section 3.2.5: no packet lasts longer than 120 ms. */
const MAX_PACKET_SAMPLES = 5760;

function tocTable(): readonly Toc[] {
  const silk: Bandwidth[] = ["narrowband", "mediumband", "wideband"];
  const celt: Bandwidth[] = ["narrowband", "wideband", "superwideband", "fullband"];
  return Array.from({ length: 256 }, (_, byte) => {
    const config = byte >> 3, length = config & 3;
    const hybrid = config < 14 ? "superwideband" : "fullband";
    const bandwidth = config < 12 ? silk[config >> 2] : config < 16 ? hybrid : celt[config - 16 >> 2];
    const silkSamples = length === 3 ? 2880 : 480 << length;
    const frameSamples = config < 12 ? silkSamples : config < 16 ? 480 << (config & 1) : 120 << length;
    return { config, stereo: (byte & 4) !== 0, code: byte & 3, frameSamples, bandwidth };
  });
}
const TOCS = tocTable();

/**
 * Takes 0 … 255. The object is shared by all packets with this byte.
 * @hot
 */
export function tocOf(byte: number): Toc {
  return TOCS[byte];
}

/** What {@link measure} found: fields of one reused object, because a hot function can't return two numbers. */
const found = { insertAt: 0, lengthBytes: 0, bytes: 0, samples: 0 };

/** @hot Bytes that a frame length takes (RFC 6716 section 3.2.1). */
function lengthBytesOf(frameBytes: number): number {
  return frameBytes < 252 ? 1 : 2;
}

/** @hot A frame length at `at`, or −1 if it reaches beyond `end`. */
function readLength(packet: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const first = packet[at];
  if (first < 252) return first;
  return at + 1 < end ? first + 4 * packet[at + 1] : -1;
}

/**
 * @hot Measures the packet at `at`, which ends at or (self-delimited) before `end`, into {@link found}. Returns the
 * bytes of the last frame, or −1 if it is malformed by one of RFC 6716's rules R1 to R7.
 */
function measure(packet: Uint8Array, at: number, end: number, selfDelimited: boolean): number {
  if (at >= end) return -1;
  const toc = TOCS[packet[at]];
  let i = at + 1, frames = 1, padding = 0, others = 0, constant = true;
  if (toc.code === 1 || toc.code === 2) {
    frames = 2;
    constant = toc.code === 1;
  } else if (toc.code === 3) {
    if (i >= end) return -1;
    const count = packet[i++];
    frames = count & 63;
    constant = count < 0x80;
    if (frames === 0 || frames * toc.frameSamples > MAX_PACKET_SAMPLES) return -1;
    if ((count & 0x40) !== 0) {
      let more = 255;
      while (more === 255) {
        if (i >= end) return -1;
        more = packet[i++];
        padding += more === 255 ? 254 : more;
      }
    }
  }
  if (!constant) {
    for (let k = 1; k < frames; k++) {
      const size = readLength(packet, i, end);
      if (size < 0) return -1;
      i += lengthBytesOf(size);
      others += size;
    }
  }
  found.insertAt = i;
  found.samples = frames * toc.frameSamples;
  let last = 0;
  if (selfDelimited) {
    last = readLength(packet, i, end);
    if (last < 0) return -1;
    found.lengthBytes = lengthBytesOf(last);
    i += found.lengthBytes;
  } else {
    const rest = end - i - others - padding;
    if (rest < 0 || (constant && rest % frames !== 0)) return -1;
    last = constant ? rest / frames : rest;
    found.lengthBytes = lengthBytesOf(last);
  }
  if (last > MAX_FRAME_BYTES) return -1;
  i += (constant ? last * frames : others + last) + padding;
  if (i > end) return -1;
  found.bytes = i - at;
  return last;
}

/**
 * Bytes that the plain packet in `packet[0 … packetBytes)` takes in self-delimiting framing; −1 if it is malformed.
 * @hot
 */
export function selfDelimitedBytes(packet: Uint8Array, packetBytes: number): number {
  return measure(packet, 0, packetBytes, false) < 0 ? -1 : packetBytes + found.lengthBytes;
}

/**
 * Writes the plain packet in `packet[0 … packetBytes)` in self-delimiting framing, as each stream but the last. Returns
 * the bytes written, at most `packetBytes` + 2; −1, and nothing written, if the packet is malformed.
 * @hot
 */
export function appendSelfDelimited(packet: Uint8Array, packetBytes: number, out: Uint8Array, at: number): number {
  const last = measure(packet, 0, packetBytes, false);
  if (last < 0) return -1;
  const head = found.insertAt;
  copyBytes(packet, 0, head, out, at);
  let to = at + head;
  if (last < 252) {
    out[to++] = last;
  } else {
    out[to++] = 252 + (last & 3);
    out[to++] = last - 252 >> 2;
  }
  copyBytes(packet, head, packetBytes - head, out, to);
  return packetBytes + found.lengthBytes;
}

/**
 * Writes the plain packet in `packet[0 … packetBytes)` as it is, as the last stream. Returns the bytes written,
 * `packetBytes`; −1, and nothing written, if the packet is malformed.
 * @hot
 */
export function appendPlain(packet: Uint8Array, packetBytes: number, out: Uint8Array, at: number): number {
  if (measure(packet, 0, packetBytes, false) < 0) return -1;
  copyBytes(packet, 0, packetBytes, out, at);
  return packetBytes;
}

/**
 * Splits the multistream packet in `packet[at … at + bytes)` into `streams` plain packets, each of which a decoder for
 * one stream takes: they go into `out` (at least `bytes` long, another array than `packet`) one after the other, stream
 * k (from 0) at `offsets[k]` with `lengths[k]` bytes. False, with the outputs undefined, if it is malformed or if the
 * streams don't last equally long.
 * @hot
 */
export function splitMultistream(
  packet: Uint8Array,
  at: number,
  bytes: number,
  streams: number,
  out: Uint8Array,
  offsets: Int32Array,
  lengths: Int32Array,
): boolean {
  const end = at + bytes;
  let from = at, to = 0, samples = 0;
  for (let k = 0; k < streams; k++) {
    const selfDelimited = k < streams - 1;
    if (measure(packet, from, end, selfDelimited) < 0) return false;
    if (k === 0) samples = found.samples;
    else if (found.samples !== samples) return false;
    const head = found.insertAt - from;
    const skipped = selfDelimited ? found.lengthBytes : 0;
    const rest = found.bytes - head - skipped;
    copyBytes(packet, from, head, out, to);
    copyBytes(packet, found.insertAt + skipped, rest, out, to + head);
    offsets[k] = to;
    lengths[k] = head + rest;
    to += head + rest;
    from += found.bytes;
  }
  return streams > 0 && samples <= MAX_PACKET_SAMPLES;
}
