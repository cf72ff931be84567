/**
 * The main isolate's handles of send workers, and of the nursery that starts them while audio runs. In: a script. Out:
 * workers, each with a port of its own for messages and blocks. Main isolate; what is called for each block allocates
 * the list of what is transferred.
 */
import { fileURLToPath } from "node:url";
import type { HandoffWriter } from "../core/handoff.ts";
import type { MainToNursery, MainToSend, NurseryToMain, SendToMain } from "../core/messages.ts";

/** What becomes known of a worker. */
export interface Listener {
  heard(message: SendToMain): void;
  /** An uncaught error: it is no more. */
  failed(reason: string): void;
}

/** FFI and sockets; the nursery reads the scripts of what it starts besides. */
const SOURCES = fileURLToPath(new URL("../", import.meta.url));
const SEND_PERMISSIONS = { ffi: true, net: true, read: false, write: false, env: false, run: false, sys: false };

export class SendWorker {
  /** Set before the first turn of the event loop, so that nothing is missed. */
  listener: Listener | null = null;
  /** Where its blocks go; null: to its port. */
  ring: HandoffWriter | null = null;
  readonly #port: MessagePort;
  readonly #terminate: () => void;

  constructor(port: MessagePort, terminate: () => void) {
    this.#port = port;
    this.#terminate = terminate;
    port.onmessage = ({ data }: MessageEvent<SendToMain>) => this.listener?.heard(data);
  }
  post(message: MainToSend): void {
    this.#port.postMessage(message);
    this.ring?.bell.posted();
  }
  /** @hot Gives a block away. */
  give(block: ArrayBuffer): void {
    // allocates: the list of what is transferred
    this.#port.postMessage(block, [block]);
  }
  /** Ends it after what it is doing, which may never be done; nothing is heard of it any more. */
  end(): void {
    this.listener = null;
    this.ring?.end();
    this.#port.close();
    this.#terminate();
  }
}

/** Makes a worker in this isolate and gives it its port. Holds the isolate up until the thread runs. */
export function openWorker(script: string, name: string, port: MessagePort, failed: (reason: string) => void): Worker {
  const worker = new Worker(script, { type: "module", name, deno: { permissions: SEND_PERMISSIONS } } as WorkerOptions);
  worker.onerror = (event) => {
    event.preventDefault();
    failed(event.message);
  };
  worker.postMessage(port, [port]);
  return worker;
}

/** Send workers, made here or aside. */
export class Nursery implements Disposable {
  readonly #script: string;
  readonly #bell: SharedArrayBuffer;
  /** null until somebody is to be started there. */
  #aside: Worker | null = null;
  readonly #workers = new Map<number, SendWorker>();
  #nextId = 0;

  /** `bell`: this isolate's. */
  constructor(script: URL, bell: SharedArrayBuffer) {
    this.#script = script.href;
    this.#bell = bell;
  }
  /** Who was started by a nursery that fails is gone with it. */
  #build(): Worker {
    const aside = new Worker(new URL("./nursery.ts", import.meta.url), {
      type: "module",
      name: "nursery",
      deno: { permissions: { ...SEND_PERMISSIONS, read: [SOURCES] } },
    } as WorkerOptions);
    aside.onmessage = ({ data: { id, reason } }: MessageEvent<NurseryToMain>) =>
      this.#workers.get(id)?.listener?.failed(reason);
    aside.onerror = (event) => {
      event.preventDefault();
      aside.terminate();
      this.#aside = null;
      const lost = [...this.#workers.values()];
      this.#workers.clear();
      for (const worker of lost) worker.listener?.failed(`what started it failed: ${event.message}`);
    };
    return aside;
  }
  #post(message: MainToNursery, transfer: Transferable[] = []): void {
    this.#aside?.postMessage(message, transfer);
  }
  /** From this isolate: at once, but for the start only, as this isolate waits. */
  open(name: string): SendWorker {
    const { port1, port2 } = new MessageChannel();
    const worker = openWorker(this.#script, name, port2, (reason) => handle.listener?.failed(reason));
    const handle = new SendWorker(port1, () => worker.terminate());
    return handle;
  }
  /** From the nursery's thread: in about a second, which nobody here notices. What is posted to it waits for it. */
  spawn(name: string): SendWorker {
    const id = this.#nextId++;
    const { port1, port2: port } = new MessageChannel();
    const handle = new SendWorker(port1, () => {
      this.#workers.delete(id);
      this.#post({ kind: "end", id });
    });
    this.#workers.set(id, handle);
    this.#aside ??= this.#build();
    this.#post({ kind: "spawn", id, bell: this.#bell, script: this.#script, name, port }, [port]);
    return handle;
  }
  /** Ends every worker that was made aside. */
  [Symbol.dispose](): void {
    this.#aside?.terminate();
  }
}
