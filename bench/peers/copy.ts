/** The least that ALSA can do: `arecord` into `aplay`. In: the stage. Out: a row, which others are compared with. */
import { Program, run, watchCpu } from "./processes.ts";
import type { Row } from "./row.ts";
import { PERIOD, RATE, type Stage } from "./stage.ts";

const SETTLE_MS = 2000;

/** Both with three periods of 128 frames. */
export async function bareCopy(stage: Stage, seconds: number): Promise<Row> {
  const shape = `-t raw -f FLOAT_LE -r ${RATE} --period-size=${PERIOD} --buffer-size=${3 * PERIOD}`;
  let xruns = 0;
  if (stage.channels !== 2) throw new RangeError("cannot copy: arecord and aplay need the same two channels");
  const fifo = `${stage.directory}/copy${performance.now()}`;
  await run("mkfifo", [fifo]);
  // The sound doesn't pass through us; "exec" leaves no shell behind it.
  const shell = (line: string) => new Program({ command: "sh", args: ["-c", `exec ${line}`], env: stage.env });
  await using play = shell(`aplay -D out -c 2 ${shape} <${fifo}`);
  await using record = shell(`arecord -D card -c 2 ${shape} >${fifo}`);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (record.ended || play.ended) throw new Error(`cannot copy: ${record.said} ${play.said}`);
  for (const program of [record, play]) {
    program.onLine((line) => {
      if (/run!!!/.test(line)) xruns++;
    });
  }
  const cpu = watchCpu([record, play]);
  const heard = await stage.measure(seconds);
  return { name: "`arecord \\| aplay`", heard, cpuPercent: cpu(), troubles: { xruns } };
}
