/** The store from outside: what is touched comes back after a restart; when it writes, and what it leaves on disk. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { sound } from "../control/sound.ts";
import { FRESH_STATE, State } from "../control/state.ts";
import { stateText } from "../control/state_text.ts";
import { Store } from "../control/store.ts";
import { Folder } from "./store_folder.ts";
import { changed, countOf, stage } from "./store_stage.ts";
import { anyState } from "./store_states.ts";

/** Ten times what a write that nobody asks for may take. */
const GUARD_MS = 10_000;
const ONLY = Deno.makeTempDirSync({ prefix: "foldback-store-" });
globalThis.addEventListener("unload", () => Deno.removeSync(ONLY, { recursive: true }));

Deno.test("any state comes back as it was touched", async () => {
  await fc.assert(
    fc.asyncProperty(anyState.map(sound), async (state) => {
      using folder = new Folder();
      await folder.save(state);
      assert.deepEqual(folder.load(), { state, warnings: [] });
    }),
    { numRuns: 60 },
  );
});

Deno.test("what is written is what JSON.stringify gives, whatever was written before", () => {
  fc.assert(fc.property(anyState, anyState, (a, b) => {
    const both: State = { ...a, seats: b.seats, scenes: { ...a.scenes, ...b.scenes } };
    for (const state of [a, b, both]) assert.equal(stateText(state), JSON.stringify(state));
  }));
});

Deno.test("the first start is a fresh state, without a word and without a file", () => {
  using folder = new Folder();
  assert.deepEqual(folder.load(), { state: FRESH_STATE, warnings: [] });
  assert.throws(() => folder.names(), Deno.errors.NotFound);
});

Deno.test("file and directory are for the owner only, and the state before this one is kept", async () => {
  using folder = new Folder();
  const base = stage(3);
  await folder.save(changed(base, 1), changed(base, 2), changed(base, 3));
  assert.deepEqual(folder.names(), ["state.json", "state.last.json"]);
  assert.equal(countOf(JSON.parse(folder.text("state.last.json"))), 2);
  assert.equal(countOf(folder.load().state), 3);
  if (Deno.build.os === "windows") return;
  assert.equal(Deno.statSync(folder.path).mode! & 0o777, 0o700);
  for (const name of folder.names()) assert.equal(Deno.statSync(`${folder.path}/${name}`).mode! & 0o777, 0o600, name);
});

Deno.test("what somebody else may read becomes unreadable with the next write", async () => {
  using folder = new Folder();
  const base = stage(1);
  await folder.save(changed(base, 1));
  for (const name of ["state.json", "state.json.new"]) {
    folder.put(name, stateText(base));
    Deno.chmodSync(`${folder.path}/${name}`, 0o666);
  }
  await folder.save(changed(base, 2));
  assert.equal(Deno.statSync(`${folder.path}/state.json`).mode! & 0o777, Deno.build.os === "windows" ? 0o666 : 0o600);
});

Deno.test("a write that was ended halfway, both names on one file, is no hindrance for the next", async () => {
  using folder = new Folder();
  const base = stage(1);
  await folder.save(changed(base, 1));
  Deno.linkSync(`${folder.path}/state.json`, `${folder.path}/state.last.json`);
  await folder.save(changed(base, 2));
  assert.deepEqual(folder.names(), ["state.json", "state.last.json"]);
  assert.equal(countOf(folder.load().state), 2);
  assert.equal(countOf(JSON.parse(folder.text("state.last.json"))), 1);
});

Deno.test("a touch is written by itself, also when touches never end", async () => {
  using folder = new Folder();
  const store = folder.store(), base = stage(1), guard = performance.now() + GUARD_MS;
  let count = 0;
  const written = () => {
    try {
      return countOf(JSON.parse(folder.text("state.json"))) > 0;
    } catch (error) {
      assert.ok(error instanceof Deno.errors.NotFound);
      return false;
    }
  };
  try {
    do {
      store.touch(changed(base, ++count));
      await new Promise((resolve) => setTimeout(resolve, 1));
      assert.ok(performance.now() < guard, "nothing was written");
    } while (!written());
  } finally {
    await store.stop();
  }
  assert.equal(countOf(folder.load().state), count);
});

Deno.test("calls of settle that wait together share one write, and it has everything", async () => {
  using folder = new Folder();
  const store = folder.store(), base = stage(3);
  const touchAndSettle = (count: number) => {
    store.touch(changed(base, count));
    return store.settle();
  };
  // The first write has begun when the others are touched; a second one must do for all of them.
  await Promise.all([1, 2, 3, 4, 5].map(touchAndSettle));
  assert.equal(countOf(folder.load().state), 5);
  assert.equal(countOf(JSON.parse(folder.text("state.last.json"))), 1, "two writes");
  await store.stop();
});

Deno.test("settle leaves a disk alone that has everything", async () => {
  using folder = new Folder();
  const store = folder.store(), state = stage(1);
  store.touch(state);
  await store.settle();
  const inode = () => Deno.statSync(`${folder.path}/state.json`).ino;
  const before = inode();
  store.touch(state);
  await store.settle();
  await store.stop();
  assert.equal(inode(), before);
  assert.deepEqual(folder.names(), ["state.json"]);
});

Deno.test("stop writes the last touch and leaves nothing that would hold up the end", async () => {
  using folder = new Folder();
  const store = folder.store(), base = stage(1);
  store.touch(changed(base, 1));
  const stopped = store.stop();
  store.touch(changed(base, 2));
  await stopped;
  assert.equal(countOf(folder.load().state), 2);
  store.touch(changed(base, 3));
  await store.stop();
});

Deno.test("without a directory everything succeeds and nothing is written", async () => {
  const store = new Store(null, (text) => assert.fail(text));
  assert.deepEqual(store.load(), { state: FRESH_STATE, warnings: [] });
  store.touch(stage(2));
  await store.settle();
  assert.equal(store.problem, null);
  await store.stop();
});

Deno.test({
  name: "the state directory is all that the store may read and write",
  permissions: { read: [ONLY], write: [ONLY] },
  fn: async () => {
    const folder = new Folder(ONLY);
    await folder.save(changed(stage(1), 1), changed(stage(1), 2));
    folder.put("state.json", "damage");
    const { state, warnings } = folder.load();
    assert.deepEqual([countOf(state), warnings.length, folder.aside().length], [1, 1, 1]);
  },
});
