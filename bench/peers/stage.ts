/**
 * What is measured on: a source of noise and a meter that finds it again. This one is for JACK's programs: jackd on its
 * dummy driver (48 kHz, 128 frames, a real clock, which stands still when jackd isn't woken in time) and the meter of
 * meter.c as its client; ALSA's programs have card.ts. In: channels. Out: an environment for programs, delays to the sample.
 * Main isolate of the benchmark; may allocate.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Program, run } from "./processes.ts";

export const RATE = 48_000, PERIOD = 128;
const START_MS = 15_000;
const PACKAGES = "gcc libc6-dev libjack-jackd2-dev jackd2 jack-tools";

/** What came back, in windows of 10 ms. */
export interface Heard {
  readonly windows: number;
  /** Windows in which the noise was found. */
  readonly heard: number;
  /** Windows unlike the noise, by more than what the codec does to it. */
  readonly damaged: number;
  /** 1: exactly the noise; the median of all windows. */
  readonly likeness: number;
  readonly jackXruns: number;
  /** The delay. */
  readonly samples?: {
    readonly p50: number;
    readonly min: number;
    readonly max: number;
    readonly p99: number;
    readonly first: number;
    readonly last: number;
  };
}

export interface Stage {
  readonly channels: number;
  /** Taken away at the end. */
  readonly directory: string;
  /** For every program that is to see the card. */
  readonly env: Readonly<Record<string, string>>;
  /** Listens for so long to what comes back. Only one at a time. */
  measure(seconds: number): Promise<Heard>;
}

/** Asks a meter; it answers with a line of JSON. */
export async function listenWith(meter: Program, seconds: number): Promise<Heard> {
  const heard = meter.until(
    "delay",
    seconds * 1000 + 60_000,
    (line) => line.startsWith("{") ? JSON.parse(line) as Heard : null,
  );
  heard.catch(() => {});
  await meter.write(`go ${seconds}\n`);
  return await heard;
}

/** JACK's registry of servers breaks when two of them come or go at once: one at a time on this machine. */
async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
  using lock = await Deno.open(`${tmpdir()}/foldback-soundcard.lock`, { create: true, write: true });
  await lock.lock(true);
  return await work();
}

export class JackStage implements Stage, AsyncDisposable {
  readonly #jackd: Program;
  readonly #meter: Program;
  readonly directory: string;
  readonly channels: number;
  readonly env: Readonly<Record<string, string>>;
  /** JACK's name of the server. */
  readonly server: string;

  private constructor(
    jackd: Program,
    meter: Program,
    directory: string,
    channels: number,
    env: Record<string, string>,
    server: string,
  ) {
    this.#jackd = jackd;
    this.#meter = meter;
    this.directory = directory;
    this.channels = channels;
    this.env = env;
    this.server = server;
  }

  // Always the same name: a jackd that didn't end well keeps one of JACK's eight slots until the next of its name starts.
  /** @throws Error that names the packages, when something is missing. */
  static async open(channels: number): Promise<JackStage> {
    const directory = mkdtempSync(`${tmpdir()}/foldback-peers-`), server = "peers";
    const env = {
      JACK_DEFAULT_SERVER: server,
      JACK_NO_START_SERVER: "1",
      JACK_NO_AUDIO_RESERVATION: "1",
    };
    await using opened = new AsyncDisposableStack();
    opened.defer(() => rmSync(directory, { recursive: true, force: true }));
    let jackd: Program, meter: Program;
    try {
      const source = fileURLToPath(new URL("./meter.c", import.meta.url));
      await run("gcc", ["-O3", "-ffast-math", "-o", `${directory}/meter`, source, "-ljack", "-lm"]);
      jackd = await alone(async () => {
        const args = `-R -P 60 -n ${server} -d dummy -r ${RATE} -p ${PERIOD} -C 2 -P 2`;
        const started = opened.use(new Program({ command: "jackd", args: args.split(" "), env }));
        await run("jack_wait", ["-s", server, "-w", "-t", "10"], env);
        return started;
      });
      meter = opened.use(
        new Program({ command: `${directory}/meter`, args: [server, String(channels)], env, asked: true }),
      );
      await meter.until("port", START_MS, (line) => line === "ready" || null);
    } catch (error) {
      const [reason] = (error as Error).message.split("\n");
      throw new Error(`cannot make a sound card to measure with: apt-get install ${PACKAGES} (${reason})`);
    }
    const kept = opened.move();
    const stage = new JackStage(jackd, meter, directory, channels, env, server);
    stage.#end = () => kept[Symbol.asyncDispose]();
    return stage;
  }
  #end = () => Promise.resolve();

  measure(seconds: number): Promise<Heard> {
    return listenWith(this.#meter, seconds);
  }

  /** Wires two JACK ports. */
  async connect(from: string, to: string): Promise<void> {
    await run("jack_connect", ["-s", this.server, from, to], this.env);
  }
  async disconnect(from: string, to: string): Promise<void> {
    await run("jack_disconnect", ["-s", this.server, from, to], this.env);
  }

  /** Ends jackd and what it carries. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}
