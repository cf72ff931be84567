/**
 * `GET /api/v1/timings`: the board's histograms as they are, since the start, for a benchmark that subtracts one answer
 * from a later one. Buckets are those of core/histogram.ts. Control worker; allocates.
 */
import process from "node:process";
import { Word } from "../core/ring.ts";
import type { House } from "./house.ts";
import type { Timings } from "./schemas_status.ts";

function counts(histogram: Uint32Array): Timings["mainBlock"] {
  const buckets: number[][] = [];
  histogram.forEach((count, bucket) => {
    if (count > 0) buckets.push([bucket, count]);
  });
  return { unit: "ns", buckets };
}

export function timingsOf(house: House): Timings {
  const { main, workers } = house.board;
  const sum = (count: (row: typeof workers[number]) => number) => workers.reduce((total, row) => total + count(row), 0);
  const word = (index: number) => Atomics.load(house.ring, index) >>> 0;
  const cpu = process.cpuUsage();
  return {
    timeMs: house.clock(),
    mainBlock: counts(main.block),
    handoff: counts(main.handoff),
    captureToSend: workers.map((row) => counts(row.captureToSend)),
    datagrams: sum((row) => row.datagrams),
    late: sum((row) => row.lateFrames),
    encodes: sum((row) => row.encodes),
    droppedSendBuffer: sum((row) => row.droppedSendBuffer),
    blocks: main.blocks,
    withheld: main.withheld,
    sourceCpuUs: word(Word.Cpu),
    overruns: word(Word.Overruns),
    overflows: word(Word.Overflows),
    cpuUs: cpu.user + cpu.system,
    rssBytes: Deno.memoryUsage().rss,
  };
}
