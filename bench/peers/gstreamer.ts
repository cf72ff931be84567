/** GStreamer's Opus over RTP: card → opusenc → UDP → jitter buffer → opusdec → card. In: the stage. Out: a row. */
import { Program, watchCpu } from "./processes.ts";
import type { Row } from "./row.ts";
import { PERIOD, RATE, type Stage } from "./stage.ts";

const SETTLE_MS = 5000;
/** Three periods in each buffer, as for the bare copy; in microseconds. */
const PERIOD_US = Math.round(PERIOD / RATE * 1e6), BUFFER_US = 3 * PERIOD_US;

/** `latencyMs`: of its jitter buffer. */
export async function gstreamer(stage: Stage, seconds: number, latencyMs: number, port: number): Promise<Row> {
  const card = `buffer-time=${BUFFER_US} latency-time=${PERIOD_US}`;
  const caps = "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=96";
  const pipeline = (line: string) =>
    new Program({ command: "gst-launch-1.0", args: ["-q", ...line.split(" ")], env: stage.env });
  await using receiver = pipeline(
    `udpsrc address=127.0.0.1 port=${port} caps=${caps} ! rtpjitterbuffer latency=${latencyMs} ! rtpopusdepay ! opusdec ! ` +
      `audioconvert ! alsasink device=out ${card}`,
  );
  await using sender = pipeline(
    `alsasrc device=card ${card} ! audio/x-raw,rate=${RATE},channels=2 ! audioconvert ! ` +
      `opusenc frame-size=2.5 bitrate=256000 audio-type=restricted-lowdelay ! rtpopuspay pt=96 ! ` +
      `udpsink host=127.0.0.1 port=${port} sync=false async=false`,
  );
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (receiver.ended || sender.ended) throw new Error(`cannot stream: ${sender.said} ${receiver.said}`);
  const cpu = watchCpu([receiver, sender]);
  const heard = await stage.measure(seconds);
  return { name: `GStreamer, Opus 2.5 ms, jitter buffer ${latencyMs} ms`, heard, cpuPercent: cpu() };
}
