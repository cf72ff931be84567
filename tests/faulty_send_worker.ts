/**
 * The send worker with faults built in, for tests: the real one, and a message `{ fault }` that takes effect at the next
 * block. In: the real worker's messages, and faults. Runs as a worker of the pool; nothing of the product knows of it.
 */
import "../workers/send_worker.ts";

/** How it breaks: an uncaught error, an endless loop, a rejection that nobody awaits, an end without a word. */
export type Fault = "throw" | "hang" | "reject" | "vanish";

interface Scope {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  close(): void;
}
const scope = self as unknown as Scope;
const real = scope.onmessage!;
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

scope.onmessage = (event) => {
  const { data } = event;
  if (typeof data === "object" && data !== null && "fault" in data) {
    fault = data.fault as Fault;
    return;
  }
  real(event);
  if (fault !== null && data instanceof ArrayBuffer) fail(fault);
};
