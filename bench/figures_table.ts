/** One measurement's figures as a table for the terminal. In: figures. Out: lines. Main isolate of the benchmark. */
import type { Figures, Spread } from "./scenario.ts";

const us = (value: number) => value.toFixed(value < 10 ? 1 : 0).padStart(9);
const ms = (value: number) => value.toFixed(3).padStart(9);
const row = (name: string, spread: Spread, format: (value: number) => string) =>
  name.padEnd(24) + [spread.p50, spread.p99, spread.p999, spread.max].map(format).join("");

/** Percentiles in columns, then what was counted, a line each. */
export function table(figures: Figures): string {
  const { datagrams } = figures;
  return [
    `${"".padEnd(24)}${["p50", "p99", "p99.9", "max"].map((name) => name.padStart(9)).join("")}`,
    row("main, whole block µs", figures.mainBlockUs, us),
    row("main, handing over µs", figures.handoffUs, us),
    row("capture → send ms", figures.captureToSendMs, ms),
    row("capture → receive ms", figures.captureToReceiveMs, ms),
    `datagrams               ${datagrams.sent} sent, ${datagrams.received} received, ${datagrams.lost} lost, ${datagrams.late} late, ` +
    `${datagrams.sendBuffer} dropped by the send buffer, ${datagrams.receiverSocketDrops} by the receivers' sockets`,
    `server                  ${figures.cpuPercent.toFixed(1)} % of a core (of it ${
      figures.sourceCpuPercent.toFixed(1)
    } % the software source), ` +
    `${figures.rssMb.toFixed(0)} MB, ${
      figures.encodesPerSecond.toFixed(0)
    } encodes/s, ${figures.garbageCollections} garbage collections`,
    `source                  ${figures.blocks} blocks, ${figures.withheldBlocks} withheld, ${figures.overruns} samples lost`,
  ].join("\n");
}
