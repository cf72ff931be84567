/**
 * Everything that control knows, in one place: the state that outlives the process (state.ts), and who is there now,
 * which board rows and mixes are taken. Written by the functions beside it; control worker; allocates.
 */
import { Board } from "../core/board.ts";
import { now } from "../core/clock.ts";
import { logger } from "../core/log.ts";
import type { ControlOptions, ControlToMain, Receiver, Shape } from "../core/messages.ts";
import type { RtpTimestamp } from "../core/units.ts";
import { createEvents, type Events } from "./events.ts";
import type { LatencyWindow } from "./latency.ts";
import { createLoad, type Load } from "./load.ts";
import { GuessTable } from "./secrets.ts";
import type { Mix, SavedSession, Seat, State } from "./state.ts";
import { Store } from "./store.ts";

/** A mix that the main isolate may be asked to make. */
export interface HeardMix {
  /** The seat whose mix it is; null: nobody's, with settings of its own. */
  readonly seat: string | null;
  readonly own: Mix;
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
  /** What is on disk of it. */
  saved: SavedSession;
  readonly placed: Placed;
  readonly latency: LatencyWindow;
  shape: Shape;
  /** What it hears while its mode is `mix`. */
  hears: HeardMix | null;
  /** For the description's `o=` line: a number of its own, and a version that each change raises. */
  readonly sdpId: number;
  sdpVersion: number;
  report: { readonly bufferMs: number; readonly outputMs: number } | null;
  /** Address of the page that listens to it over HTTP (audio.ts). */
  page?: string;
  /** Resolves when the change of shape under way is done: they go one after the other. */
  turn: Promise<void>;
  /** How many there are, the one under way counted. */
  turns: number;
  /** It doesn't hear yet what it should. */
  behind: boolean;
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
  readonly mix: HeardMix | null;
}

/** Waits that a test may want shorter. */
export interface Patience {
  /** How long a send worker may take to answer a change of shape: it is replaced within a second if it hangs. */
  readonly reshapeMs: number;
}
export const PATIENCE: Patience = { reshapeMs: 2000 };

/** A mix before a change. */
export interface Earlier {
  readonly mix: Mix;
  /** Changes of one gesture are undone together. */
  readonly gesture: string | null;
}

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
  /** Changed by `change` (changes.ts) only. */
  state: State;
  readonly store: Store;
  joinCode: string;
  engineerKey: string;
  /** Where a phone finds us: over TLS, if the page is served so. */
  url: string;
  /** Where the page is served over TLS too, if it is. */
  httpsPort?: number;
  readonly sessions: Map<string, Session>;
  readonly tokens: Map<string, Session>;
  /** The session of each seat that has one. */
  readonly seated: Map<string, Session>;
  /** Seats' mixes that were heard. */
  readonly heard: Map<string, HeardMix>;
  /** Mixes that the main isolate makes, by number. */
  readonly made: Map<number, HeardMix>;
  /** Earlier mixes of each seat, the newest last. */
  readonly undo: Map<string, Earlier[]>;
  /** Told after each change of the state. */
  readonly watchers: Set<() => void>;
  /** What happened lately. */
  readonly events: Events;
  readonly targets: Map<string, Target>;
  /** Board rows that nobody has, the least recently freed first. */
  readonly freeSlots: number[];
  readonly ssrcs: Set<number>;
  /** How much of each send worker's time they take. */
  readonly load: Load;
  /** Changes of shape that wait for their RTP timestamp; null: it won't come. */
  readonly reshapes: Map<number, { readonly slot: number; readonly settle: (timestamp: RtpTimestamp | null) => void }>;
  nextRequest: number;
  nextSdpId: number;
}

/** @throws Error when the state on disk can't be used. */
export function createHouse(
  options: ControlOptions,
  post: (message: ControlToMain) => void,
  clock: () => number = now,
  patience: Patience = PATIENCE,
): House {
  const log = logger("state");
  const store = new Store(options.stateDir, (text) => log.warn(text));
  const { state, warnings } = store.load();
  for (const warning of warnings) log.warn(warning);
  const board = new Board(options.board);
  return {
    options,
    board,
    ring: new Int32Array(options.ring.memory, 0, 16),
    inputs: options.ring.channels,
    post,
    clock,
    patience,
    startedAt: clock(),
    guesses: new GuessTable(),
    state,
    store,
    joinCode: options.joinCode,
    engineerKey: options.engineerKey,
    url: "",
    sessions: new Map(),
    tokens: new Map(),
    seated: new Map(),
    heard: new Map(),
    made: new Map(),
    undo: new Map(),
    watchers: new Set(),
    events: createEvents(),
    targets: new Map(),
    freeSlots: Array.from({ length: options.board.slots }, (_, i) => i),
    ssrcs: new Set(),
    load: createLoad(board.workers, clock()),
    reshapes: new Map(),
    nextRequest: 1,
    nextSdpId: Math.floor(clock()),
  };
}

/** The seat of a session: there as long as the session is. */
export const seatOf = (house: House, session: Session): Seat => house.state.seats[session.saved.seat];
