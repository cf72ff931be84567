/**
 * Arithmetic that wraps: RTP sequence numbers (16 bit) and timestamps (32 bit), RFC 3550 section 5.1 and appendix A.1.
 * Pure; any thread; allocates nothing.
 */
import type { RtpTimestamp, SequenceNumber } from "./units.ts";

/** `a` moved on by `count` packets, back by a negative one; modulo 2¹⁶. */
export const addSequence = (a: SequenceNumber, count: number): SequenceNumber =>
  ((a + count) & 0xffff) as SequenceNumber;
/** How far `a` is ahead of `b`: −32768 … 32767. */
export const sequenceDistance = (a: SequenceNumber, b: SequenceNumber): number => ((a - b) << 16) >> 16;

/** `count` may be larger than 32 bits: sample positions count for ever. */
export const addTimestamp = (a: RtpTimestamp, count: number): RtpTimestamp =>
  ((a + count % 0x1_0000_0000) >>> 0) as RtpTimestamp;
/** How far `a` is ahead of `b`: −2³¹ … 2³¹−1. */
export const timestampDistance = (a: RtpTimestamp, b: RtpTimestamp): number => (a - b) | 0;
