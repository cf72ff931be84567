/**
 * What the house measures: one list of instruments, which `GET /metrics` writes as OpenMetrics (openmetrics.ts) and
 * telemetry.ts sends as OpenTelemetry (otlp.ts). In: the house's counters, read when somebody asks. Out: samples. Control worker;
 * allocates.
 */
import { Flow, type WorkerRow } from "../core/board.ts";
import { RING_BLOCKS, Word } from "../core/ring.ts";
import { SAMPLE_RATE } from "../core/units.ts";
import { type Health, illness } from "./health.ts";
import type { House } from "./house.ts";
import type { WorkerLoad } from "./load.ts";
import { createMetricText, type Sample, type Series } from "./openmetrics.ts";
import { countsOf, latencyOf, overrunSamples } from "./status.ts";

/** Only ever grows (a counter), or goes up and down (a gauge). */
export interface Values {
  readonly kind: "counter" | "gauge";
  /** As in OpenMetrics, without `_total`: `foldback_…`, with its unit at the end. */
  readonly name: string;
  readonly help: string;
  readonly unit?: "seconds";
  readonly read: (reading: Reading) => readonly Sample[];
}

/** Durations since the start, counted as core/histogram.ts does; the name ends in `_seconds`. */
export interface Durations {
  readonly kind: "histogram";
  readonly name: string;
  readonly help: string;
  readonly read: (reading: Reading) => readonly Series[];
}

export type Instrument = Values | Durations;

/** The house at one moment: what several instruments need is made once. */
export interface Reading {
  readonly house: House;
  readonly health: Health;
  readonly sessions: readonly SessionReading[];
  readonly targets: readonly (ReturnType<typeof countsOf> & { readonly labels: { readonly target: string } })[];
}
interface SessionReading {
  readonly labels: { readonly session: string; readonly name: string };
  readonly row: House["board"]["slots"][number];
  readonly latency: ReturnType<typeof latencyOf>;
}

export const readingOf = (house: House, health: Health): Reading => ({
  house,
  health,
  sessions: [...house.sessions.values()].map((session) => ({
    labels: { session: session.id, name: session.saved.name },
    row: house.board.slots[session.placed.receiver.slot],
    latency: latencyOf(house, session),
  })),
  targets: [...house.targets.values()].map((target) => ({ labels: { target: target.id }, ...countsOf(house, target) })),
});

const one = (value: (house: House) => number) => ({ house }: Reading): Sample[] => [{ value: value(house) }];
const word = (index: number) => ({ ring }: House): number => Atomics.load(ring, index) >>> 0;
const eachWorker = (count: (row: WorkerRow) => number) => ({ house }: Reading): Sample[] =>
  house.board.workers.map((row, i) => ({ labels: { worker: String(i) }, value: count(row) }));
/** Those for which there is a value. */
const known = <Entry extends { labels: Sample["labels"] }>(
  entries: (reading: Reading) => readonly Entry[],
  value: (entry: Entry) => number | null,
) =>
(reading: Reading): Sample[] =>
  entries(reading).flatMap((entry) => {
    const found = value(entry);
    return found === null ? [] : [{ labels: entry.labels, value: found }];
  });
const eachSession = (value: (entry: SessionReading) => number | null) => known(({ sessions }) => sessions, value);
const eachTarget = (value: (entry: Reading["targets"][number]) => number | null) =>
  known(({ targets }) => targets, value);
const part = (value: number | null, whole: number): number | null => value === null ? null : value / whole;

const counter = (name: string, help: string, read: Values["read"], unit?: "seconds"): Values => //
({ kind: "counter", name: `foldback_${name}`, help, read, unit });
const gauge = (name: string, help: string, read: Values["read"], unit?: "seconds"): Values => //
({ kind: "gauge", name: `foldback_${name}`, help, read, unit });
const histogram = (name: string, help: string, read: Durations["read"]): Durations => //
({ kind: "histogram", name: `foldback_${name}`, help, read });

const uptime = (house: House): number => Math.max(0, house.clock() - house.startedAt) / 1000;
const waiting = (house: House): number => (word(Word.Written)(house) - word(Word.Read)(house)) | 0;

const REASONS = [
  ["stun", (row) => row.droppedStun],
  ["rtcp", (row) => row.droppedRtcp],
  ["other", (row) => row.droppedOther],
  ["send_buffer", (row) => row.droppedSendBuffer],
] as const satisfies [string, (row: WorkerRow) => number][];

function dropped(reading: Reading): Sample[] {
  return REASONS.flatMap(([reason, count]) =>
    eachWorker(count)(reading).map(({ labels, value }) => ({ labels: { ...labels, reason }, value }))
  );
}

const eachLoad = (value: (load: WorkerLoad) => number) => ({ house: { load } }: Reading): Sample[] =>
  load.workers.map((one, i) => ({ labels: { worker: String(i) }, value: value(one) }));

