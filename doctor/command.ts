/**
 * `foldback doctor`: will this machine hold tonight? Makes one check after the other, since each would spoil the next
 * one's figures, and prints a line for each. In: arguments. Out: text or JSON, the exit code. Main isolate; allocates.
 */
import { FlagError } from "../control/flags.ts";
import { ourEnvironment } from "../program/flags.ts";
import { addresses } from "./addresses.ts";
import { buffers } from "./buffers.ts";
import { type Check, type Checked, type Finding, reasonOf, red, yellow } from "./check.ts";
import { clock } from "./clock.ts";
import { dscp } from "./dscp.ts";
import { library } from "./library.ts";
import { load } from "./load.ts";
import { helpOf, parsePlan, type Plan } from "./plan.ts";
import { ports } from "./ports.ts";
import { processor } from "./processor.ts";
import { radio } from "./radio.ts";
import { realtime } from "./realtime.ts";
import { jsonOf, linesOf, totalOf } from "./report.ts";
import { source } from "./source.ts";
import { state } from "./state.ts";

const CHECKS: readonly Check[] = [
  library,
  source,
  realtime,
  processor,
  load,
  addresses,
  ports,
  dscp,
  buffers,
  state,
  clock,
  radio,
];

async function make(check: Check, plan: Plan): Promise<Finding> {
  try {
    return await check.run(plan);
  } catch (error) {
    const values = { error: reasonOf(error) };
    if (error instanceof Deno.errors.NotCapable) {
      return yellow(
        `not checked: ${reasonOf(error)}`,
        "run the doctor with every permission, as its task does",
        values,
      );
    }
    return red(`the check itself failed: ${reasonOf(error)}`, "please report this", values);
  }
}

/** Runs `foldback doctor` with these arguments; resolves to the exit code: 1 if anything is red, 2 for wrong flags. */
export async function doctor(args: readonly string[]): Promise<number> {
  const ids = CHECKS.map(({ id }) => id);
  let plan: Plan | "help";
  try {
    plan = parsePlan(args, ids, ourEnvironment, navigator.hardwareConcurrency);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    console.error(`foldback doctor: ${error.message}`);
    return 2;
  }
  if (plan === "help") {
    console.log(helpOf(ids));
    return 0;
  }
  const { only, json } = plan, colour = Deno.stdout.isTerminal() && !Deno.noColor;
  const done: Checked[] = [];
  for (const check of CHECKS.filter(({ id }) => only === null || only.includes(id))) {
    const checked = { id: check.id, ...await make(check, plan) };
    done.push(checked);
    if (!json) console.log(linesOf(checked, colour));
  }
  console.log(json ? jsonOf(done) : totalOf(done));
  return done.some(({ verdict }) => verdict === "red") ? 1 : 0;
}
