/**
 * `deno task peers`: from a card's input to its output through ALSA alone, through us, and through others, on one machine,
 * in one run, one after the other. In: flags. Out: a Markdown table, or JSON. Everything that it starts, it ends.
 */
import { parseArgs } from "node:util";
import { machine, watchSteal } from "../machine.ts";
import { openCard } from "./card.ts";
import { bareCopy } from "./copy.ts";
import { foldback } from "./foldback.ts";
import { gstreamer } from "./gstreamer.ts";
import { jamulus } from "./jamulus.ts";
import { delayParts, peersTable, type Row } from "./row.ts";
import { JackStage, type Stage } from "./stage.ts";
import { jackWire, zita } from "./zita.ts";

/** A JACK wire doesn't change. */
const WIRE_SECONDS = 5;
/** Each starts from its own; Jamulus takes ten for each client. */
const PORT = 45_100;

type Ways<On> = Readonly<Record<string, (stage: On, seconds: number, listen: readonly string[]) => Promise<Row>>>;
/** Programs that have a card by ALSA, and such as are JACK's clients. */
const ON_ALSA: Ways<Stage> = {
  copy: (stage, seconds) => bareCopy(stage, seconds),
  foldback: (stage, seconds, listen) => foldback(stage, seconds, { frameMs: 2.5, listen }),
  gstreamer: (stage, seconds) => gstreamer(stage, seconds, 5, PORT),
};
const ON_JACK: Ways<JackStage> = {
  wire: (stage) => jackWire(stage, WIRE_SECONDS),
  jamulus: (stage, seconds) => jamulus(stage, seconds, 1, 1, PORT + 100),
  jamulus8: (stage, seconds) => jamulus(stage, seconds, 8, 1, PORT + 300),
  zita: (stage, seconds) => zita(stage, seconds, 5, PORT + 500),
};
const NAMES = [...Object.keys(ON_ALSA), ...Object.keys(ON_JACK)];

const HELP = `deno task peers: from a card's input to its output, on this machine, through everything there is.

  --seconds N     measured time of each (default 60)
  --only LIST     such as copy,foldback,copy,foldback; of ${NAMES.join(", ")}
  --listen FLAGS  further flags of our listener, such as "--buffer-ms 3"
  --json          as JSON
  --help          this text
`;

/** One after the other; what can't be run says why in its row. */
async function measureAll(names: readonly string[], seconds: number, listen: readonly string[]): Promise<Row[]> {
  await using open = new AsyncDisposableStack();
  // Otherwise jackd would outlive us.
  const interrupted = () => void open.disposeAsync().finally(() => Deno.exit(130));
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, interrupted);
  const card = names.some((name) => name in ON_ALSA) ? open.use(await openCard()) : null;
  const jack = names.some((name) => name in ON_JACK) ? open.use(await JackStage.open(2)) : null;
  const rows: Row[] = [];
  for (const name of names) {
    const steal = watchSteal();
    try {
      const row = name in ON_ALSA
        ? await ON_ALSA[name](card!, seconds, listen)
        : await ON_JACK[name](jack!, seconds, listen);
      rows.push({ ...row, stealPercent: steal() });
    } catch (error) {
      rows.push({ name, remark: (error as Error).message.split("\n")[0] });
    }
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.removeSignalListener(signal, interrupted);
  return rows;
}

async function peers(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const, flag = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { seconds: text, only: text, listen: text, json: flag, help: flag },
    });
    if (values.help) return console.log(HELP), 0;
    const seconds = Number(values.seconds ?? "60"), names = values.only?.split(",") ?? NAMES;
    if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= 3600)) {
      throw new Error(`--seconds must be a whole number from 1 to 3600: is ${values.seconds}`);
    }
    const strange = names.find((name) => !NAMES.includes(name));
    if (strange !== undefined) throw new Error(`--only knows ${NAMES.join(", ")}: not ${strange}`);
    const rows = await measureAll(names, seconds, values.listen?.split(" ").filter((word) => word !== "") ?? []);
    const here = machine();
    if (values.json) console.log(JSON.stringify({ machine: here, seconds, rows }, null, 2));
    else {
      console.log(
        `${here.date}, ${here.cores} × ${here.cpu}, Linux ${here.kernel}, Deno ${here.deno}; ${seconds} s each`,
      );
      console.log(`\n${peersTable(rows)}\n${delayParts(rows)}`);
    }
    return 0;
  } catch (error) {
    console.error(`deno task peers: ${(error as Error).message.split("\n")[0]}`);
    return 2;
  }
}

if (import.meta.main) Deno.exit(await peers(Deno.args));
