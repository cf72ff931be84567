/**
 * One receiver as its sender sees it: its shape and streams, where it is, and the datagram that it gets. The row on the
 * board is its memory: packets, sequence number and address outlive the worker. Writing a datagram allocates nothing.
 */
import { channelSource, mixSource, type Source } from "../core/block.ts";
import { Flow, type SlotRow } from "../core/board.ts";
import { type Endpoint, sameEndpoint } from "../core/endpoint.ts";
import type { Receiver, Shape } from "../core/messages.ts";
import { type Milliseconds, rtpTimestamp } from "../core/units.ts";
import { addSequence, addTimestamp } from "../core/wrap.ts";
import { HmacSha1 } from "./hmac_sha1.ts";
import { appendPlain, appendSelfDelimited } from "./multistream.ts";
import { RED_MAX_BYTES, RED_MAX_OFFSET, writeRedHeader } from "./red.ts";
import { writeBye, writeSenderReport } from "./rtcp.ts";
import {
  PAYLOAD_TYPE_MULTIOPUS,
  PAYLOAD_TYPE_OPUS,
  PAYLOAD_TYPE_RED,
  RTP_HEADER_BYTES,
  writeRtpHeader,
} from "./rtp.ts";
import { Assembled, type Stream, type StreamPool } from "./stream.ts";
import { TransactionMemory } from "./transactions.ts";

const REPORT_MS = 1000;

/** What was asked for: `request` goes into the answer. */
export interface Change {
  readonly shape: Shape;
  readonly mix: number;
  readonly request: number;
}

/** A shape with its streams; where it begins, once that is decided. */
export interface Form {
  readonly shape: Shape;
  readonly mix: number;
  readonly streams: readonly Stream[];
  readonly assembled: Assembled;
  /** RTP payload type of the Opus packet itself. */
  readonly payloadType: number;
  /** Position from which on it holds, a multiple of FRAME_GRID; −1: from its first packet on, or, as `next`, not decided yet. */
  at: number;
  readonly request: number;
}

export const sourcesOf = (shape: Shape, mix: number): Source[] =>
  shape.mode === "mix" ? [mixSource(mix)] : shape.channels.map(channelSource);

export class Served {
  readonly receiver: Receiver;
  readonly row: SlotRow;
  readonly cname: Uint8Array;
  /** Of its STUN messages. */
  readonly key: HmacSha1;
  readonly seen = new TransactionMemory();
  current: Form;
  next: Form | null = null;
  /** Changes that wait until `next` holds. */
  readonly later: Change[] = [];
  /** Where it is sent; null before the first binding. */
  endpoint: Endpoint | null;
  flowing = false;
  /** When its next sender report is due. */
  reportAt = 0;
  #marker = true;
  #earlierBytes = 0;
  #earlierPosition = 0;
  readonly #earlier = new Uint8Array(RED_MAX_BYTES);

  constructor(receiver: Receiver, row: SlotRow) {
    this.receiver = receiver;
    this.row = row;
    this.cname = new TextEncoder().encode(receiver.cname);
    this.key = new HmacSha1(receiver.opening.kind === "stun" ? receiver.opening.password : "");
    this.endpoint = receiver.opening.kind === "fixed" ? receiver.opening.rtp : row.readEndpoint();
    this.current = this.form(receiver.shape, receiver.mix, [], -1);
  }

  form(shape: Shape, mix: number, streams: readonly Stream[], request: number, assembled = new Assembled()): Form {
    const payloadType = shape.mode === "channels" ? PAYLOAD_TYPE_MULTIOPUS : PAYLOAD_TYPE_OPUS;
    return { shape, mix, streams, assembled, payloadType, at: -1, request };
  }

  /** A form with its streams. */
  acquire(pool: StreamPool, { shape, mix, request }: Change): Form {
    const streams = sourcesOf(shape, mix).map((source) =>
      pool.acquire(source, shape.frame, shape.bitrate, this.receiver.slot)
    );
    return this.form(shape, mix, streams, request, pool.assembled(streams));
  }

