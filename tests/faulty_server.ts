/**
 * The server with send workers that can be broken, for tests: `start` as main.ts has it, and commands on stdin, one a
 * line: "throw 0", "hang 1", "reject 0", "vanish 0" break the worker of that number once; "doom 0" breaks it now, and
 * each one that takes its place; "die -1" ends the spare one. Says on stdout when a worker was told. Main isolate; may
 * allocate.
 */
import { parseStart } from "../program/flags.ts";
import { start } from "../program/serve.ts";
import type { Fault, FaultMessage } from "./faulty_send_worker.ts";
import { readLines } from "./server.ts";

const doomed = new Set<number>();
/** Who is in which place of the pool; −1: the newest spare. */
const workers = new Map<number, string>();
const channel = new BroadcastChannel("faults");

function breakWorker(place: number, fault: Fault): void {
  const id = workers.get(place);
  if (id !== undefined) channel.postMessage({ id, fault } satisfies FaultMessage);
}

channel.onmessage = ({ data }: MessageEvent<FaultMessage>) => {
  if ("told" in data) console.log(`faulty worker: ${data.told}`);
  if ("spare" in data) {
    workers.set(-1, data.id);
    console.log("faulty worker: a spare is there");
  }
  if (!("place" in data)) return;
  workers.set(data.place, data.id);
  if (doomed.has(data.place)) breakWorker(data.place, "throw");
};

function obey(line: string): void {
  const [command, number] = line.split(" "), place = Number(number);
  if (command === "doom") doomed.add(place);
  breakWorker(place, command === "doom" ? "throw" : command as Fault);
}

const options = parseStart(Deno.args.slice(1), Deno.env.get, navigator.hardwareConcurrency);
if (options === "help") throw new Error("the faulty server has no help");
void readLines(Deno.stdin.readable, obey);
await start(options, { send: new URL("./faulty_send_worker.ts", import.meta.url) });
Deno.exit(0);
