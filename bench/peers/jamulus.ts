/** Jamulus: a server, and clients that are JACK clients. In: the stage, how many. Out: a row. */
import { Program, watchCpu } from "./processes.ts";
import type { Row } from "./row.ts";
import type { JackStage } from "./stage.ts";

/** A client has connected within this; its buffers have filled. */
const START_MS = 3000, SETTLE_MS = 8000;

/** Settings of a client: fixed jitter buffers on both sides of `depth` blocks, small packets. */
const settings = (depth: number) =>
  `<client>\n<autojitbuf>0</autojitbuf>\n<jitbuf>${depth}</jitbuf>\n<jitbufserver>${depth}</jitbufserver>\n` +
  `<enableopussmall>1</enableopussmall>\n<audioquality>2</audioquality>\n<audiochannels>2</audiochannels>\n</client>\n`;

/** The delay of the first client's own sound, there and back; the CPU is the server's alone. */
export async function jamulus(
  stage: JackStage,
  seconds: number,
  clients: number,
  depth: number,
  port: number,
): Promise<Row> {
  const env = { ...stage.env, HOME: stage.directory, QT_QPA_PLATFORM: "offscreen" };
  await using all = new AsyncDisposableStack();
  const start = (args: readonly string[]) => all.use(new Program({ command: "Jamulus", args, env }));
  const server = start(["-s", "-n", "-F", "-p", String(port), "-u", String(clients + 2)]);
  await new Promise((resolve) => setTimeout(resolve, START_MS));
  const started: Program[] = [];
  for (let client = 1; client <= clients; client++) {
    const file = `${stage.directory}/jamulus${client}.ini`;
    Deno.writeTextFileSync(file, settings(depth));
    const own = ["-n", "-j", "-i", file, "-p", String(port + 10 * client), "--clientname", `c${client}`];
    // Only the first is heard by itself, and it hears nobody else.
    started.push(start([...own, "-c", `127.0.0.1:${port}`, ...(client > 1 ? ["-M"] : [])]));
  }
  await new Promise((resolve) => setTimeout(resolve, START_MS));
  for (const program of [server, ...started]) if (program.ended) throw new Error(`cannot play: ${program.said}`);
  await stage.connect("meter:out_1", "Jamulus c1:input left");
  await stage.connect("meter:out_1", "Jamulus c1:input right");
  await stage.connect("Jamulus c1:output left", "meter:in");
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const cpu = watchCpu([server]);
  const heard = await stage.measure(seconds);
  const name = `Jamulus, ${clients} ${clients === 1 ? "client" : "clients"}, jitter buffers ${depth}`;
  return { name, heard, cpuPercent: cpu(), over: "a JACK wire", remark: "CPU: the server alone" };
}
