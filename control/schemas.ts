/**
 * What comes in and goes out over HTTP, checked and described in one place. Channel numbers start at 1, gains are in dB,
 * times in milliseconds. Control worker.
 */
import { isIP } from "node:net";
import { z } from "@hono/zod-openapi";
import { MAX_CHANNELS } from "../core/units.ts";

/** Line and paragraph separators break lines too; a lone surrogate is no character. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
const Name = z.string()
  .refine((text) => text.length > 0 && [...text].length <= 64, "must have 1 to 64 characters")
  .refine((text) => !UNPRINTABLE.test(text), "must not have control characters")
  .openapi({ example: "Ana", description: "1 to 64 characters, none of them a control character" });

const ChannelList = z.array(z.int().min(1)).min(1).max(MAX_CHANNELS)
  .refine((channels) => new Set(channels).size === channels.length, "must not name a channel twice")
  .openapi({ example: [1, 2, 3], description: "Channel numbers, in the order of the streams" });
const FrameMs = z.union([z.literal(2.5), z.literal(5), z.literal(10)], "must be 2.5, 5 or 10").openapi({ example: 5 });
const Bitrate = z.int().min(16_000).max(256_000).openapi({
  example: 96_000,
  description: "Bits per second of one Opus stream",
});
const Redundancy = z.union([z.literal(0), z.literal(1)], "must be 0 or 1").openapi({
  description: "Earlier frames repeated in each packet (RFC 2198)",
});
const SessionMode = z.enum(["channels", "mix"]);

export const JoinBody = z.strictObject({
  name: Name,
  device: z.string().regex(/^[A-Za-z0-9._-]{8,64}$/, "must be 8 to 64 of A-Z a-z 0-9 . _ -"),
  mode: SessionMode.default("channels"),
  channels: ChannelList.optional(),
  frameMs: FrameMs.optional(),
  bitrate: Bitrate.optional(),
  redundancy: Redundancy.optional(),
}).openapi("Join");
export type JoinBody = z.output<typeof JoinBody>;

export const SessionPatch = z.strictObject({
  mode: SessionMode.optional(),
  channels: ChannelList.optional(),
  frameMs: FrameMs.optional(),
  bitrate: Bitrate.optional(),
  redundancy: Redundancy.optional(),
}).openapi("SessionPatch");
export type SessionPatch = z.output<typeof SessionPatch>;

/** Far longer than anybody would listen to; keeps nonsense out of the sums. */
const Delay = z.number().min(0).max(60_000);
export const ReportBody = z.strictObject({ bufferMs: Delay, outputMs: Delay }).openapi("Report");
export type ReportBody = z.output<typeof ReportBody>;

const GainDb = z.number().min(-120).max(10);
const StripPatch = z.strictObject({
  gainDb: GainDb.optional(),
  pan: z.number().min(-1).max(1).optional(),
  mute: z.boolean().optional(),
  solo: z.boolean().optional(),
});
export const MixPatchBody = z.strictObject({
  channels: z.record(z.string().regex(/^[1-9][0-9]{0,15}$/, "must be a channel number"), StripPatch).optional(),
  master: z.strictObject({ gainDb: GainDb.optional(), mute: z.boolean().optional() }).optional(),
}).openapi("MixPatch");

export const ChannelPatch = z.strictObject({
  name: Name.optional(),
  trimDb: z.number().min(-60).max(20).optional(),
}).openapi("ChannelPatch");
export type ChannelPatch = z.output<typeof ChannelPatch>;

/** Not a name: nothing is looked up, and a zone would mean nothing to a receiver. */
const IpAddress = z.string().refine((text) => isIP(text) !== 0 && !text.includes("%"), "must be an IP address")
  .refine(
    (text) => !/^(0\.0\.0\.0|255\.255\.255\.255|[0:]+)$/.test(text),
    "must be one receiver's, or a multicast group's",
  )
  .openapi({ example: "239.1.2.3" });
export const TargetBody = z.strictObject({
  address: IpAddress,
  port: z.int().min(1).max(65_534).openapi({ description: "RTP; RTCP goes to the next one" }),
  mode: z.enum(["mix", "channels", "mono"]),
  channels: ChannelList.optional(),
  frameMs: FrameMs.optional(),
  bitrate: Bitrate.optional(),
  session: z.string().max(64).optional(),
}).openapi("Target");
export type TargetBody = z.output<typeof TargetBody>;

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
}).openapi("Problem");

export const MixView = z.object({
  channels: z.record(
    z.string(),
    z.object({ gainDb: z.number(), pan: z.number(), mute: z.boolean(), solo: z.boolean() }),
  ),
  master: z.object({ gainDb: z.number(), mute: z.boolean() }),
}).openapi("Mix");
export type MixView = z.output<typeof MixView>;

export const Media = z.object({
  host: z.string(),
  port: z.int(),
  username: z.string(),
  password: z.string(),
  ssrc: z.int(),
  payloadType: z.int(),
  encoding: z.enum(["multiopus", "opus"]),
  clockRate: z.literal(48_000),
  frameMs: z.number(),
  bitrate: z.int(),
  redundancy: z.int(),
  streams: z.int(),
  coupledStreams: z.int(),
  channelMapping: z.array(z.int()),
  channels: z.array(z.int()).optional(),
  fromTimestamp: z.int().optional(),
}).openapi("Media");
export type Media = z.output<typeof Media>;

export const Joined = z.object({
  session: z.string(),
  token: z.string(),
  resumed: z.boolean(),
  media: Media,
  sdp: z.string(),
  mix: MixView,
}).openapi("Joined");

const summary = {
  session: z.string(),
  name: z.string(),
  device: z.string(),
  mode: SessionMode,
  channels: z.array(z.int()),
  frameMs: z.number(),
  bitrate: z.int(),
  redundancy: z.int(),
  address: z.string().nullable(),
  paused: z.boolean(),
};
export const SessionSummary = z.object(summary).openapi("SessionSummary");
export type SessionSummary = z.output<typeof SessionSummary>;
export const SessionView = z.object({ ...summary, media: Media, sdp: z.string(), mix: MixView }).openapi("Session");
export const Reshaped = z.object({ media: Media, sdp: z.string() }).openapi("Reshaped");

export const ChannelView = z.object({ channel: z.int(), name: z.string(), trimDb: z.number() }).openapi("Channel");
export type ChannelView = z.output<typeof ChannelView>;

export const TargetMade = z.object({ target: z.string(), sdp: z.string() }).openapi("TargetMade");
export const TargetView = z.object({
  target: z.string(),
  address: z.string(),
  port: z.int(),
  mode: z.enum(["mix", "channels", "mono"]),
  channels: z.array(z.int()),
  frameMs: z.number(),
  bitrate: z.int(),
  session: z.string().nullable(),
  sdp: z.string(),
}).openapi("TargetView");
export type TargetView = z.output<typeof TargetView>;
