/** A state directory of its own for a test, and what a store left in it. Main isolate of the test runner; may allocate. */
import assert from "node:assert/strict";
import { MIGRATIONS, type Migrations } from "../control/restore.ts";
import type { State } from "../control/state.ts";
import { Store } from "../control/store.ts";

export class Folder implements Disposable {
  readonly path: string;
  #root: string;

  /** Not made yet: the store does. */
  constructor(root = Deno.makeTempDirSync({ prefix: "foldback-store-" })) {
    this.#root = root;
    this.path = `${root}/state`;
  }

  store(migrations: Migrations = MIGRATIONS): Store {
    return new Store(this.path, (text) => assert.fail(text), migrations);
  }
  /** What a start would find. */
  load = (migrations?: Migrations) => this.store(migrations).load();
  /** Each is written, and stays the newest until the next. */
  async save(...states: State[]): Promise<void> {
    const store = this.store();
    store.load();
    for (const state of states) {
      store.touch(state);
      await store.settle();
      assert.equal(store.problem, null);
    }
    await store.stop();
  }

  /** Sorted. */
  names = (): string[] => [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  aside = (): string[] => this.names().filter((name) => name.startsWith("state.damaged-"));
  read = (name: string): Uint8Array => Deno.readFileSync(`${this.path}/${name}`);
  text = (name: string): string => new TextDecoder().decode(this.read(name));
  put(name: string, content: string | Uint8Array): void {
    Deno.mkdirSync(this.path, { recursive: true });
    Deno.writeFileSync(
      `${this.path}/${name}`,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#root, { recursive: true });
  }
}
