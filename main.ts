/**
 * Foldback's one program. `start` puts the parts together and ends them in reverse: a capture worker fills the ring, this
 * isolate mixes, the pool (or, with `--send-mode sync`, this isolate) encodes and sends, a control worker serves HTTP.
 */
import { fileURLToPath } from "node:url";
import { Board, createBoard } from "./core/board.ts";
import { configureLog, logger } from "./core/log.ts";
import {
  type CaptureToMain,
  type ControlToMain,
  type MainToCapture,
  type MainToControl,
  never,
} from "./core/messages.ts";
import { becomeRealTime } from "./core/realtime.ts";
import { createRing, RingReader } from "./core/ring.ts";
import type { RtpTimestamp } from "./core/units.ts";
import { FlagError, parseStart, startHelp, type StartOptions } from "./control/flags.ts";
export type { StartOptions } from "./control/flags.ts";
import { vendorFiles } from "./control/web_files.ts";
import { holdDirectory, keepSecrets, type Secrets } from "./control/kept.ts";
import { listDevices } from "./capture/devices.ts";
import { resolveSource, SourceError } from "./capture/source.ts";
import { listen } from "./listen/command.ts";
import { Engine } from "./mix/engine.ts";
import { Mixer } from "./mix/mixer.ts";
import { Pool } from "./workers/pool.ts";
import { SyncPath } from "./workers/sync.ts";
import { bench } from "./bench/command.ts";
import manifest from "./deno.json" with { type: "json" };

/** Capture has 50; sending has none. */
const PRIORITY = 45;
/** Targets have rows of their own beside the clients', and a session that paused keeps its. */
const ROWS_PER_CLIENT = 4;
const TARGET_ROWS = 128;
/** A worker that doesn't start, or end, within this is given up; the end of all together may take two seconds. */
const START_MS = 15_000;
const STOP_MS = 600;

/** All that a worker that has no files of its own may read. */
const SOURCES = fileURLToPath(new URL("./", import.meta.url));

const log = logger("main");

/** A worker and the promises of what it says once. */
class Part<Out, In extends { kind: string }> implements Disposable {
  readonly worker: Worker;
  readonly #waiting = new Map<string, (message: In) => void>();
  readonly #failed = Promise.withResolvers<never>();
  /** Rejects when the worker fails, whenever that is. */
  readonly failure: Promise<never> = this.#failed.promise;

