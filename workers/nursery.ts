/**
 * Starts send workers, and ends them, in a thread of its own: `new Worker` holds up its isolate until the other thread
 * runs, 11 to 16 ms on an idle machine and hundreds on a busy one. The main isolate must not wait so long while others
 * hear its audio. What it starts talks with main through the port that it hands on. Allocates; not in the sound's way.
 */
import { Bell } from "../core/bell.ts";
import { type MainToNursery, never, type NurseryToMain } from "../core/messages.ts";
import { openWorker } from "./handles.ts";

const main = self as unknown as {
  onmessage: ((event: MessageEvent<MainToNursery>) => void) | null;
  postMessage(message: NurseryToMain): void;
};
const workers = new Map<number, Worker>();

main.onmessage = ({ data }) => {
  switch (data.kind) {
    case "spawn": {
      const { id, bell, script, name, port } = data;
      const failed = (reason: string) => {
        main.postMessage({ kind: "failed", id, reason });
        new Bell(bell).posted();
      };
      try {
        workers.set(id, openWorker(script, name, port, failed));
      } catch (error) {
        failed(`no thread for it: ${(error as Error).message}`);
      }
      break;
    }
    case "end":
      workers.get(data.id)?.terminate();
      workers.delete(data.id);
      break;
    default:
      never(data);
  }
};
