/**
 * Units as types, so that decibels never meet milliseconds by accident, and the numbers that the whole system agrees on.
 * Pure; any thread; allocates nothing.
 */

/** A number with the name of its unit, which only the compiler sees: at run time there is no such field. */
export type Unit<Name extends string> = number & { readonly unit: Name };

/** A count of samples of one channel at {@link SAMPLE_RATE}. */
export type Samples = Unit<"samples">;
/** A duration, or a time since the Unix epoch, in milliseconds. */
export type Milliseconds = Unit<"milliseconds">;
/** A gain relative to full scale or to unity. */
export type Decibels = Unit<"decibels">;
/** Bits per second of one Opus stream. */
export type BitRate = Unit<"bits per second">;
/** A 32-bit RTP timestamp: samples, modulo 2³² (RFC 3550 section 5.1). */
export type RtpTimestamp = Unit<"RTP timestamp">;
/** A 16-bit RTP sequence number (RFC 3550 section 5.1). */
export type SequenceNumber = Unit<"RTP sequence number">;

/** The number as it is, not rounded. */
export const samples = (count: number): Samples => count as Samples;
/** The number as it is; fractions stay. */
export const milliseconds = (count: number): Milliseconds => count as Milliseconds;
/** The number as it is, not held at {@link OFF_DB}. */
export const decibels = (count: number): Decibels => count as Decibels;
/** The number as it is: of bits, not kilobits. */
export const bitRate = (bitsPerSecond: number): BitRate => bitsPerSecond as BitRate;
/** Any whole number, a negative one too, modulo 2³². */
export const rtpTimestamp = (count: number): RtpTimestamp => (count >>> 0) as RtpTimestamp;
/** Any whole number, a negative one too, modulo 2¹⁶. */
export const sequenceNumber = (count: number): SequenceNumber => (count & 0xffff) as SequenceNumber;

/** Everything runs at this rate; a device that can't is refused. */
export const SAMPLE_RATE = 48_000;
/** Samples per channel in a block, as captured: 2.67 ms. */
export const BLOCK = 128;
/** The most input channels: one Opus multistream datagram of more would not fit a packet anyway. */
export const MAX_CHANNELS = 64;
/** Opus frame lengths that we offer, in samples: 2.5, 5 and 10 ms. Each is a divisor of {@link FRAME_GRID}. */
export const FRAMES = [120, 240, 480] as const;
/** The length of an Opus frame in samples per channel, one of {@link FRAMES}. */
export type Frame = typeof FRAMES[number];
/** Frames of every length begin together each 10 ms; shapes change only there. */
export const FRAME_GRID = 480;
/** Opus RESTRICTED_LOWDELAY looks ahead 2.5 ms (RFC 6716 section 2: CELT overlap). */
export const LOOKAHEAD: Samples = samples(120);

/** How long so many samples last at {@link SAMPLE_RATE}, not rounded. */
export const samplesToMs = (count: number): Milliseconds => (count * 1000 / SAMPLE_RATE) as Milliseconds;
/** How many samples `ms` are at {@link SAMPLE_RATE}, rounded to the nearest. */
export const msToSamples = (ms: number): Samples => Math.round(ms * SAMPLE_RATE / 1000) as Samples;

/** At or below this a gain is off. */
export const OFF_DB: Decibels = decibels(-120);
/** Decibels to a linear factor; {@link OFF_DB} and less give exactly 0. */
export const dbToGain = (db: number): number => db <= OFF_DB ? 0 : 10 ** (db / 20);
/** A linear factor to decibels, never less than {@link OFF_DB}. */
export const gainToDb = (gain: number): Decibels => (gain <= 1e-6 ? OFF_DB : 20 * Math.log10(gain)) as Decibels;
