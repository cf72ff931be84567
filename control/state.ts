/**
 * What outlives the process: channels, groups, seats with their mixes, sessions, scenes. One immutable tree of plain JSON,
 * written to disk as it is; each change makes a new tree that shares what didn't change, so that comparing two of them
 * costs as much as their difference. What is left out of a record has its default. Control worker; allocates.
 */
import { z } from "@hono/zod-openapi";
import { MAX_CHANNELS } from "../core/units.ts";

export const MAX_SEATS = 1000;
export const MAX_GROUPS = 32;
export const MAX_SCENES = 50;

/** Line and paragraph separators break lines too; a lone surrogate is no character. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
export const Name = z.string()
  .refine((text) => text.length > 0 && [...text].length <= 64, "must have 1 to 64 characters")
  .refine((text) => !UNPRINTABLE.test(text), "must not have control characters")
  .openapi({ example: "Ana", description: "1 to 64 characters, none of them a control character" });
export const Colour = z.string().regex(/^#[0-9a-f]{6}$/, "must be #rrggbb in lower case").openapi({
  example: "#e0a030",
});
export const Device = z.string().regex(/^[A-Za-z0-9._-]{8,64}$/, "must be 8 to 64 of A-Z a-z 0-9 . _ -");
export const ChannelNumber = z.int().min(1).max(MAX_CHANNELS);
const unique = (numbers: readonly number[]) => new Set(numbers).size === numbers.length;
export const ChannelList = z.array(z.int().min(1)).min(1).max(MAX_CHANNELS)
  .refine(unique, "must not name a channel twice")
  .openapi({ example: [1, 2, 3], description: "Channel numbers, in the order of the streams" });
const KnownChannels = z.array(ChannelNumber).min(1).max(MAX_CHANNELS).refine(unique, "must not name a channel twice");

/** Without −0: JSON doesn't keep it, and what is on disk must be what was in memory. */
const plain = (value: number) => value + 0;
const within = (min: number, max: number) => z.number().min(min).max(max).overwrite(plain);
export const GainDb = within(-120, 10).openapi({ description: "dB; −120 is off" });
export const TrimDb = within(-60, 20);
export const Pan = within(-1, 1).openapi({ description: "−1 left … +1 right, constant power" });
export const CeilingDb = within(-20, 0).openapi({ description: "dBFS" });
export const ChannelKey = z.string().regex(/^([1-9]|[1-5][0-9]|6[0-4])$/, "must be a channel number");
export const SeatId = z.string().regex(/^seat_[A-Za-z0-9_-]{4,16}$/);
export const GroupId = z.string().regex(/^group_[A-Za-z0-9_-]{4,16}$/);
export const SceneId = z.string().regex(/^scene_[A-Za-z0-9_-]{4,16}$/);

export const Channel = z.strictObject({
  /** null: what the source calls it. */
  name: Name.nullable(),
  colour: Colour.nullable(),
  trimDb: TrimDb,
  mute: z.boolean(),
  /** Moves together with the next channel, panned apart. */
  link: z.boolean(),
  /** Not shown to musicians. */
  hidden: z.boolean(),
});
export type Channel = z.output<typeof Channel>;
export const FRESH_CHANNEL: Channel = {
  name: null,
  colour: null,
  trimDb: 0,
  mute: false,
  link: false,
  hidden: false,
};

export const Strip = z.strictObject({ gainDb: GainDb, pan: Pan, mute: z.boolean(), solo: z.boolean() });
export type Strip = z.output<typeof Strip>;
export const FRESH_STRIP: Strip = { gainDb: 0, pan: 0, mute: false, solo: false };

export const Fader = z.strictObject({ gainDb: GainDb, mute: z.boolean() });
export type Fader = z.output<typeof Fader>;
export const FRESH_GROUP_FADER: Fader = { gainDb: 0, mute: false };

export const Limiter = z.strictObject({ ceilingDb: CeilingDb });
export type Limiter = z.output<typeof Limiter>;

