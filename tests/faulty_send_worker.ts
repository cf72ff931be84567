/**
 * The send worker with faults built in, for tests: the real one, and a channel that tells it to break at its next block.
 * In: the real worker's messages, and faults. Runs as a worker of the pool; nothing of the product knows of it.
 */
import "./late_origin.ts";
import type { MainToSend } from "../core/messages.ts";
import { Sender } from "../send/sender.ts";
import "../workers/send_worker.ts";

/**
 * How it breaks: an uncaught error, an endless loop, a rejection that nobody awaits, an end without a word; or an uncaught
 * error at once, whatever it is doing.
 */
export type Fault = "throw" | "hang" | "reject" | "vanish" | "die";
/**
 * What goes through the channel "faults": a spare says that it is there, a worker which place in the pool it takes; a
 * worker is told to break; it says that it will, at its next block.
 */
export type FaultMessage =
  | { readonly id: string; readonly spare: true }
  | { readonly id: string; readonly place: number }
  | { readonly id: string; readonly fault: Fault }
  | { readonly id: string; readonly told: Fault };

interface Scope {
  onmessage: (event: MessageEvent<MessagePort>) => void;
  close(): void;
}
const scope = self as unknown as Scope;
/** Nobody before or after it has the same: a fault that comes late hits nobody else. */
const id = crypto.randomUUID();
let fault: Fault | null = null;

function fail(how: Fault): void {
  switch (how) {
    case "die":
    case "throw":
      throw new Error("a fault on purpose");
    case "hang":
      for (;;);
    case "reject":
      void Promise.reject(new Error("a fault on purpose"));
      return;
    case "vanish":
      scope.close();
  }
}

const channel = new BroadcastChannel("faults");
channel.onmessage = ({ data }: MessageEvent<FaultMessage>) => {
  if (!("fault" in data) || data.id !== id) return;
  channel.postMessage({ id, told: data.fault } satisfies FaultMessage);
  if (data.fault === "die") throw new Error("a fault on purpose");
  fault = data.fault;
};

if (self.name === "send spare") channel.postMessage({ id, spare: true } satisfies FaultMessage);

// However blocks come, the sender gets them.
const block = Sender.prototype.block;
Sender.prototype.block = function (...view) {
  block.apply(this, view);
  if (fault !== null) fail(fault);
};

const real = scope.onmessage;
scope.onmessage = (event) => {
  real(event);
  const port = event.data, handle = port.onmessage!;
  port.onmessage = function (message: MessageEvent<ArrayBuffer | MainToSend>) {
    const { data } = message;
    handle.call(this, message);
    if (!(data instanceof ArrayBuffer) && data.kind === "start") {
      channel.postMessage({ id, place: data.options.worker } satisfies FaultMessage);
    }
  };
};
