/** Runs the listener alone, as a program: what main.ts does with `listen`. */
import { listen } from "../listen/command.ts";

Deno.exit(await listen(Deno.args));
