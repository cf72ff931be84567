/** Both ways to hand blocks to a send worker: the ring alone, and what phones hear of either. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { blockBytes, BlockView, channelSource, type Source } from "../core/block.ts";
import { Board, createBoard } from "../core/board.ts";
import { now } from "../core/clock.ts";
import { createHandoff, HANDOFF_BLOCKS, HandoffReader, HandoffWriter } from "../core/handoff.ts";
import type { Receiver, Shape } from "../core/messages.ts";
import { bitRate, BLOCK, rtpTimestamp, sequenceNumber } from "../core/units.ts";
import { Mixer } from "../mix/mixer.ts";
import { fillBlock } from "../mix/fill.ts";
import type { Pool, PoolOptions } from "../workers/pool.ts";
import { readRtcp } from "../send/rtcp.ts";
import { parseRtp, Phone } from "./phone.ts";
import { openPool } from "./send_pool.ts";

const CHANNELS = 4;
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const sources = (channels: readonly number[]): Source[] => channels.map(channelSource);

/** A mixer that holds a block in which each sample of channel c (from 1) is c + position / 2²⁰. */
function holding(mixer: Mixer, position: number): Mixer {
  for (let c = 0; c < mixer.channels; c++) {
    mixer.inputs.fill(c + 1 + position / 2 ** 20, c * BLOCK, (c + 1) * BLOCK);
  }
  return mixer;
}
const newMixer = () => new Mixer(CHANNELS, new Board(createBoard(1, 1)).main);

Deno.test("blocks leave the ring in order and whole, whatever the two ends do in between", () => {
  const everything = sources(numbers(CHANNELS)), mixer = newMixer();
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 20 }), (turns) => {
    const memory = createHandoff(blockBytes(everything));
    const writer = new HandoffWriter(memory), reader = new HandoffReader(memory);
    let written = 0, read = 0;
    for (const [puts, takes] of turns) {
      for (let i = 0; i < puts && writer.waiting() < HANDOFF_BLOCKS; i++) {
        const some = everything.slice(0, 1 + written % CHANNELS);
        fillBlock(writer.next(), some, holding(mixer, written * BLOCK), written * BLOCK, written / 2);
        writer.publish();
        written++;
      }
      for (let i = 0; i < takes && reader.waiting() > 0; i++) {
        const block = reader.oldest();
        assert.deepEqual([block.position, block.time, block.count], [read * BLOCK, read / 2, 1 + read % CHANNELS]);
        const last = block.samples[(blockBytes(everything.slice(0, block.count)) >> 2) - 1];
        assert.equal(last, Math.fround(block.count + read * BLOCK / 2 ** 20));
        reader.release();
        read++;
      }
      assert.equal(writer.waiting(), written - read);
      assert.equal(reader.waiting(), written - read);
    }
  }));
});

Deno.test("a full ring has blocks of its own for each that waits", () => {
  const memory = createHandoff(blockBytes(sources([1])));
  const writer = new HandoffWriter(memory), reader = new HandoffReader(memory), mixer = newMixer();
  for (let i = 0; i < HANDOFF_BLOCKS; i++) {
    fillBlock(writer.next(), sources([1]), holding(mixer, i), i, 0);
    writer.publish();
  }
  assert.equal(writer.waiting(), HANDOFF_BLOCKS);
  const positions = numbers(HANDOFF_BLOCKS).map(() => {
    const { position } = reader.oldest();
    reader.release();
    return position;
  });
  assert.deepEqual(positions, numbers(HANDOFF_BLOCKS).map((i) => i - 1));
});

Deno.test("who sleeps on the bell is woken by all that rang since it looked", () => {
  const memory = createHandoff(64), writer = new HandoffWriter(memory), reader = new HandoffReader(memory);
  for (const ring of [() => writer.publish(), () => writer.bell.posted(), () => writer.end()]) {
    const rung = reader.bell.rung();
    ring();
    assert.ok(reader.bell.sleep(rung)); // would never return
    assert.notEqual(reader.bell.rung(), rung);
  }
  assert.deepEqual([reader.waiting(), reader.bell.messages(), reader.ended()], [1, 1, true]);
  assert.equal(reader.bell.sleep(reader.bell.rung(), 1), false, "nobody has rung");
});

Deno.test("a block in shared memory reads as one in memory of its own", () => {
  const some = sources([3, 1]), mixer = holding(newMixer(), 1280), own = new BlockView(blockBytes(some));
  const ring = new HandoffWriter(createHandoff(blockBytes(some)));
  ring.publish(); // so that its block isn't the first one
  const bytes = fillBlock(own, some, mixer, 1280, 77);
  assert.equal(fillBlock(ring.next(), some, mixer, 1280, 77), bytes);
  assert.deepEqual(ring.next().bytes.slice(0, bytes), own.bytes.slice(0, bytes));
});

/** Where the last whole frame of so many blocks begins. */
const lastFrame = (blocks: number) => Math.floor(blocks * BLOCK / SHAPE.frame - 1) * SHAPE.frame;

const HANDOFFS: readonly PoolOptions["handoff"][] = ["shared", "transfer"];

const SHAPE: Shape = {
  mode: "channels",
  channels: numbers(16),
  frame: 120,
  bitrate: bitRate(128_000),
  redundancy: 0,
};

/** A pool of one worker, whose phone hears channels 1 to 16 of a desk that plays the same each time. */
class Stage implements AsyncDisposable {
  readonly board: Board;
  readonly pool: Pool;
  readonly mixer: Mixer;
  readonly phone = new Phone();
  handed = 0;

