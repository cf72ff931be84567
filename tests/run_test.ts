/** The frame around the tests, from outside: the runner's last line and exit code, and what a missing program does. */
import assert from "node:assert/strict";
import { hasProgram, missingPackages, programTestDefinition } from "./require.ts";

const RUNNER = new URL("./run.ts", import.meta.url);

/** Runs test files of the given texts and returns the exit code and the lines of standard output. */
async function run(files: Record<string, string>, ...args: string[]): Promise<{ code: number; lines: string[] }> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", RUNNER.href, "--no-config", "--no-check", ...args, folder],
      cwd: folder,
      stderr: "null",
    }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const PASSING = `Deno.test("passes <&> \\"it\\"", () => {}); Deno.test("has steps", async (t) => {
  await t.step("one", () => {}); await t.step({ name: "two", ignore: true, fn: () => {} }); });`;
const FAILING = `Deno.test("fails", () => { throw new Error("<testcase name='x'>"); });
  Deno.test("fails in a step", async (t) => { await t.step("one", () => { throw new Error("no"); }); });`;
const IGNORED = `Deno.test({ name: "ignored", ignore: true, fn: () => {} });`;
const DYING = `Deno.test("runs", () => {}); Deno.test("dies", () => Deno.kill(Deno.pid, "SIGKILL"));`;

Deno.test("a run in which everything passes ends with the count and code 0", async () => {
  const { code, lines } = await run({ "a_test.ts": PASSING, "b_test.ts": PASSING, "c.ts": FAILING });
  assert.deepEqual([code, lines.at(-1)], [0, "4 passed, 0 failed"]);
});

Deno.test("a run counts tests, not steps, over all files, and fails when one failed", async () => {
  const { code, lines } = await run({ "a_test.ts": PASSING, "b_test.ts": FAILING, "c_test.ts": IGNORED });
  assert.deepEqual([code, lines.at(-1)], [1, "2 passed, 2 failed, 1 skipped"]);
});

Deno.test("a file that can't be loaded is a failure, and the others still run", async () => {
  const { code, lines } = await run({ "a_test.ts": `throw new Error("no");`, "b_test.ts": PASSING });
  assert.deepEqual([code, lines.at(-1)], [1, "2 passed, 1 failed"]);
});

Deno.test("a file that kills its process is a failure on a line of its own, and the others still run", async () => {
  const { code, lines } = await run({ "a_test.ts": PASSING, "b_test.ts": DYING });
  assert.deepEqual([code, lines.at(-1)], [1, "2 passed, 1 failed"]);
});

Deno.test("a run in which nothing ran fails", async () => {
  assert.deepEqual((await run({ "a_test.ts": IGNORED })).lines.at(-1), "0 passed, 0 failed, 1 skipped");
  assert.equal((await run({ "a_test.ts": IGNORED })).code, 1);
  const { code, lines } = await run({ "a_test.ts": PASSING }, "--filter=nothing of that name");
  assert.deepEqual([code, lines.at(-1)], [1, "0 passed, 0 failed"]);
});

Deno.test("help is shown and nothing runs", async () => {
  for (const flag of ["--help", "-h"]) {
    const { code, lines } = await run({ "a_test.ts": FAILING }, flag);
    assert.deepEqual([code, lines[0].split(":")[0]], [0, "deno task test [FILE|FOLDER…] [FLAGS]"]);
  }
});

Deno.test("a program is found on the PATH, a library where the linker looks", () => {
  assert.equal(hasProgram(Deno.execPath()), true);
  assert.equal(hasProgram("no-such-program"), false);
  assert.equal(hasProgram("libno-such.so.2"), false);
  if (Deno.build.os === "linux") assert.equal(hasProgram("sh") && hasProgram("libc.so.6"), true);
});

Deno.test("missing packages are named once, in order", () => {
  assert.deepEqual(missingPackages({ "no-b": "b", "no-a": "a", "no-b2": "b", [Deno.execPath()]: "c" }), ["a", "b"]);
});

Deno.test("a test whose program is missing is ignored with the package in its name, but fails in CI", () => {
  const body = () => {};
  const lenient = programTestDefinition("hears it", { "no-such-program": "no-package" }, body, false);
  assert.deepEqual([lenient.ignore, lenient.name], [true, "hears it [needs: apt-get install no-package]"]);
  const strict = programTestDefinition("hears it", { "no-such-program": "no-package" }, body, true);
  assert.ok(!strict.ignore);
  assert.throws(() => strict.fn({} as Deno.TestContext), /apt-get install no-package/);
  assert.deepEqual(programTestDefinition("hears it", { [Deno.execPath()]: "c" }, body, true), {
    name: "hears it",
    fn: body,
  });
});
