/**
 * Control as a whole: the house, its HTTP server and its clocks, on one end of a line to the main isolate. The worker
 * (worker.ts) is this and a message port. Control worker; allocates.
 */
import type { ControlOptions, ControlToMain, MainToControl } from "../core/messages.ts";
import { createApp } from "./app.ts";
import { Audio, AUDIO_PATH } from "./audio.ts";
import { doorNames } from "./doors.ts";
import { feelPulses } from "./health.ts";
import { type SecureServer, startSecureServer } from "./https.ts";
import { createHouse, type House, type Patience } from "./house.ts";
import { restoreSessions } from "./joins.ts";
import { Live, LIVE_PATH } from "./live.ts";
import { watchLoad } from "./load.ts";
import { postTrims, RAMP_MS, sweepMixes } from "./mixes.ts";
import { type HttpServer, type ServerLimits, startServer, type Upgrade } from "./server.ts";
import { FRESH_STATE } from "./state.ts";
import { sweepSessions } from "./sessions.ts";
import { addSocketRoute } from "./sockets.ts";
import { startTelemetry } from "./telemetry.ts";

const SECOND_MS = 1000;
const PULSE_MS = 250;
/** Meters: as often as the eye follows, while somebody is connected. */
const BEAT_MS = 50;
/** Requests under way when the house closes: the whole process has two seconds to end. */
const STOP_MS = 500;

export interface Control {
  readonly house: House;
  readonly server: HttpServer;
  /** Over TLS; null: nobody asked for it. */
  readonly secure: SecureServer | null;
  readonly live: Live;
  readonly audio: Audio;
  /** An answer of the main isolate. */
  receive(message: Extract<MainToControl, { kind: "reshaped" }>): void;
  /** What is due once a second. */
  tick(): void;
  stop(): Promise<void>;
}

/** What a test may want otherwise. */
export interface ControlSettings {
  readonly clock?: () => number;
  readonly patience?: Patience;
  readonly limits?: ServerLimits;
  /** false: nothing happens by itself; {@link Control.tick} is called by hand. */
  readonly timers?: boolean;
}

/** @throws Error if the address can't be listened on. */
export async function startControl(
  options: ControlOptions,
  post: (message: ControlToMain) => void,
  { clock, patience, limits, timers = true }: ControlSettings = {},
): Promise<Control> {
  const house = createHouse(options, post, clock, patience);
  postTrims(house, FRESH_STATE, RAMP_MS);
  restoreSessions(house);
  const { app, health } = createApp(house);
  const telemetry = startTelemetry(house, health, options.telemetry ?? null);
  for (const path of [LIVE_PATH, AUDIO_PATH]) addSocketRoute(app, path);
  const live = new Live(house), audio = new Audio(house);
  const names = doorNames(options.publicHost);
  let beating: ReturnType<typeof setInterval> | undefined;
  const beat = () => {
    live.beat();
    audio.beat();
    if (live.sockets.clients.size + audio.sockets.clients.size > 0) return;
    clearInterval(beating);
    beating = undefined;
  };
  const taking = (sockets: typeof live.sockets | typeof audio.sockets): Upgrade["take"] => (...connection) => {
    sockets.upgrade(...connection);
    if (timers) beating ??= setInterval(beat, BEAT_MS);
  };
  const upgrades: Upgrade[] = [
    { path: LIVE_PATH, names, take: taking(live.sockets) },
    { path: AUDIO_PATH, names, take: taking(audio.sockets) },
  ];
  const server = await startServer(app, options.http.address, options.http.port, upgrades, limits);
  const secure = await startSecureServer(app, options, upgrades, limits, timers);
  house.httpsPort = secure?.port;
  const tick = () => {
    sweepSessions(house);
    sweepMixes(house);
    watchLoad(house);
    live.tick();
    telemetry.tick();
  };
  feelPulses(health);
  const running = timers
    ? [
      setInterval(tick, SECOND_MS),
      setInterval(() => feelPulses(health), PULSE_MS),
    ]
    : [];
  return {
    house,
    server,
    secure,
    live,
    audio,
    tick,
    receive: ({ request, timestamp }) => house.reshapes.get(request)?.settle(timestamp),
    stop: async () => {
      for (const timer of running) clearInterval(timer);
      clearInterval(beating);
      for (const { settle } of house.reshapes.values()) settle(null);
      const servers = [server.stop(STOP_MS), secure?.stop(STOP_MS)];
      await Promise.all([telemetry.stop(), live.sockets.stop(), audio.sockets.stop(), ...servers, house.store.stop()]);
    },
  };
}
