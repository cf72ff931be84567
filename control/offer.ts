/**
 * Which send worker serves whom, and who may still come when they are full: those whose frames are longer, and whose work
 * still fits. In: the load (load.ts) and who is served where. Out: a worker, an offer, a refusal. What work costs is
 * measured by what the worker does already, so this knows no machine. Pure but for reading; control worker; allocates.
 */
import { Flow } from "../core/board.ts";
import type { Shape } from "../core/messages.ts";
import { type Frame, FRAMES, SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import type { House } from "./house.ts";
import { Refusal, unavailable } from "./problem.ts";

/** What is to be sent, as far as its work depends on it. `mix`: the mix's number, −1 for one that isn't made. */
export interface Served {
  readonly shape: Shape;
  readonly mix: number;
}

/** An encode's work in that of one channel at 2.5 ms (docs/LATENCY.md), by the frame: of a channel, of a mix. */
const ENCODE: Readonly<Record<Frame, readonly [number, number]>> = { 120: [1, 1.6], 240: [1.6, 2.6], 480: [2.8, 4.6] };
/** A datagram's, in the same. */
const DATAGRAM = 0.4;
/** Of a worker's time, with whoever comes: more makes frames of this length late. 2.5 ms: they are already. */
const HOLDS: Readonly<Record<Frame, number>> = { 120: 0, 240: 0.75, 480: 0.85 };

const perSecond = (frame: Frame): number => SAMPLE_RATE / frame;
const streamsOf = ({ shape: { mode, channels, frame, bitrate }, mix }: Served): string[] =>
  (mode === "mix" ? [`mix ${mix}`] : channels.map(String)).map((source) => `${source} ${frame} ${bitrate}`);
const encodeWork = ({ mode, frame }: Shape): number => ENCODE[frame][mode === "mix" ? 1 : 0] * perSecond(frame);

/** Everybody whom a worker serves, those who are paused too. */
function servedBy(house: House, worker: number): (Served & { readonly slot: number })[] {
  const sessions = [...house.sessions.values()]
    .filter(({ placed }) => placed.worker === worker)
    .map(({ shape, hears, placed }) => ({ shape, mix: hears?.number ?? -1, slot: placed.receiver.slot }));
  const targets = [...house.targets.values()].flatMap(({ placed }) => placed)
    .filter((placed) => placed.worker === worker)
    .map(({ receiver }) => receiver);
  return [...sessions, ...targets];
}

/** Work a second for all of `served`, in encodes of a channel at 2.5 ms; each stream is encoded once. */
function workOf(served: readonly Served[]): number {
  const streams = new Set<string>();
  let work = 0;
  for (const one of served) {
    work += DATAGRAM * perSecond(one.shape.frame);
    for (const stream of streamsOf(one)) {
      if (streams.has(stream)) continue;
      streams.add(stream);
      work += encodeWork(one.shape);
    }
  }
  return work;
}

/** Would the frames of those who are there and of `fresh` be in time? Of a worker that is full. */
function fits(house: House, worker: number, fresh: readonly Served[]): boolean {
  const flows = (slot: number) => house.board.slots[slot].flow === Flow.Flowing;
  const there = servedBy(house, worker).filter(({ slot }) => flows(slot)), frame = fresh[0].shape.frame;
  if (there.length === 0) return true;
  // Those as short as its own are late already.
  if (there.every(({ shape }) => shape.frame >= frame)) return false;
  const busy = house.load.workers[worker].busy * workOf([...there, ...fresh]) / workOf(there);
  return busy <= HOLDS[frame];
}

/** Workers that can serve it: those that aren't full; else those for which it is little enough. All of it by one of them. */
function openWorkers(house: House, fresh: readonly Served[]): number[] {
  const all = house.load.workers.map((_, i) => i), open = all.filter((i) => !house.load.workers[i].full);
  return open.length > 0 ? open : all.filter((i) => fits(house, i, fresh));
}

/**
 * The worker that a receiver is given to: where its frames leave soonest, and what it adds counts twice. So those who hear
 * the same streams share a worker, which encodes them once, until sending takes it as long; mixes are spread evenly.
 */
export function workerFor(house: House, fresh: Served): number {
  const open = openWorkers(house, [fresh]), candidates = open.length > 0 ? open : house.load.workers.keys().toArray();
  const costs = candidates.map((worker) => {
    const there = servedBy(house, worker);
    return 2 * workOf([...there, fresh]) - workOf(there);
  });
  return candidates[costs.indexOf(Math.min(...costs))];
}

/** With another frame; null where that wouldn't fit in a packet. */
function reframed(made: (frame: Frame) => readonly Served[], frame: Frame): readonly Served[] | null {
  try {
    return made(frame);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/**
 * Refuses what would spoil the sound of those who are there. `fresh`: what is asked for, with frames of any length; `frame`:
 * the one that is asked for. @throws Refusal 503 with the code `overloaded`, and an offer if a longer frame would be let in.
 */
export function refuseOverload(house: House, fresh: (frame: Frame) => readonly Served[], frame: Frame): void {
  const { workers } = house.load;
  if (workers.some(({ full }) => !full) || openWorkers(house, fresh(frame)).length > 0) return;
  const offered = FRAMES.find((longer) => {
    const other = longer > frame ? reframed(fresh, longer) : null;
    return other !== null && openWorkers(house, other).length > 0;
  });
  const late = Math.round(Math.max(...workers.map(({ late }) => late)) * 100);
  const detail = "one more would spoil the sound of those who are there: the machine is at its limit, " +
    `${late} % of the frames are late; ` +
    (offered === undefined
      ? "it helps if they take longer frames (frameMs), or mixes instead of channels"
      : `with a frameMs of ${samplesToMs(offered)} there is room`);
  const offer = offered === undefined ? {} : { offer: { frameMs: samplesToMs(offered) } };
  throw unavailable(detail, { code: "overloaded", ...offer });
}
