/**
 * Sessions: what they get, changing it, ending. A request that is refused has changed nothing. Control worker; allocates.
 */
import { Flow } from "../core/board.ts";
import type { Shape } from "../core/messages.ts";
import type { RtpTimestamp } from "../core/units.ts";
import { change } from "./changes.ts";
import { type HeardMix, type House, seatOf, type Session } from "./house.ts";
import { clientMsOf, networkMsOf, takeCopy } from "./latency.ts";
import { heardChannels, leaveMix, limitMix, mixOfSeat, pflMix, useMix } from "./mixes.ts";
import { Refusal, unavailable } from "./problem.ts";
import { release } from "./receivers.ts";
import type { SessionPatch } from "./schemas.ts";
import { existing, shapeOf } from "./shapes.ts";
import type { SavedSession, Seat } from "./state.ts";

/** A session that paused longer ago than this ends. */
const ENDS_MS = 12 * 3_600_000;
/** Changes of shape of one session that wait for one another. */
const MOST_TURNS = 8;

/** What somebody wants to hear, and how. */
export type Wish = Pick<SavedSession, "mode" | "channels" | "bitrate" | "redundancy" | "cue" | "pfl"> & {
  readonly frameMs: number | null;
};

const refusedField = (path: string, message: string) =>
  new Refusal(400, "the body failed its check", { errors: [{ path, message }] });

/** Refuses channels that somebody names and can't have. @throws Refusal 409, 403. */
export function checkChannels(house: House, wanted: readonly number[] | null | undefined, seat: Seat): void {
  if (wanted === null || wanted === undefined) return;
  const closed = existing(wanted, house.inputs).filter((channel) => seat.channels?.includes(channel) === false);
  if (closed.length > 0) throw new Refusal(403, `this seat may not hear channel ${closed.join(", ")}`);
}

/** @throws Refusal 400, 409. */
export function checkCue(house: House, wish: Wish): void {
  const field = wish.cue !== null ? "cue" : wish.pfl !== null ? "pfl" : null;
  if (field === null) return;
  if (wish.mode !== "mix") throw refusedField(field, "needs the mode mix");
  if (wish.cue !== null && wish.pfl !== null) throw refusedField("pfl", "can't be heard together with a cue");
  if (wish.cue !== null && !(wish.cue in house.state.seats)) throw new Refusal(409, `there is no seat ${wish.cue}`);
  if (wish.pfl !== null) existing(wish.pfl, house.inputs);
}

/** What a session in this seat gets. @throws Refusal 409 if no channel is left, 400 if it doesn't fit in a packet. */
export function fitted(house: House, wish: Wish, seat: Seat): { shape: Shape; allowed: readonly number[] } {
  const allowed = heardChannels(house, wish.channels, seat);
  if (allowed.length === 0) throw new Refusal(409, "none of the channels that this seat may hear exists");
  return { allowed, shape: shapeOf({ ...wish, channels: allowed }, house.options.defaults) };
}

/** The mix that a session hears; null while it takes channels. */
export function hearing(house: House, saved: SavedSession, now: HeardMix | null): HeardMix | null {
  if (saved.mode !== "mix") return null;
  if (saved.pfl === null) return mixOfSeat(house, saved.cue ?? saved.seat);
  const same = now?.seat === null && now.allowed.join() === saved.pfl.join();
  return same ? now : pflMix(saved.pfl);
}

/** How long it has been paused; 0 while it flows. One that was never opened has been paused since its join. */
export function pausedFor(house: House, session: Session): number {
  const row = house.board.slots[session.placed.receiver.slot];
  if (row.flow === Flow.Flowing) return 0;
  // What was before a restart isn't known: it counts from there.
  return Math.max(0, house.clock() - (row.pausedAt || Math.max(session.saved.joinedAt, house.startedAt)));
}

/** On disk and in the index, as it is now. */
export function saveSession(house: House, session: Session, saved: SavedSession): void {
  // The seat that it listens to may have gone meanwhile.
  const cued = saved.cue === null || saved.cue in house.state.seats;
  session.saved = cued ? saved : { ...saved, cue: null };
  change(house, { ...house.state, sessions: { ...house.state.sessions, [session.id]: session.saved } });
}

/** Its token dies, its address gets an RTCP BYE; the seat and its mix are kept. Once: after that nothing happens. */
export function endSession(house: House, session: Session): void {
  if (!house.sessions.delete(session.id)) return;
  house.tokens.delete(session.saved.tokenKey);
  if (house.seated.get(session.saved.seat) === session) house.seated.delete(session.saved.seat);
  release(house, session.placed);
  if (session.hears !== null) leaveMix(house, session.hears);
  const { [session.id]: _, ...sessions } = house.state.sessions;
  change(house, { ...house.state, sessions });
}

/** Asks the send worker to change the shape; null when no answer came. */
function requestShape(house: House, session: Session, shape: Shape, mix: number): Promise<RtpTimestamp | null> {
  const { worker, receiver: { slot } } = session.placed;
  const { promise, resolve } = Promise.withResolvers<RtpTimestamp | null>();
  const request = house.nextRequest++;
  const settle = (timestamp: RtpTimestamp | null) => {
    clearTimeout(guard);
    house.reshapes.delete(request);
    resolve(timestamp);
  };
  const guard = setTimeout(() => settle(null), house.patience.reshapeMs);
  house.reshapes.set(request, { slot, settle });
  house.post({ kind: "reshape", worker, slot, shape, mix, request });
  return promise;
}

