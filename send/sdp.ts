/**
 * Session descriptions (RFC 8866) of what we send, for receivers that take SDP. A shape and where it goes in, the text
 * out. Pure; any thread; for requests, not for the sound's way.
 */
import { isIP } from "node:net";
import { endpointOf, ipOf, isIPv4 } from "../core/endpoint.ts";
import { samplesToMs } from "../core/units.ts";
import type { Shape } from "./fit.ts";
import { PAYLOAD_TYPE_MULTIOPUS, PAYLOAD_TYPE_OPUS, PAYLOAD_TYPE_RED } from "./rtp.ts";

/** How far multicast goes unless told otherwise: not beyond a router, as the system's sockets have it. */
export const MULTICAST_TTL = 1;

/** What {@link sdpOf} writes down: one RTP stream, or all of a `mono` shape, and where it goes. */
export interface Description {
  /** For `o=`: a number that no other description of this server has. */
  readonly sessionId: number;
  /** For `o=`: to be raised with each change of the description; 1 if left out. */
  readonly version?: number;
  /** For `s=`, as people call it; control characters become spaces. */
  readonly name: string;
  /** Whose it is, for `o=`: the server's IP address or host name. */
  readonly host: string;
  /** For `c=`: the target's IP address; left out, `host`. */
  readonly address?: string;
  /** Of IPv4 multicast, if `address` is that; {@link MULTICAST_TTL} if left out. */
  readonly ttl?: number;
  /** UDP port; of a `mono` shape the first channel's, the next ones have port + 2, port + 4 … */
  readonly port: number;
  /** Of a `mono` shape one for each channel. */
  readonly ssrc: number | readonly number[];
  /** For `a=ssrc:` (RFC 5576 section 6.1): what RTCP says too, the same for every stream. */
  readonly cname: string;
  /** Its bit rate is not told. */
  readonly shape: Shape;
  /** RTCP on the same port (RFC 5761), else on port + 1. */
  readonly rtcpMux: boolean;
}

/** "IN IP4 192.0.2.7", "IN IP6 2001:db8::7"; a name counts as IPv4. An IPv6 zone means nothing elsewhere: it is left out. */
function networkAddress(host: string): { type: string; text: string; multicast: boolean } {
  const bare = host.replace(/%.*$/, "");
  if (isIP(bare) === 0) {
    if (!/^[\w.-]+$/.test(host)) {
      throw new RangeError(`as SDP needs an address or host name: is ${JSON.stringify(host)}`);
    }
    return { type: "IN IP4", text: host, multicast: false };
  }
  const endpoint = endpointOf(bare, 0);
  const multicast = isIPv4(endpoint) && endpoint[12] >> 4 === 14;
  return { type: isIPv4(endpoint) ? "IN IP4" : "IN IP6", text: ipOf(endpoint), multicast };
}

/** The media section of one RTP stream. */
function mediaOf({ cname, shape, rtcpMux }: Description, port: number, ssrc: number): string[] {
  const multi = shape.mode === "channels";
  const inner = multi ? PAYLOAD_TYPE_MULTIOPUS : PAYLOAD_TYPE_OPUS;
  const streams = shape.channels.length;
  const stereo = shape.mode === "mix" ? 1 : 0;
  const mapping = Array.from({ length: streams }, (_, i) => i).join(",");
  const red = shape.redundancy === 1;
  return [
    `m=audio ${port} RTP/AVP ${red ? `${PAYLOAD_TYPE_RED} ${inner}` : inner}`,
    ...red ? [`a=rtpmap:${PAYLOAD_TYPE_RED} red/48000`, `a=fmtp:${PAYLOAD_TYPE_RED} ${inner}/${inner}`] : [],
    multi ? `a=rtpmap:${inner} multiopus/48000/${streams}` : `a=rtpmap:${inner} opus/48000/2`,
    multi
      ? `a=fmtp:${inner} channel_mapping=${mapping};num_streams=${streams};coupled_streams=0`
      : `a=fmtp:${inner} stereo=${stereo};sprop-stereo=${stereo}`,
    `a=ptime:${samplesToMs(shape.frame)}`,
    ...rtcpMux ? ["a=rtcp-mux"] : [],
    "a=recvonly",
    `a=ssrc:${ssrc} cname:${cname}`,
  ];
}

/**
 * The description, with CRLF line ends.
 * @throws RangeError if `host` or `address` is neither an IP address nor a host name, or an SSRC is missing.
 */
export function sdpOf(description: Description): string {
  const { sessionId, version = 1, name, host, address = host, ttl = MULTICAST_TTL, port, shape } = description;
  const ssrcs = typeof description.ssrc === "number" ? [description.ssrc] : description.ssrc;
  const sections = shape.mode === "mono" ? shape.channels.length : 1;
  if (ssrcs.length !== sections) {
    throw new RangeError(`as there are ${sections} streams to describe: there are ${ssrcs.length} SSRCs`);
  }
  const origin = networkAddress(host), connection = networkAddress(address);
  // deno-lint-ignore no-control-regex
  const title = name.replace(/[\x00-\x1f\x7f]+/g, " ").trim() || "-";
  const lines = [
    "v=0",
    `o=- ${sessionId} ${version} ${origin.type} ${origin.text}`,
    `s=${title}`,
    `c=${connection.type} ${connection.text}${connection.multicast ? `/${ttl}` : ""}`,
    "t=0 0",
    ...ssrcs.flatMap((ssrc, i) => mediaOf(description, port + 2 * i, ssrc)),
  ];
  return lines.join("\r\n") + "\r\n";
}