  constructor(name: string, script: URL, permissions: Deno.PermissionOptionsObject, heard: (message: In) => void) {
    this.worker = new Worker(script, { type: "module", name, deno: { permissions } } as WorkerOptions);
    this.#failed.promise.catch(() => {});
    this.worker.onerror = (event) => {
      event.preventDefault();
      log.error("The {name} worker failed: {message}", { name, message: event.message });
      this.#failed.reject(new Error(`the ${name} worker failed: ${event.message}`));
    };
    this.worker.onmessage = ({ data }: MessageEvent<In>) => {
      if (data.kind === "failed") this.#failed.reject(new Error((data as unknown as { reason: string }).reason));
      this.#waiting.get(data.kind)?.(data);
      heard(data);
    };
  }
  post(message: Out): void {
    this.worker.postMessage(message);
  }
  /** The next message of this kind; rejects when the worker fails or time is up. */
  async next<Kind extends In["kind"]>(kind: Kind, ms: number): Promise<Extract<In, { kind: Kind }>> {
    const heard = Promise.withResolvers<In>();
    this.#waiting.set(kind, heard.resolve);
    const guard = setTimeout(() => heard.reject(new Error(`nothing was ${kind} within ${ms} ms`)), ms);
    try {
      return await Promise.race([heard.promise, this.#failed.promise]) as Extract<In, { kind: Kind }>;
    } finally {
      clearTimeout(guard);
    }
  }
  [Symbol.dispose](): void {
    this.worker.terminate();
  }
}

/** Scripts that a test may replace by ones with faults built in. */
export interface Scripts {
  /** The send worker's. */
  readonly send: URL;
}
const SCRIPTS: Scripts = { send: new URL("./workers/send_worker.ts", import.meta.url) };

/** Runs the server until SIGINT or SIGTERM. @throws Error when it can't start. */
export async function start(options: StartOptions, scripts: Scripts = SCRIPTS): Promise<void> {
  configureLog(options.log);
  const ending = endSignal();
  const { description, note } = resolveSource(options.source, options.channels);
  const secrets = keepSecrets(options.stateDir, options.joinCode, options.engineerKey);
  const unheld = holdDirectory(options.stateDir);
  if (unheld) log.warn(unheld);
  const workers = options.sendMode === "pool" ? options.poolSize.size : 1;
  const ring = createRing(description.channels);
  const boardMemory = createBoard(workers, ROWS_PER_CLIENT * options.maxClients + TARGET_ROWS);
  const board = new Board(boardMemory);
  const reader = new RingReader(ring);
  const mixer = new Mixer(description.channels, board.main);

  const send = {
    board: boardMemory,
    address: options.http.address,
    dscp: options.dscp,
    shareEncodes: options.sendMode !== "sync-unshared",
    log: options.log,
  };
  const reshaped = (request: number, timestamp: RtpTimestamp) => control.post({ kind: "reshaped", request, timestamp });
  const path = options.sendMode === "pool"
    ? await Pool.open(
      {
        script: scripts.send,
        size: options.poolSize.size,
        handoff: options.handoff,
        send,
        mediaPort: options.mediaPort,
        reshaped,
      },
      board,
    )
    : await SyncPath.open({ ...send, worker: 0, port: options.mediaPort, descriptor: -1 }, board, reshaped);

  using control = new Part<MainToControl, ControlToMain>(
    "control",
    new URL("./control/worker.ts", import.meta.url),
    {
      net: true,
      ffi: false,
      read: [SOURCES, options.stateDir, ...vendorFiles().values()],
      write: [options.stateDir],
      env: ["WS_NO_BUFFER_UTIL"],
      run: false,
      sys: ["networkInterfaces"],
    },
    (message) => {
      switch (message.kind) {
        case "serve":
        case "reshape":
        case "close":
          return path.apply(message);
        case "mix":
          return message.settings ? mixer.setMix(message.mix, message.settings) : mixer.removeMix(message.mix);
        case "trims":
          return mixer.setTrims(message.gains, message.rampMs);
        case "listening":
        case "failed":
        case "stopped":
          return;
        default:
          never(message);
      }
    },
  );
  control.post({
    kind: "start",
    options: {
      version: manifest.version,
      board: boardMemory,
      ring,
      source: description,
      mediaPorts: path.ports,
      http: options.http,
      publicHost: options.publicHost,
      joinCode: secrets.joinCode,
      engineerKey: secrets.engineerKey,
      given: { joinCode: options.joinCode !== null, engineerKey: options.engineerKey !== null },
      stateDir: options.stateDir,
      maxClients: options.maxClients,
      defaults: { frame: options.frame, bitrate: options.bitrate },
      log: options.log,
    },
  });
  const { url } = await control.next("listening", START_MS);

  using capture = new Part<MainToCapture, CaptureToMain>(
    "capture",
    new URL("./capture/worker.ts", import.meta.url),
    { ffi: true, read: true, net: false, write: false, env: "inherit", run: false, sys: false },
    () => {},
  );
  capture.post({ kind: "start", ring, source: description, log: options.log });
  await capture.next("ready", START_MS);

  const engine = new Engine(reader, mixer, path, board);
  const refused = becomeRealTime(PRIORITY);
  if (refused) log.warn(`No real-time priority (${refused}): sound may break up when the machine is busy.`);
  if (note) log.info(note);
  console.log(banner(options, description, path.ports, url, secrets));
  const running = engine.run();
  log.info(`Send pool: ${poolText(options, path.ports.length)}.`);
  // Without capture there is nothing to go on with. Without control the stage goes on hearing; its failure is logged.
  const failure = await Promise.race([ending, capture.failure]).then(() => null, (error: Error) => error);

  log.info("Ending.");
  const captureStopped = capture.next("stopped", STOP_MS).catch((error: Error) => log.warn(error.message));
  reader.stop();
  await captureStopped;
  engine.finish();
  await running;
  await path.stop();
  const controlStopped = control.next("stopped", STOP_MS).catch((error: Error) => log.warn(error.message));
  control.post({ kind: "stop" });
  await controlStopped;
  log.info("Ended.");
  if (failure) throw failure;
}

/** A terminal and `deno task` each send Ctrl-C on, within a millisecond: so close together two signals are one. */
const SAME_SIGNAL_MS = 300;

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
function endSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => {
      if (first !== 0 && performance.now() - first > SAME_SIGNAL_MS) Deno.exit(signal === "SIGINT" ? 130 : 143);
      first ||= performance.now();
      resolve();
    });
  }
  return promise;
}

