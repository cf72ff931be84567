/**
 * A worker and what it says once, as promises. In: its script and what it may do. Out: its messages, its failure. Main
 * isolate; allocates, never while a block is mixed.
 */
import { logger } from "../core/log.ts";

const log = logger("main");

/** Disposing ends it at once; ask it to stop before. */
export class Part<Out, In extends { kind: string }> implements Disposable {
  readonly worker: Worker;
  readonly #waiting = new Map<string, (message: In) => void>();
  readonly #failed = Promise.withResolvers<never>();
  /** Rejects when the worker fails, whenever that is. */
  readonly failure: Promise<never> = this.#failed.promise;

  constructor(name: string, script: URL, permissions: Deno.PermissionOptionsObject, heard: (message: In) => void) {
    this.worker = new Worker(script, { type: "module", name, deno: { permissions } } as WorkerOptions);
    this.#failed.promise.catch(() => {});
    this.worker.onerror = (event) => {
      event.preventDefault();
      log.error("The {name} worker failed: {message}", { name, message: event.message });
      this.#failed.reject(new Error(`the ${name} worker failed: ${event.message}`));
    };
    this.worker.onmessage = ({ data }: MessageEvent<In>) => {
      if (data.kind === "failed") this.#failed.reject(new Error((data as unknown as { reason: string }).reason));
      this.#waiting.get(data.kind)?.(data);
      heard(data);
    };
  }
  post(message: Out): void {
    this.worker.postMessage(message);
  }
  /** The next message of this kind; rejects when the worker fails or time is up. */
  async next<Kind extends In["kind"]>(kind: Kind, ms: number): Promise<Extract<In, { kind: Kind }>> {
    const heard = Promise.withResolvers<In>();
    this.#waiting.set(kind, heard.resolve);
    const guard = setTimeout(() => heard.reject(new Error(`nothing was ${kind} within ${ms} ms`)), ms);
    try {
      return await Promise.race([heard.promise, this.#failed.promise]) as Extract<In, { kind: Kind }>;
    } finally {
      clearTimeout(guard);
    }
  }
  [Symbol.dispose](): void {
    this.worker.terminate();
  }
}
