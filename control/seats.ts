/**
 * Seats: a musician's place, with a mix that outlives phones, sessions and restarts. Control worker; allocates.
 */
import { randomInt } from "node:crypto";
import { change, remember, withSeat } from "./changes.ts";
import type { House, Session } from "./house.ts";
import { clampedMix, freshMix, sameMix } from "./mix_changes.ts";
import { heardChannels, limitMix, mixOfSeat, mixView } from "./mixes.ts";
import { Refusal, unavailable } from "./problem.ts";
import type { SeatBody, SeatPatch, SeatView } from "./schemas.ts";
import { ALPHABET, randomText } from "./secrets.ts";
import { endSession, follow } from "./sessions.ts";
import { existing } from "./shapes.ts";
import { MAX_SEATS, type Mix, type Seat, type State } from "./state.ts";

/** 2⁴⁰ of them, and ten wrong ones a minute. */
const INVITE_LENGTH = 8;
const NO_LIMIT_DB = 10;

const newInvite = (): string =>
  Array.from({ length: INVITE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");

export const freshSeat = (given: Pick<Seat, "name" | "casual" | "mix" | "joinedAt">): Seat => ({
  colour: null,
  channels: null,
  device: null,
  invite: newInvite(),
  locked: false,
  recallSafe: false,
  maxGainDb: NO_LIMIT_DB,
  ...given,
});

/** A seat that a join made, whose phone is gone, and that nobody has touched, needn't stay. */
export function withoutEmptySeat(state: State, id: string): State {
  const { casual, device, mix, locked, recallSafe, channels } = state.seats[id];
  const touched = locked || recallSafe || channels !== null || !sameMix(mix, freshMix(state));
  return !casual || device !== null || touched ? state : withoutSeat(state, id);
}

export function withoutSeat(state: State, id: string): State {
  const { [id]: _, ...seats } = state.seats;
  return { ...state, seats, order: state.order.filter((other) => other !== id) };
}

/**
 * The seat that must be forgotten for another one; null while there is room. Only those that joins made are ever
 * forgotten, the one that joined longest ago first. @throws Refusal 503 if there is none.
 */
export function roomForSeat(house: House): string | null {
  const { seats, order } = house.state;
  if (order.length < MAX_SEATS) return null;
  let oldest: string | null = null;
  for (const id of order) {
    if (!seats[id].casual || house.seated.has(id)) continue;
    if (oldest === null || seats[id].joinedAt < seats[oldest].joinedAt) oldest = id;
  }
  if (oldest === null) throw unavailable(`there are ${MAX_SEATS} seats already`);
  return oldest;
}

/**
 * A change after which seats may be gone, and with them what only they had: their sessions must have ended. Resolves when
 * everybody who listened to one hears his own seat.
 */
export async function leaveSeats(house: House, next: State): Promise<void> {
  const gone = Object.keys(house.state.seats).filter((id) => !(id in next.seats));
  const deaf = [...house.sessions.values()].filter(({ saved }) => saved.cue !== null && gone.includes(saved.cue));
  const sessions = { ...next.sessions };
  for (const session of deaf) sessions[session.id] = session.saved = { ...session.saved, cue: null };
  for (const id of gone) {
    house.undo.delete(id);
    if ((house.heard.get(id)?.number ?? -1) < 0) house.heard.delete(id);
  }
  change(house, deaf.length === 0 ? next : { ...next, sessions });
  for (const session of deaf) await follow(house, session);
}

/** @throws Refusal 409, 503. */
export function createSeat(house: House, body: SeatBody): string {
  if (body.channels) existing(body.channels, house.inputs);
  if (house.state.order.length >= MAX_SEATS) throw unavailable(`there are ${MAX_SEATS} seats already`);
  const id = `seat_${randomText(6)}`;
  const fresh = freshSeat({ name: body.name, casual: false, mix: freshMix(house.state), joinedAt: house.clock() });
  const state = withSeat(house.state, id, patched(fresh, body));
  change(house, { ...state, order: [...state.order, id] });
  return id;
}

function patched(seat: Seat, patch: SeatPatch): Seat {
  const maxGainDb = patch.maxGainDb === null ? NO_LIMIT_DB : patch.maxGainDb ?? seat.maxGainDb;
  return {
    ...seat,
    name: patch.name ?? seat.name,
    colour: patch.colour === undefined ? seat.colour : patch.colour,
    channels: patch.channels === undefined ? seat.channels : patch.channels && [...patch.channels],
    locked: patch.locked ?? seat.locked,
    recallSafe: patch.recallSafe ?? seat.recallSafe,
    maxGainDb,
    mix: clampedMix(seat.mix, maxGainDb),
  };
}

/** @throws Refusal 409. */
export async function changeSeat(house: House, id: string, patch: SeatPatch): Promise<void> {
  if (patch.channels) existing(patch.channels, house.inputs);
  // Whoever prepares a seat wants to keep it.
  change(house, withSeat(house.state, id, { ...patched(house.state.seats[id], patch), casual: false }));
  if (patch.channels !== undefined) await reseat(house, id);
}

/** Whoever sits there, or hears the seat's mix, gets what the seat may hear now. */
async function reseat(house: House, id: string): Promise<void> {
  const session = house.seated.get(id), seat = house.state.seats[id];
  if (session === undefined) limitMix(house, mixOfSeat(house, id), heardChannels(house, null, seat));
  else await follow(house, session);
}

export async function deleteSeat(house: House, id: string): Promise<void> {
  const session = house.seated.get(id);
  if (session !== undefined) endSession(house, session);
  await leaveSeats(house, withoutSeat(house.state, id));
}

/** The old code dies. */
export function renewInvite(house: House, id: string): void {
  change(house, withSeat(house.state, id, { ...house.state.seats[id], invite: newInvite() }));
}

/** @throws Refusal 400 if it doesn't name each seat once. */
export function orderSeats(house: House, order: readonly string[]): void {
  const { state } = house;
  const whole = order.length === state.order.length && new Set(order).size === order.length &&
    order.every((id) => id in state.seats);
  if (!whole) {
    const errors = [{ path: "order", message: "must name each seat once" }];
    throw new Refusal(400, "the body failed its check", { errors });
  }
  change(house, { ...state, order: [...order] });
}

/** The phone of this session plays this seat from now on; who sat there gets the phone's former seat. */
export async function moveSeat(house: House, id: string, session: Session): Promise<void> {
  const former = session.saved.seat, other = house.seated.get(id);
  if (former === id) return;
  const { state } = house, here = state.seats[id], there = state.seats[former];
  const sit = (who: Session, seat: string) => {
    who.saved = { ...who.saved, seat };
    house.seated.set(seat, who);
  };
  house.seated.delete(former);
  sit(session, id);
  if (other !== undefined) sit(other, former);
  const moved = {
    ...state,
    seats: {
      ...state.seats,
      [id]: { ...here, device: there.device, joinedAt: house.clock() },
      [former]: { ...there, device: here.device },
    },
    sessions: {
      ...state.sessions,
      [session.id]: session.saved,
      ...other === undefined ? {} : { [other.id]: other.saved },
    },
  };
  const alone = leaveSeats(house, withoutEmptySeat(moved, former));
  await follow(house, session);
  if (other !== undefined) await follow(house, other);
  await alone;
}

/** One seat's mix for others. */
export function copyMix(house: House, from: string, to: readonly string[]): void {
  const missing = to.filter((id) => !(id in house.state.seats));
  if (missing.length > 0) throw new Refusal(409, `there is no seat ${missing.join(", ")}`);
  const { mix } = house.state.seats[from];
  setMixes(house, Object.fromEntries(to.map((id) => [id, mix])));
}

/** Other mixes for several seats in one step; each can be undone. */
export function setMixes(
  house: House,
  mixes: Readonly<Record<string, Mix>>,
  base: State = house.state,
  rampMs?: number,
): void {
  const seats = { ...base.seats };
  for (const [id, mix] of Object.entries(mixes)) {
    const next = clampedMix(mix, seats[id].maxGainDb);
    if (sameMix(next, seats[id].mix)) continue;
    remember(house, id, seats[id].mix);
    seats[id] = { ...seats[id], mix: next };
  }
  change(house, { ...base, seats }, rampMs);
}

/** @throws Refusal 404 when it is gone, as it may be after waiting. */
export function seatView(house: House, id: string, engineer: boolean): SeatView {
  if (!Object.hasOwn(house.state.seats, id)) throw new Refusal(404, "there is no such seat");
  const { name, colour, channels, device, invite, locked, recallSafe, maxGainDb, mix } = house.state.seats[id];
  return {
    seat: id,
    name,
    colour,
    channels,
    device,
    ...engineer ? { invite } : {},
    locked,
    recallSafe,
    maxGainDb,
    session: house.seated.get(id)?.id ?? null,
    mix: mixView(house.state, mix, house.inputs, maxGainDb),
  };
}
