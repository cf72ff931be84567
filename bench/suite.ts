/**
 * `foldback bench --suite`: every row of rows.ts in turn, round after round (A B A B), each right after the C program that
 * does the same (one row beside it), with a sleeper beside that shows the machine's noise. Out: a Markdown table, or all of
 * it as JSON. Progress goes to stderr. Main isolate of the benchmark; ends within some 15 minutes at the defaults.
 */
import { startToFirstDatagram } from "./first_datagram.ts";
import { type Machine, machine, watchSteal } from "./machine.ts";
import { Native, NATIVE_WARM_UP_MS, type NativeFigures, type NativeJob } from "./native.ts";
import { keyOf, type Row, ROWS, rowsWith } from "./rows.ts";
import { measure, WARM_UP_MS } from "./scenario.ts";
import { markdown, type Measured, type Middle, middleOf, type RowSummary, short, summarize } from "./summary.ts";

export const DEFAULT_ROUNDS = 3;
export const DEFAULT_SECONDS = 4;
/** What `--only` calls the time from start to first datagram. */
const START = "start";

export interface SuiteOptions {
  readonly rounds: number;
  /** Measured time of each row in each round. */
  readonly seconds: number;
  /** Words in rows' names; none: all. */
  readonly only: readonly string[];
  readonly json: boolean;
}

export interface SuiteResult {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly libopus: string;
  /** Servers, C and the sleeper were real-time. */
  readonly realTime: boolean;
  /** From a server's start to the first datagram; null if it wasn't asked for. */
  readonly startMs: Middle | null;
  readonly rows: readonly RowSummary[];
}

const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));

/** The server and C in the same seconds. */
async function measureAtOnce(
  native: Native,
  scenario: Row["scenario"],
  job: Omit<NativeJob, "seconds">,
  seconds: number,
) {
  let c: Promise<NativeFigures>;
  const figures = await measure({ ...scenario, seconds }, () => {
    const due = new Promise((resolve) => setTimeout(resolve, WARM_UP_MS - NATIVE_WARM_UP_MS));
    c = due.then(() => native.encode({ ...job, seconds }));
    // Awaited when the server has been measured.
    c.catch(() => {});
    return Promise.resolve({ [Symbol.asyncDispose]: async () => void await c });
  });
  return { figures, beside: await c! };
}

/** One row in one round; `natives` keeps what C gave in this round. */
async function measureRow(native: Native, row: Row, seconds: number, natives: Map<string, NativeFigures>) {
  const steal = watchSteal();
  let beside = row.native === null || row.atOnce ? null : natives.get(keyOf(row.native)) ?? null;
  const { result: figures, noise } = await native.beside(async () => {
    if (row.native !== null && row.atOnce) {
      const both = await measureAtOnce(native, row.scenario, row.native, seconds);
      beside = both.beside;
      return both.figures;
    }
    if (row.native !== null && beside === null) {
      beside = await native.encode({ ...row.native, seconds });
      natives.set(keyOf(row.native), beside);
    }
    return await measure({ ...row.scenario, seconds });
  });
  return { figures, native: beside, noise, stealPercent: steal() } satisfies Measured;
}

/** @throws Error when something to compile with is missing, a server doesn't start, or a client doesn't hear. */
export async function runSuite({ rounds, seconds, only }: SuiteOptions): Promise<SuiteResult> {
  using native = new Native();
  const withStart = only.length === 0 || only.includes(START), words = only.filter((word) => word !== START);
  const rows = only.length > 0 && words.length === 0 ? [] : rowsWith(words);
  const measured = rows.map((): Measured[] => []), starts: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const natives = new Map<string, NativeFigures>();
    for (const [i, row] of rows.entries()) {
      say(`round ${round} of ${rounds}: ${row.name} … `);
      const one = await measureRow(native, row, seconds, natives);
      measured[i].push(one);
      say(`${short(one.figures.cpuPercent)} % of a core${one.native ? `, C ${short(one.native.cpuPercent)} %` : ""}\n`);
    }
    if (!withStart) continue;
    say(`round ${round} of ${rounds}: from the start to the first datagram … `);
    starts.push(await startToFirstDatagram(ROWS[0].scenario));
    say(`${short(starts.at(-1)!)} ms\n`);
  }
  const all = measured.flat();
  return {
    machine: machine(),
    rounds,
    seconds,
    libopus: all.find((one) => one.native)?.native?.version ?? "",
    realTime: all.every(({ native, noise }) => noise.realTime && native?.realTime !== false),
    startMs: starts.length > 0 ? middleOf(starts) : null,
    rows: rows.map(({ name }, i) => summarize(name, measured[i], measured[0])),
  };
}

/** What stands in docs/LATENCY.md. */
export function report({ machine, rounds, seconds, libopus, realTime, startMs, rows }: SuiteResult): string {
  const { date, cores, cpu, kernel, deno } = machine;
  const lines = [
    `${date}; ${cores} cores, ${cpu}, Linux ${kernel}, Deno ${deno}${libopus ? `, C with ${libopus}` : ""}; ` +
    `${realTime ? "real-time" : "not real-time"}; ${rounds} rounds of ${seconds} s, medians (and spread).`,
  ];
  if (rows.length > 0) {
    const most = (figure: "noiseMaxUs" | "stealPercent") => short(Math.max(...rows.map((row) => row[figure]!.max)));
    lines.push("", markdown(rows), "");
    lines.push(
      `The machine's noise: the sleeper was up to ${most("noiseMaxUs")} µs late; ` +
        `up to ${most("stealPercent")} % of the cores' time went to other machines.`,
    );
  }
  if (startMs !== null) {
    const { median, min, max } = startMs;
    lines.push("", `From a server's start to the first datagram: ${short(median)} ms (${short(min)}–${short(max)}).`);
  }
  return lines.join("\n");
}

/** Runs it and prints; resolves to the exit code. */
export async function suite(options: SuiteOptions): Promise<number> {
  const result = await runSuite(options);
  console.log(options.json ? JSON.stringify(result, null, 2) : report(result));
  return 0;
}
