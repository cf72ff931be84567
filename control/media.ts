/**
 * What a client is told about its stream: `media` and `sdp` of a session, and what a session looks like from outside.
 * Control worker; allocates.
 */
import { Flow } from "../core/board.ts";
import { endpointText } from "../core/endpoint.ts";
import { type RtpTimestamp, SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import { PAYLOAD_TYPE_MULTIOPUS, PAYLOAD_TYPE_OPUS, PAYLOAD_TYPE_RED } from "../send/rtp.ts";
import { sdpOf } from "../send/sdp.ts";
import { type House, seatOf, type Session } from "./house.ts";
import type { Media, SessionSummary } from "./schemas.ts";
import { heardChannels } from "./mixes.ts";

/** "192.0.2.7" for "::ffff:192.0.2.7"; without an IPv6 zone, which means nothing on another machine. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");

export function mediaOf(house: House, session: Session, fromTimestamp?: RtpTimestamp): Media {
  const { shape, placed: { worker, receiver } } = session;
  const mix = shape.mode === "mix";
  const inner = mix ? PAYLOAD_TYPE_OPUS : PAYLOAD_TYPE_MULTIOPUS;
  return {
    host: session.saved.host,
    port: house.options.mediaPorts[worker],
    username: session.saved.username,
    password: session.saved.password,
    ssrc: receiver.ssrc,
    payloadType: shape.redundancy === 1 ? PAYLOAD_TYPE_RED : inner,
    encoding: mix ? "opus" : "multiopus",
    clockRate: SAMPLE_RATE,
    frameMs: samplesToMs(shape.frame),
    bitrate: shape.bitrate,
    redundancy: shape.redundancy,
    streams: mix ? 1 : shape.channels.length,
    coupledStreams: mix ? 1 : 0,
    channelMapping: mix ? [0, 1] : shape.channels.map((_, i) => i),
    ...mix ? {} : { channels: [...shape.channels] },
    ...fromTimestamp === undefined ? {} : { fromTimestamp },
  };
}

export function sdpOfSession(house: House, session: Session): string {
  const { placed: { worker, receiver }, saved: { host, name }, shape, sdpId, sdpVersion } = session;
  return sdpOf({
    sessionId: sdpId,
    version: sdpVersion,
    name: `Foldback: ${name}`,
    host,
    port: house.options.mediaPorts[worker],
    ssrc: receiver.ssrc,
    cname: receiver.cname,
    shape,
    rtcpMux: true,
  });
}

export function summaryOf(house: House, session: Session): SessionSummary {
  const row = house.board.slots[session.placed.receiver.slot];
  const endpoint = row.readEndpoint();
  const { seat, name, device, mode, channels, cue, pfl } = session.saved;
  const heard = heardChannels(house, channels, seatOf(house, session));
  return {
    session: session.id,
    seat,
    name,
    device,
    mode,
    channels: [...heard],
    frameMs: samplesToMs(session.shape.frame),
    bitrate: session.shape.bitrate,
    redundancy: session.shape.redundancy,
    cue,
    pfl,
    address: session.page ?? (endpoint === null ? null : endpointText(endpoint)),
    paused: row.flow !== Flow.Flowing,
  };
}
