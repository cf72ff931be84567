/**
 * `--send-mode sync`: the main isolate encodes and sends by itself, one client after the other. The way back, and what
 * the pool is compared with.
 */
import { BlockView, isMix, mixOf, type Source } from "../core/block.ts";
import type { Board } from "../core/board.ts";
import { never, type SendOptions, type SendToMain, type ServeMessage } from "../core/messages.ts";
import type { RtpTimestamp } from "../core/units.ts";
import type { SendPath } from "../mix/engine.ts";
import { fillBlock } from "../mix/fill.ts";
import type { Mixer } from "../mix/mixer.ts";
import { Sender } from "../send/sender.ts";
import { openMediaSocket } from "../send/open_socket.ts";
import { loadOpus } from "../wasm/opus.ts";
import { MAX_BLOCK_BYTES } from "./limits.ts";

export class SyncPath implements SendPath {
  readonly ports: readonly number[];
  readonly #view = new BlockView(MAX_BLOCK_BYTES);
  readonly #sender: Sender;
  #sources: readonly Source[] = [];
  mixes: readonly number[] = [];

  private constructor(
    options: SendOptions,
    board: Board,
    reshaped: (request: number, timestamp: RtpTimestamp) => void,
    /** What encodes, by name and version. */
    readonly codec: string,
  ) {
    const socket = openMediaSocket(options);
    this.ports = [socket.port];
    const tell = (message: SendToMain): void => {
      if (message.kind === "needs") {
        this.#sources = message.sources;
        this.mixes = message.sources.filter(isMix).map(mixOf);
      } else if (message.kind === "reshaped") reshaped(message.request, message.timestamp);
      else if (message.kind !== "ready" && message.kind !== "failed" && message.kind !== "stopped") never(message);
    };
    this.#sender = new Sender({ socket, board, worker: 0, shareEncodes: options.shareEncodes, tell });
  }

  static async open(
    options: SendOptions,
    board: Board,
    reshaped: (request: number, timestamp: RtpTimestamp) => void,
  ): Promise<SyncPath> {
    return new SyncPath(options, board, reshaped, await loadOpus(options.codec));
  }

  apply(message: ServeMessage): void {
    this.#sender.apply(message);
  }

  /** @hot */
  handOver(mixer: Mixer, position: number, time: number): void {
    fillBlock(this.#view, this.#sources, mixer, position, time);
    this.#sender.block(this.#view);
  }

  stop(): Promise<void> {
    this.#sender[Symbol.dispose]();
    return Promise.resolve();
  }
}
