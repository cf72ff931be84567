/** What systemd is told of the server, over a real socket as `$NOTIFY_SOCKET` names it. */
import assert from "node:assert/strict";
import { type Life, type ServiceManager, tellServiceManager } from "../program/notify.ts";
import { startServer } from "./server.ts";

/** Ten times what the slowest of it takes. */
const HANG_MS = 30_000;

const linuxTest = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: Deno.build.os !== "linux", fn });

/** systemd's end. */
class Manager implements Disposable {
  readonly variable: string;
  /** Every line that came, in order. */
  readonly lines: string[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #folder: string | null;
  #heard = Promise.withResolvers<void>();

  constructor(abstract: boolean) {
    this.#folder = abstract ? null : Deno.makeTempDirSync({ prefix: "foldback-notify-" });
    const name = `foldback-test-${crypto.randomUUID()}`;
    this.variable = this.#folder === null ? `@${name}` : `${this.#folder}/notify`;
    const path = this.#folder === null ? `\0${name}` : this.variable;
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    void this.#read();
  }
  async #read(): Promise<void> {
    for await (const [bytes] of this.#socket) {
      this.lines.push(...new TextDecoder().decode(bytes).split("\n"));
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
    }
  }
  /** Resolves when `isIt` is true of what was heard. */
  async until(isIt: (lines: readonly string[]) => boolean): Promise<void> {
    let late = false;
    const guard = setTimeout(() => {
      late = true;
      this.#heard.resolve();
    }, HANG_MS);
    while (!isIt(this.lines)) {
      await this.#heard.promise;
      assert.ok(!late || isIt(this.lines), `the manager never heard it: ${this.lines.join(" | ")}`);
    }
    clearTimeout(guard);
  }
  count(line: string): number {
    return this.lines.filter((one) => one === line).length;
  }
  [Symbol.dispose](): void {
    this.#socket.close();
    if (this.#folder !== null) Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** A mix that goes on when it is told to. */
class FakeLife implements Life {
  blocks = 0;
  text = "tones, 16 channels";
  /** How often somebody looked. */
  looks = 0;
  #looked: { at: number; resolve: () => void } | null = null;
  progress(): number {
    this.looks++;
    if (this.#looked && this.looks >= this.#looked.at) this.#looked.resolve();
    return this.blocks;
  }
  status(): string {
    return this.text;
  }
  /** Resolves when somebody has looked `times` more times. */
  looked(times: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#looked = { at: this.looks + times, resolve };
    return promise;
  }
}

const environment = (variables: Record<string, string>) => (name: string): string | undefined => variables[name];
function tell(manager: Manager, life: Life, more: Record<string, string> = {}): ServiceManager {
  const failed = (reason: string) => assert.fail(reason);
  return tellServiceManager(environment({ NOTIFY_SOCKET: manager.variable, ...more }), life, failed)!;
}

for (const abstract of [false, true]) {
  linuxTest(
    `READY=1 comes with the first block and once, STOPPING=1 last (${abstract ? "abstract" : "path"})`,
    async () => {
      using manager = new Manager(abstract);
      const life = new FakeLife(), told = tell(manager, life);
      await life.looked(3);
      assert.deepEqual(manager.lines, [], "nothing before the first block");
      life.blocks = 1;
      await manager.until((lines) => lines.includes("READY=1"));
      life.blocks = 2;
      await told.stopping();
      await manager.until((lines) => lines.includes("STOPPING=1"));
      assert.deepEqual(manager.lines, ["READY=1", "STATUS=tones, 16 channels", "STOPPING=1", "STATUS=Ending"]);
    },
  );
}

linuxTest("WATCHDOG=1 comes while blocks come, and no more when they don't", async () => {
  using manager = new Manager(false);
  const life = new FakeLife(), told = tell(manager, life, { WATCHDOG_USEC: "40000", WATCHDOG_PID: String(Deno.pid) });
  for (let feed = 1; feed <= 3; feed++) {
    life.blocks++;
    await manager.until(() => manager.count("WATCHDOG=1") === feed);
  }
  await life.looked(10);
  assert.equal(manager.count("WATCHDOG=1"), 3, "a mix that stands still is not said to live");
  life.blocks++;
  await manager.until(() => manager.count("WATCHDOG=1") === 4);
  await told.stopping();
  assert.equal(manager.count("READY=1"), 1);
});

linuxTest("a watchdog that is another process's, or none, is not fed", async () => {
  for (const more of [{ WATCHDOG_USEC: "40000", WATCHDOG_PID: "1" }, { WATCHDOG_USEC: "0" }, { WATCHDOG_USEC: "x" }]) {
    using manager = new Manager(false);
    const life = new FakeLife(), told = tell(manager, life, more as Record<string, string>);
    life.blocks = 1;
    await manager.until((lines) => lines.includes("READY=1"));
    await told.stopping();
    await manager.until((lines) => lines.includes("STOPPING=1"));
    assert.equal(manager.count("WATCHDOG=1"), 0);
  }
});

linuxTest("the status is one line, whatever the source is called, and told when it has changed", async () => {
  using manager = new Manager(false);
  const life = new FakeLife(), told = tell(manager, life, { WATCHDOG_USEC: "40000" });
  life.text = "bad\nSTOPPING=1\nname";
  life.blocks = 1;
  await manager.until((lines) => lines.includes("STATUS=bad STOPPING=1 name"));
  life.text = "good name";
  await manager.until((lines) => lines.includes("STATUS=good name"));
  await told.stopping();
  assert.deepEqual(manager.lines.filter((line) => line.startsWith("STATUS=")).slice(0, 2), [
    "STATUS=bad STOPPING=1 name",
    "STATUS=good name",
  ]);
});

Deno.test("without a manager nobody is told, and a manager that is gone is one warning", async () => {
  assert.equal(tellServiceManager(environment({}), new FakeLife(), assert.fail), null);
  const life = new FakeLife(), reasons: string[] = [], failed = Promise.withResolvers<void>();
  life.blocks = 1;
  const told = tellServiceManager(
    environment({ NOTIFY_SOCKET: "/nowhere/notify", WATCHDOG_USEC: "1000" }),
    life,
    (reason) => {
      reasons.push(reason);
      failed.resolve();
    },
  );
  await failed.promise;
  await told?.stopping();
  assert.equal(reasons.length, 1);
  assert.match(reasons[0], /^cannot tell \/nowhere\/notify how it is: /);
});

linuxTest(
  "a server says READY=1 when it serves, feeds the watchdog, tells who listens, and says STOPPING=1",
  async () => {
    using manager = new Manager(false);
    await using server = await startServer({
      args: ["--source", "tones", "--channels", "2"],
      env: { NOTIFY_SOCKET: manager.variable, WATCHDOG_USEC: "2000000" },
    });
    await manager.until((lines) => lines.filter((line) => line === "WATCHDOG=1").length > 2);
    assert.equal((await server.call("GET", "/healthz")).status, 200);
    assert.ok(
      manager.lines.includes(`STATUS=test tones, 2 channels; 0 receivers; ${server.url}/`),
      manager.lines.join(" | "),
    );
    assert.equal(await server.stop("SIGTERM"), 0);
    await manager.until((lines) => lines.includes("STOPPING=1"));
    assert.equal(manager.count("READY=1"), 1);
    assert.ok(manager.lines.indexOf("READY=1") < manager.lines.indexOf("STOPPING=1"));
  },
);
