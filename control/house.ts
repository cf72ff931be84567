/**
 * Everything that control remembers, in one place: who is there, what they hear, which board rows and mixes are taken.
 * It lasts as long as the process. Written by the functions beside it; control worker; allocates.
 */
import { Board } from "../core/board.ts";
import { now } from "../core/clock.ts";
import type { ControlOptions, ControlToMain, Receiver, Shape } from "../core/messages.ts";
import type { RtpTimestamp } from "../core/units.ts";
import { freshMix, type Mix } from "./gains.ts";
import type { LatencyWindow } from "./latency.ts";
import { GuessTable } from "./secrets.ts";

/** A mix that somebody may hear: a device's, which outlives its sessions, or one made for a target. */
export interface KeptMix {
  settings: Mix;
  /** The channels that it is made of. */
  allowed: readonly number[];
  /** The main isolate's number for it; −1 while nobody hears it and it isn't made. */
  number: number;
  /** Receivers that hear it. */
  users: number;
  idleSince: number;
}

/** A receiver, and the send worker that serves it. */
export interface Placed {
  readonly worker: number;
  readonly receiver: Receiver;
}

export interface Session {
  readonly id: string;
  readonly tokenKey: string;
  readonly name: string;
  readonly device: string;
  readonly host: string;
  readonly username: string;
  readonly password: string;
  readonly placed: Placed;
  readonly mix: KeptMix;
  readonly joinedAt: number;
  readonly latency: LatencyWindow;
  mode: "channels" | "mix";
  channels: readonly number[];
  shape: Shape;
  /** The bitrate that somebody asked for; null = nobody ever did, and the ladder decides. */
  statedBitrate: number | null;
  /** For the description's `o=` line: a number of its own, and a version that each change raises. */
  readonly sdpId: number;
  sdpVersion: number;
  /** Does it hear {@link mix} now? */
  hearsMix: boolean;
  report: { readonly bufferMs: number; readonly outputMs: number } | null;
  /** Resolves when the change of shape under way is done: they go one after the other. */
  turn: Promise<void>;
}

export interface Target {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly mode: "mix" | "channels" | "mono";
  readonly channels: readonly number[];
  readonly shape: Shape;
  readonly session: string | null;
  readonly sdp: string;
  /** One, or one for each channel when the mode is `mono`. */
  readonly placed: readonly Placed[];
  readonly mix: KeptMix | null;
}

/** Waits that a test may want shorter. */
export interface Patience {
  /** How long a send worker may take to answer a change of shape: it is replaced within a second if it hangs. */
  readonly reshapeMs: number;
}
export const PATIENCE: Patience = { reshapeMs: 2000 };

export interface House {
  readonly options: ControlOptions;
  readonly board: Board;
  /** The ring's control words (core/ring.ts). */
  readonly ring: Int32Array;
  readonly inputs: number;
  readonly post: (message: ControlToMain) => void;
  readonly clock: () => number;
  readonly patience: Patience;
  readonly startedAt: number;
  readonly guesses: GuessTable;
  readonly channels: { name: string; trimDb: number }[];
  readonly sessions: Map<string, Session>;
  readonly tokens: Map<string, Session>;
  readonly devices: Map<string, Session>;
  /** Mixes by device, in the order of their last join. */
  readonly mixes: Map<string, KeptMix>;
  /** Mixes that the main isolate makes, by number. */
  readonly made: Map<number, KeptMix>;
  readonly targets: Map<string, Target>;
  /** Board rows that nobody has, the least recently freed first. */
  readonly freeSlots: number[];
  readonly ssrcs: Set<number>;
  /** Receivers of each send worker. */
  readonly loads: number[];
  /** Changes of shape that wait for their RTP timestamp; null: it won't come. */
  readonly reshapes: Map<number, { readonly slot: number; readonly settle: (timestamp: RtpTimestamp | null) => void }>;
  nextRequest: number;
  nextSdpId: number;
}

export function createHouse(
  options: ControlOptions,
  post: (message: ControlToMain) => void,
  clock: () => number = now,
  patience: Patience = PATIENCE,
): House {
  const inputs = options.ring.channels;
  const { channelNames } = options.source;
  return {
    options,
    board: new Board(options.board),
    ring: new Int32Array(options.ring.memory, 0, 16),
    inputs,
    post,
    clock,
    patience,
    startedAt: clock(),
    guesses: new GuessTable(),
    channels: Array.from({ length: inputs }, (_, i) => ({ name: channelNames[i] ?? `Input ${i + 1}`, trimDb: 0 })),
    sessions: new Map(),
    tokens: new Map(),
    devices: new Map(),
    mixes: new Map(),
    made: new Map(),
    targets: new Map(),
    freeSlots: Array.from({ length: options.board.slots }, (_, i) => i),
    ssrcs: new Set(),
    loads: options.mediaPorts.map(() => 0),
    reshapes: new Map(),
    nextRequest: 1,
    nextSdpId: Math.floor(clock()),
  };
}

export const newMix = (house: House, allowed: readonly number[]): KeptMix => ({
  settings: freshMix(house.inputs),
  allowed,
  number: -1,
  users: 0,
  idleSince: 0,
});