function sessionStates({ sessions }: Reading): Sample[] {
  const flowing = sessions.filter(({ row }) => row.flow === Flow.Flowing).length;
  return [
    { labels: { state: "flowing" }, value: flowing },
    { labels: { state: "paused" }, value: sessions.length - flowing },
  ];
}

/** All that is measured, in the order in which `/metrics` writes it. */
export const INSTRUMENTS: readonly Instrument[] = [
  gauge("build", "1, with the version as a label", ({ house: { options: { version } } }) => [
    { labels: { version }, value: 1 },
  ]),
  gauge("healthy", "1 while blocks arrive and every send worker works", ({ health }) => [
    { value: +(illness(health) === null) },
  ]),
  gauge("uptime_seconds", "Time since the start", one(uptime), "seconds"),

  gauge("source_live", "1 while a device delivers", one(word(Word.Live))),
  counter(
    "source_cpu_seconds",
    "CPU time of the capture thread",
    one((house) => word(Word.Cpu)(house) / 1e6),
    "seconds",
  ),
  counter("overrun_samples", "Samples lost before they were read", one(overrunSamples)),
  gauge("ring_fill_ratio", "Captured blocks that wait to be mixed", one((house) => waiting(house) / RING_BLOCKS)),
  counter("blocks", "Blocks mixed", one(({ board }) => board.main.blocks)),
  counter("withheld_blocks", "Blocks kept from workers far behind", one(({ board }) => board.main.withheld)),
  counter("bad_samples", "Samples that were no number", one(({ board }) => board.main.badSamples)),
  histogram("block_duration_seconds", "Main isolate: one block", ({ house: { board } }) => [
    { counts: board.main.block },
  ]),
  histogram("handoff_duration_seconds", "Main isolate: handing a block over", ({ house: { board } }) => [
    { counts: board.main.handoff },
  ]),

  histogram(
    "capture_to_send_seconds",
    "Last block of a frame there to datagram sent",
    ({ house: { board } }) =>
      board.workers.map((row, i) => ({ labels: { worker: String(i) }, counts: row.captureToSend })),
  ),
  gauge("encoders", "Opus encoders that run", eachWorker((row) => row.encoders)),
  counter("encodes", "Opus frames encoded", eachWorker((row) => row.encodes)),
  counter("datagrams", "RTP datagrams sent", eachWorker((row) => row.datagrams)),
  counter("late_frames", "Frames not sent before the next was due", eachWorker((row) => row.lateFrames)),
  gauge("worker_busy_ratio", "Of its time, or the main isolate's if that is more", eachLoad(({ busy }) => busy)),
  gauge("worker_full", "1 while nobody else gets in who would make frames late", eachLoad(({ full }) => +full)),
  counter("worker_restarts", "Send workers replaced", eachWorker((row) => row.restarts)),
  counter("dropped_datagrams", "Datagrams refused or not sent", dropped),

  gauge("sessions", "Sessions", sessionStates),
  counter("session_packets", "RTP packets sent", eachSession(({ row }) => row.packets)),
  gauge("session_loss_ratio", "Last report", eachSession(({ row }) => part(row.fractionLost, 256))),
  gauge("session_jitter_seconds", "Last report", eachSession(({ row }) => part(row.jitter, SAMPLE_RATE)), "seconds"),
  gauge(
    "session_server_delay_seconds",
    "Captured to sent, and the codec's lookahead",
    eachSession(({ latency }) => part(latency.serverMs, 1000)),
    "seconds",
  ),
  gauge(
    "session_network_delay_seconds",
    "Half the round trip",
    eachSession(({ latency }) => part(latency.networkMs, 1000)),
    "seconds",
  ),
  gauge(
    "session_client_delay_seconds",
    "Buffer and output, as the client reported them",
    eachSession(({ latency }) => part(latency.clientMs, 1000)),
    "seconds",
  ),
  gauge(
    "session_total_delay_seconds",
    "Server, network and client",
    eachSession(({ latency }) => part(latency.totalMs, 1000)),
    "seconds",
  ),
  counter("target_packets", "RTP packets sent", eachTarget(({ packets }) => packets)),
  gauge("target_loss_ratio", "Last report", eachTarget(({ fractionLost }) => part(fractionLost, 256))),
];

/** The text of `GET /metrics`. */
export function metricsOf(house: House, health: Health): string {
  const text = createMetricText();
  const reading = readingOf(house, health);
  for (const instrument of INSTRUMENTS) {
    const { name, help } = instrument;
    if (instrument.kind === "histogram") text.histogram(name, help, instrument.read(reading));
    else text[instrument.kind](name, help, instrument.read(reading), instrument.unit);
  }
  return text.end();
}
