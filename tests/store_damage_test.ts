/** What a start makes of damaged, strange and foreign files: it goes on with what is good, and destroys nothing. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { sound } from "../control/sound.ts";
import { FRESH_STATE, State, STATE_VERSION } from "../control/state.ts";
import { Folder } from "./store_folder.ts";
import { changed, countOf, stage } from "./store_stage.ts";

const MIB = 1024 * 1024;
const FORBIDDEN = Deno.makeTempDirSync({ prefix: "foldback-store-" });
Deno.mkdirSync(`${FORBIDDEN}/state`);
Deno.writeTextFileSync(`${FORBIDDEN}/state/state.json`, "{}");
globalThis.addEventListener("unload", () => Deno.removeSync(FORBIDDEN, { recursive: true }));

/** `state.json` is change 2, `state.last.json` change 1. */
async function saved(): Promise<Folder> {
  const folder = new Folder(), base = stage(1);
  await folder.save(changed(base, 1), changed(base, 2));
  return folder;
}

/** What is kept aside goes, and both files are as they were. */
function reset(folder: Folder, files: Readonly<Record<string, Uint8Array>>): void {
  for (const name of folder.names()) Deno.removeSync(`${folder.path}/${name}`);
  for (const [name, bytes] of Object.entries(files)) folder.put(name, bytes);
}
const both = (folder: Folder) => Object.fromEntries(folder.names().map((name) => [name, folder.read(name)]));

/** The state before comes back with one warning, the damaged file is kept, and the next start finds nothing wrong. */
function assertGoesBack(folder: Folder, damage: Uint8Array | string): void {
  folder.put("state.json", damage);
  const damaged = folder.read("state.json"), { state, warnings } = folder.load();
  assert.equal(countOf(state), 1);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /^[^\n]*state\.json is damaged \([^\n]+going on with the state before it; kept as [^\n]+$/);
  assert.equal(folder.aside().length, 1);
  assert.ok(warnings[0].includes(folder.aside()[0]));
  assert.deepEqual(folder.read(folder.aside()[0]), damaged);
  assert.deepEqual(folder.load(), { state, warnings: [] });
}

Deno.test("a file that was cut off anywhere gives the state before it", async () => {
  using folder = await saved();
  const files = both(folder), whole = files["state.json"];
  fc.assert(
    fc.property(fc.nat(whole.length - 1), (length) => {
      reset(folder, files);
      assertGoesBack(folder, whole.slice(0, length));
    }),
    { numRuns: 150, examples: [[0], [1], [whole.length - 1]] },
  );
});

Deno.test("bytes that fall over give the state before it wherever they matter, and never an error", async () => {
  using folder = await saved();
  const files = both(folder), whole = files["state.json"];
  /** What the bytes still say: a state, a newer version's, or nothing. */
  const reading = (bytes: Uint8Array): State | "newer" | null => {
    try {
      const tree = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
      return Number.isInteger(tree.version) && tree.version > STATE_VERSION ? "newer" : State.parse(tree);
    } catch {
      return null;
    }
  };
  const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(flips, (changes) => {
      reset(folder, files);
      const bytes = whole.slice();
      for (const [at, mask] of changes) bytes[at] ^= mask;
      const still = reading(bytes);
      if (still === "newer") {
        folder.put("state.json", bytes);
        assert.throws(() => folder.load(), /newer/);
      } else if (still !== null) {
        folder.put("state.json", bytes);
        assert.deepEqual(folder.load(), { state: sound(still), warnings: [] });
      } else assertGoesBack(folder, bytes);
    }),
    { numRuns: 200, examples: [[[[0, 1]]], [[[whole.indexOf("1".charCodeAt(0)), 2]]]] },
  );
});

Deno.test("what is JSON and no state gives the state before it", async () => {
  using folder = await saved();
  const files = both(folder), good = JSON.parse(folder.text("state.json"));
  const wrong = [null, 0, "state", [], {}, { ...good, version: "1" }, { ...good, version: 1.5 }, {
    ...good,
    version: -1,
  }];
  const strange = [{ ...good, more: 1 }, { ...good, seats: undefined }, {
    ...good,
    channels: { 65: good.channels[1] },
  }];
  for (const tree of [...wrong, ...strange]) {
    reset(folder, files);
    assertGoesBack(folder, JSON.stringify(tree));
  }
  reset(folder, files);
  assertGoesBack(folder, "[".repeat(MIB));
});

Deno.test("with both damaged it starts afresh, keeps both and says so once", async () => {
  using folder = await saved();
  const files = both(folder);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), fc.uint8Array({ maxLength: 50 }), (a, b) => {
      // One byte that no UTF-8 has.
      const [first, second] = [a, b].map((bytes) => Uint8Array.of(...bytes, 0xff));
      reset(folder, { ...files, "state.json": first, "state.last.json": second });
      const { state, warnings } = folder.load();
      assert.deepEqual(state, FRESH_STATE);
      assert.equal(warnings.length, 1);
      assert.match(
        warnings[0],
        /state\.json is damaged .*state\.last\.json is damaged .*: starting afresh; kept as .* and /,
      );
      assert.deepEqual(folder.names(), folder.aside());
      assert.deepEqual(folder.aside().map(folder.read), [first, second]);
      assert.deepEqual(folder.load(), { state: FRESH_STATE, warnings: [] });
    }),
    { numRuns: 50 },
  );
});

