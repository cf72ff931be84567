/**
 * The main isolate's loop, driven by the device's clock: a block comes out of the ring, goes through the mixer, and is
 * handed on. Between blocks the thread sleeps; it goes back to its event loop when a message waits there, and every few
 * blocks besides. Changes are applied between two blocks. One block takes some tens of microseconds; nothing in it allocates
 * but what the hand-over must.
 */
import { setImmediate } from "node:timers";
import type { Board } from "../core/board.ts";
import { now } from "../core/clock.ts";
import { record } from "../core/histogram.ts";
import type { ServeMessage } from "../core/messages.ts";
import { type RingReader, Word } from "../core/ring.ts";
import type { Mixer } from "./mixer.ts";

/** After so many blocks (85 ms) the event loop has a turn though nobody asked for it: signals and timers ring no bell. */
const TURN_BLOCKS = 32;
/** ... and after this without a block: capture may have failed. */
const IDLE_MS = 20;

/** A message isn't always heard in the event loop's first wait for a block, for that can be the shorter one. */
const MESSAGE_WAITS = 3;
/** So many turns while blocks wait are short: a card may deliver several blocks at once. The next one looks at everything. */
const SHORT_TURNS = 3;

/** A turn of the event loop that doesn't wait for what comes from outside; some messages are heard in it. */
const shortTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));
// deno-lint-ignore foldback/device-clock -- of a main isolate that can't keep up
const longTurn = () => new Promise<void>((resolve) => void setTimeout(resolve, 0));

/** The way from the mixer to the network: the pool of workers, or the main isolate itself. */
export interface SendPath {
  readonly ports: readonly number[];
  /** Mixes that somebody hears. */
  readonly mixes: readonly number[];
  apply(message: ServeMessage): void;
  /** Hands over what the mixer holds. `position` of its first sample; `time` at which its last had arrived. */
  handOver(mixer: Mixer, position: number, time: number): void;
  /** Sends what is encoded, says BYE, closes. */
  stop(): Promise<void>;
}

export class Engine {
  readonly #reader: RingReader;
  readonly #mixer: Mixer;
  readonly #path: SendPath;
  readonly #board: Board;
  #running = true;
  /** Those that are known of. */
  #messages = 0;
  /** Waits that the event loop gets for them. */
  #owed = 0;

  constructor(reader: RingReader, mixer: Mixer, path: SendPath, board: Board) {
    this.#reader = reader;
    this.#mixer = mixer;
    this.#path = path;
    this.#board = board;
  }

  /** Ends after {@link finish}, when the ring is empty. */
  async run(): Promise<void> {
    const reader = this.#reader, { bell } = reader;
    for (let busy = 0;;) {
      this.#work();
      const rung = bell.rung(), messages = bell.messages();
      this.#owed = messages !== this.#messages ? MESSAGE_WAITS : Math.max(0, this.#owed - 1);
      this.#messages = messages;
      if (reader.waiting() > 0) {
        await (busy++ % (SHORT_TURNS + 1) < SHORT_TURNS ? shortTurn() : longTurn());
        continue;
      }
      busy = 0;
      if (!this.#running) return;
      await bell.wait(rung);
    }
  }

  finish(): void {
    this.#running = false;
    this.#reader.bell.ring();
  }

  /** @hot Works off blocks and sleeps in between, until it is the event loop's turn. */
  #work(): void {
    const reader = this.#reader, bell = reader.bell;
    for (let blocks = 0; blocks < TURN_BLOCKS;) {
      const rung = bell.rung();
      if (reader.waiting() > 0) {
        this.#block();
        blocks++;
      } else if (!this.#running || this.#owed > 0 || bell.messages() !== this.#messages) return;
      else if (!bell.sleep(rung, IDLE_MS)) return;
    }
  }

  /** @hot */
  #block(): void {
    const begun = now(), reader = this.#reader, mixer = this.#mixer, path = this.#path;
    const position = reader.position(), time = reader.time();
    mixer.read(reader.block(), position, Atomics.load(reader.words, Word.Live) !== 0);
    reader.release();
    const mixes = path.mixes;
    for (let i = 0; i < mixes.length; i++) {
      const mix = mixer.mixes.get(mixes[i]);
      if (mix !== undefined) mixer.render(mix);
    }
    const mixed = now();
    path.handOver(mixer, position, time);
    const done = now();
    record(this.#board.main.handoff, done - mixed);
    record(this.#board.main.block, done - begun);
    this.#board.main.blocks++;
  }
}
