/**
 * The counters of the whole house in one piece of shared memory. Each row has one writer; everybody reads. The sound's
 * way only counts here; control turns the counts into status and metrics once a second. Nothing allocates after the
 * constructor, and a session's row outlives the send worker that fills it: that is how a replacement goes on.
 */
import { type Endpoint, ENDPOINT_BYTES } from "./endpoint.ts";
import { BUCKETS, HISTOGRAM_BYTES } from "./histogram.ts";
import { MAX_CHANNELS, type Milliseconds, type SequenceNumber, sequenceNumber } from "./units.ts";

export interface BoardMemory {
  readonly memory: SharedArrayBuffer;
  readonly workers: number;
  readonly slots: number;
}

const MAIN_BYTES = 64 + MAX_CHANNELS * 12 + 2 * HISTOGRAM_BYTES;
const WORKER_BYTES = 64 + HISTOGRAM_BYTES;
const SLOT_BYTES = 96 + HISTOGRAM_BYTES;
/** Of a mix: its peak, its limiter's gain. They stand behind all rows. */
const MIX_BYTES = 8;
const mixesAt = (workers: number, slots: number): number => MAIN_BYTES + workers * WORKER_BYTES + slots * SLOT_BYTES;

/** `slots`: receivers that can exist at once (sessions and targets), and mixes that can. */
export function createBoard(workers: number, slots: number): BoardMemory {
  const memory = new SharedArrayBuffer(mixesAt(workers, slots) + slots * MIX_BYTES);
  const board: BoardMemory = { memory, workers, slots };
  new MainRow(board).mixGains.fill(1);
  return board;
}

/** Written by the main isolate. */
export class MainRow {
  readonly #words: Uint32Array;
  /** Peak of each input after its trim since the reader last set it to 0; linear. */
  readonly peaks: Float32Array;
  /**
   * Sum of the squares of each input's samples after its trim, linear, since the start; it only grows. The mean square of
   * a time is what it grew by, divided by the samples of that time ({@link blocks} × BLOCK).
   */
  readonly squares: Float64Array;
  /** Peak of each mix behind its limiter, by the mix's number, since the reader last set it to 0; linear. */
  readonly mixPeaks: Float32Array;
  /** Smallest gain of each mix's limiter, by the mix's number, since the reader last set it to 1; linear, 1 = untouched. */
  readonly mixGains: Float32Array;
  /** Duration of a whole block: read, trims, mixes, handing over. */
  readonly block: Uint32Array;
  /** From the mix being done to the last worker being notified. */
  readonly handoff: Uint32Array;

  constructor({ memory, workers, slots }: BoardMemory) {
    this.#words = new Uint32Array(memory, 0, 16);
    this.squares = new Float64Array(memory, 64, MAX_CHANNELS);
    this.peaks = new Float32Array(memory, 64 + MAX_CHANNELS * 8, MAX_CHANNELS);
    this.block = new Uint32Array(memory, 64 + MAX_CHANNELS * 12, BUCKETS);
    this.handoff = new Uint32Array(memory, 64 + MAX_CHANNELS * 12 + HISTOGRAM_BYTES, BUCKETS);
    this.mixPeaks = new Float32Array(memory, mixesAt(workers, slots), slots);
    this.mixGains = new Float32Array(memory, mixesAt(workers, slots) + 4 * slots, slots);
  }
  /** Blocks that went through. */
  get blocks(): number {
    return this.#words[0];
  }
  set blocks(count: number) {
    this.#words[0] = count;
  }
  /** Blocks that a send worker didn't get because it was too far behind. */
  get withheld(): number {
    return this.#words[1];
  }
  set withheld(count: number) {
    this.#words[1] = count;
  }
  /** Samples that were not a number or infinite, and became silence. */
  get badSamples(): number {
    return this.#words[2];
  }
  set badSamples(count: number) {
    this.#words[2] = count;
  }
}

/** Written by one send worker, `restarts` by main. */
export class WorkerRow {
  readonly #words: Uint32Array;
  /** From the last block that a frame needs being available to its datagram being sent. */
  readonly captureToSend: Uint32Array;

