/**
 * The media side of a listener: bindings and reports out, packets in. In: datagrams from one socket. Out: payloads for a
 * {@link Playout}, STUN and RTCP to the server. The listener's audio thread; allocates once a second, and for each packet
 * with a repeated frame in it.
 */
import { now } from "../core/clock.ts";
import { type Endpoint, endpointOf } from "../core/endpoint.ts";
import { msToSamples, type RtpTimestamp, rtpTimestamp } from "../core/units.ts";
import { tocOf } from "../send/multistream.ts";
import { readRed } from "../send/red.ts";
import { readRtcp, writeBye, writeReceiverReport } from "../send/rtcp.ts";
import { kindOfDatagram, PAYLOAD_TYPE_MULTIOPUS, PAYLOAD_TYPE_OPUS, PAYLOAD_TYPE_RED, RtpPacket } from "../send/rtp.ts";
import type { MediaSocket } from "../send/socket.ts";
import { readStun, STUN_BINDING_SUCCESS, TRANSACTION_ID_BYTES, verifyStun, writeBindingRequest } from "../send/stun.ts";
import type { Media } from "./messages.ts";
import type { Playout } from "./playout.ts";
import { Reception } from "./reception.ts";

/** Bindings without an answer for so long: we aren't connected. */
const BOUND_MS = 3000;
/** Transactions whose answers are still taken. */
const OPEN_TRANSACTIONS = 4;
/** What was sent before a BYE may come after it. */
const STRAGGLE_MS = 100;

export class MediaClient {
  reception = new Reception();
  /** Packets of the sessions before this one. */
  readonly before = { received: 0, lost: 0, duplicates: 0 };
  /** Malformed, or not of the streams that were agreed on. */
  broken = 0;
  /** Something came that isn't as agreed; whoever asks the server about it sets it back. */
  doubtful = false;
  /** The server said BYE, and has sent no audio since. */
  dismissed = false;
  readonly #socket: MediaSocket;
  readonly #playout: Playout;
  #media: Media;
  #server: Endpoint;
  #innerType = 0;
  #frame = 0;
  readonly #packet = new RtpPacket();
  readonly #ssrc = crypto.getRandomValues(new Uint32Array(1))[0];
  readonly #cname = new TextEncoder().encode(crypto.randomUUID());
  readonly #transactions: Uint8Array[] = [];
  #boundAt = -Infinity;
  #dismissedAt = -Infinity;

  constructor(socket: MediaSocket, playout: Playout, media: Media) {
    this.#socket = socket;
    this.#playout = playout;
    this.#media = media;
    this.#server = endpointOf(media.host, media.port);
    this.agree(media);
  }

