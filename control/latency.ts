/**
 * The last ten seconds of a client's delay, leg by leg: what the server adds, out of a histogram that only grows (a copy
 * each second, ten kept), what the network and the client add, one value each second. Control worker; the copies are made
 * once and written over.
 */
import { BUCKETS, percentiles } from "../core/histogram.ts";
import { LIMITER_DELAY } from "../core/limiter.ts";
import { LOOKAHEAD, samplesToMs } from "../core/units.ts";
import type { House, Session } from "./house.ts";

const SECONDS = 10;

export interface LatencyWindow {
  readonly copies: Uint32Array[];
  /** Half round trips and the client's own parts, in milliseconds; of each second the last. */
  readonly networks: number[];
  readonly clients: number[];
  /** Copies taken so far. */
  taken: number;
}

/** In milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export const createLatencyWindow = (): LatencyWindow => ({ copies: [], networks: [], clients: [], taken: 0 });

function keep(values: number[], value: number | null): void {
  if (value !== null) values.push(value);
  if (values.length > SECONDS || value === null) values.shift();
}

/** Once a second; null: nothing known of it. */
export function takeCopy(
  window: LatencyWindow,
  counts: Uint32Array,
  networkMs: number | null,
  clientMs: number | null,
): void {
  const copy = window.copies[window.taken % SECONDS] ??= new Uint32Array(BUCKETS);
  copy.set(counts);
  window.taken++;
  keep(window.networks, networkMs);
  keep(window.clients, clientMs);
}

/** What the codec looks ahead, and in a mix the limiter, isn't seen by the clock. */
export const unseenMs = (mode: "channels" | "mix"): number =>
  samplesToMs(LOOKAHEAD) + (mode === "mix" ? samplesToMs(LIMITER_DELAY) : 0);

/** From a frame's first sample being captured to its datagram being sent, `unseen` included; null when none was sent. */
export function serverSpread(window: LatencyWindow, counts: Uint32Array, unseen: number): Spread | null {
  const earlier = window.taken < SECONDS ? undefined : window.copies[window.taken % SECONDS];
  const { count, p50, p99, max } = percentiles(counts, earlier);
  return count === 0 ? null : { p50: p50 + unseen, p99: p99 + unseen, max: max + unseen };
}

/** Of one value a second. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return { p50: at(0.5), p99: at(0.99), max: sorted[sorted.length - 1] };
}

/** Half the round trip, of the last report. */
export function networkMsOf(house: House, session: Session): number | null {
  const { roundTripUs } = house.board.slots[session.placed.receiver.slot];
  return roundTripUs === null ? null : roundTripUs / 2000;
}
/** As the client reported it. */
export const clientMsOf = ({ report }: Session): number | null =>
  report === null ? null : report.bufferMs + report.outputMs;
