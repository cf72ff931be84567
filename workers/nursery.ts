/**
 * Starts and ends the pool's send workers, in a thread of its own: `new Worker` holds up its isolate until the other
 * thread runs, 11 to 16 ms on an idle machine and hundreds on a busy one. The main isolate must not wait so long, least
 * of all when a worker has failed and the others go on. A send worker talks with main itself, through the port that it
 * is given here. Allocates; nothing here is in the sound's way.
 */
import { type MainToNursery, never, type NurseryToMain } from "../core/messages.ts";

const main = self as unknown as {
  onmessage: ((event: MessageEvent<MainToNursery>) => void) | null;
  postMessage(message: NurseryToMain): void;
};
const workers = new Map<number, Worker>();

function spawn({ id, script, name, port }: Extract<MainToNursery, { kind: "spawn" }>): void {
  const worker = new Worker(script, {
    type: "module",
    name,
    deno: { permissions: { ffi: true, net: true, read: false, write: false, env: false, run: false, sys: false } },
  } as WorkerOptions);
  workers.set(id, worker);
  worker.onerror = (event) => {
    event.preventDefault();
    main.postMessage({ kind: "failed", id, reason: event.message });
  };
  worker.postMessage(port, [port]);
}

main.onmessage = ({ data }) => {
  switch (data.kind) {
    case "spawn":
      spawn(data);
      break;
    case "end":
      workers.get(data.id)?.terminate();
      workers.delete(data.id);
      break;
    default:
      never(data);
  }
};
