/**
 * Targets: RTP to a fixed address, for receivers that don't join. Control worker; allocates.
 */
import { isIPv4, isIPv6 } from "node:net";
import { endpointOf } from "../core/endpoint.ts";
import type { Shape } from "../core/messages.ts";
import { samplesToMs } from "../core/units.ts";
import { sdpOf } from "../send/sdp.ts";
import { type HeardMix, type House, type Target } from "./house.ts";
import { longestGone } from "./joins.ts";
import { freeMix, leaveMix, mixOfSeat, useMix } from "./mixes.ts";
import { refuseOverload, type Served } from "./offer.ts";
import { Refusal, unavailable } from "./problem.ts";
import { freeRows, place, release } from "./receivers.ts";
import type { TargetBody, TargetView } from "./schemas.ts";
import { randomText } from "./secrets.ts";
import { endSession } from "./sessions.ts";
import { allChannels, existing, shapeOf } from "./shapes.ts";

/** RTP streams to targets, all together: a `mono` target of 64 channels takes them all. */
export const MAX_TARGET_STREAMS = 64;

const refusedField = (path: string, message: string) =>
  new Refusal(400, "the body failed its check", { errors: [{ path, message }] });

/** What depends on more than one field. */
function check(house: House, body: TargetBody, streams: number): void {
  if (isIPv6(body.address) && isIPv4(house.options.http.address)) {
    throw refusedField("address", "the server listens on IPv4 only and can't send to IPv6");
  }
  const last = body.port + 2 * (streams - 1) + 1;
  if (last > 65_535) throw refusedField("port", `${streams} streams from port ${body.port} on would need port ${last}`);
  if (body.session === undefined) return;
  if (body.mode !== "mix") throw refusedField("session", "only a target of mode mix copies a session's mix");
  if (body.channels !== undefined) throw refusedField("channels", "the session decides what its mix is made of");
}

function mixFor(house: House, body: TargetBody, channels: readonly number[]): HeardMix | null {
  if (body.mode !== "mix") return null;
  if (body.session === undefined) return freeMix(channels);
  const session = house.sessions.get(body.session);
  if (session === undefined) throw new Refusal(409, `there is no session ${JSON.stringify(body.session)}`);
  return mixOfSeat(house, session.saved.seat);
}

const streamCount = (house: House): number =>
  [...house.targets.values()].reduce((sum, target) => sum + target.placed.length, 0);

/** @throws Refusal 400, 409 or 503. */
export function createTarget(house: House, body: TargetBody, host: string): Target {
  const { address, port, mode, frameMs = null, bitrate = null } = body;
  const channels = existing(body.channels ?? allChannels(house.inputs), house.inputs);
  const streams = mode === "mono" ? channels.length : 1;
  check(house, body, streams);
  const mix = mixFor(house, body, channels);
  const shapeWith = (frameMs: number | null) =>
    shapeOf({ mode, channels, frameMs, bitrate, redundancy: 0 }, house.options.defaults);
  const shape = shapeWith(frameMs);
  const streamShape = (shape: Shape, i: number): Shape =>
    mode === "mono" ? { ...shape, channels: [channels[i]] } : shape;
  const servedAs = (shape: Shape): Served[] =>
    Array.from({ length: streams }, (_, i) => ({ shape: streamShape(shape, i), mix: mix?.number ?? -1 }));
  if (streamCount(house) + streams > MAX_TARGET_STREAMS) {
    throw unavailable(`targets can have ${MAX_TARGET_STREAMS} streams all together`);
  }
  const missing = Math.max(0, streams - freeRows(house)), gone = longestGone(house, missing, body.session);
  if (gone.length < missing) throw unavailable("no more streams can be served");
  refuseOverload(house, (frame) => servedAs(shapeWith(samplesToMs(frame))), shape.frame);

  for (const session of gone) endSession(house, session);
  const cname = randomText(12);
  const number = mix === null ? -1 : useMix(house, mix);
  const placed = Array.from({ length: streams }, (_, i) =>
    place(house, {
      cname,
      shape: streamShape(shape, i),
      mix: number,
      opening: {
        kind: "fixed",
        rtp: endpointOf(address, port + 2 * i),
        rtcp: endpointOf(address, port + 2 * i + 1),
      },
    }));
  const ssrcs = placed.map(({ receiver }) => receiver.ssrc);
  const id = `t_${randomText(9)}`;
  const sdp = sdpOf({
    sessionId: house.nextSdpId++,
    name: `Foldback: ${mode}`,
    host,
    address,
    port,
    ssrc: mode === "mono" ? ssrcs : ssrcs[0],
    cname,
    shape,
    rtcpMux: false,
  });
  const heard = mix?.allowed ?? channels;
  const target: Target = {
    id,
    address,
    port,
    mode,
    channels: heard,
    shape,
    session: body.session ?? null,
    sdp,
    placed,
    mix,
  };
  house.targets.set(id, target);
  return target;
}

export function endTarget(house: House, target: Target): void {
  house.targets.delete(target.id);
  for (const placed of target.placed) release(house, placed);
  if (target.mix !== null) leaveMix(house, target.mix);
}

export function targetView(target: Target): TargetView {
  const { id, address, port, mode, shape, session, sdp } = target;
  const channels = [...target.mix?.allowed ?? target.channels];
  return {
    target: id,
    address,
    port,
    mode,
    channels,
    frameMs: samplesToMs(shape.frame),
    bitrate: shape.bitrate,
    session,
    sdp,
  };
}