  /** Starts or resumes: the next packet carries the marker and no earlier frame. */
  resume(pool: StreamPool): void {
    const { shape, mix, at } = this.current;
    this.current = this.acquire(pool, { shape, mix, request: -1 });
    this.current.at = at;
    this.flowing = true;
    this.#marker = true;
    this.#earlierBytes = 0;
    this.row.pausedAt = 0 as Milliseconds;
    this.row.flow = Flow.Flowing;
  }

  pause(pool: StreamPool, time: Milliseconds): void {
    for (const stream of this.current.streams) pool.release(stream);
    const { shape, mix, at } = this.current;
    this.current = this.form(shape, mix, [], -1);
    this.current.at = at;
    this.flowing = false;
    this.row.pausedAt = time;
    this.row.flow = Flow.Paused;
  }

  /** Takes the next form; the caller releases the streams of the one before. */
  advance(): Form {
    const before = this.current;
    this.current = this.next!;
    this.next = null;
    this.#earlierBytes = 0; // a frame of the old shape can't be read with the new one
    return before;
  }

  moveTo(endpoint: Endpoint): void {
    if (this.endpoint !== null && sameEndpoint(this.endpoint, endpoint)) return;
    this.endpoint = endpoint.slice();
    this.row.writeEndpoint(this.endpoint);
  }

  get rtcpEndpoint(): Endpoint | null {
    return this.receiver.opening.kind === "fixed" ? this.receiver.opening.rtcp : this.endpoint;
  }

  /** RTP timestamp of a sample. */
  timestampOf(position: number) {
    return addTimestamp(rtpTimestamp(this.receiver.timestampBase), position);
  }

  /** Writes its sender report: the sample at `position` is captured at `time`. Its bytes; the next is due a second later. */
  writeReport(out: Uint8Array, at: number, position: number, time: Milliseconds): number {
    const { row, receiver } = this;
    this.reportAt = time + REPORT_MS;
    return writeSenderReport(
      out,
      at,
      receiver.ssrc,
      time,
      this.timestampOf(position),
      row.packets,
      row.octets,
      this.cname,
    );
  }
  writeBye(out: Uint8Array, at: number): number {
    return writeBye(out, at, this.receiver.ssrc, this.cname);
  }

  /**
   * @hot Writes the datagram of the frame that begins at `position` into the batch and counts it as sent. Its length; 0
   * when a stream has no packet for this frame yet.
   */
  write(out: Uint8Array, at: number, position: number, batch: number): number {
    const form = this.current, streams = form.streams, last = streams.length - 1;
    for (let i = 0; i <= last; i++) if (streams[i].bytes === 0) return 0;
    const redundant = form.shape.redundancy === 1;
    const offset = position - this.#earlierPosition;
    const earlierBytes = redundant && offset <= RED_MAX_OFFSET ? this.#earlierBytes : 0;
    const sequence = this.row.sequence;

    let end = at + writeRtpHeader(
      out,
      at,
      redundant ? PAYLOAD_TYPE_RED : form.payloadType,
      this.#marker,
      sequence,
      this.timestampOf(position),
      this.receiver.ssrc,
    );
    if (redundant) {
      end += writeRedHeader(out, end, form.payloadType, offset, earlierBytes);
      for (let i = 0; i < earlierBytes; i++) out[end + i] = this.#earlier[i];
      end += earlierBytes;
    }
    const payload = end, assembled = form.assembled;
    if (assembled.batch === batch) {
      out.copyWithin(end, assembled.at, assembled.at + assembled.bytes);
      end += assembled.bytes;
    } else {
      for (let i = 0; i < last; i++) end += appendSelfDelimited(streams[i].packet, streams[i].bytes, out, end);
      end += appendPlain(streams[last].packet, streams[last].bytes, out, end);
      assembled.batch = batch;
      assembled.at = payload;
      assembled.bytes = end - payload;
    }

    if (redundant) {
      const bytes = end - payload;
      this.#earlierBytes = bytes <= RED_MAX_BYTES ? bytes : 0;
      for (let i = 0; i < this.#earlierBytes; i++) this.#earlier[i] = out[payload + i];
      this.#earlierPosition = position;
    }
    this.#marker = false;
    const row = this.row;
    row.sequence = addSequence(sequence, 1);
    row.packets++;
    row.octets += end - at - RTP_HEADER_BYTES;
    return end - at;
  }
}
