/**
 * What clients send to the media port: STUN bindings that open, keep and move a stream (RFC 8489, RFC 7675), and RTCP
 * (RFC 3550). Everything else is dropped and counted. Nothing from outside may throw, and only a valid binding may move a
 * stream. Runs in the sender, after each block; a few datagrams a second and client, so it may allocate.
 */
import type { WorkerRow } from "../core/board.ts";
import { now } from "../core/clock.ts";
import { sameEndpoint, sameHost } from "../core/endpoint.ts";
import { readRtcp, roundTripMs } from "./rtcp.ts";
import { kindOfDatagram } from "./rtp.ts";
import type { Served } from "./served.ts";
import type { MediaSocket } from "./socket.ts";
import { Admission } from "./transactions.ts";
import { readStun, STUN_BINDING_REQUEST, verifyStun, writeBindingSuccess } from "./stun.ts";

/** Datagrams looked at after one block; a flood beyond it waits in the socket's buffer, and is lost there. */
const PER_BLOCK = 64;

export class Inbound {
  readonly #socket: MediaSocket;
  readonly #row: WorkerRow;
  readonly #served: readonly Served[];
  readonly #act: { resume(served: Served): void; pause(served: Served): void };
  /** When more had come than is looked at, the last time. */
  floodedAt = -Infinity;

  constructor(
    socket: MediaSocket,
    row: WorkerRow,
    served: readonly Served[],
    act: { resume(served: Served): void; pause(served: Served): void },
  ) {
    this.#socket = socket;
    this.#row = row;
    this.#served = served;
    this.#act = act;
  }

  /** @hot Takes what waits; usually nothing. */
  poll(): void {
    let looked = 0;
    for (; looked < PER_BLOCK; looked++) {
      const bytes = this.#socket.receive();
      if (bytes < 0) break;
      this.#datagram(bytes);
    }
    if (looked === PER_BLOCK) this.floodedAt = now();
    if (this.#socket.count > 0) this.#socket.flush();
  }

  #datagram(bytes: number): void {
    const packet = this.#socket.incoming;
    const kind = bytes < 2 ? "other" : kindOfDatagram(packet[0], packet[1]);
    if (kind === "stun") {
      if (!this.#binding(bytes)) this.#row.droppedStun++;
    } else if (kind === "rtcp") {
      if (!this.#reports(bytes)) this.#row.droppedRtcp++;
    } else this.#row.droppedOther++;
  }

  #binding(bytes: number): boolean {
    const { incoming, from } = this.#socket;
    const message = readStun(incoming, 0, bytes);
    if (
      message === null || message.type !== STUN_BINDING_REQUEST || message.unknownRequired || message.fingerprintAt < 0
    ) return false;
    const served = this.#byUsername(message.username);
    if (!served || !verifyStun(incoming, 0, message, served.key)) return false;
    const admission = served.seen.admit(message.transactionId, from);
    if (admission === Admission.Refused) return false;
    if (admission === Admission.New) served.moveTo(from);
    // A copy from where the client was before is answered, and no more.
    const here = served.endpoint !== null && sameEndpoint(served.endpoint, from);
    if (here) served.row.boundAt = now();
    const length = writeBindingSuccess(
      this.#socket.rows,
      this.#socket.at,
      message.transactionId,
      from,
      served.key,
    );
    this.#socket.push(length, from);
    if (here && !served.flowing) this.#act.resume(served);
    return true;
  }

  #byUsername(username: string | null): Served | null {
    if (username === null) return null;
    for (let i = 0; i < this.#served.length; i++) {
      const served = this.#served[i], { opening } = served.receiver;
      if (opening.kind === "stun" && opening.username === username) return served;
    }
    return null;
  }

  /** A session's RTCP counts from its current address only; a target's from its host, by SSRC. */
  #reports(bytes: number): boolean {
    const { incoming, from } = this.#socket;
    const packet = readRtcp(incoming, 0, bytes);
    if (packet === null) return false;
    const arrived = this.#socket.arrivedAt;
    let matched = false;
    for (const served of this.#served) {
      const session = served.receiver.opening.kind === "stun";
      if (served.endpoint === null || !(session ? sameEndpoint : sameHost)(served.endpoint, from)) continue;
      if (session) matched = true;
      for (const report of packet.reports) {
        if (report.ssrc !== served.receiver.ssrc) continue;
        matched = true;
        const roundTrip = roundTripMs(arrived, report.lastSr, report.delaySinceLastSr);
        served.row.report(report.fractionLost, report.jitter, roundTrip < 0 ? -1 : Math.round(roundTrip * 1000));
      }
      if (session && packet.byes.length > 0) this.#act.pause(served);
    }
    return matched;
  }
}
