/**
 * The suite's rounds put together: medians with their spread, ratios taken within each round, a Markdown table. In: what
 * was measured. Out: numbers and text. Pure.
 */
import type { NativeFigures, Noise } from "./native.ts";
import type { Figures } from "./scenario.ts";

/** One row in one round. */
export interface Measured {
  readonly figures: Figures;
  readonly native: NativeFigures | null;
  readonly noise: Noise;
  /** Processor time that the hypervisor gave to others meanwhile, percent of all cores. */
  readonly stealPercent: number;
}

/** What the rounds gave: the median and the extremes. */
export interface Middle {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError if there is none. */
export function middleOf(values: readonly number[]): Middle {
  if (values.length === 0) throw new RangeError("cannot take the median of nothing");
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1)! };
}

/** What is shown of each row; `null` where it can't be told. */
const FIGURES = {
  cpuPercent: ({ figures }) => figures.cpuPercent,
  nativeCpuPercent: ({ native }) => native && native.cpuPercent,
  overNative: ({ figures, native }) => native && figures.cpuPercent / native.cpuPercent,
  overFirst: ({ figures }, first) => figures.cpuPercent / first.figures.cpuPercent,
  blockP50Us: ({ figures }) => figures.mainBlockUs.p50,
  blockP99Us: ({ figures }) => figures.mainBlockUs.p99,
  handoffP50Us: ({ figures }) => figures.handoffUs.p50,
  handoffP99Us: ({ figures }) => figures.handoffUs.p99,
  sendP50Ms: ({ figures }) => figures.captureToSendMs.p50,
  sendP99Ms: ({ figures }) => figures.captureToSendMs.p99,
  sendP999Ms: ({ figures }) => figures.captureToSendMs.p999,
  nativeSendP99Ms: ({ native }) => native && native.dueToSendMs.p99,
  receiveP99Ms: ({ figures }) => figures.captureToReceiveMs.p99,
  sent: ({ figures }) => figures.datagrams.sent,
  lost: ({ figures }) => figures.datagrams.lost,
  late: ({ figures }) => figures.datagrams.late,
  socketDrops: ({ figures }) => figures.datagrams.receiverSocketDrops,
  withheldBlocks: ({ figures }) => figures.withheldBlocks,
  encodesPerSecond: ({ figures }) => figures.encodesPerSecond,
  rssMb: ({ figures }) => figures.rssMb,
  workerCollections: ({ figures }) => figures.workerCollections,
  nativeEncodeUs: ({ native }) => native && native.encodeUs.p50,
  noiseP50Us: ({ noise }) => noise.latenessUs.p50,
  noiseP99Us: ({ noise }) => noise.latenessUs.p99,
  noiseMaxUs: ({ noise }) => noise.latenessUs.max,
  stealPercent: ({ stealPercent }) => stealPercent,
} as const satisfies Record<string, (measured: Measured, first: Measured) => number | null>;

export type RowSummary = { readonly name: string } & Readonly<Record<keyof typeof FIGURES, Middle | null>>;

/** `rounds` of a row, and the same rounds of the row that it is compared with. */
export function summarize(name: string, rounds: readonly Measured[], first: readonly Measured[]): RowSummary {
  const entries = Object.entries(FIGURES).map(([figure, of]) => {
    const values = rounds.map((measured, round) => of(measured, first[round])).filter((value) => value !== null);
    return [figure, values.length === 0 ? null : middleOf(values)];
  });
  return { name, ...Object.fromEntries(entries) };
}

/** Three digits that mean something, and no more: 0.123, 1.23, 12.3, 123, 1234. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
}

const median = (middle: Middle | null) => middle === null ? "–" : short(middle.median);
/** With its spread, where there is one. */
const full = (middle: Middle | null) =>
  middle === null || middle.min === middle.max
    ? median(middle)
    : `${median(middle)} (${short(middle.min)}–${short(middle.max)})`;
const medians = (...middles: (Middle | null)[]) => middles.map(median).join(" / ");

const COLUMNS: Readonly<Record<string, (row: RowSummary) => string>> = {
  "": ({ name }) => name,
  "CPU, % of a core": ({ cpuPercent }) => full(cpuPercent),
  "C": ({ nativeCpuPercent }) => median(nativeCpuPercent),
  "÷ C": ({ overNative }) => full(overNative),
  "÷ first row": ({ overFirst }) => median(overFirst),
  "main's block µs, p50 / p99": ({ blockP50Us, blockP99Us }) => medians(blockP50Us, blockP99Us),
  "handing over µs, p50 / p99": ({ handoffP50Us, handoffP99Us }) => medians(handoffP50Us, handoffP99Us),
  "capture → send ms, p50 / p99 / p99.9": ({ sendP50Ms, sendP99Ms, sendP999Ms }) =>
    `${median(sendP50Ms)} / ${full(sendP99Ms)} / ${median(sendP999Ms)}`,
  "C, p99": ({ nativeSendP99Ms }) => median(nativeSendP99Ms),
  "→ receive ms, p99": ({ receiveP99Ms }) => full(receiveP99Ms),
  "sent / late / lost": ({ sent, late, lost }) => medians(sent, late, lost),
  "blocks withheld": ({ withheldBlocks }) => full(withheldBlocks),
  "MB": ({ rssMb }) => median(rssMb),
  "GC": ({ workerCollections }) => full(workerCollections),
  "sleeper µs, p50 / p99 / max": ({ noiseP50Us, noiseP99Us, noiseMaxUs }) =>
    medians(noiseP50Us, noiseP99Us, noiseMaxUs),
};

/** A Markdown table; cells hold no `|`. */
export function markdown(rows: readonly RowSummary[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`, names = Object.keys(COLUMNS);
  return [
    line(names),
    line(names.map((_, i) => i === 0 ? "---" : "---:")),
    ...rows.map((row) => line(Object.values(COLUMNS).map((cell) => cell(row)))),
  ].join("\n");
}
