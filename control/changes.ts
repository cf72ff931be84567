/**
 * The one way in which the state changes: the new tree takes the old one's place, the main isolate learns what it must
 * make otherwise, the disk and everybody who watches follow. Control worker; allocates.
 */
import type { House } from "./house.ts";
import { postDifference, RAMP_MS } from "./mixes.ts";
import { clampedMix, type MixPatch, patchMix, sameMix } from "./mix_changes.ts";
import { Refusal } from "./problem.ts";
import { sound } from "./sound.ts";
import type { Mix, Seat, State } from "./state.ts";

/** Changes of a seat's mix that can be undone. */
const MOST_UNDO = 20;

export function change(house: House, next: State, rampMs: number = RAMP_MS): void {
  const before = house.state;
  if (next === before) return;
  house.state = next;
  house.store.touch(next);
  postDifference(house, before, rampMs);
  for (const watcher of house.watchers) watcher();
}

/** The state with one seat changed. */
export const withSeat = (state: State, id: string, seat: Seat): State => ({
  ...state,
  seats: { ...state.seats, [id]: seat },
});

/** So that {@link undoMix} finds it. */
export function remember(house: House, seat: string, mix: Mix, gesture: string | null = null): void {
  const earlier = house.undo.get(seat) ?? [];
  if (gesture !== null && earlier.at(-1)?.gesture === gesture) return;
  earlier.push({ mix, gesture });
  if (earlier.length > MOST_UNDO) earlier.shift();
  house.undo.set(seat, earlier);
}

/** Another mix for one seat. */
export function setMix(house: House, id: string, mix: Mix, gesture: string | null = null): void {
  const seat = house.state.seats[id];
  if (sameMix(seat.mix, mix)) return;
  remember(house, id, seat.mix, gesture);
  change(house, withSeat(house.state, id, { ...seat, mix }));
}

/** The patch must have been checked. */
export function moveMix(house: House, id: string, patch: MixPatch, gesture: string | null = null): void {
  const { mix, maxGainDb } = house.state.seats[id];
  // A default may be above the seat's limit.
  setMix(house, id, clampedMix(patchMix(house.state, mix, patch), maxGainDb), gesture);
}

/** @throws Refusal 409 when there is nothing to undo. */
export function undoMix(house: House, id: string): void {
  const earlier = house.undo.get(id)?.pop();
  if (earlier === undefined) throw new Refusal(409, "there is nothing to undo");
  const seat = house.state.seats[id];
  change(house, sound(withSeat(house.state, id, { ...seat, mix: earlier.mix })));
}
