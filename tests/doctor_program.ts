/** Runs `foldback doctor` in a process of its own, for tests. */
import { doctor } from "../doctor/command.ts";

Deno.exit(await doctor(Deno.args));