  /** What is to come from now on, be it of the session so far or of another. The playout has its decoders. */
  agree(media: Media): void {
    if (media.ssrc !== this.#media.ssrc) {
      this.before.received += this.reception.received;
      this.before.lost += this.reception.lost;
      this.before.duplicates += this.reception.duplicates;
      this.reception = new Reception();
      this.dismissed = false;
    }
    if (media.username !== this.#media.username || media.port !== this.#media.port) this.#boundAt = -Infinity;
    this.#media = media;
    this.#server = endpointOf(media.host, media.port);
    this.#innerType = media.encoding === "multiopus" ? PAYLOAD_TYPE_MULTIOPUS : PAYLOAD_TYPE_OPUS;
    this.#frame = msToSamples(media.frameMs);
    this.doubtful = false;
  }

  /** Of the session. */
  get ssrc(): number {
    return this.#media.ssrc;
  }

  /** Once a second: consent to go on (RFC 7675), and what we know of the stream. */
  remind(time: number): void {
    const transaction = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
    this.#transactions.push(transaction);
    if (this.#transactions.length > OPEN_TRANSACTIONS) this.#transactions.shift();
    const { username, password, ssrc } = this.#media, socket = this.#socket;
    socket.push(writeBindingRequest(socket.rows, socket.at, transaction, username, password), this.#server);
    if (this.bound(time)) {
      // As late as possible: the delay since the sender report is part of it.
      const report = this.reception.report(ssrc, now());
      socket.push(writeReceiverReport(socket.rows, socket.at, this.#ssrc, this.#cname, report), this.#server);
    }
    socket.flush();
  }

  /** RTCP BYE: stop sending. */
  goodbye(): void {
    const socket = this.#socket;
    socket.push(writeBye(socket.rows, socket.at, this.#ssrc, this.#cname), this.#server);
    socket.flush();
  }

  /** Has the server answered of late? */
  bound(time: number): boolean {
    return time - this.#boundAt < BOUND_MS;
  }

  /** The datagram in the socket's `incoming`, which arrived at `time`; everything due before is rendered. */
  receive(length: number, time: number): void {
    const bytes = this.#socket.incoming;
    if (length < 2) return;
    const kind = kindOfDatagram(bytes[0], bytes[1]);
    if (kind === "rtp") this.#rtp(bytes, length, time);
    else if (kind === "rtcp") this.#rtcp(bytes, length, time);
    else if (kind === "stun") this.#stun(bytes, length, time);
  }

  #rtp(bytes: Uint8Array, length: number, time: number): void {
    const packet = this.#packet;
    if (!packet.read(bytes, 0, length) || packet.ssrc !== this.#media.ssrc) return;
    if (!this.reception.arrived(packet.sequence, packet.timestamp, time, packet.marker)) return;
    if (time - this.#dismissedAt > STRAGGLE_MS) this.dismissed = false;
    if (packet.payloadType !== this.#media.payloadType) this.doubtful = true;
    if (packet.payloadType === PAYLOAD_TYPE_RED) this.#red(bytes, packet, time);
    else if (packet.payloadType !== this.#innerType) this.broken++;
    else this.#take(bytes, packet.payloadAt, packet.payloadBytes, packet.timestamp, time, packet.marker);
  }

  #red(bytes: Uint8Array, packet: RtpPacket, time: number): void {
    const blocks = readRed(bytes, packet.payloadAt, packet.payloadBytes);
    if (blocks === null || blocks.some(({ payloadType }) => payloadType !== this.#innerType)) {
      this.broken++;
      this.doubtful = true;
      return;
    }
    // The primary first: a copy is placed by its timestamp, which may be the first that we see.
    const primary = blocks[blocks.length - 1];
    this.#take(bytes, primary.at, primary.bytes, packet.timestamp, time, packet.marker);
    for (let i = blocks.length - 2; i >= 0; i--) {
      const { at, bytes: count, timestampOffset } = blocks[i];
      if (this.#playout.fits(bytes, at, count, this.#media.bitrate)) {
        this.#playout.insertCopy(bytes, at, count, rtpTimestamp(packet.timestamp - timestampOffset));
      }
    }
  }

  /** @hot */
  #take(bytes: Uint8Array, at: number, count: number, timestamp: RtpTimestamp, time: number, marker: boolean): void {
    if (!this.#playout.fits(bytes, at, count, this.#media.bitrate)) {
      this.broken++;
      this.doubtful = true;
      return;
    }
    if (tocOf(bytes[at]).frameSamples !== this.#frame) this.doubtful = true;
    this.#playout.insert(bytes, at, count, timestamp, time, marker);
  }

  #rtcp(bytes: Uint8Array, length: number, time: number): void {
    const packet = readRtcp(bytes, 0, length);
    if (packet === null) return;
    for (const report of packet.senderReports) {
      if (report.ssrc !== this.#media.ssrc) continue;
      this.reception.heard(report.ntpMiddle, time);
      if (report.ntpMs > 0) this.#playout.report(report.rtpTimestamp, report.ntpMs);
    }
    if (packet.byes.includes(this.#media.ssrc)) {
      this.dismissed = true;
      this.#dismissedAt = time;
    }
  }

  #stun(bytes: Uint8Array, length: number, time: number): void {
    const message = readStun(bytes, 0, length);
    if (message?.type !== STUN_BINDING_SUCCESS) return;
    const asked = this.#transactions.some((id) => id.every((byte, i) => byte === message.transactionId[i]));
    if (asked && verifyStun(bytes, 0, message, this.#media.password)) this.#boundAt = time;
  }
}
