/**
 * Waiting for a packet: `poll(2)` on the socket's descriptor wakes at once when one comes. Blocks the calling thread,
 * which must be a worker that nobody sends messages to. Where there is no descriptor, the event loop is let run instead.
 * Allocates nothing per call.
 */

const SYMBOLS = {
  /** int poll(struct pollfd *fds, nfds_t nfds, int timeout) */
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const POLLIN = 1;
const ONE_DESCRIPTOR = 1n;
/** How often to look where waiting for a packet isn't possible. */
const LOOK_MS = 1;

export class PacketWait implements Disposable {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS> | null;
  /** struct pollfd { int fd; short events; short revents; } in memory that doesn't move. */
  readonly #pollfd = new Int32Array(new ArrayBuffer(8));
  /** Does {@link wait} block, so that the event loop stands still? */
  readonly blocks: boolean;

  /** `descriptor`: −1 where the system gives none. */
  constructor(descriptor: number) {
    this.blocks = descriptor >= 0;
    this.#libc = this.blocks ? Deno.dlopen("libc.so.6", SYMBOLS) : null;
    this.#pollfd[0] = descriptor;
    this.#pollfd[1] = POLLIN;
  }

  /** @hot Returns when a packet waits, or after `ms` (whole milliseconds). Only if it {@link blocks}. */
  wait(ms: number): void {
    this.#libc!.symbols.poll(this.#pollfd, ONE_DESCRIPTOR, ms);
  }

  /** The other way: returns after about a millisecond, and the event loop has run. */
  look(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  [Symbol.dispose](): void {
    this.#libc?.close();
  }
}