const poolText = (options: StartOptions, workers: number): string =>
  options.sendMode === "pool"
    ? `${workers} send worker${workers > 1 ? "s" : ""} (${options.poolSize.why})`
    : `none: the main isolate sends (--send-mode ${options.sendMode})`;

function banner(
  options: StartOptions,
  source: { name: string; channels: number },
  ports: readonly number[],
  url: string,
  secrets: Secrets,
): string {
  const key = Deno.stdout.isTerminal()
    ? `${url}#key=${secrets.engineerKey}`
    : `${url}  (engineer key: ${secrets.engineerKeyFile ? `in ${secrets.engineerKeyFile}` : "as given"})`;
  return [
    `Foldback ${manifest.version}`,
    `  source     ${source.name}, ${source.channels} channels at 48 kHz, blocks of 128 (2.67 ms)`,
    `  pool       ${poolText(options, ports.length)}, UDP ${ports.join(", ")}`,
    `  console    ${key}`,
    `  join code  ${secrets.joinCode}`,
  ].join("\n");
}

const HELP = `Foldback ${manifest.version}: every musician's own mix, on their own phone.

  foldback start    serve the stage (the default)
  foldback listen   be a listener: hear, record, measure
  foldback devices  list the inputs that can be captured
  foldback bench    measure this machine

Each has --help.
`;

async function run(args: readonly string[]): Promise<number> {
  const [first = "start"] = args;
  const command = first.startsWith("-") && first !== "--help" && first !== "--version" ? "start" : first;
  const rest = command === first ? args.slice(1) : args;
  switch (command) {
    case "start": {
      const options = parseStart(rest, Deno.env.get, navigator.hardwareConcurrency);
      if (options === "help") console.log(startHelp());
      else await start(options);
      return 0;
    }
    case "listen":
      return await listen([...rest]);
    case "devices":
      if (rest.length > 0) {
        const asked = rest.every((word) => word === "--help");
        (asked ? console.log : console.error)(
          "foldback devices: lists the inputs that can be captured; takes no flags.",
        );
        return asked ? 0 : 2;
      }
      console.log(listDevices());
      return 0;
    case "bench":
      return await bench([...rest]);
    case "--version":
      console.log(manifest.version);
      return 0;
    case "--help":
    case "help":
      console.log(HELP);
      return 0;
    default:
      throw new FlagError(`unknown command ${JSON.stringify(command)}; there are start, listen, devices and bench`);
  }
}

if (import.meta.main) {
  try {
    Deno.exit(await run(Deno.args));
  } catch (error) {
    const wrongUse = error instanceof FlagError || error instanceof SourceError;
    console.error(`foldback: ${(error as Error).message}`);
    Deno.exit(wrongUse ? 2 : 1);
  }
}
