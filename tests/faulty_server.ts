/**
 * The server with send workers that can be broken, for tests: `start` as main.ts has it, and commands on stdin, one a
 * line: "throw 0", "hang 1", "reject 0", "vanish 0" break the worker of that number once; "doom 0" breaks it now and each
 * one that takes its place; "spare 0" ends that. Main isolate; may allocate.
 */
import { parseStart } from "../control/flags.ts";
import { start } from "../main.ts";
import type { Fault } from "./faulty_send_worker.ts";
import { readLines } from "./server.ts";

const doomed = new Set<string>();
const sending = new Map<string, Worker>();

/** Workers as the pool makes them, but remembered by name. */
globalThis.Worker = class extends Worker {
  constructor(script: string | URL, options?: WorkerOptions) {
    super(script, options);
    const name = options?.name ?? "";
    sending.set(name, this);
    if (doomed.has(name)) this.postMessage({ fault: "throw" satisfies Fault });
  }
};

function obey(line: string): void {
  const [command, number] = line.split(" "), name = `send ${number}`;
  if (command === "spare") return void doomed.delete(name);
  if (command === "doom") doomed.add(name);
  sending.get(name)?.postMessage({ fault: command === "doom" ? "throw" : command as Fault });
}

const options = parseStart(Deno.args.slice(1), Deno.env.get, navigator.hardwareConcurrency);
if (options === "help") throw new Error("the faulty server has no help");
void readLines(Deno.stdin.readable, obey);
await start(options, { send: new URL("./faulty_send_worker.ts", import.meta.url) });
Deno.exit(0);
