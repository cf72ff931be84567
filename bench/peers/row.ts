/** What is known of one way from the card's input to its output. In: what was heard. Out: rows of a table. */
import { type Heard, RATE } from "./stage.ts";

/** A stretch of the delay, in milliseconds. */
export interface Part {
  readonly name: string;
  readonly ms: number;
}

export interface Row {
  readonly name: string;
  /** Absent: it couldn't be run, and `remark` says why. */
  readonly heard?: Heard;
  /** Name of the row that it is compared with; default: the first. */
  readonly over?: string;
  /** Of one core, all processes of it together. */
  readonly cpuPercent?: number;
  /** Of all cores' time, what the hypervisor gave to others. */
  readonly stealPercent?: number;
  /** Glitches as the programs themselves count them. */
  readonly troubles?: Readonly<Record<string, number>>;
  /** What the delay is made of, as far as is known. */
  readonly parts?: readonly Part[];
  readonly remark?: string;
}

const ms = (samples: number): string => (samples * 1000 / RATE).toFixed(2);

function cells({ heard, cpuPercent, troubles, remark }: Row, base: number | undefined): string[] {
  const samples = heard?.samples;
  const counted = Object.entries(troubles ?? {}).map(([name, value]) => `${value} ${name}`);
  return [
    samples ? `${ms(samples.p50)} (${ms(samples.min)}–${ms(samples.max)})` : "–",
    samples ? String(samples.p50) : "–",
    samples && base !== undefined ? ms(samples.p50 - base) : "–",
    heard ? `${heard.damaged} of ${heard.windows}` : "–",
    heard ? String(heard.jackXruns) : "–",
    cpuPercent === undefined ? "–" : cpuPercent.toFixed(1),
    [...counted, ...(remark === undefined ? [] : [remark])].join("; "),
  ];
}

/** Markdown. */
export function peersTable(rows: readonly Row[]): string {
  const head = [
    "",
    "delay, ms: p50 (least–most)",
    "in samples",
    "adds, ms",
    "10 ms windows damaged",
    "the card's own xruns",
    "CPU, % of a core",
    "",
  ];
  const lines = rows.map((row) => {
    const compared = row.over === undefined ? rows[0] : rows.find(({ name }) => name === row.over);
    return [row.name, ...cells(row, compared?.heard?.samples?.p50)];
  });
  return [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** For each row that knows them: its parts, and what they leave unexplained. */
export function delayParts(rows: readonly Row[]): string {
  return rows.filter(({ parts, heard }) => parts && heard?.samples).map(({ name, parts, heard }) => {
    const rest = heard!.samples!.p50 - parts!.reduce((sum, part) => sum + part.ms * RATE / 1000, 0);
    const lines = [...parts!, { name: "not explained", ms: rest * 1000 / RATE }].map((part) =>
      `| ${part.name} | ${part.ms.toFixed(2)} | ${Math.round(part.ms * RATE / 1000)} |`
    );
    return [`\n| ${name}: parts | ms | samples |`, "| --- | --- | --- |", ...lines].join("\n");
  }).join("\n");
}
