/**
 * The sending half: blocks in, datagrams out. Re-frames, encodes each source once, assembles one datagram for each
 * receiver and frame, sends them with one system call, then looks at what clients have sent (inbound.ts). A send worker
 * owns one; with `--send-mode sync` the main isolate does. {@link Sender.block} allocates nothing.
 */
import type { BlockView, Source } from "../core/block.ts";
import { type Board, Flow, type WorkerRow } from "../core/board.ts";
import { now, stamp } from "../core/clock.ts";
import { bucketBetween } from "../core/histogram.ts";
import type { Receiver, SendToMain, ServeMessage } from "../core/messages.ts";
import { BLOCK, FRAME_GRID, MAX_CHANNELS, type Milliseconds, type RtpTimestamp, samplesToMs } from "../core/units.ts";
import { Inbound } from "./inbound.ts";
import { type Change, Served } from "./served.ts";
import { Planes } from "./planes.ts";
import type { MediaSocket } from "./socket.ts";
import { type FrameGroup, frameGroups, StreamPool } from "./stream.ts";
import { Gatherer } from "../wasm/opus.ts";

/** No valid binding for so long pauses a client (the contract says so). */
const CONSENT_MS = 3000;
/** ... and while more comes than is looked at, so that bindings are lost here: RFC 7675 section 5.1 allows no more. */
const FLOODED_CONSENT_MS = 30_000;
/** Consent and reports are looked after every so many blocks: 85 ms. */
const CARE_BLOCKS = 32;
/** Changes of one receiver that wait. Control asks for one at a time; what isn't taken it takes for unanswered. */
const MOST_LATER = 4;

/** Times of the block at hand: taken, its last sample there, its frame's first one captured, that frame sent, all done. */
const enum Time {
  Begun,
  Available,
  Captured,
  Sent,
  Done,
}

export class Sender {
  readonly #socket: MediaSocket;
  readonly #row: WorkerRow;
  readonly #board: Board;
  readonly #tell: (message: SendToMain) => void;
  readonly #pool: StreamPool;
  readonly #groups: FrameGroup<Served>[] = frameGroups();
  /** A list, gone through by index: going through a Map leaves garbage. */
  readonly #served: Served[] = [];
  readonly #inbound: Inbound;
  readonly #gatherer = new Gatherer();
  readonly #planes: Planes;
  /** Receivers of the datagrams in the batch. */
  readonly #batch: Served[] = [];
  #batched = 0;
  /** Tells one batch from the next. */
  #batchNumber = 0;
  #needs = "";
  /** Forms wait for their first packet, or for their position. */
  #changing = false;
  #stale = false;
  /** Position behind the last block. */
  #position = 0;
  /** By {@link Time}, in milliseconds: in an array, where they need no objects. */
  readonly #times = new Float64Array(5);
  #sinceCare = 0;

