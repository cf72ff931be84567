/**
 * The send worker's thread: takes blocks as transferred ArrayBuffers and changes of receivers as messages, and drives a
 * {@link Sender} with its own socket. Each block is copied into memory of its own with one call; the rest is the sender's.
 */
import { BlockView } from "../core/block.ts";
import { Board } from "../core/board.ts";
import { configureLog } from "../core/log.ts";
import { type MainToSend, never, type SendOptions, type SendToMain } from "../core/messages.ts";
import { becomeRealTime, threadNumber } from "../core/realtime.ts";
import { MAX_BLOCK_BYTES } from "./limits.ts";
import { Sender } from "../send/sender.ts";
import { openMediaSocket } from "../send/open_socket.ts";
import { loadOpus } from "../wasm/opus.ts";

declare const self: {
  /** Called once, with the port to the main isolate. */
  onmessage: (event: MessageEvent<MessagePort>) => void;
  close(): void;
};

/** Below capture (50) and main (45), which it may not hold up; above whatever else the machine does. */
const PRIORITY = 43;

const view = new BlockView(MAX_BLOCK_BYTES);
let main: MessagePort;
const tell = (message: SendToMain) => main.postMessage(message);
let sender: Sender | null = null;

async function start(options: SendOptions): Promise<void> {
  configureLog(options.log);
  await loadOpus();
  try {
    const socket = openMediaSocket(options);
    sender = new Sender({
      socket,
      board: new Board(options.board),
      worker: options.worker,
      shareEncodes: options.shareEncodes,
      tell,
    });
    becomeRealTime(PRIORITY);
    tell({ kind: "ready", port: socket.port, descriptor: socket.descriptor, thread: threadNumber() });
  } catch (error) {
    tell({ kind: "failed", reason: (error as Error).message });
  }
}

function handle(message: MainToSend): void {
  switch (message.kind) {
    case "start":
      void start(message.options);
      break;
    case "serve":
    case "reshape":
    case "close":
      sender?.apply(message);
      break;
    case "stop":
      sender?.[Symbol.dispose]();
      tell({ kind: "stopped" });
      self.close();
      break;
    default:
      never(message);
  }
}

self.onmessage = ({ data: port }) => {
  main = port;
  main.onmessage = ({ data }: MessageEvent<MainToSend | ArrayBuffer>) => {
    if (data instanceof ArrayBuffer) {
      view.bytes.set(new Uint8Array(data));
      sender?.block(view);
    } else handle(data);
  };
};
