/**
 * The server put together, and ended in reverse: a capture worker fills the ring, this isolate mixes, the pool (or, with
 * `--send-mode sync`, this isolate) encodes and sends, a control worker serves HTTP. In: checked options. Out: sound,
 * until a signal or the loss of capture. Main isolate; allocates only while starting and ending.
 */
import { fileURLToPath } from "node:url";
import { Board, createBoard, Flow } from "../core/board.ts";
import { aheadOfMonotonic, followWallClock } from "../core/clock.ts";
import { configureLog, logger } from "../core/log.ts";
import {
  type CaptureToMain,
  type ControlToMain,
  type MainToCapture,
  type MainToControl,
  never,
  type SourceDescription,
} from "../core/messages.ts";
import { becomeRealTime, returnFreeMemory } from "../core/realtime.ts";
import { createRing, RingReader, Word } from "../core/ring.ts";
import type { RtpTimestamp } from "../core/units.ts";
import { resolveSource } from "../capture/source.ts";
import { givenCertificate } from "../control/certificate.ts";
import type { StartOptions } from "../control/flags.ts";
import { holdDirectory, keepSecrets } from "../control/kept.ts";
import { telemetryOf } from "../control/telemetry_options.ts";
import { vendorFiles } from "../control/web_files.ts";
import { Engine } from "../mix/engine.ts";
import { Mixer } from "../mix/mixer.ts";
import { codecOf } from "../wasm/libopus.ts";
import { Pool } from "../workers/pool.ts";
import { SyncPath } from "../workers/sync.ts";
import manifest from "../deno.json" with { type: "json" };
import { banner, poolText } from "./banner.ts";
import { ourEnvironment } from "./flags.ts";
import { tellServiceManager } from "./notify.ts";
import { Part } from "./part.ts";
import { endSignal } from "./signals.ts";

/** Capture has 50, send workers 43. */
const PRIORITY = 45;
/** Targets have rows of their own beside the clients', rows given back rest, and a session that paused keeps its. */
const ROWS_PER_CLIENT = 4;
const TARGET_ROWS = 128;
/** A worker that doesn't start, or end, within this is given up; the end of all together may take two seconds. */
const START_MS = 30_000;
const STOP_MS = 600;

/** All that a worker that has no files of its own may read. */
const SOURCES = fileURLToPath(new URL("../", import.meta.url));

const log = logger("main");

/** Scripts that a test may replace by ones with faults built in. */
export interface Scripts {
  /** The send worker's. */
  readonly send: URL;
}
const SCRIPTS: Scripts = { send: new URL("../workers/send_worker.ts", import.meta.url) };

