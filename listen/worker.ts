/**
 * The listener's audio worker: owns the socket, the buffer and the output. Waits in poll(2) for the next packet, renders
 * what was due before it came, then takes it. In: {@link StartMessage}, once; then the shared words of Control. Out:
 * {@link ListenerMessage}. A thread of its own, real-time where allowed.
 */
import { PlaybackStream } from "../capture/portaudio.ts";
import { now } from "../core/clock.ts";
import { BUCKETS, percentiles } from "../core/histogram.ts";
import { becomeRealTime } from "../core/realtime.ts";
import { msToSamples, SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import { openMediaSocket } from "../send/open_socket.ts";
import { StreamDecoders } from "./decoders.ts";
import { MediaClient } from "./media.ts";
import { Control, type ListenerMessage, type StartMessage, type Stats } from "./messages.ts";
import { Mixdown } from "./mixdown.ts";
import { DeviceOutput, type Output, Tap, VirtualOutput } from "./output.ts";
import { Playout } from "./playout.ts";
import { PacketWait } from "./wait.ts";
import { warmUp } from "./warmup.ts";

/**
 * For who plays to a device: below the server's capture and mixing, should they be on one machine. Without a device there
 * is no deadline to miss, and many listeners on one machine would only keep the server from sending.
 */
const PRIORITY = 40;
/**
 * Without a device nothing has to be ready in time: the kernel says when a packet arrived, and what would have been heard
 * is worked out afterwards, some packets at a time. That costs half of what waking for each one does.
 */
const BATCH_MS = 20;
const SECOND_MS = 1000;
/** We didn't run for so long (frozen, say): what waits in the socket says nothing about the time to come. */
const STALL_MS = 100;

declare const self: DedicatedWorkerGlobalScope & {
  onmessage: ((event: MessageEvent<StartMessage>) => void) | null;
};
interface DedicatedWorkerGlobalScope {
  postMessage(message: ListenerMessage, transfer?: Transferable[]): void;
  close(): void;
}

self.onmessage = async ({ data }) => {
  try {
    await listen(data);
  } catch (error) {
    self.postMessage({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
  self.close();
};

async function listen(start: StartMessage): Promise<void> {
  const { media } = start, stereo = media.encoding === "opus" && media.coupledStreams === 1;
  const control = new Int32Array(start.control);
  await using cleanup = new AsyncDisposableStack();
  const decoders = cleanup.use(await StreamDecoders.create(media.streams, stereo));
  const playout = new Playout(decoders, msToSamples(media.frameMs), start.bufferMs, media.redundancy === 1);
  const give = (samples: Float32Array<ArrayBuffer>, frames: number) =>
    self.postMessage({ kind: "audio", samples, frames }, [samples.buffer]);
  const tap = new Tap(playout.channels, start.record ? give : null);
  const device = start.play && cleanup.use(await PlaybackStream.open(start.play.target, 2));
  const mixdown = stereo ? null : new Mixdown(playout.channels, new Float32Array(start.gains));
  const output = device ? new DeviceOutput(playout, tap, device, mixdown) : new VirtualOutput(playout, tap);
  const address = media.host.includes(":") ? "::" : "0.0.0.0";
  const socket = cleanup.use(openMediaSocket({ address, port: 0, descriptor: -1, dscp: 0 }));
  const client = new MediaClient(socket, playout, media);
  const wait = cleanup.use(new PacketWait(socket.descriptor));
  await warmUp(media.streams, stereo, msToSamples(media.frameMs));
  const slow = device ? becomeRealTime(PRIORITY) : null;
  const statistics = new Statistics(playout, client, output, tap);
  const notes = slow === null ? [] : [`no real-time priority: ${slow}`];
  self.postMessage({ kind: "ready", output: device?.name ?? null, notes });

  let remindAt = now() as number, last = remindAt, audible = false;
  client.remind(remindAt);
  remindAt += SECOND_MS;
  // Once more after Stop: what has arrived by then is still heard.
  for (let ending = false; !ending;) {
    if (!wait.blocks) await wait.look();
    else if (device) wait.wait(output.patience);
    else Atomics.wait(control, Control.Stop, 0, BATCH_MS);
    ending = Atomics.load(control, Control.Stop) !== 0;
    const time = now();
    if (device) {
      playout.stalled = time - last > STALL_MS;
      last = time;
      output.advance(time);
    }
    for (let length = socket.receive(); length >= 0; length = socket.receive()) {
      const arrival = device ? now() : socket.arrivedAt;
      if (device && arrival - time > STALL_MS) playout.stalled = true;
      output.advance(arrival);
      client.receive(length, arrival);
    }
    // Whatever arrived before has been taken by now.
    if (!device) output.advance(time);
    if (time >= remindAt) {
      client.remind(time);
      self.postMessage({ kind: "stats", stats: statistics.take(time) });
      remindAt = Math.max(remindAt + SECOND_MS, time + SECOND_MS / 2);
    }
    if (!audible && playout.startAt <= time) {
      audible = true;
      self.postMessage({ kind: "audible", startedAt: playout.startAt });
    }
  }
  client.goodbye();
  tap.flush();
  self.postMessage({ kind: "stopped", stats: statistics.take(now()) });
}

/** Turns the counters of the audio thread into {@link Stats}, once a second. */
class Statistics {
  readonly #playout: Playout;
  readonly #client: MediaClient;
  readonly #output: Output;
  readonly #tap: Tap;
  #buffered = new Uint32Array(BUCKETS);
  #delays = new Uint32Array(BUCKETS);

  constructor(playout: Playout, client: MediaClient, output: Output, tap: Tap) {
    this.#playout = playout;
    this.#client = client;
    this.#output = output;
    this.#tap = tap;
  }

  take(time: number): Stats {
    const playout = this.#playout, client = this.#client, { reception } = client;
    const buffered = percentiles(playout.buffered, this.#buffered);
    const delays = percentiles(playout.delays, this.#delays);
    this.#buffered = playout.buffered.slice();
    this.#delays = playout.delays.slice();
    return {
      totals: {
        received: reception.received,
        lost: reception.lost,
        repaired: playout.repaired,
        concealed: playout.concealed,
        late: playout.late,
        duplicates: reception.duplicates,
        broken: client.broken + playout.broken,
        gaps: playout.gaps,
        gapMs: samplesToMs(playout.missingSamples),
        resyncs: playout.resyncs,
        underflows: this.#output.underflows,
      },
      bufferMs: buffered.count === 0 ? null : buffered.p50,
      targetMs: playout.depth.targetMs,
      reason: playout.depth.reason,
      outputMs: this.#output.outputMs,
      delayMs: delays.count === 0 ? null : { p50: delays.p50, p99: delays.p99, max: delays.max },
      driftPpm: playout.arrivals.driftPpm,
      speedPpm: (playout.depth.speed - 1) * 1e6,
      jitterMs: reception.jitter * 1000 / SAMPLE_RATE,
      levelsDb: this.#tap.levelsDb(),
      bound: client.bound(time),
      byes: client.byes,
    };
  }
}
