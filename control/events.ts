/**
 * What happened, in words for the engineer: the last 200 of who came and went, what broke and what works again. In: the
 * house, looked at after each change and once a second. Out: a list that live clients get. Control worker; allocates.
 */
import { Flow } from "../core/board.ts";
import { Word } from "../core/ring.ts";
import type { House } from "./house.ts";

const MOST_EVENTS = 200;

export type EventKind = "join" | "leave" | "paused" | "flowing" | "source" | "worker" | "scene" | "storage";

export interface HouseEvent {
  readonly time: number;
  readonly kind: EventKind;
  readonly text: string;
}

export interface Events {
  /** The oldest first. */
  readonly kept: HouseEvent[];
  /** Since the start, those that were forgotten too. */
  count: number;
}
export const createEvents = (): Events => ({ kept: [], count: 0 });

export function note(house: Pick<House, "events" | "clock">, kind: EventKind, text: string): void {
  const { events } = house;
  events.kept.push({ time: house.clock(), kind, text });
  if (events.kept.length > MOST_EVENTS) events.kept.shift();
  events.count++;
}

/** Those after the first `count` that are still kept. */
export const eventsAfter = ({ events }: House, count: number): readonly HouseEvent[] =>
  count >= events.count ? [] : events.kept.slice(-(events.count - count));

/** Watches the house, and notes what it sees. */
export interface Reporter {
  /** Who came and who went. After each change of the state. */
  changed(): void;
  /** What only counters tell. Once a second. */
  tick(): void;
}

export function createReporter(house: House): Reporter {
  const { board, ring, options } = house;
  let sessions = house.state.sessions;
  const flowing = new Set<string>();
  const restarts = board.workers.map((row) => row.restarts);
  // Its first block comes after us: only what is missing later is news.
  let live = 1;
  let problem = house.store.problem;

  function lookAtMedia(): void {
    for (const id of flowing) if (!house.sessions.has(id)) flowing.delete(id);
    for (const session of house.sessions.values()) {
      const flows = board.slots[session.placed.receiver.slot].flow === Flow.Flowing;
      if (flows === flowing.has(session.id)) continue;
      if (flows) flowing.add(session.id);
      else flowing.delete(session.id);
      const { name } = session.saved;
      note(house, flows ? "flowing" : "paused", flows ? `${name} gets audio` : `${name} gets no audio: paused`);
    }
  }
  function lookAtWorkers(): void {
    board.workers.forEach((row, i) => {
      if (row.restarts === restarts[i]) return;
      restarts[i] = row.restarts;
      note(house, "worker", `send worker ${i} failed, and was replaced`);
    });
  }
  function lookAtSource(): void {
    const now = Atomics.load(ring, Word.Live);
    if (now === live) return;
    live = now;
    const { name } = options.source;
    note(house, "source", now === 0 ? `no audio from ${name}` : `audio from ${name} again`);
  }
  function lookAtStore(): void {
    const now = house.store.problem;
    if ((now === null) !== (problem === null)) note(house, "storage", now ?? "changes are kept on disk again");
    problem = now;
  }
  return {
    changed: () => {
      const before = sessions, now = house.state.sessions;
      if (now === before) return;
      sessions = now;
      for (const id of Object.keys(before)) {
        if (!Object.hasOwn(now, id)) note(house, "leave", `${before[id].name} left`);
      }
      for (const id of Object.keys(now)) if (!Object.hasOwn(before, id)) note(house, "join", `${now[id].name} joined`);
    },
    tick: () => {
      lookAtMedia();
      lookAtWorkers();
      lookAtSource();
      lookAtStore();
    },
  };
}
