/**
 * Does a shape fit in a packet, and what would? Counts the bytes of a datagram before anything is encoded: constant bit
 * rate makes them exact. A shape in, numbers and words out. Pure; any thread; for requests, not for the sound's way.
 */
import type * as messages from "../core/messages.ts";
import { type BitRate, bitRate, FRAMES, SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import { RED_EARLIER_BYTES, RED_PRIMARY_BYTES } from "./red.ts";
import { RTP_HEADER_BYTES } from "./rtp.ts";

/** UDP payload of a datagram: what Ethernet's 1500 leave after IPv6 (40) and UDP (8). */
export const MAX_DATAGRAM = 1452;

/** Bit rates that a left-out one runs down until the packet fits. */
export const LADDER: readonly BitRate[] = [256, 192, 160, 128, 96, 80, 64, 48, 32, 24, 16].map((k) =>
  bitRate(k * 1000)
);

/**
 * How a receiver gets its audio, as core's messages have it: `channels` are numbers from 1 in the order of the streams,
 * none for a mix; `frame` is in samples; `bitrate` is that of one Opus stream; `redundancy` counts the earlier frames
 * repeated in each packet.
 */
export type Shape = messages.Shape;

/** A shape of which the bit rate is to be found. */
export type RatelessShape = Omit<Shape, "bitrate">;

/**
 * Bytes of one Opus packet of `frame` samples at constant bit rate, mono or stereo alike: as libopus rounds, to bits
 * downwards, then to the nearest byte.
 */
export function opusBytes(bitrate: number, frame: number): number {
  const bits = Math.floor(bitrate * frame / SAMPLE_RATE);
  return Math.floor((bits + 4) / 8);
}

/** Opus packets in one RTP packet: a mix and each channel of a mono target are alone. */
const streamsOf = (shape: RatelessShape): number => shape.mode === "channels" ? shape.channels.length : 1;

/** Bytes of what a payload type 96 or 97 carries. */
function payloadBytes(shape: Shape): number {
  const packet = opusBytes(shape.bitrate, shape.frame);
  const streams = streamsOf(shape);
  // Each stream but the last says its frame's length: what follows the TOC byte (RFC 6716 section 3.2.1).
  const lengthBytes = packet - 1 < 252 ? 1 : 2;
  return streams * packet + (streams - 1) * lengthBytes;
}

/** UDP payload bytes of each RTP packet of this shape (with redundancy: of all but the first). */
export function datagramBytes(shape: Shape): number {
  const payload = payloadBytes(shape);
  if (shape.redundancy === 0) return RTP_HEADER_BYTES + payload;
  return RTP_HEADER_BYTES + RED_EARLIER_BYTES + RED_PRIMARY_BYTES + 2 * payload;
}

/** Within {@link MAX_DATAGRAM}? RFC 2198's limits lie beyond: twice its 1023 bytes are more, and 10 ms are 480 of its 16383 samples. */
export const fits = (shape: Shape): boolean => datagramBytes(shape) <= MAX_DATAGRAM;

/** `start` itself or the first bit rate below it on the {@link LADDER} that fits; null if none does. */
export function highestFitting(shape: RatelessShape, start: BitRate): BitRate | null {
  for (const rate of [start, ...LADDER.filter((step) => step < start)]) {
    if (fits({ ...shape, bitrate: rate })) return rate;
  }
  return null;
}

/** The most of its channels that fit, at least 1. */
function channelsFitting(shape: Shape): number {
  let count = shape.channels.length;
  while (count > 1 && !fits({ ...shape, channels: shape.channels.slice(0, count) })) count--;
  return count;
}

/** For an error's detail, when a shape doesn't fit: what a packet would take, and each single change that makes it fit. */
export function advice(shape: Shape): string {
  const tries: string[] = [];
  const rate = highestFitting(shape, shape.bitrate);
  if (rate !== null) tries.push(`bitrate ${rate}`);
  const frame = FRAMES.findLast((frame) => frame < shape.frame && fits({ ...shape, frame }));
  if (frame !== undefined) tries.push(`frameMs ${samplesToMs(frame)}`);
  if (shape.redundancy === 1 && fits({ ...shape, redundancy: 0 })) tries.push("redundancy 0");
  const channels = shape.mode === "channels" ? channelsFitting(shape) : shape.channels.length;
  if (channels < shape.channels.length) tries.push(channels === 1 ? "1 channel" : `${channels} channels`);

  const bytes = datagramBytes(shape);
  return `a packet has at most ${MAX_DATAGRAM} bytes: this one would have ${bytes}; it fits with ${
    tries.join(", or ")
  }`;
}
