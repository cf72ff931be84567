/** What the suite measures, in its order: each row a server, and the C program that does the same job where there is one. */
import { msToSamples } from "../core/units.ts";
import type { NativeJob } from "./native.ts";
import type { Scenario } from "./scenario.ts";

export interface Row {
  readonly name: string;
  readonly scenario: Omit<Scenario, "seconds">;
  /** Does the same; null: C has no mixer here. */
  readonly native: Omit<NativeJob, "seconds"> | null;
  /** C runs in the very seconds in which the server is measured, not before: what else the machine does hits both. */
  readonly atOnce?: true;
}

const BASE: Row["scenario"] = {
  clients: 10,
  channels: 16,
  frameMs: 2.5,
  mode: "channels",
  bitrate: 128_000,
  poolSize: null,
  sendMode: "pool",
  handoff: null,
  codec: "auto",
};

function row(name: string, change: Partial<Row["scenario"]>): Row {
  const scenario = { ...BASE, ...change };
  return {
    name,
    scenario,
    native: scenario.mode === "mix" ? null : {
      frame: msToSamples(scenario.frameMs),
      bitrate: scenario.bitrate ?? 128_000,
      channels: scenario.channels,
      clients: scenario.clients,
      distinct: scenario.distinct === true,
    },
  };
}

/** The first is what the others are compared with. 10 ms: 16 channels of 128 kb/s don't fit in a datagram. */
export const ROWS: readonly Row[] = [
  row("10 × 16 channels, 2.5 ms", {}),
  row("10 × 16 channels, 5 ms", { frameMs: 5 }),
  row("10 × 16 channels, 10 ms, 64 kb/s", { frameMs: 10, bitrate: 64_000 }),
  row("160 distinct encodes", { distinct: true }),
  row("160 distinct encodes, 2 workers", { distinct: true, poolSize: "2" }),
  row("10 stereo mixes", { mode: "mix", bitrate: null }),
  row("60 stereo mixes", { mode: "mix", bitrate: null, clients: 60 }),
  ...[60, 100, 200, 300].map((clients) => row(`${clients} clients × 16 channels`, { clients })),
  row("300 clients × 16 channels, 2 workers", { clients: 300, poolSize: "2" }),
  row("sync", { sendMode: "sync" }),
  ...["1", "2", "4", "6"].map((poolSize) => row(`pool of ${poolSize}`, { poolSize })),
  row("handoff shared", { handoff: "shared" }),
  row("handoff transfer", { handoff: "transfer" }),
  { ...row("10 × 16 channels, 2.5 ms, C at once", {}), atOnce: true },
];

/** C programs do the same where this is the same. */
export const keyOf = (job: Omit<NativeJob, "seconds">): string =>
  `${job.clients} × ${job.channels}, ${job.frame / 48} ms, ${job.bitrate / 1000} kb/s${
    job.distinct ? ", distinct" : ""
  }`;

/** The rows with one of these words in their names, all if there is none, and always the first. */
export const rowsWith = (words: readonly string[]): Row[] =>
  ROWS.filter(({ name }, i) =>
    i === 0 || words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase()))
  );
