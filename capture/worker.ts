/**
 * The capture worker: turns one source into blocks in the ring until it is told to stop. In: one `start` message, then
 * only the ring's Stop word, because its loop never looks at messages. Out: blocks, counters in the ring, a message when
 * the first block is there and when all is closed. A thread of its own, real-time where that is allowed.
 */
import { keepTime } from "../core/clock.ts";
import { configureLog } from "../core/log.ts";
import { type CaptureToMain, type MainToCapture, never, type SourceDescription } from "../core/messages.ts";
import { becomeRealTime } from "../core/realtime.ts";
import { RingWriter } from "../core/ring.ts";
import { Demo } from "./demo.ts";
import { keepCard } from "./keep.ts";
import { deliver } from "./paced.ts";
import { Pulse } from "./pulse.ts";
import { Tones } from "./tones.ts";
import { WavReader } from "./wav.ts";

declare const self: {
  onmessage: ((event: MessageEvent<MainToCapture>) => void) | null;
  postMessage(message: CaptureToMain): void;
  close(): void;
};

/** Above the main isolate (45), below JACK's and the kernel's sound threads. */
const PRIORITY = 50;

async function run(source: SourceDescription, ring: RingWriter, ready: () => void): Promise<void> {
  const pulse = new Pulse(ring);
  switch (source.kind) {
    case "portaudio":
    case "alsa":
      return await keepCard(source, ring, pulse, ready);
    case "wav":
      return deliver(new WavReader(source.path), ring, pulse, ready);
    case "demo":
      return deliver(new Demo(source.channels), ring, pulse, ready);
    case "tones":
      return deliver(new Tones(source.channels), ring, pulse, ready);
    default:
      never(source);
  }
}

self.onmessage = async ({ data }) => {
  keepTime(data.clock);
  configureLog(data.log);
  // Where it isn't allowed the main isolate says so, once for all.
  becomeRealTime(PRIORITY);
  const ring = new RingWriter(data.ring);
  const tell = (message: CaptureToMain) => {
    self.postMessage(message);
    ring.bell.posted();
  };
  try {
    await run(data.source, ring, () => tell({ kind: "ready" }));
    tell({ kind: "stopped" });
  } catch (error) {
    tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
  self.close();
};
