/**
 * What a thread that drives sound sleeps on: who has a block or a message for it rings. In: memory that all of them share;
 * the bell is its first two words. While the thread sleeps its event loop stands still. So messages to it are counted, and
 * it lets its event loop go on when there are more. Nothing here allocates after the constructor but {@link Bell.wait}.
 */

/** Int32 words at the beginning of the memory. */
const BELL_WORDS = 2;
const enum Word {
  /** Counts all that the thread should wake up for. It sleeps on this word. */
  Rung,
  /** Messages posted to it, modulo 2³². */
  Posted,
}

export class Bell {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, BELL_WORDS);
  }
  /** @hot Any thread: there is something. */
  ring(): void {
    Atomics.add(this.#words, Word.Rung, 1);
    Atomics.notify(this.#words, Word.Rung);
  }
  /** Any thread, after it has posted a message to the one that sleeps here. */
  posted(): void {
    Atomics.add(this.#words, Word.Posted, 1);
    this.ring();
  }
  /** @hot Messages that were posted to it, ever, modulo 2³². */
  messages(): number {
    return Atomics.load(this.#words, Word.Posted);
  }
  /** @hot For what follows; to be read before anything else is looked at, so that no ring is missed. */
  rung(): number {
    return Atomics.load(this.#words, Word.Rung);
  }
  /** @hot Blocks the thread until it was rung since {@link rung} said this; false if that took so long. */
  sleep(rung: number, ms = Infinity): boolean {
    return Atomics.wait(this.#words, Word.Rung, rung, ms) !== "timed-out";
  }
  /** The same without blocking: the event loop goes on meanwhile. No time limit: each would cost a timer. */
  async wait(rung: number): Promise<void> {
    const result = Atomics.waitAsync(this.#words, Word.Rung, rung);
    if (result.async) await result.value;
  }
}