  private constructor(board: Board, pool: Pool) {
    this.board = board;
    this.pool = pool;
    this.mixer = new Mixer(16, board.main);
    this.mixer.inputs.forEach((_, i, all) => all[i] = 0.3 * Math.sin(i * i));
  }
  static async open(handoff: PoolOptions["handoff"]): Promise<Stage> {
    const memory = createBoard(1, 1), board = new Board(memory);
    const pool = await openPool(memory, handoff);
    const stage = new Stage(board, pool);
    const receiver: Receiver = {
      slot: 0,
      ssrc: 1000,
      cname: "cname",
      timestampBase: rtpTimestamp(0),
      shape: SHAPE,
      mix: -1,
      opening: { kind: "stun", username: "user", password: "password" },
    };
    board.slots[0].open(sequenceNumber(0));
    pool.apply({ kind: "serve", worker: 0, receiver });
    await stage.phone.hold(pool.ports[0], "user", "password");
    return stage;
  }
  /** Hands blocks over, one upon the other. */
  hand(blocks: number): void {
    for (let b = 0; b < blocks; b++) this.pool.handOver(this.mixer, this.handed++ * BLOCK, now());
  }
  /** Hands blocks over, each when the one before is worked off. */
  async play(blocks: number): Promise<void> {
    for (let b = 0; b < blocks; b++) {
      this.hand(1);
      await this.settle();
    }
  }
  /** Plays until the phone has heard so many packets more. */
  async playUntilHeard(packets: number): Promise<void> {
    const wanted = this.phone.rtp.length + packets;
    for (let i = 0; this.phone.rtp.length < wanted; i++) {
      assert.ok(i < 5000, "the phone hears nothing");
      await this.play(1);
    }
  }
  /** Resolves when the worker has worked off what it got. */
  async settle(): Promise<void> {
    const worker = this.board.workers[0];
    let turns = 0;
    // At least one turn of the event loop, so that the phone reads what came: its socket holds some hundred datagrams.
    do {
      assert.ok(turns++ < 10_000, "the worker stands still");
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (worker.blocks + this.board.main.withheld < this.handed);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.stop();
    this.phone[Symbol.dispose]();
  }
}

Deno.test("both hand-overs give the same packets, byte for byte", async () => {
  const heard: string[][] = [];
  for (const handoff of HANDOFFS) {
    await using stage = await Stage.open(handoff);
    await stage.playUntilHeard(1);
    assert.ok(stage.handed <= 1000, `it took ${stage.handed} blocks`);
    await stage.play(1000 - stage.handed);
    // New encoders, which begin with the next block.
    const shape = { ...SHAPE, bitrate: bitRate(96_000) };
    stage.pool.apply({ kind: "reshape", worker: 0, slot: 0, shape, mix: -1, request: 7 });
    await stage.play(200);
    assert.equal(stage.board.main.withheld, 0);
    await stage.phone.until(() => parseRtp(stage.phone.rtp.at(-1)!).timestamp === lastFrame(1200));
    heard.push(
      stage.phone.rtp.map((one) => [parseRtp(one).timestamp, one.bytes.subarray(12).join()].join(": "))
        .slice(-150),
    );
  }
  assert.deepEqual(heard[0], heard[1]);
});

for (const handoff of HANDOFFS) {
  Deno.test(`a worker that is too far behind gets no more than it can hold, and goes on with what is new (${handoff})`, async () => {
    await using stage = await Stage.open(handoff);
    await stage.playUntilHeard(20);
    const before = stage.board.workers[0].blocks;
    // Each costs the worker 16 encodes.
    for (let i = 0; i < 100_000 && stage.board.main.withheld < 100; i++) stage.hand(1);
    assert.equal(stage.board.main.withheld, 100);
    const behind = stage.handed - stage.board.main.withheld - stage.board.workers[0].blocks;
    assert.ok(behind <= HANDOFF_BLOCKS, `${behind} blocks wait`);
    await stage.settle();
    assert.ok(stage.board.workers[0].blocks > before);
    await stage.play(100); // what the phone's socket held of the burst has been read
    const from = stage.handed * BLOCK;
    await stage.play(40);
    await stage.phone.until(() => parseRtp(stage.phone.rtp.at(-1)!).timestamp >= from + 38 * BLOCK);
    const fresh = stage.phone.rtp.map(parseRtp).filter(({ timestamp }) => timestamp >= from);
    assert.ok(fresh.length > 38);
    fresh.slice(1).forEach((packet, i) => {
      assert.equal(packet.sequence, (fresh[i].sequence + 1) & 0xffff);
      assert.equal(packet.timestamp, fresh[i].timestamp + 120);
    });
  });

  Deno.test(`what was handed over before the end is sent before the BYE (${handoff})`, async () => {
    const stage = await Stage.open(handoff);
    await stage.playUntilHeard(20);
    const { phone } = stage;
    stage.hand(15);
    await stage.pool.stop();
    assert.equal(stage.board.workers[0].blocks, stage.handed);
    await phone.until(() => phone.rtcp.some(({ bytes }) => readRtcp(bytes, 0, bytes.length)?.byes.includes(1000)));
    assert.equal(parseRtp(phone.rtp.at(-1)!).timestamp, lastFrame(stage.handed));
    phone[Symbol.dispose]();
  });
}
