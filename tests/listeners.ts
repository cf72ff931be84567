/**
 * Real `listen` processes for tests, and what they heard: the float WAV that they wrote, and the JSON that they said.
 */
import { fileURLToPath } from "node:url";
import { JOIN_CODE, readLines, type Server } from "./server.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** A listener that hasn't ended by then hangs, and is killed. */
const LIFE_MS = 300_000;

// deno-lint-ignore no-explicit-any
export type Event = Record<string, any> & { readonly event: string };

export class ListenerProcess {
  readonly process: Deno.ChildProcess;
  readonly events: Event[] = [];
  /** The WAV that it writes, if it was told to. */
  readonly file: string;
  readonly errors: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #read: Promise<void[]>;

  constructor(server: Server, index: number, args: readonly string[], record = true) {
    this.file = `${server.stateDir}/listener-${index}.wav`;
    this.process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--config", `${ROOT}deno.json`, `${ROOT}main.ts`, "listen"],
        ...["--server", server.url, "--join-code", JOIN_CODE, "--device", `test-listener-${index}`],
        ...["--name", `Listener ${index}`, "--json", ...(record ? ["--out", this.file] : [])],
        ...args,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([
      readLines(this.process.stdout, (line) => {
        if (line.startsWith("{")) this.events.push(JSON.parse(line));
        this.#waiting.forEach((look) => look());
      }),
      readLines(this.process.stderr, (line) => this.errors.push(line)),
    ]);
    const guard = setTimeout(() => this.process.kill("SIGKILL"), LIFE_MS);
    void this.process.status.then(() => clearTimeout(guard));
  }
  /** Resolves when the condition holds; looked at after each event. */
  async until(condition: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => condition() && resolve();
    this.#waiting.add(look);
    look();
    void this.#read.then(() => reject(new Error(`the listener ended too soon: ${this.errors.join("; ")}`)));
    await promise.finally(() => this.#waiting.delete(look));
  }
  /** The first event of this kind, now or later. */
  async event(kind: string): Promise<Event> {
    const find = () => this.events.find(({ event }) => event === kind);
    await this.until(() => find() !== undefined);
    return find()!;
  }
  /** Seconds that it has reported. */
  get seconds(): number {
    return this.events.filter(({ event }) => event === "stats").length;
  }
  /** Ends it as Ctrl-C does; the last event. */
  async end(): Promise<Event> {
    this.process.kill("SIGINT");
    const { code } = await this.process.status;
    await this.#read;
    const last = this.events.at(-1);
    if (code !== 0 || last?.event !== "end") {
      throw new Error(`the listener failed (${code}): ${this.errors.join("; ")}`);
    }
    return last;
  }
}

/** The WAV that a listener wrote, planar. Float32, 44-byte or extensible header: the data chunk is looked for. */
export async function readWav(file: string): Promise<Float32Array[]> {
  const bytes = await Deno.readFile(file), view = new DataView(bytes.buffer);
  let at = 12, channels = 0;
  for (; at < bytes.length; at += 8 + view.getUint32(at + 4, true)) {
    const id = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (id === "fmt ") channels = view.getUint16(at + 10, true);
    if (id === "data") break;
  }
  const frames = Math.floor(view.getUint32(at + 4, true) / 4 / channels);
  return Array.from(
    { length: channels },
    (_, c) => Float32Array.from({ length: frames }, (_, i) => view.getFloat32(at + 8 + 4 * (i * channels + c), true)),
  );
}
