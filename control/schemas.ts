/**
 * What comes in and goes out over HTTP, checked and described in one place. Channel numbers start at 1, gains are in dB,
 * times in milliseconds. Control worker.
 */
import { isIP } from "node:net";
import { z } from "@hono/zod-openapi";
import {
  CeilingDb,
  ChannelKey,
  ChannelList,
  Colour,
  Device,
  GainDb,
  Group,
  MAX_GROUPS,
  MAX_SEATS,
  Mix,
  Name,
  Pan,
  Scene,
  SceneId,
  SeatId,
  TrimDb,
} from "./state.ts";

const FrameMs = z.union([z.literal(2.5), z.literal(5), z.literal(10)], "must be 2.5, 5 or 10").openapi({ example: 5 });
const Bitrate = z.int().min(16_000).max(256_000).openapi({
  example: 96_000,
  description: "Bits per second of one Opus stream",
});
/** −0 is 0: see state.ts. */
const Redundancy = z.union([z.literal(0), z.literal(1)], "must be 0 or 1").overwrite((value) => value || 0).openapi({
  description: "Earlier frames repeated in each packet (RFC 2198)",
});
const SessionMode = z.enum(["channels", "mix"]);

const Cue = SeatId.nullable().openapi({
  description: "The engineer's: hear this seat's mix as it is sent; null: no more",
});
const Pfl = ChannelList.nullable().openapi({
  description: "The engineer's: hear these inputs by themselves; null: no more",
});

export const JoinBody = z.strictObject({
  name: Name,
  device: Device,
  mode: SessionMode.default("channels"),
  channels: ChannelList.optional(),
  frameMs: FrameMs.optional(),
  bitrate: Bitrate.optional(),
  redundancy: Redundancy.optional(),
  cue: Cue.optional(),
  pfl: Pfl.optional(),
}).openapi("Join");
export type JoinBody = z.output<typeof JoinBody>;

export const SessionPatch = z.strictObject({
  mode: SessionMode.optional(),
  channels: ChannelList.optional(),
  frameMs: FrameMs.optional(),
  bitrate: Bitrate.optional(),
  redundancy: Redundancy.optional(),
  cue: Cue.optional(),
  pfl: Pfl.optional(),
}).openapi("SessionPatch");
export type SessionPatch = z.output<typeof SessionPatch>;

/** Far longer than anybody would listen to; keeps nonsense out of the sums. */
const Delay = z.number().min(0).max(60_000);
export const ReportBody = z.strictObject({ bufferMs: Delay, outputMs: Delay }).openapi("Report");
export type ReportBody = z.output<typeof ReportBody>;

const StripPatch = z.strictObject({
  gainDb: GainDb.nullable().optional(),
  pan: Pan.nullable().optional(),
  mute: z.boolean().nullable().optional(),
  solo: z.boolean().nullable().optional(),
});
const FaderPatch = z.strictObject({
  gainDb: GainDb.nullable().optional(),
  mute: z.boolean().nullable().optional(),
});
/** null is back to what a fresh mix has. */
export const MixPatchBody = z.strictObject({
  channels: z.record(z.string().regex(/^[1-9][0-9]{0,15}$/, "must be a channel number"), StripPatch.nullable())
    .nullable().optional(),
  groups: z.record(z.string().max(64), FaderPatch.nullable()).nullable().optional(),
  master: FaderPatch.nullable().optional(),
  limiter: z.strictObject({ ceilingDb: CeilingDb.nullable().optional() }).nullable().optional(),
}).openapi("MixPatch");

export const ChannelPatch = z.strictObject({
  name: Name.nullable().optional(),
  colour: Colour.nullable().optional(),
  trimDb: TrimDb.nullable().optional(),
  mute: z.boolean().nullable().optional(),
  link: z.boolean().nullable().optional(),
  hidden: z.boolean().nullable().optional(),
}).openapi("ChannelPatch");
export type ChannelPatch = z.output<typeof ChannelPatch>;

export const GroupBody = z.strictObject({
  name: Name,
  colour: Colour.nullable().optional(),
  channels: ChannelList,
}).openapi("GroupBody");
export type GroupBody = z.output<typeof GroupBody>;
export const GroupPatch = GroupBody.partial().openapi("GroupPatch");
export type GroupPatch = z.output<typeof GroupPatch>;
export const GroupView = Group.extend({ group: z.string() }).openapi("Group");

