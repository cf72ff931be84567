/**
 * Every message between isolates. One union for each direction, told apart by `kind`; a receiver's switch ends in
 * {@link never}. Audio blocks are the only frequent ones; everything that is merely counted goes through board.ts.
 */
import type { BoardMemory } from "./board.ts";
import type { Source } from "./block.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HandoffMemory } from "./handoff.ts";
import type { RingMemory } from "./ring.ts";
import type { TelemetryOptions } from "./telemetry.ts";
import type { BitRate, Frame, RtpTimestamp } from "./units.ts";

/** The end of a switch over `kind`: a kind that nobody handles is our own bug. */
export function never(message: never): never {
  throw new Error(`unhandled message: ${JSON.stringify(message)}`);
}

/** How a receiver gets its audio. */
export interface Shape {
  readonly mode: "channels" | "mix" | "mono";
  /** Channel numbers from 1, in the order of the streams; empty for a mix. */
  readonly channels: readonly number[];
  readonly frame: Frame;
  /** Of one Opus stream. */
  readonly bitrate: BitRate;
  /** Earlier frames repeated in each packet (RFC 2198). */
  readonly redundancy: 0 | 1;
}

/** One RTP stream to one place: a session, a target, or one channel of a `mono` target. */
export interface Receiver {
  /** Its row on the board, for as long as it lives. */
  readonly slot: number;
  readonly ssrc: number;
  readonly cname: string;
  /** RTP timestamp of sample position 0. */
  readonly timestampBase: RtpTimestamp;
  readonly shape: Shape;
  /** The mix that it hears, for mode `mix`; else −1. */
  readonly mix: number;
  /** How it is opened: by a STUN binding with these credentials, or at once to a fixed place. */
  readonly opening:
    | { readonly kind: "stun"; readonly username: string; readonly password: string }
    | { readonly kind: "fixed"; readonly rtp: Endpoint; readonly rtcp: Endpoint };
}

/** Changes of receivers: control → main → the send worker that serves them. */
export type ServeMessage =
  | { readonly kind: "serve"; readonly worker: number; readonly receiver: Receiver }
  /** From the next common frame boundary on; answered by `reshaped`. */
  | {
    readonly kind: "reshape";
    readonly worker: number;
    readonly slot: number;
    readonly shape: Shape;
    readonly mix: number;
    readonly request: number;
  }
  /** Ends it with an RTCP BYE. */
  | { readonly kind: "close"; readonly worker: number; readonly slot: number };

/** What a mix is made with. */
export interface MixSettings {
  /** Linear: left and right for each input, interleaved. */
  readonly gains: Float32Array;
  /** No sample of the mix goes above this; linear. */
  readonly ceiling: number;
  /** How long the gains take to get there. */
  readonly rampMs: number;
}

/** Control → main. */
export type ControlToMain =
  | ServeMessage
  /** null: the mix is gone. */
  | { readonly kind: "mix"; readonly mix: number; readonly settings: MixSettings | null }
  /** Linear trims, one for each input. */
  | { readonly kind: "trims"; readonly gains: Float32Array; readonly rampMs: number }
  /** `secureUrl`: over TLS, if that was asked for; `phonesUrl`: the one of both that codes lead to. */
  | {
    readonly kind: "listening";
    readonly url: string;
    readonly secureUrl: string | null;
    readonly phonesUrl: string;
  }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped" };

/** Main → control. */
export type MainToControl =
  | { readonly kind: "start"; readonly options: ControlOptions }
  | { readonly kind: "reshaped"; readonly request: number; readonly timestamp: RtpTimestamp }
  /** No new requests; answer those under way, then say `stopped`. */
  | { readonly kind: "stop" };

/** What control needs to know of the rest. */
export interface ControlOptions {
  readonly version: string;
  readonly board: BoardMemory;
  /** With main's bell. */
  readonly ring: RingMemory;
  readonly source: { readonly name: string; readonly channelNames: readonly string[] };
  /** UDP port of each send worker. */
  readonly mediaPorts: readonly number[];
  readonly http: { readonly address: string; readonly port: number };
  /** The same over TLS; null or left out: not. `given`, in PEM: else control makes a certificate and keeps it. */
  readonly https?: {
    readonly address: string;
    readonly port: number;
    readonly given: { readonly cert: string; readonly key: string } | null;
  } | null;
  /** How it is found without typing; null or left out: not at all. `name` null: after the machine. */
  readonly discovery?: { readonly name: string | null } | null;
  readonly publicHost: string | null;
  readonly joinCode: string;
  readonly engineerKey: string;
  /** They were given, not kept: the engineer can't change them from afar. */
  readonly given: { readonly joinCode: boolean; readonly engineerKey: boolean };
  /** Where the state is kept; null: nowhere. */
  readonly stateDir: string | null;
  readonly maxClients: number;
  readonly defaults: { readonly frame: Frame; readonly bitrate: BitRate | null };
  /** Left out or null: nothing is sent. */
  readonly telemetry?: TelemetryOptions | null;
  readonly log: LogOptions;
}

