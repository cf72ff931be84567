/**
 * A real server process for tests: `await using server = await startServer({ args: ["--source", "tones"] })`. Ports are
 * picked by the system; the state directory is its own and goes with it; what it prints is kept for failures.
 */
import { fileURLToPath } from "node:url";

export const JOIN_CODE = "TESTJOIN";
export const ENGINEER_KEY = "test-engineer-key-of-32-characters";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Ten times what a start takes on a slow machine. */
const START_MS = 30_000;
/** Ten times the two seconds that an end may take. */
const STOP_MS = 20_000;

export interface ServerOptions {
  /** After the address, ports and secrets. */
  readonly args?: readonly string[];
  /** Program that is run instead of main.ts, with the same arguments. */
  readonly program?: string;
  readonly env?: Record<string, string>;
  /** Address to listen on; 127.0.0.1 by default. */
  readonly address?: string;
  /** Runs the process in a network namespace (`ip netns exec`). */
  readonly namespace?: string;
  /** A state directory that is there already; else a new one. */
  readonly stateDir?: string;
}

export class Server implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly url: string;
  readonly stateDir: string;
  /** Everything that was printed, both streams. */
  readonly output: string[];
  #ended: Promise<Deno.CommandStatus>;

  constructor(process: Deno.ChildProcess, url: string, stateDir: string, output: string[]) {
    this.process = process;
    this.url = url;
    this.stateDir = stateDir;
    this.output = output;
    this.#ended = process.status;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** An API call; JSON in, JSON out. */
  async call(method: string, path: string, body?: unknown, secret: string | null = ENGINEER_KEY) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const json = /json/.test(response.headers.get("content-type") ?? "");
    // deno-lint-ignore no-explicit-any
    return { status: response.status, headers: response.headers, body: (json ? JSON.parse(text) : text) as any };
  }

  join(body: Record<string, unknown>) {
    return this.call("POST", "/api/v1/sessions", { name: "Ana", device: "test-device", ...body }, JOIN_CODE);
  }

  /** Ends it as Ctrl-C does; its exit code. */
  async stop(signal: Deno.Signal = "SIGINT"): Promise<number> {
    const guard = setTimeout(() => this.process.kill("SIGKILL"), STOP_MS);
    try {
      this.process.kill(signal);
    } catch { /* it has ended already */ }
    const { code } = await this.#ended;
    clearTimeout(guard);
    return code;
  }

  /** Resolves with the first line of output that matches, now or later. */
  async line(pattern: RegExp, ms = START_MS): Promise<string> {
    const end = performance.now() + ms;
    for (;;) {
      const found = this.output.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (performance.now() > end) throw new Error(`the server never said ${pattern}:\n${this.output.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.stateDir, { recursive: true }).catch(() => {});
  }
}

/**
 * Kills a server as a power cut would, and starts another on its state and its ports. Dispose of both: what the first
 * leaves behind goes with it.
 */
export async function restartServer(server: Server, mediaPort: number, options: ServerOptions = {}): Promise<Server> {
  server.process.kill("SIGKILL");
  await server.process.status;
  const { host } = new URL(server.url);
  const ports = ["--http", host, "--media-port", String(mediaPort)];
  return await startServer({ ...options, stateDir: server.stateDir, args: [...ports, ...options.args ?? []] });
}

/** Reads a stream line by line into `into` until it ends. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  into: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(into);
  }
  if (rest) into(rest);
}

export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const stateDir = options.stateDir ?? await Deno.makeTempDir({ prefix: "foldback-state-" });
  const address = options.address ?? "127.0.0.1";
  const command = [
    ...(options.namespace ? ["ip", "netns", "exec", options.namespace] : []),
    Deno.execPath(),
    "run",
    "-A",
    "--config",
    `${ROOT}deno.json`,
    options.program ?? `${ROOT}main.ts`,
    "start",
    "--http",
    `${address.includes(":") ? `[${address}]` : address}:0`,
    "--media-port",
    "0",
    "--state-dir",
    stateDir,
    "--join-code",
    JOIN_CODE,
    "--engineer-key",
    ENGINEER_KEY,
    ...options.args ?? [],
  ];
  return await serverProcess(command[0], { args: command.slice(1), env: options.env, stdin: "piped" }, stateDir);
}

/** Starts a server, whatever it is packed in; resolves once it has said its address. @throws Error with all that it said. */
export async function serverProcess(
  program: string,
  options: Deno.CommandOptions,
  stateDir: string,
  startMs = START_MS,
): Promise<Server> {
  const process = new Deno.Command(program, { ...options, stdout: "piped", stderr: "piped" }).spawn();
  const output: string[] = [];
  const started = Promise.withResolvers<string>();
  const heard = (line: string) => {
    output.push(line);
    const url = /^ {2}console {4}(\S+?)\/?(?:#\S*)?(?:\s|$)/.exec(line)?.[1];
    if (url) started.resolve(url);
  };
  const fail = (what: string) => started.reject(new Error(`${what}:\n${output.join("\n")}`));
  void Promise.all([readLines(process.stdout, heard), readLines(process.stderr, heard)])
    .then(() => fail("the server ended"));
  const guard = setTimeout(() => fail("the server doesn't start"), startMs);
  try {
    return new Server(process, await started.promise, stateDir, output);
  } catch (error) {
    try {
      process.kill("SIGKILL");
    } catch { /* it has ended already */ }
    await process.status;
    throw error;
  } finally {
    clearTimeout(guard);
  }
}
