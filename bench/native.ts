/**
 * The benchmark's C programs, compiled into a directory of their own: native.c (the server's job with the system's
 * libopus) and sleeper.c (the machine's noise). In: what to encode. Out: what they printed. Main isolate of the benchmark.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Spread } from "./scenario.ts";

export interface NativeJob {
  readonly seconds: number;
  /** Samples: 120, 240 or 480. */
  readonly frame: number;
  readonly bitrate: number;
  readonly channels: number;
  readonly clients: number;
  /** Each client's channels are encoded anew. */
  readonly distinct: boolean;
  /** Where on loopback the datagrams go; none: to sockets of its own. */
  readonly port?: number;
}

export interface NativeFigures {
  /** Of libopus. */
  readonly version: string;
  readonly realTime: boolean;
  readonly cpuPercent: number;
  /** Datagrams that the system didn't take. */
  readonly unsent: number;
  /** One encode: a frame's encodes together, divided. */
  readonly encodeUs: Spread;
  readonly latenessUs: Spread;
  /** From a frame's completion to the end of sending. */
  readonly dueToSendMs: Spread;
}

export interface Noise {
  /** More urgent than the server. */
  readonly realTime: boolean;
  readonly wakes: number;
  readonly latenessUs: Spread;
}

/** What native.c does before it counts. */
export const NATIVE_WARM_UP_MS = 500;

/** What both need, by Debian's names. */
const PACKAGES = "gcc libc6-dev pkg-config libopus-dev";

/** Runs a program; its output, or null if it isn't there or fails. */
function outputOf(command: string, args: readonly string[]): { ok: boolean; text: string } {
  try {
    const { success, stdout, stderr } = new Deno.Command(command, { args: [...args] }).outputSync();
    return { ok: success, text: new TextDecoder().decode(success ? stdout : stderr).trim() };
  } catch (error) {
    return { ok: false, text: (error as Error).message };
  }
}

export class Native implements Disposable {
  readonly #directory = mkdtempSync(`${tmpdir()}/foldback-native-`);

  /** @throws Error that names the packages, when something to compile with is missing. */
  constructor() {
    try {
      const opus = outputOf("pkg-config", ["--cflags", "--libs", "opus"]);
      if (!opus.ok) throw new Error(opus.text);
      this.#compile("sleeper", []);
      this.#compile("native", opus.text.split(/\s+/).filter((word) => word !== ""));
    } catch (error) {
      this[Symbol.dispose]();
      const [reason] = (error as Error).message.split("\n");
      throw new Error(`cannot compile the C programs to compare with: apt-get install ${PACKAGES} (${reason})`);
    }
  }

  #compile(name: string, libraries: readonly string[]): void {
    const source = fileURLToPath(new URL(`./${name}.c`, import.meta.url));
    const compiled = outputOf("gcc", ["-O2", "-o", `${this.#directory}/${name}`, source, ...libraries, "-lm"]);
    if (!compiled.ok) throw new Error(compiled.text);
  }

  /** @throws Error with what it said, when it fails. */
  async encode({ seconds, frame, bitrate, channels, clients, distinct, port }: NativeJob): Promise<NativeFigures> {
    const words = [seconds, frame, bitrate, channels, clients, distinct ? 1 : 0, ...port === undefined ? [] : [port]];
    const process = new Deno.Command(`${this.#directory}/native`, { args: words.map(String), stdin: "null" });
    const { success, stdout, stderr } = await process.output();
    if (!success) throw new Error(`native.c failed: ${new TextDecoder().decode(stderr).trim()}`);
    return JSON.parse(new TextDecoder().decode(stdout));
  }

  /** Sleeps beside `work`, whose result is returned with how late the sleeper woke meanwhile. */
  async beside<Result>(work: () => Promise<Result>): Promise<{ result: Result; noise: Noise }> {
    const command = new Deno.Command(`${this.#directory}/sleeper`, { stdin: "null", stdout: "piped" });
    const process = command.spawn(), said = new Response(process.stdout).text();
    let result: Result;
    try {
      result = await work();
    } finally {
      try {
        process.kill("SIGTERM");
      } catch { /* it has ended by itself */ }
      await process.status;
    }
    return { result, noise: JSON.parse(await said) };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
