/**
 * What `foldback start` was asked for, checked: the shape that program/flags.ts makes of flags, environment and config
 * file. The settings themselves are defined in program/settings.ts. Main isolate, once at start.
 */
import type { LogOptions } from "../core/messages.ts";
import type { BitRate, Frame } from "../core/units.ts";

/** A setting that can't be used as it was given: one line for the terminal, exit code 2. */
export class FlagError extends Error {}

/** What `start` was asked for. */
export interface StartOptions {
  /** As typed; null: the card with the most inputs, else the demo band. */
  readonly source: string | null;
  /** 1 to 64; null: all that the source has. */
  readonly channels: number | null;
  /** What it is called where devices find it by themselves; null: after the machine. */
  readonly name: string | null;
  /** Is it to be found so? */
  readonly discovery: boolean;
  /** Where HTTP listens; the media sockets take the same address. "::" is every address. */
  readonly http: { readonly address: string; readonly port: number };
  /** Where the same is served over TLS; null: nowhere. `cert` and `key` are files, or both null: made and kept. */
  readonly https: {
    readonly address: string;
    readonly port: number;
    readonly files: { readonly cert: string; readonly key: string } | null;
  } | null;
  /** UDP port of the first send worker; 0: any. */
  readonly mediaPort: number;
  /** Told to clients instead of the address that they came by. */
  readonly publicHost: string | null;
  /** null: the one that is kept in the state directory. */
  readonly joinCode: string | null;
  /** null: the one that is kept in the state directory. */
  readonly engineerKey: string | null;
  /** Where secrets are kept. */
  readonly stateDir: string;
  /** How many send workers, and who said so. */
  readonly poolSize: { readonly size: number; readonly why: string };
  /** Who encodes and sends: the pool, or the main isolate, with or without sharing encodes. */
  readonly sendMode: "pool" | "sync" | "sync-unshared";
  /** How the pool's workers get blocks: by a ring in shared memory, or by ArrayBuffers that are transferred. */
  readonly handoff: "shared" | "transfer";
  /** Which libopus encodes: our own build where there is one, our own build, npm's package. */
  readonly codec: "auto" | "own" | "package";
  /** DiffServ code point, 0 to 63 (RFC 2474). */
  readonly dscp: number;
  /** Clients served at once. */
  readonly maxClients: number;
  /** For a client that asks for none. */
  readonly frame: Frame;
  /** For a client that asks for none; null: by what fits. */
  readonly bitrate: BitRate | null;
  /** Level and format of the log. */
  readonly log: LogOptions;
}
