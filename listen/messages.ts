/**
 * What the listener's main isolate and its audio worker tell each other. The worker waits in system calls, so that no
 * message wakes it: it looks at shared words, {@link Control}, and fetches what they announce (line.ts).
 */
import type { BitRate } from "../core/units.ts";

/** Int32 words that main writes and the worker reads. */
export const enum Control {
  /** 1: say goodbye, hand over what is left, end. */
  Stop,
  /** How many {@link Media} have been posted to the port. */
  Media,
  Count,
}

/** `media` of the answer to a join (docs/PROTOCOL.md). */
export interface Media {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly ssrc: number;
  readonly payloadType: number;
  readonly encoding: "opus" | "multiopus";
  readonly clockRate: number;
  readonly frameMs: number;
  readonly bitrate: BitRate;
  readonly redundancy: 0 | 1;
  readonly streams: number;
  readonly coupledStreams: number;
  readonly channelMapping: readonly number[];
  readonly channels?: readonly number[];
}

/** Channels that come out: the streams, or the two of a mix. */
export const isStereo = (media: Media): boolean => media.encoding === "opus" && media.coupledStreams === 1;
export const widthOf = (media: Media): number => isStereo(media) ? 2 : media.streams;

/** Main → worker, once. */
export interface StartMessage {
  readonly kind: "start";
  /** `host` is an IP address. */
  readonly media: Media;
  /** Fixed depth, or null to adapt. */
  readonly bufferMs: number | null;
  /** null: play nowhere. `target` null: the default output. */
  readonly play: { readonly target: string | null } | null;
  /** Send the samples to main, for a file. */
  readonly record: boolean;
  readonly control: SharedArrayBuffer;
  /** Float32: left and right gain of each stream, interleaved; main may change them at any time. */
  readonly gains: SharedArrayBuffer;
  /** Brings the {@link Media} that are to follow. */
  readonly port: MessagePort;
}

/** Everything since the start. */
export interface Totals {
  /** Distinct packets. */
  received: number;
  /** Never came. */
  lost: number;
  /** Frames played from a repeated copy. */
  repaired: number;
  /** Frames made up for. */
  concealed: number;
  /** Came after they were needed. */
  late: number;
  duplicates: number;
  /** Came, but weren't what was agreed on. */
  broken: number;
  /** Times that something was made up for, or silent, in one go; and all of it. */
  gaps: number;
  gapMs: number;
  /** Times that the buffer was set anew. */
  resyncs: number;
  /** Times that the output device ran dry. */
  underflows: number;
}

/** Worker → main, each second. */
export interface Stats {
  readonly totals: Totals;
  /** Of the session now, and the distinct packets of that one alone. */
  readonly ssrc: number;
  readonly received: number;
  /** Median time of a packet in the buffer during this second; null without packets. */
  readonly bufferMs: number | null;
  readonly targetMs: number;
  readonly reason: string;
  /** From a sample being rendered to its sounding. */
  readonly outputMs: number;
  /** From capture to output, by the sender's reports: true if the clocks agree. Null while unknown. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  /** How much faster than ours the sender's clock runs. */
  readonly driftPpm: number;
  /** Playing speed now, against 1. */
  readonly speedPpm: number;
  /** RFC 3550. */
  readonly jitterMs: number;
  /** Peak of each output channel. */
  readonly levelsDb: readonly number[];
  /** The server has answered our bindings of the last three seconds. */
  readonly bound: boolean;
  /** The server said BYE, and has sent no audio since. */
  readonly dismissed: boolean;
}

/** Worker → main. */
export type ListenerMessage =
  | { readonly kind: "ready"; readonly output: string | null; readonly notes: readonly string[] }
  /** The first sample was due at `startedAt`, in milliseconds since the Unix epoch. */
  | { readonly kind: "audible"; readonly startedAt: number }
  /** Interleaved float32, transferred. */
  | { readonly kind: "audio"; readonly samples: Float32Array<ArrayBuffer>; readonly frames: number }
  | { readonly kind: "stats"; readonly stats: Stats }
  /** What comes isn't what was agreed on, or the server said BYE: ask it. Again and again while that lasts. */
  | { readonly kind: "doubt"; readonly dismissed: boolean }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped"; readonly stats: Stats };
