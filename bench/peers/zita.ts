/** zita-njbridge: uncompressed sound from one JACK server to another, here the same. In: the stage. Out: rows. */
import { Program, watchCpu } from "./processes.ts";
import type { Row } from "./row.ts";
import type { JackStage } from "./stage.ts";

/** Its resampler's loop needs some seconds to find the other clock. */
const SETTLE_MS = 15_000, START_MS = 1500;

/** A JACK client's nought: the meter wired to itself. */
export async function jackWire(stage: JackStage, seconds: number): Promise<Row> {
  await stage.connect("meter:out_1", "meter:in");
  try {
    return { name: "a JACK wire", heard: await stage.measure(seconds), over: "a JACK wire" };
  } finally {
    await stage.disconnect("meter:out_1", "meter:in");
  }
}

/** `bufferMs`: its --buff. */
export async function zita(stage: JackStage, seconds: number, bufferMs: number, port: number): Promise<Row> {
  const { env, server } = stage, address = ["127.0.0.1", String(port)];
  const shape = ["--jserv", server, "--float"];
  await using receiver = new Program({
    command: "zita-n2j",
    args: ["--jserv", server, "--buff", String(bufferMs), "--filt", "16", ...address],
    env,
  });
  await using sender = new Program({ command: "zita-j2n", args: [...shape, ...address], env });
  await new Promise((resolve) => setTimeout(resolve, START_MS));
  if (receiver.ended || sender.ended) throw new Error(`cannot bridge: ${sender.said} ${receiver.said}`);
  await stage.connect("meter:out_1", "zita-j2n:in_1");
  await stage.connect("zita-n2j:out_1", "meter:in");
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const cpu = watchCpu([receiver, sender]);
  const heard = await stage.measure(seconds);
  return { name: `zita-njbridge, PCM, --buff ${bufferMs}`, heard, cpuPercent: cpu(), over: "a JACK wire" };
}