/** Runs the server until SIGINT or SIGTERM. @throws Error when it can't start. */
export async function start(options: StartOptions, scripts: Scripts = SCRIPTS): Promise<void> {
  configureLog(options.log);
  const telemetry = telemetryOf(ourEnvironment);
  // A sound library that hangs lets no signal be heard; but who is the first process isn't ended by one by itself.
  const heard = Deno.pid === 1 ? endSignal() : null;
  const { description, note } = resolveSource(options.source, options.channels);
  const ending = heard ?? endSignal();
  const files = options.https?.files ?? null, certificate = files && givenCertificate(files.cert, files.key);
  const secrets = keepSecrets(options.stateDir, options.joinCode, options.engineerKey);
  const unheld = holdDirectory(options.stateDir);
  if (unheld) log.warn(unheld);
  const workers = options.sendMode === "pool" ? options.poolSize.size : 1;
  const ring = createRing(description.channels);
  const boardMemory = createBoard(workers, ROWS_PER_CLIENT * options.maxClients + TARGET_ROWS);
  const board = new Board(boardMemory);
  const reader = new RingReader(ring);
  const mixer = new Mixer(description.channels, board.main);

  followWallClock();
  const send = {
    bell: ring.memory,
    board: boardMemory,
    address: options.http.address,
    dscp: options.dscp,
    shareEncodes: options.sendMode !== "sync-unshared",
    codec: codecOf(options.codec),
    log: options.log,
    clock: aheadOfMonotonic(),
  };
  const reshaped = (request: number, timestamp: RtpTimestamp) => control.post({ kind: "reshaped", request, timestamp });
  // All threads begin at once: each takes its time to load, and none of it is another's.
  using control = new Part<MainToControl, ControlToMain>(
    "control",
    new URL("../control/worker.ts", import.meta.url),
    {
      net: true,
      ffi: false,
      read: [SOURCES, options.stateDir, ...vendorFiles().values()],
      write: [options.stateDir],
      env: ["WS_NO_BUFFER_UTIL"],
      run: false,
      sys: ["hostname", "networkInterfaces"],
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
  using capture = new Part<MainToCapture, CaptureToMain>(
    "capture",
    new URL("../capture/worker.ts", import.meta.url),
    { ffi: true, read: true, net: false, write: false, env: "inherit", run: false, sys: false },
    () => {},
  );
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

  control.post({
    kind: "start",
    options: {
      version: manifest.version,
      board: boardMemory,
      ring,
      source: description,
      mediaPorts: path.ports,
      http: options.http,
      https: options.https && { address: options.https.address, port: options.https.port, given: certificate },
      discovery: options.discovery ? { name: options.name } : null,
      publicHost: options.publicHost,
      joinCode: secrets.joinCode,
      engineerKey: secrets.engineerKey,
      given: { joinCode: options.joinCode !== null, engineerKey: options.engineerKey !== null },
      stateDir: options.stateDir,
      maxClients: options.maxClients,
      defaults: { frame: options.frame, bitrate: options.bitrate },
      telemetry,
      log: options.log,
    },
  });
  const { url, secureUrl, phonesUrl } = await control.next("listening", START_MS);

  capture.post({ kind: "start", ring, source: description, log: options.log, clock: send.clock });
  await capture.next("ready", START_MS);

  returnFreeMemory();
  const engine = new Engine(reader, mixer, path, board);
  const refused = becomeRealTime(PRIORITY);
  if (refused) log.warn(`No real-time priority (${refused}): sound may break up when the machine is busy.`);
  if (note) log.info(note);
  const opened = { version: manifest.version, source: description, mediaPorts: path.ports, url, secureUrl, phonesUrl };
  // Not by console.log: with OTEL_DENO=true Deno sends that away, and the secrets with it.
  const text = `${banner(options, opened, secrets, Deno.stdout.isTerminal())}\n`;
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch {
    // Nobody reads it any more.
  }
  const running = engine.run();
  log.info(`Send pool: ${poolText(options, path.ports.length)}; codec: ${path.codec}.`);
  const life = { progress: () => board.main.blocks, status: () => statusOf(description, board, reader, url) };
  const manager = tellServiceManager(ourEnvironment, life, (reason) => log.warn(reason));
  // Without capture there is nothing to go on with. Without control the stage goes on hearing; its failure is logged.
  const failure = await Promise.race([ending, capture.failure]).then(() => null, (error: Error) => error);

  log.info("Ending.");
  const told = manager?.stopping();
  const captureStopped = capture.next("stopped", STOP_MS).catch((error: Error) => log.warn(error.message));
  reader.stop();
  await captureStopped;
  engine.finish();
  await running;
  await path.stop();
  const controlStopped = control.next("stopped", STOP_MS).catch((error: Error) => log.warn(error.message));
  control.post({ kind: "stop" });
  await controlStopped;
  await told;
  log.info("Ended.");
  if (failure) throw failure;
}

/** For the service manager: what plays, who hears it, where it is looked after. */
function statusOf(source: SourceDescription, board: Board, ring: RingReader, url: string): string {
  let receivers = 0;
  for (const slot of board.slots) if (slot.flow === Flow.Flowing) receivers++;
  const sound = Atomics.load(ring.words, Word.Live) === 0 ? `no audio from ${source.name}` : source.name;
  return `${sound}, ${source.channels} channels; ${receivers} receivers; ${url}`;
}
