/**
 * Gives a receiver a row on the board and a send worker, and takes them back. Control worker; allocates.
 */
import { randomBytes } from "node:crypto";
import type { Receiver } from "../core/messages.ts";
import { rtpTimestamp, sequenceNumber } from "../core/units.ts";
import type { House, Placed } from "./house.ts";
import { workerFor } from "./offer.ts";

/** The rows that were given back last aren't taken yet: who served one writes to it until it has read that it ended. */
export const RESTING_ROWS = 64;

/** Rows that can be taken. */
export const freeRows = (house: House): number => Math.max(0, house.freeSlots.length - RESTING_ROWS);

const random32 = (): number => randomBytes(4).readUInt32BE();

function newSsrc(house: House): number {
  for (;;) {
    const ssrc = random32();
    if (ssrc !== 0 && !house.ssrcs.has(ssrc)) return ssrc;
  }
}

/**
 * Starts to serve; the caller has made sure that a row is free. SSRC, sequence number and timestamp are random, but for
 * who was served before a restart, `at` the same worker if there still is one.
 */
export function place(
  house: House,
  receiver: Pick<Receiver, "cname" | "shape" | "mix" | "opening">,
  at?: { readonly ssrc: number; readonly worker: number },
): Placed {
  const slot = house.freeSlots.shift();
  if (slot === undefined) throw new Error("as no board row is free: the caller must have checked");
  const worker = at !== undefined && at.worker < house.load.workers.length ? at.worker : workerFor(house, receiver);
  const ssrc = at !== undefined && !house.ssrcs.has(at.ssrc) ? at.ssrc : newSsrc(house);
  house.board.slots[slot].open(sequenceNumber(random32()));
  const placed: Placed = { worker, receiver: { ...receiver, slot, ssrc, timestampBase: rtpTimestamp(random32()) } };
  house.ssrcs.add(ssrc);
  house.post({ kind: "serve", worker, receiver: placed.receiver });
  return placed;
}

/** Ends it, with an RTCP BYE. */
export function release(house: House, { worker, receiver }: Placed): void {
  const { slot, ssrc } = receiver;
  house.post({ kind: "close", worker, slot });
  house.ssrcs.delete(ssrc);
  house.freeSlots.push(slot);
  for (const [request, waiting] of house.reshapes) {
    if (waiting.slot !== slot) continue;
    house.reshapes.delete(request);
    waiting.settle(null);
  }
}
