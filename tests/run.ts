/**
 * What `deno task test` runs. In: test files or folders, and flags of `deno test` (none: all of tests/). Out: the live
 * output of `deno test`, then, as the last line, `N passed, N failed` (and `, N skipped`), counted from its reports; exit
 * code 1 if anything failed or nothing ran. Files run one after the other, for several measure sound in real time, each
 * in a process of its own: what native code breaks in one can't spoil the next. Main isolate; may allocate.
 */

/** A file that takes longer hangs, and is ended; the slowest take about a minute. */
const FILE_LIMIT_MS = 600_000;

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts the tests in a JUnit report of `deno test`. Steps ("test &gt; step") belong to their test; what `--filter` left
 * out has no time and counts as nothing.
 */
export function countReport(xml: string): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [suite] of xml.matchAll(/<testsuite [\s\S]*?<\/testsuite>/g)) {
    const cases = [...suite.matchAll(/<testcase name="([^"]*)"([^>]*)>([\s\S]*?)<\/testcase>/g)];
    const names = new Set(cases.map(([, name]) => name));
    const isStep = (name: string) => [...name.matchAll(/ &gt; /g)].some(({ index }) => names.has(name.slice(0, index)));
    for (const [, name, attributes, body] of cases) {
      if (isStep(name)) continue;
      if (/<(failure|error)[\s>]/.test(body)) counts.failed++;
      else if (!body.includes("<skipped")) counts.passed++;
      else if (attributes.includes("time=")) counts.skipped++;
    }
  }
  return counts;
}

/** The line that a run ends with. */
export const summary = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

const exists = (path: string): boolean => {
  try {
    return Deno.statSync(path).isFile || Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
};
const isPath = (arg: string) => !arg.startsWith("-") && (arg.endsWith(".ts") || exists(arg));

/** Test files named by `path`: itself, or everything below a folder that is called `_test.ts`. */
function testFiles(path: string): string[] {
  if (!exists(path) || Deno.statSync(path).isFile) return [path];
  const folder = path.replace(/\/+$/, "");
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? testFiles(`${folder}/${name}`) : name.endsWith("_test.ts") ? [`${folder}/${name}`] : []
  ).sort();
}

let child: Deno.ChildProcess | undefined;
let interrupted = false;

async function deno(args: readonly string[], quiet = false): Promise<Deno.CommandStatus> {
  child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    stdout: "inherit",
    stderr: quiet ? "null" : "inherit",
  }).spawn();
  const running = child;
  const limit = setTimeout(() => {
    console.error(`cannot finish ${args.at(-1)}: it still runs after ${FILE_LIMIT_MS / 1000} s`);
    running.kill("SIGKILL");
  }, FILE_LIMIT_MS);
  const status = await running.status;
  clearTimeout(limit);
  return status;
}

/** One test file in one process. A process that fails without a failed test in its report counts as one failed test. */
async function runFile(file: string, flags: readonly string[], report: string): Promise<Counts> {
  const status = await deno(["test", "-A", ...flags, `--junit-path=${report}`, file]);
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  if (exists(report)) {
    counts = countReport(Deno.readTextFileSync(report));
    Deno.removeSync(report);
  }
  if (!status.success && counts.failed === 0) counts.failed = 1;
  if (status.signal) console.error(`${file} was ended by ${status.signal}`);
  return counts;
}

const HELP =
  `deno task test [FILE|FOLDER…] [FLAGS]: runs these test files, one after the other; without any, all of tests/.

  FLAGS   those of deno test, such as --filter=TEXT
  --help`;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) return console.log(HELP), 0;
  const named = args.filter(isPath);
  const files = (named.length > 0 ? named : ["tests"]).flatMap(testFiles);
  const flags = args.filter((arg) => !isPath(arg));
  // The terminal sends Ctrl-C to the child as well; its end ends us, after the last line.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => {
      interrupted = true;
      if (signal === "SIGTERM") child?.kill(signal);
    });
  }
  // One check of all is faster than one for each; where it fails, each file's own shows whose mistake it is.
  const checked = files.length > 1 && (await deno(["check", "--quiet", ...files], true)).success;
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failing: string[] = [];
  const folder = Deno.makeTempDirSync({ prefix: "foldback-test-" });
  for (const file of files) {
    if (interrupted) break;
    const counts = await runFile(file, checked ? ["--no-check", ...flags] : flags, `${folder}/report.xml`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    if (counts.failed > 0) failing.push(file);
  }
  Deno.removeSync(folder, { recursive: true });
  if (interrupted) console.error("Interrupted: what is counted is what ran.");
  if (failing.length > 0) console.error(`Failing: ${failing.join(" ")}`);
  // A process that died may have left half a line, and its colour.
  console.log(`${Deno.stdout.isTerminal() ? "\x1b[0m" : ""}\n${summary(total)}`);
  return total.failed > 0 || total.passed === 0 || interrupted ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
