/** The server on a machine that is too slow, for tests: `start` as main.ts has it, with send workers that are. Main isolate. */
import { parseStart } from "../program/flags.ts";
import { start } from "../program/serve.ts";

const options = parseStart(Deno.args.slice(1), Deno.env.get, navigator.hardwareConcurrency);
if (options === "help") throw new Error("the slow server has no help");
await start(options, { send: new URL("./slow_send_worker.ts", import.meta.url) });
Deno.exit(0);