const seatFields = {
  name: Name.optional(),
  colour: Colour.nullable().optional(),
  channels: ChannelList.nullable().optional().openapi({ description: "What it may hear; null: everything" }),
  locked: z.boolean().optional(),
  recallSafe: z.boolean().optional(),
  maxGainDb: GainDb.nullable().optional().openapi({ description: "No fader goes above; null: +10" }),
};
export const SeatPatch = z.strictObject(seatFields).openapi("SeatPatch");
export type SeatPatch = z.output<typeof SeatPatch>;
export const SeatBody = z.strictObject({ ...seatFields, name: Name }).openapi("SeatBody");
export type SeatBody = z.output<typeof SeatBody>;
export const SeatOrder = z.strictObject({ order: z.array(SeatId).max(MAX_SEATS) }).openapi("SeatOrder");
export const SeatMove = z.strictObject({ session: z.string().max(64) }).openapi("SeatMove");
export const MixCopy = z.strictObject({ to: z.array(SeatId).min(1).max(MAX_SEATS) }).openapi("MixCopy");
export const SceneBody = z.strictObject({ name: Name }).openapi("SceneBody");
/** The longest fade: a minute. */
export const SceneRecall = z.strictObject({ fadeMs: z.number().min(0).max(60_000).optional() }).openapi("SceneRecall");
const atMost = (limit: number, what: string) =>
  [(record: object) => Object.keys(record).length <= limit, `must not have more than ${limit} ${what}`] as const;
export const SceneImport = Scene.omit({ savedAt: true }).extend({
  savedAt: Scene.shape.savedAt.optional(),
  groups: Scene.shape.groups.refine(...atMost(MAX_GROUPS, "groups")),
  mixes: Scene.shape.mixes.refine(...atMost(MAX_SEATS, "mixes")),
}).openapi("SceneImport");
export const SceneView = z.object({ scene: SceneId, name: z.string(), savedAt: z.number() }).openapi("SceneEntry");
export const SceneExport = Scene.openapi("Scene");
export const JoinCodeBody = z.strictObject({
  joinCode: z.string().regex(/^[\x21-\x7e]{4,64}$/, "must be 4 to 64 printable characters without spaces").optional(),
}).openapi("JoinCodeBody");
export const SecretsView = z.object({ joinCode: z.string(), url: z.string() }).openapi("Secrets");
export const EngineerKeyView = z.object({ engineerKey: z.string() }).openapi("EngineerKey");

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
  code: z.enum(["full", "overloaded"]).optional().openapi({
    description: "Of a 503. full: as many are there as there may be; overloaded: as many as the machine holds",
  }),
  offer: z.object({ frameMs: z.number() }).optional().openapi({ description: "Asked for with this it is let in" }),
}).openapi("Problem");

/** Every channel and group listed. */
export const MixView = z.object({
  channels: z.record(ChannelKey, Mix.shape.channels.valueType),
  groups: z.record(z.string(), Mix.shape.groups.valueType),
  master: Mix.shape.master,
  limiter: Mix.shape.limiter,
}).openapi("Mix");
export type MixView = z.output<typeof MixView>;
export const SeatView = z.object({
  seat: SeatId,
  name: Name,
  colour: Colour.nullable(),
  channels: z.array(z.int()).nullable(),
  device: z.string().nullable(),
  /** The engineer's eyes only. */
  invite: z.string().optional(),
  locked: z.boolean(),
  recallSafe: z.boolean(),
  maxGainDb: z.number(),
  session: z.string().nullable(),
  mix: MixView,
}).openapi("Seat");
export type SeatView = z.output<typeof SeatView>;

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
  seat: z.string(),
  token: z.string(),
  resumed: z.boolean(),
  media: Media,
  sdp: z.string(),
  mix: MixView,
}).openapi("Joined");

const summary = {
  session: z.string(),
  seat: z.string(),
  name: z.string(),
  device: z.string(),
  mode: SessionMode,
  channels: z.array(z.int()),
  frameMs: z.number(),
  bitrate: z.int(),
  redundancy: z.int(),
  cue: z.string().nullable(),
  pfl: z.array(z.int()).nullable(),
  address: z.string().nullable(),
  paused: z.boolean(),
};
export const SessionSummary = z.object(summary).openapi("SessionSummary");
export type SessionSummary = z.output<typeof SessionSummary>;
export const SessionView = z.object({ ...summary, media: Media, sdp: z.string(), mix: MixView }).openapi("Session");
export const Reshaped = z.object({ media: Media, sdp: z.string() }).openapi("Reshaped");

export const ChannelView = z.object({
  channel: z.int(),
  name: z.string(),
  colour: z.string().nullable(),
  trimDb: z.number(),
  mute: z.boolean(),
  link: z.boolean(),
  hidden: z.boolean(),
}).openapi("Channel");
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