/** Changes of one session go one after the other. @throws Refusal 404 if it has ended by then. */
async function inTurn<T>(house: House, session: Session, action: () => Promise<T>): Promise<T> {
  const before = session.turn;
  const { promise, resolve } = Promise.withResolvers<void>();
  session.turn = promise;
  session.turns++;
  await before;
  try {
    if (house.sessions.get(session.id) !== session) throw gone();
    return await action();
  } finally {
    session.turns--;
    resolve();
  }
}
const gone = () => new Refusal(404, "the session has ended");

/**
 * Changes the shape as the engineer or the musician asks. Returns the first RTP timestamp of the new shape.
 * @throws Refusal 403, 409, 400; 404 if the session ends meanwhile; 503 if its send worker doesn't answer, or too many
 * changes wait.
 */
export async function reshape(house: House, session: Session, patch: SessionPatch): Promise<RtpTimestamp> {
  if (session.turns >= MOST_TURNS) throw unavailable(`${MOST_TURNS} changes of this session wait already`);
  return await inTurn(house, session, async () => {
    const { cue, pfl, ...rest } = patch, { saved } = session;
    if (!saved.engineer && (cue || pfl)) throw new Refusal(403, "cue and pfl are the engineer's");
    const next = { ...saved, ...rest } as SavedSession;
    // One takes the other's place; who goes back to channels ends both.
    const ends = rest.mode === "channels";
    next.cue = cue !== undefined ? cue : pfl || ends ? null : saved.cue;
    next.pfl = pfl !== undefined ? pfl : cue || ends ? null : saved.pfl;
    checkChannels(house, patch.channels, seatOf(house, session));
    checkCue(house, next);
    return await refit(house, session, next);
  });
}

/** What a session asked for, without what takes too much of a packet if it is more channels now. @throws Refusal 409, 400 */
export function fitting(house: House, saved: SavedSession, seat: Seat) {
  const gentler: SavedSession = { ...saved, bitrate: null, redundancy: 0 };
  for (const wish of [saved, { ...gentler, redundancy: saved.redundancy }]) {
    try {
      return { wish, ...fitted(house, wish, seat) };
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 400) throw error;
    }
  }
  return { wish: gentler, ...fitted(house, gentler, seat) };
}

/**
 * After a change of the seat: the session gets what it may hear now, and ends if that is nothing.
 */
export function follow(house: House, session: Session): Promise<void> {
  return inTurn(house, session, async () => {
    const { wish, shape, allowed } = fitting(house, session.saved, seatOf(house, session));
    const sameMix = hearing(house, wish, session.hears) === session.hears;
    if (sameMix && shape.channels.join() === session.shape.channels.join()) {
      limitMix(house, mixOfSeat(house, wish.seat), allowed);
    } else await refit(house, session, wish);
  }).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    // Its worker doesn't answer, and is being replaced: again in a second.
    if (error.status === 503) session.behind = true;
    else if (error.status !== 404) endSession(house, session);
  });
}

async function refit(house: House, session: Session, next: SavedSession): Promise<RtpTimestamp> {
  const { shape, allowed } = fitted(house, next, seatOf(house, session));
  const own = mixOfSeat(house, next.seat);
  const old = session.shape, heard = session.hears, oldNumber = heard?.number ?? -1;
  const before = own.allowed;
  // Nobody hears it yet: what it is about to be made of counts from its first sample.
  if (own.users === 0) limitMix(house, own, allowed);
  const hears = hearing(house, next, heard);
  let mix = -1;
  try {
    if (hears !== null) mix = useMix(house, hears);
  } catch (error) {
    limitMix(house, own, before);
    throw error;
  }
  const timestamp = await requestShape(house, session, shape, mix);
  const live = house.sessions.get(session.id) === session;
  if (timestamp === null || !live) {
    if (hears !== null) leaveMix(house, hears);
    if (!live) throw gone();
    limitMix(house, own, before);
    // The answer may only be late: whoever serves it then goes back to what we say it has.
    const { worker, receiver: { slot } } = session.placed;
    house.post({ kind: "reshape", worker, slot, shape: old, mix: oldNumber, request: house.nextRequest++ });
    throw unavailable("the part that sends this session's audio doesn't answer: nothing was changed");
  }
  if (heard !== null) leaveMix(house, heard);
  session.shape = shape;
  session.hears = hears;
  session.sdpVersion++;
  // What was decided meanwhile holds: another seat; whose session it is, and so what it may listen to.
  const { seat, engineer } = session.saved, ended = engineer ? {} : { cue: null, pfl: null };
  saveSession(house, session, { ...next, seat, engineer, ...ended });
  // The seat that it listens to is gone, or it may no longer: it follows.
  session.behind ||= session.saved.cue !== next.cue || session.saved.pfl !== next.pfl;
  limitMix(house, own, allowed);
  return timestamp;
}

/** Ends what has been paused for too long, and copies the counts of everybody's delay. Once a second. */
export function sweepSessions(house: House): void {
  for (const session of house.sessions.values()) {
    if (pausedFor(house, session) > ENDS_MS) endSession(house, session);
    else {
      const { server } = house.board.slots[session.placed.receiver.slot];
      takeCopy(session.latency, server, networkMsOf(house, session), clientMsOf(session));
      if (!session.behind) continue;
      session.behind = false;
      void follow(house, session);
    }
  }
}