export interface LogOptions {
  readonly level: "debug" | "info" | "warning" | "error";
  readonly json: boolean;
}

/** Control → discovery. */
export type ControlToDiscovery =
  | {
    readonly kind: "start";
    /** Of this instance of the service, for people. */
    readonly name: string;
    /** TCP. */
    readonly port: number;
    /** The only one that is served; null: all. */
    readonly address: string | null;
    /** What else is known of it (RFC 6763 section 6). */
    readonly text: Readonly<Record<string, string>>;
  }
  /** Says goodbye, then `stopped`. */
  | { readonly kind: "stop" };

/** Discovery → control. */
export type DiscoveryToControl =
  /** As what and where it is found. Somebody of the same name may have changed both; such a `host` is null, for nobody types it. */
  | { readonly kind: "announced"; readonly name: string; readonly host: string | null }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped" };

/** Main → nursery, which starts and ends the pool's workers. `id` is a worker's, used once. */
export type MainToNursery =
  /** `port` is for the worker: MainToSend comes out of it, SendToMain goes into it. */
  | {
    readonly kind: "spawn";
    readonly id: number;
    /** Main's (bell.ts). */
    readonly bell: SharedArrayBuffer;
    readonly script: string;
    readonly name: string;
    readonly port: MessagePort;
  }
  | { readonly kind: "end"; readonly id: number };

/** Nursery → main. */
export type NurseryToMain =
  /** An uncaught error: the worker is no more. */
  { readonly kind: "failed"; readonly id: number; readonly reason: string };

/** Main → send worker. A block comes as a bare ArrayBuffer (block.ts), transferred, or through shared memory (handoff.ts). */
export type MainToSend =
  | {
    readonly kind: "start";
    readonly options: SendOptions;
    /** Where blocks come from; null: from the port. */
    readonly handoff: HandoffMemory | null;
  }
  | ServeMessage
  /** Send what is encoded, say BYE to everybody, close the socket, answer `stopped`. */
  | { readonly kind: "stop" };

export interface SendOptions {
  readonly worker: number;
  /** Main's (bell.ts). */
  readonly bell: SharedArrayBuffer;
  readonly board: BoardMemory;
  /** Address to bind; "::" takes IPv4 too. Port 0: any. */
  readonly address: string;
  readonly port: number;
  /** A socket that a worker before this one left open, or −1. */
  readonly descriptor: number;
  readonly dscp: number;
  /** false: every receiver has encoders of its own (for comparing). */
  readonly shareEncodes: boolean;
  /** Our own build of libopus, compiled; null: the package's. */
  readonly codec: WebAssembly.Module | null;
  readonly log: LogOptions;
  /** Main's `aheadOfMonotonic()` (clock.ts), which its threads keep. */
  readonly clock: number;
}

/** Send worker → main. */
export type SendToMain =
  /** `thread`: the system's number of the worker's thread, 0 if unknown. `codec`: what encodes, by name and version. */
  | {
    readonly kind: "ready";
    readonly port: number;
    readonly descriptor: number;
    readonly thread: number;
    readonly codec: string;
  }
  | { readonly kind: "failed"; readonly reason: string }
  /** What it wants in its blocks from now on. */
  | { readonly kind: "needs"; readonly sources: readonly Source[] }
  | { readonly kind: "reshaped"; readonly request: number; readonly timestamp: RtpTimestamp }
  | { readonly kind: "stopped" };

/** Main → capture worker. */
export type MainToCapture = {
  readonly kind: "start";
  readonly ring: RingMemory;
  readonly source: SourceDescription;
  readonly log: LogOptions;
  /** As in {@link SendOptions}. */
  readonly clock: number;
};

/** A device as PortAudio lists it: its indices are another's after the next listing. */
export interface PortAudioDescription {
  readonly kind: "portaudio";
  readonly library: string;
  readonly device: string;
  readonly hostApi: string;
  /** Which of the devices of this name it is, from 0; how many there are; how many there are but for ALSA's card numbers. */
  readonly twin: number;
  readonly twins: number;
  readonly kin: number;
}

/** A source that was found and checked, ready to be opened by the capture worker; plain data. */
export type SourceDescription =
  & {
    /** For people: "Scarlett 18i20 USB (ALSA)", "demo band". */
    readonly name: string;
    readonly channels: number;
    /** One for each channel; a source without names says "Input 1" … */
    readonly channelNames: readonly string[];
  }
  & (
    | PortAudioDescription
    | { readonly kind: "alsa"; readonly library: string; readonly pcm: string }
    | { readonly kind: "wav"; readonly path: string }
    | { readonly kind: "demo" }
    | { readonly kind: "tones" }
  );

/** Capture worker → main. */
export type CaptureToMain =
  /** The first block is in the ring. */
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly reason: string }
  /** After `stop` was set in the ring: everything is closed. */
  | { readonly kind: "stopped" };
