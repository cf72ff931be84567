/**
 * Programs that a measurement starts, ends by their ids, and asks what they cost. In: command lines. Out: what they print,
 * their share of a core. Main isolate of the benchmark; Linux's /proc; may allocate.
 */

/** A program that doesn't end when asked is killed after this. */
const END_MS = 3000;
/** Lines that are kept to explain a failure. */
const KEPT_LINES = 40;
/** Clock ticks a second of /proc/PID/stat on Linux. */
const TICKS = 100;

export interface Started {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input can be written to. */
  readonly asked?: boolean;
}

/** One program. Lines of both outputs go to whoever listens, in their order. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | null;
  readonly #read: Promise<unknown>;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #lines: string[] = [];
  readonly name: string;
  ended = false;

  /** @throws Deno.errors.NotFound when there is no such program. */
  constructor({ command, args, env, asked }: Started) {
    this.name = command.split("/").at(-1)!;
    this.#child = new Deno.Command(command, {
      args: [...args],
      env,
      stdin: asked ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = asked ? this.#child.stdin.getWriter() : null;
    this.#read = Promise.all([this.#follow(this.#child.stdout), this.#follow(this.#child.stderr)]);
    void this.#child.status.then(() => this.ended = true);
  }

  get pid(): number {
    return this.#child.pid;
  }
  /** What it printed last. */
  get said(): string {
    return this.#lines.join("; ");
  }

  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      for (const line of parts) {
        this.#lines.push(line);
        if (this.#lines.length > KEPT_LINES) this.#lines.shift();
        for (const listener of this.#listeners) listener(line);
      }
    }
  }

  /** `listener` hears each line from now on. */
  onLine(listener: (line: string) => void): void {
    this.#listeners.add(listener);
  }

  async write(text: string): Promise<void> {
    await this.#writer!.write(new TextEncoder().encode(text));
  }

  /** What `find` makes of the first line that it makes something of. @throws Error when the program ends before. */
  async until<Found>(what: string, ms: number, find: (line: string) => Found | null | undefined): Promise<Found> {
    const { promise, resolve, reject } = Promise.withResolvers<Found>();
    const listener = (line: string) => {
      const found = find(line);
      if (found !== null && found !== undefined) resolve(found);
    };
    const fail = (why: string) => reject(new Error(`${this.name}: no ${what}: ${why}: ${this.said}`));
    this.#listeners.add(listener);
    const guard = setTimeout(() => fail(`none within ${ms / 1000} s`), ms);
    void this.#read.then(() => fail("it ended"));
    try {
      return await promise;
    } finally {
      clearTimeout(guard);
      this.#listeners.delete(listener);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.close().catch(() => {});
    const end = (signal: Deno.Signal) => {
      try {
        this.#child.kill(signal);
      } catch { /* it has ended */ }
    };
    end("SIGTERM");
    const guard = setTimeout(() => end("SIGKILL"), END_MS);
    await this.#child.status;
    clearTimeout(guard);
    await this.#read;
  }
}

/** Runs a short program to its end. @throws Error with what it said when it fails, or isn't there. */
export async function run(command: string, args: readonly string[], env?: Started["env"]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${text(stderr) || text(stdout)}`);
}

/** Processor time used by these processes so far, in seconds (proc(5), /proc/PID/stat); ended ones count nothing. */
function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      // After the name in parentheses: state is the third field, utime and stime the 14th and 15th.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch { /* it has ended */ }
  }
  return ticks / TICKS;
}

/** Call the answer for what they used since, in percent of one core. */
export function watchCpu(programs: readonly { readonly pid: number }[]): () => number {
  const pids = programs.map(({ pid }) => pid), before = cpuSeconds(pids), since = performance.now();
  return () => 100 * (cpuSeconds(pids) - before) / ((performance.now() - since) / 1000);
}
