/**
 * What the house says about itself: status, health and timings. Control worker.
 */
import { z } from "@hono/zod-openapi";

const Ms = z.number().nullable();
const Spread = z.object({ p50: z.number(), p99: z.number(), max: z.number() }).nullable();
export const Latency = z.object({
  serverMs: Ms.openapi({
    description: "First sample captured to datagram sent, and the codec's lookahead; p50 of 10 s",
  }),
  networkMs: Ms.openapi({ description: "Half the round trip" }),
  clientMs: Ms.openapi({ description: "bufferMs + outputMs, as the client reported them" }),
  totalMs: Ms.openapi({ description: "The sum; null while any part is" }),
  lossPercent: z.number().nullable(),
  jitterMs: Ms,
  last10s: z.object({ server: Spread, network: Spread, client: Spread, total: Spread }).openapi({
    description: "Milliseconds; total: the legs' sums, so that p99 and max are bounds that are hardly ever reached",
  }),
}).openapi("Latency");
export type Latency = z.output<typeof Latency>;

export const Status = z.object({
  version: z.string(),
  uptimeSeconds: z.number(),
  source: z.object({
    name: z.string(),
    channels: z.int(),
    sampleRate: z.int(),
    blockSize: z.int(),
    overruns: z.int().openapi({ description: "Samples lost before they were read" }),
    live: z.boolean().openapi({ description: "A device delivers" }),
    badSamples: z.int().openapi({ description: "Samples that were no number, and became silence" }),
  }),
  storage: z.object({ problem: z.string().nullable() }).openapi({ description: "Why the state can't be kept" }),
  workers: z.array(z.object({
    clients: z.int(),
    encoders: z.int(),
    lateFrames: z.int(),
    restarts: z.int(),
    busyPercent: z.number().openapi({ description: "Of its time, or the main isolate's if that is more; last second" }),
    latePercent: z.number().openapi({ description: "Of its frames; last second" }),
    full: z.boolean().openapi({ description: "Nobody else gets in who would make more frames late" }),
  })),
  sessions: z.array(z.object({
    session: z.string(),
    seat: z.string(),
    name: z.string(),
    address: z.string().nullable(),
    mode: z.enum(["channels", "mix"]),
    paused: z.boolean(),
    packets: z.int(),
    latency: Latency,
  })),
  targets: z.array(z.object({
    target: z.string(),
    address: z.string(),
    port: z.int(),
    packets: z.int(),
    lossPercent: z.number().nullable(),
    jitterMs: Ms,
    roundTripMs: Ms,
  })),
  dropped: z.object({ stun: z.int(), rtcp: z.int(), other: z.int(), sendBuffer: z.int() }),
}).openapi("Status");
export type Status = z.output<typeof Status>;

export const Well = z.object({ status: z.literal("ok") }).openapi("Well");
export const Failing = z.object({ status: z.literal("failing"), reason: z.string() }).openapi("Failing");

const Counts = z.object({
  unit: z.literal("ns"),
  buckets: z.array(z.array(z.int())).openapi({ description: "[bucket, count], the non-empty ones" }),
});
export const Timings = z.object({
  timeMs: z.number(),
  mainBlock: Counts,
  handoff: Counts,
  captureToSend: z.array(Counts),
  datagrams: z.int(),
  late: z.int(),
  encodes: z.int(),
  droppedSendBuffer: z.int(),
  blocks: z.int(),
  withheld: z.int(),
  sourceCpuUs: z.int(),
  overruns: z.int().openapi({ description: "Samples" }),
  overflows: z.int().openapi({ description: "Blocks" }),
  cpuUs: z.int().openapi({ description: "Processor time of the whole process" }),
  rssBytes: z.int(),
}).openapi("Timings");
export type Timings = z.output<typeof Timings>;
