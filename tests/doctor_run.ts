/** Runs the doctor as a process and reads what it found, for tests. Test runner's main isolate. */
import assert from "node:assert/strict";
import { readLines } from "./server.ts";

export const PROGRAM = new URL("./doctor_program.ts", import.meta.url).pathname;
/** Ten times what the longest run here takes. */
export const LIMIT_MS = 300_000;
export const IDS = "portaudio source realtime processor clients addresses ports dscp buffers state clock radio".split(
  " ",
);

export interface Checked {
  readonly id: string;
  readonly verdict: "green" | "yellow" | "red";
  readonly says: string;
  readonly do?: string;
  // deno-lint-ignore no-explicit-any
  readonly values: any;
}
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** Runs it through another program. */
  readonly through?: readonly string[];
  /** Told each line of stderr. */
  readonly heard?: (line: string) => void;
}

export async function run(args: readonly string[], { env, through = [], heard }: Surroundings = {}): Promise<Ended> {
  const [program, ...rest] = [...through, Deno.execPath(), "run", "-A", PROGRAM, ...args];
  const child = new Deno.Command(program, {
    args: rest,
    env: { AUDIO_SEND_POOL_SIZE: "", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const guard = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS), said: string[] = [];
  const [stdout] = await Promise.all([
    new Response(child.stdout).text(),
    readLines(child.stderr, (line) => {
      said.push(line);
      heard?.(line);
    }),
  ]);
  const { code } = await child.status;
  clearTimeout(guard);
  return { code, stdout, stderr: said.join("\n") };
}

/** The findings of some checks, and the exit code that they must give. */
export async function check(
  only: string,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<Checked[]> {
  const own = only === "" ? [] : ["--only", only];
  const ended = await run(["--json", ...own, ...args], surroundings);
  const { checks } = JSON.parse(ended.stdout) as { checks: Checked[] };
  assert.equal(ended.code, checks.some(({ verdict }) => verdict === "red") ? 1 : 0, JSON.stringify(ended));
  for (const { verdict, says, do: what } of checks) {
    assert.match(says, /^[^\n]+$/);
    if (verdict === "green") assert.equal(what, undefined);
    else assert.match(what ?? "", /^[^\n]+$/);
  }
  return checks;
}

/** As {@link check}, of one alone. */
export async function checkOne(id: string, args: readonly string[], surroundings: Surroundings = {}): Promise<Checked> {
  const [found, ...others] = await check(id, args, surroundings);
  assert.equal(found.id, id);
  assert.equal(others.length, 0);
  return found;
}

/** A folder that goes when the test ends. */
export async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "foldback-doctor-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
