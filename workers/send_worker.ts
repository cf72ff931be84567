/**
 * The send worker's thread: takes blocks and changes of receivers, and drives a {@link Sender} with its own socket. Changes
 * come as messages. Blocks come from a ring in shared memory (core/handoff.ts), where the thread sleeps in between and
 * only looks at its messages when it is told that there are some; or as transferred ArrayBuffers among the messages, each
 * of which is copied into memory of the worker's own with one call.
 */
import { setImmediate } from "node:timers";
import { Bell } from "../core/bell.ts";
import { BlockView } from "../core/block.ts";
import { Board } from "../core/board.ts";
import { keepTime } from "../core/clock.ts";
import { type HandoffMemory, HandoffReader } from "../core/handoff.ts";
import { configureLog } from "../core/log.ts";
import { type MainToSend, never, type SendOptions, type SendToMain } from "../core/messages.ts";
import { becomeRealTime, returnFreeMemory, threadNumber } from "../core/realtime.ts";
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
/**
 * After so many blocks from the ring (85 ms) the event loop has a turn though nobody asked for it: it costs some tens of
 * microseconds, and only there does a rejection that nobody awaits end the worker.
 */
const TURN_BLOCKS = 32;

let main: MessagePort;
/** From `start` on. */
let mainBell: Bell;
function tell(message: SendToMain): void {
  main.postMessage(message);
  mainBell.posted();
}
let sender: Sender | null = null;
let ring: HandoffReader | null = null;
/** Messages heard, modulo 2³²; compared with those that were posted, so that each is heard before the blocks behind it. */
let heard = 0;

async function start(options: SendOptions, handoff: HandoffMemory | null): Promise<void> {
  keepTime(options.clock);
  configureLog(options.log);
  mainBell = new Bell(options.bell);
  try {
    const codec = await loadOpus(options.codec);
    const socket = openMediaSocket(options);
    sender = new Sender({
      socket,
      board: new Board(options.board),
      worker: options.worker,
      shareEncodes: options.shareEncodes,
      tell,
    });
    ring = handoff && new HandoffReader(handoff);
    becomeRealTime(PRIORITY);
    tell({ kind: "ready", port: socket.port, descriptor: socket.descriptor, thread: threadNumber(), codec });
  } catch (error) {
    tell({ kind: "failed", reason: (error as Error).message });
    return;
  }
  drive();
}

/** Takes blocks from the ring until the worker is told to stop, or replaced. What it throws ends the worker. */
function drive(): void {
  if (!sender || !ring || ring.ended()) return;
  work(ring, sender);
  setImmediate(drive);
}

/** @hot Works off blocks and sleeps in between, until a message waits or it is the event loop's turn. */
function work(ring: HandoffReader, sender: Sender): void {
  const bell = ring.bell;
  for (let blocks = 0; blocks < TURN_BLOCKS;) {
    const rung = bell.rung();
    if (bell.messages() !== heard || ring.ended()) return;
    if (ring.waiting() > 0) {
      take(ring, sender);
      blocks++;
    } else bell.sleep(rung);
  }
}

/** @hot Works off the oldest waiting block. */
function take(ring: HandoffReader, sender: Sender): void {
  sender.block(ring.oldest());
  ring.release();
}

function stop(): void {
  // What was handed over before the message.
  if (sender && ring) { while (ring.waiting() > 0) take(ring, sender); }
  sender?.[Symbol.dispose]();
  sender = null;
  tell({ kind: "stopped" });
  self.close();
}

function handle(message: MainToSend): void {
  heard = (heard + 1) | 0;
  switch (message.kind) {
    case "start":
      void start(message.options, message.handoff);
      break;
    case "serve":
    case "reshape":
    case "close":
      sender?.apply(message);
      break;
    case "stop":
      stop();
      break;
    default:
      never(message);
  }
}

// A spare comes when audio runs already: what its modules took to read is given back at once.
returnFreeMemory();

self.onmessage = ({ data: port }) => {
  const view = new BlockView(MAX_BLOCK_BYTES);
  main = port;
  main.onmessage = ({ data }: MessageEvent<MainToSend | ArrayBuffer>) => {
    if (data instanceof ArrayBuffer) {
      view.bytes.set(new Uint8Array(data));
      sender?.block(view);
    } else handle(data);
  };
};
