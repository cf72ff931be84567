/**
 * `GET /metrics`: which counters of the house become which metrics. Control worker; allocates.
 */
import { Flow } from "../core/board.ts";
import { RING_BLOCKS, Word } from "../core/ring.ts";
import { SAMPLE_RATE } from "../core/units.ts";
import { type Health, illness } from "./health.ts";
import type { House, Session } from "./house.ts";
import { createMetricText, type Sample } from "./openmetrics.ts";
import { countsOf, latencyOf, overrunSamples } from "./status.ts";

export function metricsOf(house: House, health: Health): string {
  const { board: { main, workers }, options, ring } = house;
  const text = createMetricText();
  const one = (value: number): Sample[] => [{ value }];
  const each = (count: (row: typeof workers[number]) => number): Sample[] =>
    workers.map((row, i) => ({ labels: { worker: String(i) }, value: count(row) }));

  text.gauge("foldback_build", "1, with the version as a label", [{ labels: { version: options.version }, value: 1 }]);
  text.gauge("foldback_healthy", "1 while blocks arrive and every send worker works", one(+(illness(health) === null)));
  const uptime = Math.max(0, house.clock() - house.startedAt) / 1000;
  text.gauge("foldback_uptime_seconds", "Time since the start", one(uptime), "seconds");

  text.gauge("foldback_source_live", "1 while a device delivers", one(Atomics.load(ring, Word.Live)));
  text.counter("foldback_source_cpu_seconds", "CPU time of the capture thread", one(seconds(ring)), "seconds");
  text.counter("foldback_overrun_samples", "Samples lost before they were read", one(overrunSamples(house)));
  const waiting = (Atomics.load(ring, Word.Written) - Atomics.load(ring, Word.Read)) | 0;
  text.gauge("foldback_ring_fill_ratio", "Captured blocks that wait to be mixed", one(waiting / RING_BLOCKS));
  text.counter("foldback_blocks", "Blocks mixed", one(main.blocks));
  text.counter("foldback_withheld_blocks", "Blocks kept from workers far behind", one(main.withheld));
  text.counter("foldback_bad_samples", "Samples that were no number", one(main.badSamples));
  text.histogram("foldback_block_duration_seconds", "Main isolate: one block", [{ counts: main.block }]);
  text.histogram("foldback_handoff_duration_seconds", "Main isolate: handing a block over", [{ counts: main.handoff }]);

  const series = workers.map((row, i) => ({ labels: { worker: String(i) }, counts: row.captureToSend }));
  text.histogram("foldback_capture_to_send_seconds", "Last block of a frame there to datagram sent", series);
  text.gauge("foldback_encoders", "Opus encoders that run", each((row) => row.encoders));
  text.counter("foldback_encodes", "Opus frames encoded", each((row) => row.encodes));
  text.counter("foldback_datagrams", "RTP datagrams sent", each((row) => row.datagrams));
  text.counter("foldback_late_frames", "Frames not sent before the next was due", each((row) => row.lateFrames));
  text.counter("foldback_worker_restarts", "Send workers replaced", each((row) => row.restarts));
  text.counter("foldback_dropped_datagrams", "Datagrams refused or not sent", [
    ...each((row) => row.droppedStun).map((sample) => because(sample, "stun")),
    ...each((row) => row.droppedRtcp).map((sample) => because(sample, "rtcp")),
    ...each((row) => row.droppedOther).map((sample) => because(sample, "other")),
    ...each((row) => row.droppedSendBuffer).map((sample) => because(sample, "send_buffer")),
  ]);
  sessionMetrics(house, text);
  targetMetrics(house, text);
  return text.end();
}

const seconds = (ring: Int32Array): number => (Atomics.load(ring, Word.Cpu) >>> 0) / 1e6;
const because = ({ labels, value }: Sample, reason: string): Sample => ({ labels: { ...labels, reason }, value });

function sessionMetrics(house: House, text: ReturnType<typeof createMetricText>): void {
  const sessions = [...house.sessions.values()];
  const rowOf = (session: Session) => house.board.slots[session.placed.receiver.slot];
  const paused = sessions.filter((session) => rowOf(session).flow !== Flow.Flowing).length;
  text.gauge("foldback_sessions", "Sessions", [
    { labels: { state: "flowing" }, value: sessions.length - paused },
    { labels: { state: "paused" }, value: paused },
  ]);
  const all = sessions.map((session) => ({
    labels: { session: session.id, name: session.name },
    row: rowOf(session),
    latency: latencyOf(house, session),
  }));
  const known = (value: (entry: typeof all[number]) => number | null): Sample[] =>
    all.flatMap((entry) => {
      const found = value(entry);
      return found === null ? [] : [{ labels: entry.labels, value: found }];
    });
  const ms = (value: number | null) => value === null ? null : value / 1000;
  text.counter("foldback_session_packets", "RTP packets sent", known(({ row }) => row.packets));
  text.gauge("foldback_session_loss_ratio", "Last report", known(({ row }) => part(row.fractionLost, 256)));
  text.gauge(
    "foldback_session_jitter_seconds",
    "Last report",
    known(({ row }) => part(row.jitter, SAMPLE_RATE)),
    "seconds",
  );
  const server = known(({ latency }) => ms(latency.serverMs));
  text.gauge("foldback_session_server_delay_seconds", "Captured to sent, and the codec's lookahead", server, "seconds");
  const total = known(({ latency }) => ms(latency.totalMs));
  text.gauge("foldback_session_total_delay_seconds", "Server, network and client", total, "seconds");
}

const part = (value: number | null, whole: number): number | null => value === null ? null : value / whole;

function targetMetrics(house: House, text: ReturnType<typeof createMetricText>): void {
  const all = [...house.targets.values()].map((target) => ({
    labels: { target: target.id },
    ...countsOf(house, target),
  }));
  text.counter(
    "foldback_target_packets",
    "RTP packets sent",
    all.map(({ labels, packets }) => ({ labels, value: packets })),
  );
  const lost = all.flatMap(({ labels, fractionLost }) =>
    fractionLost === null ? [] : [{ labels, value: fractionLost / 256 }]
  );
  text.gauge("foldback_target_loss_ratio", "Last report", lost);
}
