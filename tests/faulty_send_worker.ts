/**
 * The send worker with faults built in, for tests: the real one, and a channel that tells it to break at its next block.
 * In: the real worker's messages, and faults. Runs as a worker of the pool; nothing of the product knows of it.
 */
import "../workers/send_worker.ts";

/** How it breaks: an uncaught error, an endless loop, a rejection that nobody awaits, an end without a word. */
export type Fault = "throw" | "hang" | "reject" | "vanish";
/** What goes through the channel "faults": each worker says that it is there, and is told to break. */
export type FaultMessage = { readonly born: string } | { readonly name: string; readonly fault: Fault };

interface Scope {
  readonly name: string;
  onmessage: (event: MessageEvent<MessagePort>) => void;
  close(): void;
}
const scope = self as unknown as Scope;
let fault: Fault | null = null;

function fail(how: Fault): void {
  switch (how) {
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
  if ("fault" in data && data.name === scope.name) fault = data.fault;
};
channel.postMessage({ born: scope.name } satisfies FaultMessage);

const real = scope.onmessage;
scope.onmessage = (event) => {
  real(event);
  const port = event.data, handle = port.onmessage!;
  port.onmessage = function (message) {
    handle.call(this, message);
    if (fault !== null && message.data instanceof ArrayBuffer) fail(fault);
  };
};