  constructor(memory: SharedArrayBuffer, at: number) {
    this.#words = new Uint32Array(memory, at, 16);
    this.captureToSend = new Uint32Array(memory, at + 64, BUCKETS);
  }
  /** Blocks worked off: the worker's pulse. */
  get blocks(): number {
    return Atomics.load(this.#words, 0);
  }
  set blocks(count: number) {
    Atomics.store(this.#words, 0, count);
  }
  /** Encoders that run now. */
  get encoders(): number {
    return this.#words[1];
  }
  set encoders(count: number) {
    this.#words[1] = count;
  }
  /** Frames that were not sent before the next block of their size was due. */
  get lateFrames(): number {
    return this.#words[2];
  }
  set lateFrames(count: number) {
    this.#words[2] = count;
  }
  get restarts(): number {
    return this.#words[3];
  }
  set restarts(count: number) {
    this.#words[3] = count;
  }
  /** Datagrams that were no acceptable STUN request, no acceptable RTCP, nothing that we know. */
  get droppedStun(): number {
    return this.#words[4];
  }
  set droppedStun(count: number) {
    this.#words[4] = count;
  }
  get droppedRtcp(): number {
    return this.#words[5];
  }
  set droppedRtcp(count: number) {
    this.#words[5] = count;
  }
  get droppedOther(): number {
    return this.#words[6];
  }
  set droppedOther(count: number) {
    this.#words[6] = count;
  }
  /** Datagrams not sent because the socket's buffer was full. */
  get droppedSendBuffer(): number {
    return this.#words[7];
  }
  set droppedSendBuffer(count: number) {
    this.#words[7] = count;
  }
  /** RTP datagrams handed to the network. */
  get datagrams(): number {
    return this.#words[8];
  }
  set datagrams(count: number) {
    this.#words[8] = count;
  }
  get encodes(): number {
    return this.#words[9];
  }
  set encodes(count: number) {
    this.#words[9] = count;
  }
  /** Microseconds spent on blocks, from having one to being done with it, modulo 2³². */
  get busyUs(): number {
    return this.#words[10];
  }
  set busyUs(count: number) {
    this.#words[10] = count;
  }
}

export const enum Flow {
  /** Nobody's row. */
  Free,
  /** Known, but nothing is sent: no binding yet, or none for three seconds, or the client said BYE. */
  Paused,
  Flowing,
}
const NO_REPORT = 0xffffffff;

/** Written by the send worker that serves the receiver; see {@link open} for who may reset it. */
export class SlotRow {
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  readonly #endpoint: Uint8Array;
  /** From a frame's first sample being captured to its datagram being sent, without the codec's lookahead. */
  readonly server: Uint32Array;

  constructor(memory: SharedArrayBuffer, at: number) {
    this.#times = new Float64Array(memory, at, 2);
    this.#words = new Uint32Array(memory, at + 16, 14);
    this.#endpoint = new Uint8Array(memory, at + 72, ENDPOINT_BYTES);
    this.server = new Uint32Array(memory, at + 96, BUCKETS);
  }
  /** Control's, before the receiver is given to a worker: a fresh row with nothing of the one before. */
  open(sequence: SequenceNumber): void {
    this.#times.fill(0);
    this.#words.fill(0);
    this.#endpoint.fill(0);
    this.server.fill(0);
    this.sequence = sequence;
    this.#words[6] = this.#words[7] = this.#words[8] = NO_REPORT;
    this.flow = Flow.Paused;
  }
  get flow(): Flow {
    return Atomics.load(this.#words, 0);
  }
  set flow(flow: Flow) {
    Atomics.store(this.#words, 0, flow);
  }
  /** The next packet's. */
  get sequence(): SequenceNumber {
    return sequenceNumber(this.#words[1]);
  }
  set sequence(value: SequenceNumber) {
    this.#words[1] = value;
  }
  get packets(): number {
    return this.#words[2];
  }
  set packets(count: number) {
    this.#words[2] = count;
  }
  /** RTP payload bytes, modulo 2³², for the sender report (RFC 3550 section 6.4.1). */
  get octets(): number {
    return this.#words[3];
  }
  set octets(count: number) {
    this.#words[3] = count;
  }
  /** Last receiver report: null until there was one. Fraction of 256 lost, jitter in samples, round trip in microseconds. */
  get fractionLost(): number | null {
    return this.#words[6] === NO_REPORT ? null : this.#words[6];
  }
  get jitter(): number | null {
    return this.#words[7] === NO_REPORT ? null : this.#words[7];
  }
  get roundTripUs(): number | null {
    return this.#words[8] === NO_REPORT ? null : this.#words[8];
  }
  /** `roundTripUs` < 0: the report had none. */
  report(fractionLost: number, jitter: number, roundTripUs: number): void {
    this.#words[6] = fractionLost;
    this.#words[7] = jitter;
    if (roundTripUs >= 0) this.#words[8] = roundTripUs;
  }
  /** Time of the last valid binding; 0 = never. */
  get boundAt(): Milliseconds {
    return this.#times[0] as Milliseconds;
  }
  set boundAt(time: Milliseconds) {
    this.#times[0] = time;
  }
  /** Since when it has been paused; 0 = flowing, or never begun. */
  get pausedAt(): Milliseconds {
    return this.#times[1] as Milliseconds;
  }
  set pausedAt(time: Milliseconds) {
    this.#times[1] = time;
  }
  /** Where it is sent; null before the first binding. Safe against a writer in the middle of a change. */
  readEndpoint(): Endpoint | null {
    for (;;) {
      const version = Atomics.load(this.#words, 9);
      const copy = this.#endpoint.slice();
      if (version % 2 === 0 && Atomics.load(this.#words, 9) === version) return version === 0 ? null : copy;
    }
  }
  writeEndpoint(endpoint: Endpoint): void {
    Atomics.add(this.#words, 9, 1);
    this.#endpoint.set(endpoint);
    Atomics.add(this.#words, 9, 1);
  }
}

export class Board {
  readonly main: MainRow;
  readonly workers: WorkerRow[];
  readonly slots: SlotRow[];
  constructor(board: BoardMemory) {
    const { memory, workers, slots } = board, firstSlot = MAIN_BYTES + workers * WORKER_BYTES;
    this.main = new MainRow(board);
    this.workers = Array.from({ length: workers }, (_, i) => new WorkerRow(memory, MAIN_BYTES + i * WORKER_BYTES));
    this.slots = Array.from({ length: slots }, (_, i) => new SlotRow(memory, firstSlot + i * SLOT_BYTES));
  }
}
