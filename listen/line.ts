/**
 * Main's end of the way to the listener's audio worker: shared words, shared gains, a port. In: the media and the mix of
 * the session as the server says them. Out: what the worker sees without being woken. Main isolate; may allocate.
 */
import { MAX_CHANNELS } from "../core/units.ts";
import { Control, type Media } from "./messages.ts";
import { mixdownGains } from "./mixdown.ts";
import type { View } from "./session.ts";

export class Line implements Disposable {
  readonly control = new SharedArrayBuffer(Control.Count * 4);
  /** As {@link mixdownGains} writes them; the ceiling is 0 until then. */
  readonly gains = new SharedArrayBuffer((MAX_CHANNELS * 2 + 1) * 4);
  readonly #words = new Int32Array(this.control);
  readonly #channel = new MessageChannel();

  /** The worker's end. */
  get port(): MessagePort {
    return this.#channel.port2;
  }

  /** The phone's own mix of what is streamed. */
  mix({ mix, groups, media }: View): void {
    if (media.channels) mixdownGains(mix, groups, media.channels, new Float32Array(this.gains));
  }

  /** Receive this from now on; `host` is an IP address. */
  agree(media: Media): void {
    this.#channel.port1.postMessage(media);
    Atomics.add(this.#words, Control.Media, 1);
    Atomics.notify(this.#words, Control.Stop);
  }

  stop(): void {
    Atomics.store(this.#words, Control.Stop, 1);
    Atomics.notify(this.#words, Control.Stop);
  }

  [Symbol.dispose](): void {
    this.#channel.port1.close();
  }
}
