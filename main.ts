/**
 * Foldback's one program: a command, and the words after it. In: arguments. Out: the command's exit code; 2 for what it
 * can't be asked, with one line on stderr. Main isolate.
 */
import { bench } from "./bench/command.ts";
import { listDevices } from "./capture/devices.ts";
import { SourceError } from "./capture/source.ts";
import { FlagError } from "./control/flags.ts";
import { telemetryOf } from "./control/telemetry_options.ts";
import { doctor } from "./doctor/command.ts";
import { listen } from "./listen/command.ts";
import { COMMANDS, programHelp } from "./program/commands.ts";
import { completions } from "./program/completions.ts";
import { optionsOf, ourEnvironment, readCommand, refuseUnknownFlags, refuseUnknownVariables } from "./program/flags.ts";
import { healthcheck } from "./program/healthcheck.ts";
import { effectiveSettings, startHelp } from "./program/help.ts";
import { start } from "./program/serve.ts";
import { suggestion } from "./program/suggest.ts";
import manifest from "./deno.json" with { type: "json" };

async function runStart(args: readonly string[]): Promise<number> {
  refuseUnknownVariables(Object.keys(Deno.env.toObject()));
  const { help, check, given } = readCommand(args, ourEnvironment);
  if (help) {
    console.log(startHelp());
    return 0;
  }
  const options = optionsOf(given, ourEnvironment, navigator.hardwareConcurrency);
  if (!check) await start(options);
  else {
    telemetryOf(ourEnvironment); // says no by itself
    console.log(effectiveSettings(given, options));
  }
  return 0;
}

function runDevices(args: readonly string[]): number {
  if (args.length > 0) {
    const asked = args.every((word) => word === "--help");
    const help = "foldback devices: lists the inputs that can be captured.\n\n  --help\n";
    (asked ? console.log : console.error)(asked ? help : "foldback devices: takes no words but --help");
    return asked ? 0 : 2;
  }
  console.log(listDevices());
  return 0;
}

async function run(args: readonly string[]): Promise<number> {
  const [first = "start"] = args;
  if (first === "--version" || first === "--help" || first === "help") {
    console.log(first === "--version" ? manifest.version : programHelp(manifest.version));
    return 0;
  }
  const command = first.startsWith("-") ? "start" : first, rest = command === first ? args.slice(1) : args;
  if (!Object.hasOwn(COMMANDS, command)) {
    const names = Object.keys(COMMANDS), hint = suggestion(command, names);
    throw new FlagError(`unknown command ${JSON.stringify(command)}${hint || `; there are ${names.join(", ")}`}`);
  }
  refuseUnknownFlags(rest, Object.keys(COMMANDS[command].flags));
  switch (command) {
    case "listen":
      return await listen([...rest]);
    case "devices":
      return runDevices(rest);
    case "bench":
      return await bench(rest);
    case "doctor":
      return await doctor(rest);
    case "healthcheck":
      return await healthcheck(rest, ourEnvironment);
    case "completions":
      return completions(rest);
    default:
      return await runStart(rest);
  }
}

if (import.meta.main) {
  try {
    Deno.exit(await run(Deno.args));
  } catch (error) {
    const wrongUse = error instanceof FlagError || error instanceof SourceError;
    console.error(`foldback: ${(error as Error).message}`);
    Deno.exit(wrongUse ? 2 : 1);
  }
}
