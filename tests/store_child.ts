/**
 * A process that changes a state for as long as it lives, and is killed. In: a directory, and `settle` or `touch`. Out: a
 * line for each change, `touched N T`, and one when it is on disk for certain, `settled N`. T is a clock in milliseconds
 * that stands still while the whole process does.
 */
import { Store } from "../control/store.ts";
import { changed, countOf, stage } from "./store_stage.ts";

const [directory, way] = Deno.args;
const PACE_MS = 5;
/** A longer step is a machine that is busy with something else. */
const LONGEST_STEP_MS = 4 * PACE_MS;

const encoder = new TextEncoder();
const say = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));

const store = new Store(directory, (text) => say(`trouble ${text}`));
const { state, warnings } = store.load();
for (const warning of warnings) say(`warning ${warning}`);
const base = stage(30);
let clock = 0, before = performance.now();
for (let count = countOf(state) + 1;; count++) {
  store.touch(changed(base, count));
  say(`touched ${count} ${clock}`);
  if (way === "settle") {
    await store.settle();
    say(`settled ${count}`);
  } else {
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  const now = performance.now();
  clock += Math.min(now - before, LONGEST_STEP_MS);
  before = now;
}