  constructor(
    options: {
      socket: MediaSocket;
      board: Board;
      worker: number;
      shareEncodes: boolean;
      tell: (message: SendToMain) => void;
    },
  ) {
    this.#socket = options.socket;
    this.#board = options.board;
    this.#row = options.board.workers[options.worker];
    this.#tell = options.tell;
    this.#pool = new StreamPool(options.shareEncodes);
    this.#planes = new Planes(MAX_CHANNELS + options.board.slots.length);
    this.#inbound = new Inbound(options.socket, this.#row, this.#served, {
      resume: (served) => {
        served.resume(this.#pool);
        this.#stale = true;
      },
      pause: (served) => this.#pause(served, now()),
    });
    this.#row.encoders = 0;
  }

  apply(message: ServeMessage): void {
    if (message.kind === "serve") this.#serve(message.receiver);
    else if (message.kind === "reshape") this.#reshape(message.slot, message);
    else this.#close(message.slot);
    this.#refresh();
  }

  /** @hot One block: encode and send what it completes, then hear the clients. */
  block(view: BlockView): void {
    const times = this.#times, position = view.position;
    stamp(times, Time.Begun);
    times[Time.Available] = view.head[1];
    this.#gatherer.load(view.first(this.#planes.locate(view)));
    for (let i = 0; i < this.#groups.length; i++) {
      const group = this.#groups[i];
      if (group.streams.length === 0) continue;
      group.begin(position);
      for (let at = 0; at < BLOCK;) {
        at = group.gather(this.#gatherer, this.#planes.at, at);
        if (group.reframer.full) this.#frame(group, position + BLOCK);
      }
    }
    this.#position = position + BLOCK;
    this.#inbound.poll();
    if (this.#changing) this.#schedule();
    if (++this.#sinceCare >= CARE_BLOCKS) this.#care();
    if (this.#stale) this.#refresh();
    this.#row.droppedSendBuffer = this.#socket.dropped;
    stamp(times, Time.Done);
    this.#row.busyUs += ((times[Time.Done] - times[Time.Begun]) * 1000) | 0;
    this.#row.blocks++;
  }

  /** @hot A frame is complete in the block that ends at `end`: encode each stream, write each receiver's datagram, send. */
  #frame(group: FrameGroup<Served>, end: number): void {
    const streams = group.streams, receivers = group.receivers, start = group.reframer.start;
    let encodes = 0;
    this.#batchNumber++;
    for (let i = 0; i < streams.length; i++) if (streams[i].encode()) encodes++;
    this.#row.encodes += encodes;
    for (let i = 0; i < receivers.length; i++) {
      const served = receivers[i], next = served.next;
      if (next !== null && next.at >= 0 && start >= next.at) {
        if (next.shape.frame !== group.frame) continue;
        this.#advance(served);
      }
      const { current } = served;
      if (!served.flowing || current.shape.frame !== group.frame || start < current.at) continue;
      const bytes = served.write(this.#socket.rows, this.#socket.at, start, this.#batchNumber);
      if (bytes === 0) continue;
      this.#batch[this.#batched++] = served;
      const row = this.#socket.count;
      this.#socket.push(bytes, served.endpoint!);
      if (this.#socket.count !== row + 1) this.#batchNumber++; // full and sent, or not taken: rows are written anew
    }
    if (this.#batched === 0) return;
    this.#socket.flush();
    // A block's time is that of its last sample; the frame's first lies before it.
    this.#times[Time.Captured] = this.#times[Time.Available] - samplesToMs(end - start);
    this.#sent(group.frame);
  }

  /** @hot Counts the batch that has just been sent. */
  #sent(frame: number): void {
    const times = this.#times;
    stamp(times, Time.Sent);
    const late = times[Time.Sent] - times[Time.Available] > samplesToMs(frame);
    this.#row.captureToSend[bucketBetween(times, Time.Available, Time.Sent)] += this.#batched;
    const bucket = bucketBetween(times, Time.Captured, Time.Sent);
    for (let i = 0; i < this.#batched; i++) this.#batch[i].row.server[bucket]++;
    this.#row.datagrams += this.#batched;
    if (late) this.#row.lateFrames += this.#batched;
    this.#batched = 0;
  }

  #serve(receiver: Receiver): void {
    this.#close(receiver.slot);
    const served = new Served(receiver, this.#board.slots[receiver.slot]);
    this.#served.push(served);
    // A row that says "flowing" was left by a worker that is gone: its clients needn't bind again.
    if (receiver.opening.kind === "fixed" || served.row.flow === Flow.Flowing) served.resume(this.#pool);
  }

  #of(slot: number): Served | undefined {
    return this.#served.find(({ receiver }) => receiver.slot === slot);
  }

  #reshape(slot: number, change: Change): void {
    const served = this.#of(slot);
    if (!served) return;
    // One after the other: a shape that gave way before its position would leave a gap, or send the same time twice.
    if (served.next === null) this.#change(served, change);
    else if (served.later.length < MOST_LATER) served.later.push(change);
  }

  #change(served: Served, change: Change): void {
    if (served.flowing) {
      served.next = served.acquire(this.#pool, change);
      this.#changing = this.#stale = true;
      return;
    }
    const { shape, mix, request } = change;
    const form = served.current = served.form(shape, mix, [], -1);
    form.at = Math.ceil((this.#position + 1) / FRAME_GRID) * FRAME_GRID;
    this.#tell({ kind: "reshaped", request, timestamp: served.timestampOf(form.at) });
  }

  /** Decides where new forms begin, once their encoders have warmed up on the samples before. */
  #schedule(): void {
    this.#changing = false;
    for (const served of this.#served) {
      if (served.next === null && served.later.length > 0) this.#change(served, served.later.shift()!);
      const next = served.next;
      if (next === null || next.at >= 0) continue;
      if (next.streams.every((stream) => stream.bytes > 0)) this.#announce(served);
      else this.#changing = true;
    }
  }

  #announce(served: Served): void {
    const next = served.next!;
    next.at = Math.ceil(this.#position / FRAME_GRID) * FRAME_GRID;
    this.#tell({ kind: "reshaped", request: next.request, timestamp: served.timestampOf(next.at) as RtpTimestamp });
  }

  #advance(served: Served): void {
    for (const stream of served.advance().streams) this.#pool.release(stream);
    this.#stale = true;
    if (served.later.length > 0) this.#changing = true;
  }

  #pause(served: Served, time: Milliseconds): void {
    if (!served.flowing) return;
    // What waits holds now, answered or not.
    if (served.next !== null) {
      if (served.next.at < 0) this.#announce(served);
      this.#advance(served);
    }
    served.pause(this.#pool, time);
    for (const change of served.later.splice(0)) this.#change(served, change);
    this.#stale = true;
  }

  #close(slot: number): void {
    const served = this.#of(slot);
    if (!served) return;
    this.#bye(served);
    this.#socket.flush();
    this.#pause(served, now());
    served.row.flow = Flow.Free;
    this.#served.splice(this.#served.indexOf(served), 1);
    this.#batch.length = 0; // who is gone isn't kept
    this.#stale = true;
  }

  /** After a change: lists by frame length, and what main has to deliver. */
  #refresh(): void {
    this.#stale = false;
    for (const group of this.#groups) {
      group.streams = this.#pool.of(group.frame);
      group.receivers = this.#served.filter(({ current, next }) =>
        current.shape.frame === group.frame || next?.shape.frame === group.frame
      );
    }
    this.#row.encoders = this.#pool.size;
    const sources: Source[] = this.#pool.sources(), needs = sources.join();
    if (needs === this.#needs) return;
    this.#needs = needs;
    this.#tell({ kind: "needs", sources });
  }

  /** Consent that has run out, sender reports that are due. */
  #care(): void {
    this.#sinceCare = 0;
    const time = now(), flooded = time - this.#inbound.floodedAt < CONSENT_MS;
    const consent = flooded ? FLOODED_CONSENT_MS : CONSENT_MS;
    for (let i = 0; i < this.#served.length; i++) {
      const served = this.#served[i];
      if (!served.flowing) continue;
      if (served.receiver.opening.kind === "stun" && time - served.row.boundAt > consent) this.#pause(served, time);
      else if (time >= served.reportAt && served.row.packets > 0) this.#report(served, time);
    }
    this.#socket.flush();
  }

  #report(served: Served, time: Milliseconds): void {
    // The sample that is being captured at this moment (RFC 3550 section 6.4.1).
    const position = this.#position + Math.round((time - this.#times[Time.Available]) * 48);
    this.#socket.push(served.writeReport(this.#socket.rows, this.#socket.at, position, time), served.rtcpEndpoint!);
  }

  #bye(served: Served): void {
    const to = served.rtcpEndpoint;
    if (to === null || served.row.packets === 0) return;
    const bytes = served.writeBye(this.#socket.rows, this.#socket.at);
    this.#socket.push(bytes, to);
  }

  /** BYE to everybody; then the socket is closed. Rows stay as they are. */
  [Symbol.dispose](): void {
    for (const { receiver } of [...this.#served]) this.#close(receiver.slot);
    this.#socket.flush();
    this.#pool.dispose();
    this.#gatherer[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
    this.#row.encoders = 0;
  }
}
