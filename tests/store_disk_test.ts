/** The store and disks that refuse: full, read-only, no directory. It says so once, goes on, and catches up. */
import assert from "node:assert/strict";
import { Store } from "../control/store.ts";
import { changed, countOf, stage } from "./store_stage.ts";

/** Ten times what the first try after a failure may take. */
const GUARD_MS = 10_000;

/** A store and what it said; `next` resolves when it says more. */
function speaking(directory: string) {
  const said: string[] = [];
  let heard = Promise.withResolvers<void>();
  const store = new Store(directory, (text) => {
    said.push(text);
    heard.resolve();
    heard = Promise.withResolvers();
  });
  const next = async () => {
    let guard: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      guard = setTimeout(() => reject(new Error(`it said no more than: ${said.join("; ")}`)), GUARD_MS);
    });
    await Promise.race([heard.promise, silence]).finally(() => clearTimeout(guard));
  };
  return { store, said, next };
}

const run = (program: string, ...args: string[]) =>
  new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync();

/** A file system of 64 KiB on a folder; null where it may not be mounted. */
function tinyDisk(): { path: string; remount(option: "ro" | "rw"): void } & Disposable | null {
  const path = Deno.makeTempDirSync({ prefix: "foldback-disk-" });
  const dispose = (mounted: boolean) => {
    if (mounted) assert.ok(run("umount", path).success);
    Deno.removeSync(path);
  };
  try {
    if (!run("mount", "-t", "tmpfs", "-o", "size=64k", "none", path).success) throw new Error("it may not be mounted");
  } catch {
    dispose(false);
    return null;
  }
  return {
    path,
    remount: (option) => assert.ok(run("mount", "-o", `remount,${option}`, path).success),
    [Symbol.dispose]: () => dispose(true),
  };
}

Deno.test("a directory that can't be made is one word of trouble, and all is written once it can be", async () => {
  const root = await Deno.makeTempDir({ prefix: "foldback-store-" }), directory = `${root}/file/state`;
  const { store, said, next } = speaking(directory), base = stage(2);
  await Deno.writeTextFile(`${root}/file`, "in the way");
  for (let count = 1; count <= 3; count++) {
    store.touch(changed(base, count));
    await store.settle();
    assert.ok(store.problem?.startsWith(`cannot write ${directory}/state.json: `));
  }
  assert.equal(said.length, 1);
  assert.ok(said[0].startsWith(store.problem!));
  await Deno.remove(`${root}/file`);
  await next(); // nobody asks: it tries by itself
  assert.deepEqual([store.problem, said.length], [null, 2]);
  assert.match(said[1], /state\.json is written again/);
  assert.equal(countOf(new Store(directory, assert.fail).load().state), 3);
  await store.stop();
  await Deno.remove(root, { recursive: true });
});

Deno.test("a store that can't write ends all the same", async () => {
  const root = await Deno.makeTempDir({ prefix: "foldback-store-" });
  const { store, said } = speaking(`${root}/file/state`);
  await Deno.writeTextFile(`${root}/file`, "in the way");
  store.touch(stage(1));
  await store.stop();
  assert.equal(said.length, 1);
  await Deno.remove(root, { recursive: true });
});

const probe = Deno.build.os === "linux" ? tinyDisk() : null;
probe?.[Symbol.dispose]();

Deno.test({
  name: `a full disk, then one that is read-only, harms nothing that is on it${
    probe ? "" : " [needs: the right to mount]"
  }`,
  ignore: probe === null,
  fn: async () => {
    using disk = tinyDisk()!;
    const directory = `${disk.path}/state`, { store, said } = speaking(directory), base = stage(3);
    const settled = async (count: number) => {
      store.touch(changed(base, count));
      await store.settle();
      return store.problem;
    };
    const names = () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.equal(await settled(1), null);
    assert.equal(await settled(2), null);

    const filler = Deno.openSync(`${disk.path}/filler`, { write: true, create: true });
    assert.throws(() => {
      for (;;) filler.writeSync(new Uint8Array(4096));
    }, /No space left/);
    filler.close();
    for (const count of [3, 4, 5]) assert.match(await settled(count) ?? "", /state\.json: No space left/);
    assert.equal(said.length, 1);
    assert.deepEqual(names(), ["state.json", "state.last.json"], "no half of it stays");
    assert.equal(countOf(JSON.parse(Deno.readTextFileSync(`${directory}/state.json`))), 2);
    assert.equal(countOf(JSON.parse(Deno.readTextFileSync(`${directory}/state.last.json`))), 1);

    disk.remount("ro");
    assert.match(await settled(6) ?? "", /state\.json: Read-only file system/);
    assert.equal(said.length, 1, "still the same trouble");
    const found = new Store(directory, assert.fail).load();
    assert.deepEqual([countOf(found.state), found.warnings], [2, []]);

    disk.remount("rw");
    Deno.removeSync(`${disk.path}/filler`);
    assert.equal(await settled(7), null);
    assert.equal(said.length, 2);
    Deno.writeTextFileSync(`${directory}/state.json`, "damage");
    disk.remount("ro");
    const reader = new Store(directory, assert.fail).load();
    assert.deepEqual([countOf(reader.state), reader.warnings.length], [2, 1]);
    assert.match(reader.warnings[0], /going on with the state before it; setting this right failed: Read-only/);
    disk.remount("rw");
    await store.stop();
    assert.equal(said.length, 2);
  },
});
