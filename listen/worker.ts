/**
 * The listener's audio worker: owns the socket, the buffer and the output. Waits in poll(2) for the next packet, renders
 * what was due before it came, then takes it. In: {@link StartMessage}, once; then the shared words of Control, and the Media that they announce. Out:
 * {@link ListenerMessage}. A thread of its own, real-time where allowed.
 */
import { type MessagePort as NodePort, receiveMessageOnPort } from "node:worker_threads";
import { PlaybackStream } from "../capture/portaudio.ts";
import { now } from "../core/clock.ts";
import { becomeRealTime } from "../core/realtime.ts";
import { msToSamples } from "../core/units.ts";
import { openMediaSocket } from "../send/open_socket.ts";
import { StreamDecoders } from "./decoders.ts";
import { Statistics } from "./measure.ts";
import { MediaClient } from "./media.ts";
import { Control, isStereo, type ListenerMessage, type Media, type StartMessage } from "./messages.ts";
import { Mixdown } from "./mixdown.ts";
import { DeviceOutput, Tap, VirtualOutput } from "./output.ts";
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
/** While something is in doubt, main hears of it so often. */
const DOUBT_MS = 50;
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

/** What main has posted, without letting the event loop run. */
const fetched = (port: MessagePort): Media | null => receiveMessageOnPort(port as unknown as NodePort)?.message ?? null;

async function listen(start: StartMessage): Promise<void> {
  let { media } = start;
  const control = new Int32Array(start.control);
  await using cleanup = new AsyncDisposableStack();
  let decoders = await StreamDecoders.create(media.streams, isStereo(media));
  cleanup.defer(() => decoders[Symbol.dispose]());
  const playout = new Playout(decoders, msToSamples(media.frameMs), start.bufferMs, media.redundancy === 1);
  const give = (samples: Float32Array<ArrayBuffer>, frames: number) =>
    self.postMessage({ kind: "audio", samples, frames }, [samples.buffer]);
  const tap = new Tap(playout.channels, start.record ? give : null);
  const device = start.play && cleanup.use(await PlaybackStream.open(start.play.target, 2));
  const mixdown = new Mixdown(new Float32Array(start.gains));
  const output = device ? new DeviceOutput(playout, tap, device, mixdown) : new VirtualOutput(playout, tap);
  const address = media.host.includes(":") ? "::" : "0.0.0.0";
  const socket = cleanup.use(openMediaSocket({ address, port: 0, descriptor: -1, dscp: 0 }));
  const client = new MediaClient(socket, playout, media);
  const wait = cleanup.use(new PacketWait(socket.descriptor));
  await warmUp(media.streams, isStereo(media), msToSamples(media.frameMs));
  const slow = device ? becomeRealTime(PRIORITY) : null;
  const statistics = new Statistics(playout, client, output, tap);
  const notes = slow === null ? [] : [`no real-time priority: ${slow}`];
  self.postMessage({ kind: "ready", output: device?.name ?? null, notes });

  /** The session's shape was changed, or the session is another one. Time and counters go on. */
  async function agree(next: Media): Promise<void> {
    const another = next.ssrc !== media.ssrc;
    if (another || next.encoding !== media.encoding || next.streams !== media.streams) {
      decoders = await StreamDecoders.create(next.streams, isStereo(next));
      playout.redirect(decoders)[Symbol.dispose]();
      tap.channels = playout.channels;
    }
    if (another) playout.renew();
    playout.depth.repairMs = next.redundancy * next.frameMs;
    client.agree(media = next);
    client.remind(now());
  }

  let remindAt = now() as number, last = remindAt, audible = false, agreed = 0, doubtAt = 0;
  client.remind(remindAt);
  remindAt += SECOND_MS;
  // Once more after Stop: what has arrived by then is still heard.
  for (let ending = false; !ending;) {
    if (!wait.blocks) await wait.look();
    else if (device) wait.wait(output.patience);
    else Atomics.wait(control, Control.Stop, 0, BATCH_MS);
    ending = Atomics.load(control, Control.Stop) !== 0;
    if (Atomics.load(control, Control.Media) !== agreed) {
      agreed = Atomics.load(control, Control.Media);
      for (let next = fetched(start.port); next !== null; next = fetched(start.port)) await agree(next);
    }
    const time = now();
    playout.stalled = device !== null && time - last > STALL_MS;
    last = time;
    for (let length = socket.receive(); length >= 0; length = socket.receive()) {
      // A device that has room is no hurry as long as it isn't empty: what has come by now is in time for it.
      if (!device) output.advance(socket.arrivedAt);
      client.receive(length, socket.arrivedAt);
    }
    // Whatever arrived before has been taken by now.
    output.advance(time);
    if (time >= remindAt) {
      client.remind(time);
      self.postMessage({ kind: "stats", stats: statistics.take(time) });
      remindAt = Math.max(remindAt + SECOND_MS, time + SECOND_MS / 2);
    }
    if ((client.doubtful || client.dismissed) && time - doubtAt >= DOUBT_MS) {
      doubtAt = time;
      client.doubtful = false;
      self.postMessage({ kind: "doubt", dismissed: client.dismissed });
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
