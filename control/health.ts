/**
 * Is the house well? It is while the main isolate and every send worker have gone through blocks within the last second,
 * and a device delivers them. Asked four times a second and with each `/healthz`. Control worker.
 */
import { Word } from "../core/ring.ts";
import type { House } from "./house.ts";

/** A part that hasn't moved for so long is failing. */
const STALL_MS = 1000;

interface Pulse {
  readonly name: string;
  readonly count: () => number;
  seen: number;
  movedAt: number;
}

export interface Health {
  readonly house: House;
  readonly pulses: readonly Pulse[];
}

export function createHealth(house: House): Health {
  const pulse = (name: string, count: () => number): Pulse => ({ name, count, seen: 0, movedAt: -Infinity });
  const { main, workers } = house.board;
  return {
    house,
    pulses: [
      pulse("the mix", () => main.blocks),
      ...workers.map((row, i) => pulse(`send worker ${i}`, () => row.blocks)),
    ],
  };
}

/** Looks at every counter. */
export function feelPulses({ house, pulses }: Health): void {
  const time = house.clock();
  for (const pulse of pulses) {
    const count = pulse.count();
    if (count === pulse.seen) continue;
    pulse.seen = count;
    pulse.movedAt = time;
  }
}

/** Why it is failing; null while it is well. */
export function illness(health: Health): string | null {
  const { house } = health;
  feelPulses(health);
  const time = house.clock();
  for (const { name, movedAt } of health.pulses) {
    if (time - movedAt > STALL_MS) return `${name} has worked off no block for more than ${STALL_MS} ms`;
  }
  if (Atomics.load(house.ring, Word.Live) === 0) return `no audio from ${house.options.source.name}`;
  return null;
}