/** What somebody hears. Channels and groups that aren't listed are as a fresh mix has them. */
export const Mix = z.strictObject({
  channels: z.record(ChannelKey, Strip),
  groups: z.record(GroupId, Fader),
  master: Fader,
  limiter: Limiter,
});
export type Mix = z.output<typeof Mix>;
/** Sixteen channels at 0 dB add up: a fresh mix leaves them room. */
export const FRESH_MIX: Mix = {
  channels: {},
  groups: {},
  master: { gainDb: -12, mute: false },
  limiter: { ceilingDb: -1 },
};

export const Group = z.strictObject({ name: Name, colour: Colour.nullable(), channels: KnownChannels });
export type Group = z.output<typeof Group>;

export const Seat = z.strictObject({
  name: Name,
  colour: Colour.nullable(),
  /** What it may hear; null: everything. */
  channels: KnownChannels.nullable(),
  /** Whose phone it is. */
  device: Device.nullable(),
  /** The code that takes this seat. */
  invite: z.string().regex(/^[A-Z2-9]{8,32}$/),
  /** The musician may look, and nothing else. */
  locked: z.boolean(),
  /** Scenes don't touch it. */
  recallSafe: z.boolean(),
  /** No fader of its mix is above. */
  maxGainDb: GainDb,
  /** By a join, and not by the engineer: the first to be forgotten. */
  casual: z.boolean(),
  joinedAt: z.number(),
  mix: Mix,
});
export type Seat = z.output<typeof Seat>;

const Secret = z.string().min(4).max(128);
/** What a session needs to go on after a restart; the shape follows from it and the seat. */
export const SavedSession = z.strictObject({
  seat: SeatId,
  name: Name,
  device: Device,
  tokenKey: Secret,
  host: z.string().max(255),
  username: Secret,
  password: Secret,
  ssrc: z.int().min(1).max(0xffffffff),
  cname: Secret,
  worker: z.int().min(0).max(1000),
  mode: z.enum(["channels", "mix"]),
  /** As asked for; null: all. */
  channels: KnownChannels.nullable(),
  frameMs: z.union([z.literal(2.5), z.literal(5), z.literal(10)]),
  /** As somebody asked for it; null: nobody did. */
  bitrate: z.int().min(16_000).max(256_000).nullable(),
  redundancy: z.union([z.literal(0), z.literal(1)]),
  /** The engineer's: hears this seat's mix instead of its own. */
  cue: SeatId.nullable(),
  /** The engineer's: hears these inputs. */
  pfl: KnownChannels.nullable(),
  engineer: z.boolean(),
  joinedAt: z.number(),
});
export type SavedSession = z.output<typeof SavedSession>;

export const Scene = z.strictObject({
  name: Name,
  savedAt: z.number().min(0).overwrite(plain),
  channels: z.record(ChannelKey, Channel),
  groups: z.record(GroupId, Group),
  mixes: z.record(SeatId, Mix),
});
export type Scene = z.output<typeof Scene>;

export const STATE_VERSION = 1;
export const State = z.strictObject({
  version: z.literal(STATE_VERSION),
  channels: z.record(ChannelKey, Channel),
  groups: z.record(GroupId, Group),
  seats: z.record(SeatId, Seat),
  /** Of the seats. */
  order: z.array(SeatId).max(MAX_SEATS),
  sessions: z.record(z.string().max(64), SavedSession),
  scenes: z.record(SceneId, Scene),
});
export type State = z.output<typeof State>;

export const FRESH_STATE: State = {
  version: STATE_VERSION,
  channels: {},
  groups: {},
  seats: {},
  order: [],
  sessions: {},
  scenes: {},
};

export const channelOf = (state: Pick<State, "channels">, channel: number): Channel =>
  state.channels[channel] ?? FRESH_CHANNEL;
export const stripOf = (mix: Mix, channel: number): Strip => mix.channels[channel] ?? FRESH_STRIP;

/** The two channels of the pair that `channel` is in, the lower first; null if it is in none. */
export function pairOf(state: Pick<State, "channels">, channel: number): readonly [number, number] | null {
  if (channelOf(state, channel).link) return [channel, channel + 1];
  return channel > 1 && channelOf(state, channel - 1).link ? [channel - 1, channel] : null;
}
