/**
 * The main isolate's handles of the nursery and of the send workers that it starts. Messages and blocks go straight to a
 * worker, through a port of its own; only its birth, its end and its failure go through the nursery. Main isolate; what
 * is called for each block allocates the list of what is transferred.
 */
import type { MainToNursery, MainToSend, NurseryToMain, SendToMain } from "../core/messages.ts";

/** What becomes known of a worker, until it is ended. */
export interface Listener {
  heard(message: SendToMain): void;
  /** An uncaught error: it is no more. */
  failed(reason: string): void;
}

export class SendWorker {
  readonly #port: MessagePort;
  readonly #end: () => void;

  constructor(port: MessagePort, end: () => void) {
    this.#port = port;
    this.#end = end;
  }
  post(message: MainToSend): void {
    this.#port.postMessage(message);
  }
  /** @hot Gives a block away. */
  give(block: ArrayBuffer): void {
    // allocates: the list of what is transferred
    this.#port.postMessage(block, [block]);
  }
  /** Ends it after what it is doing, which may never be done; nothing is heard of it any more. */
  end(): void {
    this.#port.close();
    this.#end();
  }
}

export class Nursery implements Disposable {
  readonly #worker: Worker;
  readonly #listeners = new Map<number, Listener>();
  #nextId = 0;

  constructor() {
    this.#worker = new Worker(new URL("./nursery.ts", import.meta.url), {
      type: "module",
      name: "nursery",
      // What its workers need, for they can't have more than it has; and it reads their scripts.
      deno: { permissions: { ffi: true, net: true, read: true, write: false, env: false, run: false, sys: false } },
    } as WorkerOptions);
    this.#worker.onmessage = ({ data }: MessageEvent<NurseryToMain>) =>
      this.#listeners.get(data.id)?.failed(data.reason);
  }
  #post(message: MainToNursery, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
  /** Starts a worker; what is posted to it waits until it runs. */
  spawn(script: URL, name: string, listener: Listener): SendWorker {
    const id = this.#nextId++;
    const { port1: ours, port2: port } = new MessageChannel();
    ours.onmessage = ({ data }: MessageEvent<SendToMain>) => this.#listeners.get(id)?.heard(data);
    this.#listeners.set(id, listener);
    this.#post({ kind: "spawn", id, script: script.href, name, port }, [port]);
    return new SendWorker(ours, () => {
      this.#listeners.delete(id);
      this.#post({ kind: "end", id });
    });
  }
  /** Ends every worker. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
