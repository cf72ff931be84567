/**
 * Sessions: joining, changing shape, ending. A request that is refused has changed nothing. Control worker; allocates.
 */
import { Flow } from "../core/board.ts";
import type { Shape } from "../core/messages.ts";
import { type RtpTimestamp, samplesToMs } from "../core/units.ts";
import type { House, Session } from "./house.ts";
import { createLatencyWindow, takeCopy } from "./latency.ts";
import { leaveMix, limitMix, mixOfDevice, useMix } from "./mixes.ts";
import { Refusal } from "./problem.ts";
import { place, release } from "./receivers.ts";
import type { JoinBody, SessionPatch } from "./schemas.ts";
import { randomText, randomToken, tokenKey } from "./secrets.ts";
import { allChannels, existing, shapeOf } from "./shapes.ts";

/** A session that paused longer ago than this isn't one of `--max-clients`. */
const COUNTS_MS = 60_000;
/** A session that paused longer ago than this ends. */
const ENDS_MS = 12 * 3_600_000;
const RETRY_SECONDS = "10";

/** How long it has been paused; 0 while it flows. One that was never opened has been paused since its join. */
export function pausedFor(house: House, session: Session): number {
  const row = house.board.slots[session.placed.receiver.slot];
  if (row.flow === Flow.Flowing) return 0;
  return Math.max(0, house.clock() - (row.pausedAt || session.joinedAt));
}

/** Sessions that count as clients, but for the device's own. */
function clients(house: House, device: string): number {
  let count = 0;
  for (const session of house.sessions.values()) {
    if (session.device !== device && pausedFor(house, session) <= COUNTS_MS) count++;
  }
  return count;
}

export const unavailable = (detail: string) => new Refusal(503, detail, { headers: { "retry-after": RETRY_SECONDS } });

/** @throws Refusal 409, 400 or 503. */
export function join(
  house: House,
  body: JoinBody,
  host: string,
): { session: Session; token: string; resumed: boolean } {
  const { options } = house;
  const channels = existing(body.channels ?? allChannels(house.inputs), house.inputs);
  const { mode, bitrate: statedBitrate = null, redundancy = 0 } = body;
  const wish = { mode, channels, frameMs: body.frameMs ?? null, bitrate: statedBitrate, redundancy };
  const shape = shapeOf(wish, options.defaults);
  if (clients(house, body.device) >= options.maxClients || house.freeSlots.length === 0) {
    throw unavailable(`all the ${options.maxClients} clients that can be served are there`);
  }

  const resumed = house.mixes.has(body.device);
  const before = house.devices.get(body.device);
  if (before !== undefined) endSession(house, before);
  const mix = mixOfDevice(house, body.device);
  limitMix(house, mix, channels);
  const username = randomText(9), password = randomText(24), token = randomToken();
  const session: Session = {
    id: `s_${randomText(9)}`,
    tokenKey: tokenKey(token),
    name: body.name,
    device: body.device,
    host,
    username,
    password,
    placed: place(house, {
      cname: randomText(12),
      shape,
      mix: mode === "mix" ? useMix(house, mix) : -1,
      opening: { kind: "stun", username, password },
    }),
    mix,
    joinedAt: house.clock(),
    latency: createLatencyWindow(),
    sdpId: house.nextSdpId++,
    sdpVersion: 1,
    mode,
    channels,
    shape,
    statedBitrate,
    hearsMix: mode === "mix",
    report: null,
    turn: Promise.resolve(),
  };
  house.sessions.set(session.id, session);
  house.tokens.set(session.tokenKey, session);
  house.devices.set(session.device, session);
  return { session, token, resumed };
}

/** Its token dies, its address gets an RTCP BYE; the mix is kept. */
export function endSession(house: House, session: Session): void {
  house.sessions.delete(session.id);
  house.tokens.delete(session.tokenKey);
  if (house.devices.get(session.device) === session) house.devices.delete(session.device);
  release(house, session.placed);
  if (session.hearsMix) leaveMix(house, session.mix);
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

/**
 * Changes the shape; changes of one session go one after the other. Returns the first RTP timestamp of the new shape.
 * @throws Refusal 409, 400; 404 if the session ends meanwhile; 503 if its send worker doesn't answer.
 */
export async function reshape(house: House, session: Session, patch: SessionPatch): Promise<RtpTimestamp> {
  const before = session.turn;
  const { promise, resolve } = Promise.withResolvers<void>();
  session.turn = promise;
  await before;
  try {
    return await reshapeInTurn(house, session, patch);
  } finally {
    resolve();
  }
}

async function reshapeInTurn(house: House, session: Session, patch: SessionPatch): Promise<RtpTimestamp> {
  const gone = () => new Refusal(404, "the session has ended");
  if (house.sessions.get(session.id) !== session) throw gone();
  const mode = patch.mode ?? session.mode;
  const channels = existing(patch.channels ?? session.channels, house.inputs);
  const statedBitrate = patch.bitrate ?? session.statedBitrate;
  const redundancy = patch.redundancy ?? session.shape.redundancy;
  const frameMs = patch.frameMs ?? samplesToMs(session.shape.frame);
  const shape = shapeOf({ mode, channels, frameMs, bitrate: statedBitrate, redundancy }, house.options.defaults);

  const old = session.shape, heard = session.hearsMix;
  const oldMix = heard ? session.mix.number : -1;
  // Nobody hears it yet: what it is about to be made of counts from its first sample.
  if (session.mix.users === 0) limitMix(house, session.mix, channels);
  const mix = mode === "mix" ? useMix(house, session.mix) : -1;
  const timestamp = await requestShape(house, session, shape, mix);
  const live = house.sessions.get(session.id) === session;
  if (timestamp === null || !live) {
    if (mode === "mix") leaveMix(house, session.mix);
    if (!live) throw gone();
    limitMix(house, session.mix, session.channels);
    // The answer may only be late: whoever serves it then goes back to what we say it has.
    const { worker, receiver: { slot } } = session.placed;
    house.post({ kind: "reshape", worker, slot, shape: old, mix: oldMix, request: house.nextRequest++ });
    throw unavailable("the part that sends this session's audio doesn't answer: nothing was changed");
  }
  if (heard) leaveMix(house, session.mix);
  Object.assign(session, { mode, channels, shape, statedBitrate, hearsMix: mode === "mix" });
  session.sdpVersion++;
  limitMix(house, session.mix, channels);
  return timestamp;
}

/** Ends what has been paused for too long, and copies the counts of everybody's delay. Once a second. */
export function sweepSessions(house: House): void {
  for (const session of house.sessions.values()) {
    if (pausedFor(house, session) > ENDS_MS) endSession(house, session);
    else takeCopy(session.latency, house.board.slots[session.placed.receiver.slot].server);
  }
}
