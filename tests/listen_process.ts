/**
 * The listener as a program of its own for its tests, whoever serves it: the JSON that it says, event by event, and the
 * WAV that it wrote. Test runner's main isolate; may allocate.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { inspectWav } from "../capture/wav.ts";

const PROGRAM = fileURLToPath(new URL("./listen_program.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

/** A listener that hasn't ended by then hangs, and is killed: ten times what a test takes. */
const LIFE_MS = 120_000;

// deno-lint-ignore no-explicit-any
export type Event = any;

/** A listener in a process of its own; its lines as they come. */
export class Listener implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly lines: string[] = [];
  readonly errors: Promise<string>;
  readonly #lines: AsyncIterator<string>;
  readonly #guard: ReturnType<typeof setTimeout>;

  constructor(url: string, code: string, args: string[], env: Record<string, string> = {}) {
    const run = ["run", "-A", "--config", CONFIG, PROGRAM, "--server", url, "--join-code", code, ...args];
    this.process = new Deno.Command(Deno.execPath(), { args: run, env, stdout: "piped", stderr: "piped" }).spawn();
    this.errors = new Response(this.process.stderr).text();
    this.#lines = linesOf(this.process.stdout);
    this.#guard = setTimeout(() => this.process.kill("SIGKILL"), LIFE_MS);
    void this.process.status.then(() => clearTimeout(this.#guard));
  }

  /** The next JSON event for which `wanted` holds; fails when the listener ends before. */
  async event(wanted: (event: Event) => boolean): Promise<Event> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the listener ended; it had said ${this.lines.join("\n")} ${await this.errors}`);
      this.lines.push(value);
      const event = JSON.parse(value);
      if (wanted(event)) return event;
    }
  }

  /** Everything to the end. */
  async ended(): Promise<{ code: number; errors: string }> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) break;
      this.lines.push(value);
    }
    const { code } = await this.process.status;
    return { code, errors: await this.errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.process.status;
    await this.#lines.return?.();
    await this.errors;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** One channel of a float WAV file as the listener writes it. */
export function wavChannel(path: string, channels: number, channel: number): Float32Array {
  const { dataAt, frames, ...format } = inspectWav(path);
  assert.deepEqual([format.channels, format.encoding], [channels, "float32"]);
  const data = new DataView(Deno.readFileSync(path).buffer, dataAt);
  return Float32Array.from({ length: frames }, (_, i) => data.getFloat32((i * channels + channel) * 4, true));
}
