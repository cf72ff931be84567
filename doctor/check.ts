/**
 * What a check of the doctor is and says. In: nothing. Out: plain data for the report. Main isolate; allocates.
 */
import type { Plan } from "./plan.ts";

export type Verdict = "green" | "yellow" | "red";

/** One line of the report; `do` is there unless it is green. */
export interface Finding {
  readonly verdict: Verdict;
  /** What was found, in one line. */
  readonly says: string;
  /** What to do about it, in one line. */
  readonly do?: string;
  /** The figures behind it. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Further lines for people; not in the JSON, which has them in `values`. */
  readonly details?: readonly string[];
}

/** A finding, and which check made it. */
export interface Checked extends Finding {
  readonly id: string;
}

export interface Check {
  /** What `--only` names it by. */
  readonly id: string;
  run(plan: Plan): Finding | Promise<Finding>;
}

export type Values = Finding["values"];

export const green = (says: string, values: Values): Finding => ({ verdict: "green", says, values });
export const yellow = (says: string, what: string, values: Values): Finding => ({
  verdict: "yellow",
  says,
  do: what,
  values,
});
export const red = (says: string, what: string, values: Values): Finding => ({
  verdict: "red",
  says,
  do: what,
  values,
});

/** The worse of each two, and the first of those. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.includes("red") ? "red" : verdicts.includes("yellow") ? "yellow" : "green";
}

/** An error's message, in one line. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0];
