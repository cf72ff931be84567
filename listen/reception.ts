/**
 * What arrived of one RTP stream, and what a receiver report says of it (RFC 3550 sections 6.4.1 and appendices A.1, A.3,
 * A.8). In: sequence numbers, timestamps, arrival times, sender reports. Out: counts, and report blocks. The listener's
 * audio thread; only {@link Reception.report} allocates.
 */
import { type RtpTimestamp, SAMPLE_RATE, type SequenceNumber } from "../core/units.ts";
import { addSequence, sequenceDistance } from "../core/wrap.ts";
import type { ReceptionReport } from "../send/rtcp.ts";

/** RFC 3550 appendix A.1: a larger gap, or an older packet, is believed only when the next packet follows it. */
const MAX_DROPOUT = 3000, MAX_MISORDER = 100;
/** Packets whose numbers are remembered, to know a duplicate. */
const MEMORY = 4096;

export class Reception {
  /** Distinct packets; duplicates apart. */
  received = 0;
  duplicates = 0;
  /** In samples (appendix A.8). */
  jitter = 0;
  #base = 0;
  #highest = -1;
  /** Distinct packets before the last restart of the numbering, and those that were missing then. */
  #receivedBefore = 0;
  #lostBefore = 0;
  #expectedPrior = 0;
  #arrivedPrior = 0;
  /** The number that would confirm a jump, or −1. */
  #bad = -1;
  #transit = NaN;
  #lastSr = 0;
  #lastSrAt = 0;
  readonly #seen = new Float64Array(MEMORY).fill(-1);

  /** @hot Counts a packet; false for one that had come before. `time` in milliseconds. `marker`: a start of the sender's. */
  arrived(sequence: SequenceNumber, timestamp: RtpTimestamp, time: number, marker = false): boolean {
    // Only the difference of two transits counts, in 32 bits as the timestamps wrap.
    const transit = time * SAMPLE_RATE / 1000 % 2 ** 32 - timestamp;
    // The sender's clock goes on through a pause; a start begins with another one.
    const change = Math.abs((transit - this.#transit) | 0), goesOn = change < SAMPLE_RATE;
    const extended = this.#extend(sequence, marker, goesOn);
    if (this.#seen[extended % MEMORY] === extended) {
      this.duplicates++;
      return false;
    }
    this.#seen[extended % MEMORY] = extended;
    this.received++;
    if (goesOn) this.jitter += (change - this.jitter) / 16;
    this.#transit = transit;
    return true;
  }

  /** @hot The sequence number with its wraps counted in. `goesOn`: the sender's clock is the one it was. */
  #extend(sequence: SequenceNumber, marker: boolean, goesOn: boolean): number {
    if (this.#highest < 0 || (marker && !goesOn)) return this.#restart(sequence);
    const distance = sequenceDistance(sequence, (this.#highest & 0xffff) as SequenceNumber);
    if (distance <= -MAX_MISORDER || distance >= MAX_DROPOUT) {
      if (marker || sequence === this.#bad) return this.#restart(sequence);
      this.#bad = addSequence(sequence, 1);
    } else if (distance > 0) this.#highest += distance;
    return Math.max(0, this.#highest + Math.min(0, distance));
  }

  /** @hot */
  #restart(sequence: SequenceNumber): number {
    if (this.#highest >= 0) {
      this.#lostBefore = this.lost;
      this.#receivedBefore = this.received;
    }
    this.#seen.fill(-1);
    this.#bad = -1;
    // One cycle up: a packet from before the first one still has a number of its own.
    this.#base = this.#highest = 0x10000 + sequence;
    return this.#highest;
  }

  /** @hot Distinct packets that are missing up to the newest one. */
  get lost(): number {
    if (this.#highest < 0) return 0;
    const expected = this.#highest - this.#base + 1;
    return this.#lostBefore + Math.max(0, expected - (this.received - this.#receivedBefore));
  }

  /** A sender report arrived. */
  heard(ntpMiddle: number, time: number): void {
    this.#lastSr = ntpMiddle;
    this.#lastSrAt = time;
  }

  /** The block about `ssrc`, for the time since the one before; null before the first packet. */
  report(ssrc: number, time: number): ReceptionReport | null {
    if (this.#highest < 0) return null;
    const expected = this.received + this.lost, arrived = this.received + this.duplicates;
    const expectedNow = expected - this.#expectedPrior, lostNow = expectedNow - (arrived - this.#arrivedPrior);
    this.#expectedPrior = expected;
    this.#arrivedPrior = arrived;
    return {
      ssrc,
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor(lostNow * 256 / expectedNow)),
      cumulativeLost: expected - arrived,
      highestSequence: (this.#highest - 0x10000) >>> 0,
      jitter: Math.round(this.jitter),
      lastSr: this.#lastSr,
      delaySinceLastSr: this.#lastSr === 0 ? 0 : Math.round((time - this.#lastSrAt) * 65.536) >>> 0,
    };
  }
}
