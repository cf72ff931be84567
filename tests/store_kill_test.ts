/** The store and kill -9: whenever it comes, the file is whole, and nothing is lost that was promised to be kept. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Store } from "../control/store.ts";
import { readLines } from "./server.ts";
import { countOf } from "./store_stage.ts";

const KILLS = 100;
/** Lives at a time, each in a directory of its own that goes from life to life. */
const LANES = 4;
/** The most lines that a life may say. Two for each change that is settled; one each 5 ms for one that is only touched. */
const LINES = { settle: 120, touch: 400 };
/** What is touched is on disk within this. */
const WITHIN_MS = 1000;
/** Ten times what the longest life takes. */
const GUARD_MS = 40_000;

const CHILD = fileURLToPath(new URL("./store_child.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

/** Ended by its number after so many lines; everything that it had said. */
async function life(directory: string, way: keyof typeof LINES, lines: number): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt", "--config", CONFIG],
      ...[`--allow-read=${directory}`, `--allow-write=${directory}`, CHILD, directory, way],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const guard = setTimeout(() => child.kill("SIGKILL"), GUARD_MS);
  const said: string[] = [];
  await readLines(child.stdout, (line) => {
    said.push(line);
    if (said.length === lines) child.kill("SIGKILL");
  });
  const { signal } = await child.status;
  clearTimeout(guard);
  assert.equal(signal, "SIGKILL");
  assert.ok(said.length >= lines, `it said ${said.length} lines before the guard ended it`);
  return said;
}

/** What the lines promise: the least and the most that may be on disk. */
function promised(said: readonly string[]): { least: number; most: number } {
  const touched = said.map((line) => /^touched (\d+) ([\d.]+)$/.exec(line)).filter((found) => found !== null)
    .map(([, count, clock]) => ({ count: Number(count), clock: Number(clock) }));
  const settled = said.map((line) => Number(/^settled (\d+)$/.exec(line)?.[1] ?? 0));
  const end = touched.at(-1)!;
  const old = touched.filter(({ clock }) => clock < end.clock - WITHIN_MS).map(({ count }) => count);
  // The next change may have been touched, and even written, before it could be said.
  return { least: Math.max(0, ...settled, ...old), most: end.count + 1 };
}

Deno.test("a process that is killed a hundred times loses nothing settled and nothing older than a second", async () => {
  const root = await Deno.makeTempDir({ prefix: "foldback-store-" });
  let left = KILLS, byAge = 0;
  const lane = async (number: number) => {
    const directory = `${root}/${number}`;
    let known = 0;
    using _ = { [Symbol.dispose]: () => void (left = 0) }; // where one lane fails the others end, too
    while (left-- > 0) {
      const way = left % 3 === 0 ? "touch" : "settle";
      const said = await life(directory, way, 1 + Math.floor(Math.random() * LINES[way]));
      const what = `${way}, after ${said.length} lines: ${said.at(-1)}`;
      assert.deepEqual(said.filter((line) => !/^(touched|settled) /.test(line)), [], what);
      const { state, warnings } = new Store(directory, assert.fail).load();
      const { least, most } = promised(said);
      const count = countOf(state);
      assert.deepEqual(warnings, [], what);
      assert.ok(
        count >= least && count >= known && count <= most,
        `${what}: ${count}, of ${known} ≤ ${least} … ${most}`,
      );
      if (way === "touch" && least > 0) byAge++;
      known = count;
    }
  };
  try {
    const lanes = await Promise.allSettled(Array.from({ length: LANES }, (_, number) => lane(number)));
    for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
    assert.ok(byAge > 0, "some lives were longer than a second");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