Deno.test("a file that is gone is the state before it, with a warning; nothing to go back to is a fresh start", async () => {
  using folder = await saved();
  const files = both(folder);
  Deno.removeSync(`${folder.path}/state.json`);
  const { state, warnings } = folder.load();
  assert.deepEqual([countOf(state), warnings.length, folder.aside()], [1, 1, []]);
  assert.match(warnings[0], /state\.json is missing/);
  assert.deepEqual(folder.load(), { state, warnings: [] });

  reset(folder, { "state.json": files["state.json"].slice(9) });
  const fresh = folder.load();
  assert.deepEqual([fresh.state, fresh.warnings.length, folder.names()], [FRESH_STATE, 1, folder.aside()]);
});

Deno.test("a state goes on after damage: what is touched is written, and the good one before it kept", async () => {
  using folder = await saved();
  assertGoesBack(folder, "damage");
  await folder.save(changed(stage(1), 3));
  assert.equal(countOf(folder.load().state), 3);
  assert.equal(countOf(JSON.parse(folder.text("state.last.json"))), 1);
  assert.deepEqual(folder.names(), [...folder.aside(), "state.json", "state.last.json"]);
});

Deno.test("five damaged files are kept, the oldest goes first", async () => {
  using folder = await saved();
  const files = both(folder);
  const old = ["2019-01-01T000000.000Z", "2020-01-01T000000.000Z"].map((date) => `state.damaged-${date}.json`);
  for (const name of old) folder.put(name, name);
  for (let damage = 1; damage <= 4; damage++) {
    folder.put("state.json", `damage ${damage}`);
    folder.load();
  }
  assert.deepEqual(folder.aside().map(folder.text), [old[1], "damage 1", "damage 2", "damage 3", "damage 4"]);
  folder.put("state.json", "damage 5");
  folder.put("state.last.json", "damage 6");
  folder.load();
  assert.deepEqual(folder.aside().map(folder.text), [2, 3, 4, 5, 6].map((damage) => `damage ${damage}`));
  assert.match(folder.aside()[0], /^state\.damaged-\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z\.json$/);
  folder.put("state.json", files["state.json"]);
  assert.equal(countOf(folder.load().state), 2);
});

Deno.test("a file of more than 64 MiB is damaged, whatever is in it", async () => {
  using folder = await saved();
  const path = `${folder.path}/state.json`, good = folder.text("state.json");
  Deno.truncateSync(path, 64 * MIB + 1);
  const { state, warnings } = folder.load();
  assert.deepEqual([countOf(state), warnings.length, folder.aside().length], [1, 1, 1]);
  assert.match(warnings[0], /larger than 64 MiB/);
  folder.put("state.json", good.padEnd(MIB));
  assert.equal(countOf(folder.load().state), 2);
});

Deno.test("what a write that was cut off has left is removed", async () => {
  using folder = await saved();
  for (const name of ["state.json.new", "state.last.json.new"]) folder.put(name, "{");
  folder.put("notes.txt", "somebody's");
  assert.equal(countOf(folder.load().state), 2);
  assert.deepEqual(folder.names(), ["notes.txt", "state.json", "state.last.json"]);
});

Deno.test("a newer version's file is an error that says so, and stays as it is", async () => {
  using folder = await saved();
  const newer = JSON.stringify({ version: STATE_VERSION + 1, everything: "different" });
  for (const [name, other] of [["state.json", "state.last.json"], ["state.last.json", "state.json"]]) {
    folder.put(name, newer);
    folder.put(other, "damage");
    const before = both(folder);
    assert.throws(
      () => folder.load(),
      (error: Error) =>
        error.message.startsWith(
          `cannot read ${folder.path}/${name}: a newer Foldback wrote it (version ${STATE_VERSION + 1}`,
        ),
    );
    assert.deepEqual(both(folder), before);
  }
});

Deno.test("an older version's file is taken over step by step; a step that fails is damage", async () => {
  using folder = await saved();
  const files = both(folder), state = changed(stage(1), 7);
  const { version: _, channels, ...rest } = state;
  const migrations = {
    [STATE_VERSION - 1]: ({ inputs, ...tree }: Record<string, unknown>) => ({ ...tree, channels: inputs }),
    [STATE_VERSION - 2]: ({ ins, ...tree }: Record<string, unknown>) => ({ ...tree, inputs: ins }),
    [STATE_VERSION - 3]: () => {
      throw new Error("no inputs");
    },
  };
  for (const old of [{ version: STATE_VERSION - 1, inputs: channels }, { version: STATE_VERSION - 2, ins: channels }]) {
    folder.put("state.json", JSON.stringify({ ...rest, ...old }));
    assert.deepEqual(folder.load(migrations), { state, warnings: [] });
  }
  for (const version of [STATE_VERSION - 3, STATE_VERSION - 4]) {
    reset(folder, files);
    folder.put("state.json", JSON.stringify({ ...rest, version }));
    const found = folder.load(migrations);
    assert.deepEqual([countOf(found.state), found.warnings.length], [1, 1]);
  }
});

Deno.test("what isn't a file, or lies below one, is an error that names it", async () => {
  using folder = await saved();
  Deno.removeSync(`${folder.path}/state.json`);
  Deno.mkdirSync(`${folder.path}/state.json`);
  assert.throws(() => folder.load(), { message: `cannot read ${folder.path}/state.json: it isn't a file` });
  Deno.removeSync(folder.path, { recursive: true });
  Deno.writeTextFileSync(folder.path, "a file");
  assert.throws(
    () => folder.load(),
    (error: Error) => error.message.startsWith(`cannot read ${folder.path}/state.json: `),
  );
});

Deno.test({
  name: "a file that may not be read is an error that names it",
  permissions: { read: false, write: [FORBIDDEN] },
  fn: () => {
    const folder = new Folder(FORBIDDEN);
    assert.throws(
      () => folder.load(),
      (error: Error) => error.message.startsWith(`cannot read ${FORBIDDEN}/state/state.json: `),
    );
  },
});
