/**
 * Joining: which seat a phone gets, and its session; and the sessions that go on after a restart. Control worker;
 * allocates.
 */
import { samplesToMs } from "../core/units.ts";
import { change, withSeat } from "./changes.ts";
import type { House, Session } from "./house.ts";
import { createLatencyWindow } from "./latency.ts";
import { freshMix } from "./mix_changes.ts";
import { limitMix, mixOfSeat, useMix } from "./mixes.ts";
import { refuseOverload, type Served } from "./offer.ts";
import { Refusal, unavailable } from "./problem.ts";
import { freeRows, place } from "./receivers.ts";
import type { JoinBody } from "./schemas.ts";
import { type Caller, randomText, randomToken, tokenKey } from "./secrets.ts";
import { freshSeat, leaveSeats, roomForSeat, withoutEmptySeat, withoutSeat } from "./seats.ts";
import { checkChannels, checkCue, endSession, fitted, fitting, hearing, pausedFor, type Wish } from "./sessions.ts";
import type { SavedSession, Seat } from "./state.ts";

/** A session that paused longer ago than this isn't one of `--max-clients`. */
const COUNTS_MS = 60_000;

/** Sessions that count as clients. */
function clients(house: House): number {
  let count = 0;
  for (const session of house.sessions.values()) if (pausedFor(house, session) <= COUNTS_MS) count++;
  return count;
}

/** Of the sessions that don't count, but for `kept`, those that paused first: they hold rows that somebody needs. */
export const longestGone = (house: House, count: number, kept?: string): Session[] =>
  [...house.sessions.values()]
    .map((session) => ({ session, ms: pausedFor(house, session) }))
    .filter(({ session, ms }) => ms > COUNTS_MS && session.id !== kept)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, count)
    .map(({ session }) => session);

/** The seat whose phone this is. */
export const seatOfDevice = (house: House, device: string): string | undefined =>
  house.state.order.find((id) => house.state.seats[id].device === device);

function wishOf(body: JoinBody, engineer: boolean): Wish {
  const { mode, channels = null, frameMs = null, bitrate = null, redundancy = 0, cue = null, pfl = null } = body;
  if (!engineer && (cue !== null || pfl !== null)) throw new Refusal(403, "cue and pfl are the engineer's");
  return { mode, channels: channels === null ? null : [...channels], frameMs, bitrate, redundancy, cue, pfl };
}

/** What a join would have sent to it. */
function servedAs(house: House, wish: Wish, id: string, seat: Seat): Served {
  const { shape } = fitted(house, wish, seat);
  const mix = wish.mode === "mix" && wish.pfl === null ? house.heard.get(wish.cue ?? id)?.number ?? -1 : -1;
  return { shape, mix };
}

/** Takes a board row and a worker for it; the state isn't touched. */
function open(house: House, id: string, saved: SavedSession, again: boolean): Session {
  const { wish, shape, allowed } = fitting(house, saved, house.state.seats[saved.seat]);
  limitMix(house, mixOfSeat(house, saved.seat), allowed);
  const hears = hearing(house, saved, null);
  const { username, password, cname, ssrc, worker } = saved;
  const receiver = {
    cname,
    shape,
    mix: hears === null ? -1 : useMix(house, hears),
    opening: { kind: "stun", username, password } as const,
  };
  const placed = place(house, receiver, again ? { ssrc, worker } : undefined);
  const session: Session = {
    id,
    saved: { ...wish, ssrc: placed.receiver.ssrc, worker: placed.worker },
    placed,
    latency: createLatencyWindow(),
    shape,
    hears,
    sdpId: house.nextSdpId++,
    sdpVersion: 1,
    report: null,
    turn: Promise.resolve(),
    turns: 0,
    behind: false,
  };
  house.sessions.set(id, session);
  house.tokens.set(saved.tokenKey, session);
  house.seated.set(saved.seat, session);
  return session;
}

/** @throws Refusal 400, 403, 409 or 503. */
export function join(
  house: House,
  caller: Caller<Session>,
  body: JoinBody,
  host: string,
): { session: Session; token: string; resumed: boolean } {
  const wish = wishOf(body, caller.kind === "engineer");
  const known = caller.kind === "invite" ? caller.seat : seatOfDevice(house, body.device);
  const id = known ?? `seat_${randomText(6)}`;
  const seat = house.state.seats[id] ??
    freshSeat({ name: body.name, casual: true, mix: freshMix(house.state), joinedAt: house.clock() });
  checkChannels(house, wish.channels, seat);
  checkCue(house, wish);
  const { shape } = fitted(house, wish, seat);

  const former = seatOfDevice(house, body.device);
  const leaving = [house.seated.get(id), former === undefined ? undefined : house.seated.get(former)];
  const returns = leaving.some((session) => session !== undefined), room = returns || freeRows(house) > 0;
  const [gone = null] = room ? [] : longestGone(house, 1);
  const full = !returns && clients(house) >= house.options.maxClients;
  if (full || !room && gone === null) {
    throw unavailable(`all the ${house.options.maxClients} clients that can be served are there`, { code: "full" });
  }
  // Whoever comes back finds its place, whatever the load.
  if (!returns) {
    refuseOverload(
      house,
      (frame) => [servedAs(house, { ...wish, frameMs: samplesToMs(frame) }, id, seat)],
      shape.frame,
    );
  }
  const forgotten = known === undefined ? roomForSeat(house) : null;

  for (const session of new Set([...leaving, gone])) if (session) endSession(house, session);
  let { state } = house;
  if (forgotten !== null) state = withoutSeat(state, forgotten);
  if (former !== undefined && former !== id) {
    state = withoutEmptySeat(withSeat(state, former, { ...state.seats[former], device: null }), former);
  }
  state = withSeat(state, id, { ...seat, device: body.device, joinedAt: house.clock() });
  if (known === undefined) state = { ...state, order: [...state.order, id] };
  // Who listened to a seat that is gone needn't be waited for.
  void leaveSeats(house, state);

  const token = randomToken();
  const session = open(house, `s_${randomText(9)}`, {
    ...wish,
    frameMs: samplesToMs(shape.frame) as SavedSession["frameMs"],
    seat: id,
    name: body.name,
    device: body.device,
    tokenKey: tokenKey(token),
    host,
    username: randomText(9),
    password: randomText(24),
    ssrc: 1,
    cname: randomText(12),
    worker: 0,
    engineer: caller.kind === "engineer",
    joinedAt: house.clock(),
  }, false);
  change(house, { ...house.state, sessions: { ...house.state.sessions, [session.id]: session.saved } });
  return { session, token, resumed: known !== undefined };
}

/** What was given out before a restart is honoured: the same credentials, SSRC and token. */
export function restoreSessions(house: House): void {
  const sessions: Record<string, SavedSession> = {};
  for (const [id, saved] of Object.entries(house.state.sessions)) {
    try {
      if (freeRows(house) === 0) break;
      const cue = saved.cue !== null && saved.cue in house.state.seats ? saved.cue : null;
      sessions[id] = open(house, id, { ...saved, cue }, true).saved;
    } catch (error) {
      // What it heard isn't there any more: another card, say. It has to join again.
      if (!(error instanceof Refusal)) throw error;
    }
  }
  if (Object.keys(house.state.sessions).length > 0) change(house, { ...house.state, sessions });
}
