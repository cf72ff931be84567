/**
 * `GET /api/v1/status`: the state of the house out of the board's counters. Control worker; allocates.
 */
import { Word } from "../core/ring.ts";
import { BLOCK, SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import type { House, Session, Target } from "./house.ts";
import { clientMsOf, networkMsOf, serverSpread, type Spread, spreadOf, unseenMs } from "./latency.ts";
import { summaryOf } from "./media.ts";
import type { Latency, Status } from "./schemas_status.ts";

const percentOf = (fraction: number | null): number | null => fraction === null ? null : fraction / 256 * 100;
const jitterMsOf = (jitter: number | null): number | null => jitter === null ? null : samplesToMs(jitter);

function sumOf(legs: readonly (Spread | null)[]): Spread | null {
  const sum = { p50: 0, p99: 0, max: 0 };
  for (const leg of legs) {
    if (leg === null) return null;
    sum.p50 += leg.p50;
    sum.p99 += leg.p99;
    sum.max += leg.max;
  }
  return sum;
}

export function latencyOf(house: House, session: Session): Latency {
  const row = house.board.slots[session.placed.receiver.slot], { latency, saved } = session;
  const server = serverSpread(latency, row.server, unseenMs(saved.mode));
  const network = spreadOf(latency.networks), client = spreadOf(latency.clients);
  const serverMs = server?.p50 ?? null, networkMs = networkMsOf(house, session), clientMs = clientMsOf(session);
  return {
    serverMs,
    networkMs,
    clientMs,
    totalMs: serverMs === null || networkMs === null || clientMs === null ? null : serverMs + networkMs + clientMs,
    lossPercent: percentOf(row.fractionLost),
    jitterMs: jitterMsOf(row.jitter),
    last10s: { server, network, client, total: sumOf([server, network, client]) },
  };
}

export interface TargetCounts {
  readonly packets: number;
  readonly fractionLost: number | null;
  readonly jitter: number | null;
  readonly roundTripUs: number | null;
}

/** Of several streams the packets of all, and the worst of the reports. */
export function countsOf(house: House, target: Target): TargetCounts {
  const rows = target.placed.map(({ receiver }) => house.board.slots[receiver.slot]);
  const worst = (values: (number | null)[]) =>
    values.reduce((a, b) => a === null ? b : b === null ? a : Math.max(a, b), null);
  return {
    packets: rows.reduce((sum, row) => sum + row.packets, 0),
    fractionLost: worst(rows.map((row) => row.fractionLost)),
    jitter: worst(rows.map((row) => row.jitter)),
    roundTripUs: worst(rows.map((row) => row.roundTripUs)),
  };
}

/** Samples lost before the main isolate read them: by the device, and in the ring. */
export const overrunSamples = ({ ring }: House): number =>
  (Atomics.load(ring, Word.Overruns) >>> 0) + (Atomics.load(ring, Word.Overflows) >>> 0) * BLOCK;

/** `only`: the session that asks, and sees nobody else; null for the engineer. */
export function statusOf(house: House, only: Session | null): Status {
  const { options, board } = house;
  const sessions = only === null ? [...house.sessions.values()] : [only];
  const targets = only === null ? [...house.targets.values()] : [];
  const clients = board.workers.map(() => 0);
  for (const { placed } of house.sessions.values()) clients[placed.worker]++;
  const sum = (count: (row: typeof board.workers[number]) => number) =>
    board.workers.reduce((total, row) => total + count(row), 0);
  return {
    version: options.version,
    uptimeSeconds: Math.max(0, house.clock() - house.startedAt) / 1000,
    source: {
      name: options.source.name,
      channels: house.inputs,
      sampleRate: SAMPLE_RATE,
      blockSize: BLOCK,
      overruns: overrunSamples(house),
      live: Atomics.load(house.ring, Word.Live) === 1,
      badSamples: board.main.badSamples,
    },
    storage: { problem: house.store.problem },
    workers: board.workers.map((row, i) => ({
      clients: clients[i],
      encoders: row.encoders,
      lateFrames: row.lateFrames,
      restarts: row.restarts,
      busyPercent: house.load.workers[i].busy * 100,
      latePercent: house.load.workers[i].late * 100,
      full: house.load.workers[i].full,
    })),
    sessions: sessions.map((session) => {
      const { seat, name, address, mode, paused } = summaryOf(house, session);
      const { packets } = board.slots[session.placed.receiver.slot];
      return { session: session.id, seat, name, address, mode, paused, packets, latency: latencyOf(house, session) };
    }),
    targets: targets.map((target) => {
      const { packets, fractionLost, jitter, roundTripUs } = countsOf(house, target);
      return {
        target: target.id,
        address: target.address,
        port: target.port,
        packets,
        lossPercent: percentOf(fractionLost),
        jitterMs: jitterMsOf(jitter),
        roundTripMs: roundTripUs === null ? null : roundTripUs / 1000,
      };
    }),
    dropped: {
      stun: sum((row) => row.droppedStun),
      rtcp: sum((row) => row.droppedRtcp),
      other: sum((row) => row.droppedOther),
      sendBuffer: sum((row) => row.droppedSendBuffer),
    },
  };
}
