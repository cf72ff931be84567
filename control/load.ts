/**
 * How loaded each send worker is, and whether it is full. In: the board's counters, looked at once a second. Out: shares
 * of the last second, and "full" with hysteresis, which {@link openWorkers} (offer.ts) turns into who may still come.
 * Control worker; allocates.
 *
 * A frame is late when it isn't sent before its own length has passed. On an idle machine none is. On a loaded one the
 * first are those that are complete soonest after the one before: 15 blocks make 16 frames of 2.5 ms, 8 of 5 or 4 of 10,
 * and an eighth of them or more is late from 70, 77 and 90 % of a worker's time on. So a tenth means that the work doesn't
 * fit any more, if the worker is busy; if it isn't, something else held the machine up, which no refusal would mend.
 */
import type { WorkerRow } from "../core/board.ts";
import { bucketMiddle } from "../core/histogram.ts";
import { logger } from "../core/log.ts";
import { note } from "./events.ts";
import type { House } from "./house.ts";

/** Full: so many frames late, by a worker that was busy for so much of the time, in so many looks one after the other. */
const LATE = 0.1, BUSY = 0.65, LOOKS = 3;
/** Not any more: less of either, in so many. */
const LATE_AGAIN = 0.05, BUSY_AGAIN = 0.55, LOOKS_AGAIN = 10;
/** Two looks that follow each other sooner are one. */
const LEAST_MS = 900;

/** One send worker's. */
export interface WorkerLoad {
  /** Part of the last second for which it worked, or the main isolate did if that was more. */
  busy: number;
  /** Part of the last second's frames that were late. */
  late: number;
  full: boolean;
  /** Looks in a row that speak for the other answer. */
  looks: number;
  /** Counters at the last look. */
  busyUs: number;
  datagrams: number;
  lateFrames: number;
}

/** Of the whole house. */
export interface Load {
  readonly workers: readonly WorkerLoad[];
  /** When the counters were looked at, and how long the main isolate had worked by then. */
  seenAt: number;
  mainMs: number;
}

const readCounters = ({ busyUs, datagrams, lateFrames }: WorkerRow) => ({ busyUs, datagrams, lateFrames });

/** `rows`: the workers' at the start, which may have counted before. */
export const createLoad = (rows: readonly WorkerRow[], seenAt: number): Load => ({
  workers: rows.map((row) => ({ busy: 0, late: 0, full: false, looks: 0, ...readCounters(row) })),
  seenAt,
  mainMs: 0,
});

/** What all durations of a histogram are together, within 2 %. */
const sumMs = (counts: Uint32Array): number =>
  counts.reduce((sum, count, bucket) => count === 0 ? sum : sum + count * bucketMiddle(bucket), 0) / 1e6;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Counts a look that speaks for the other answer; true when that is the answer now. */
function turns(load: WorkerLoad): boolean {
  const speaks = load.full ? load.late < LATE_AGAIN || load.busy < BUSY_AGAIN : load.late >= LATE && load.busy >= BUSY;
  load.looks = speaks ? load.looks + 1 : 0;
  if (load.looks < (load.full ? LOOKS_AGAIN : LOOKS)) return false;
  load.full = !load.full;
  load.looks = 0;
  return true;
}

/** Once a second. */
export function watchLoad(house: House): void {
  const { load, board } = house, time = house.clock(), elapsedMs = time - load.seenAt;
  if (elapsedMs < LEAST_MS) return;
  const mainMs = sumMs(board.main.block), main = (mainMs - load.mainMs) / elapsedMs;
  load.seenAt = time;
  load.mainMs = mainMs;
  load.workers.forEach((worker, i) => {
    const counters = readCounters(board.workers[i]);
    // Counters are modulo 2³².
    const since = (name: keyof typeof counters) => (counters[name] - worker[name]) >>> 0;
    const sent = since("datagrams");
    worker.busy = Math.min(1, Math.max(main, since("busyUs") / 1000 / elapsedMs));
    worker.late = sent === 0 ? 0 : Math.min(1, since("lateFrames") / sent);
    Object.assign(worker, counters);
    if (!turns(worker)) return;
    const text = worker.full
      ? `send worker ${i} is full: ${percent(worker.late)} of its frames are late, ${
        percent(worker.busy)
      } of its time ` +
        "is used; nobody else gets in who would make it worse"
      : `send worker ${i} has room again`;
    note(house, "worker", text);
    logger("control").warn(text);
  });
}
