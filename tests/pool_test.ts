/** The pool of send workers with real workers, real sockets and real phones; blocks come as fast as they are worked off. */
import assert from "node:assert/strict";
import { Board, createBoard, Flow } from "../core/board.ts";
import { now } from "../core/clock.ts";
import { endpointOf } from "../core/endpoint.ts";
import type { Receiver, Shape } from "../core/messages.ts";
import { bitRate, BLOCK, dbToGain, type RtpTimestamp, rtpTimestamp, sequenceNumber } from "../core/units.ts";
import { Mixer } from "../mix/mixer.ts";
import { readRtcp } from "../send/rtcp.ts";
import type { Pool, PoolOptions } from "../workers/pool.ts";
import { decode, measureTone, parseRtp, Phone } from "./phone.ts";
import { openPool } from "./send_pool.ts";

const CHANNELS = 16;
type Handoff = PoolOptions["handoff"];

/** A desk that plays tone 100·n Hz on channel n at −12 dBFS through a pool. */
class Desk implements AsyncDisposable {
  readonly board: Board;
  readonly pool: Pool;
  readonly mixer: Mixer;
  readonly answers = new Map<number, RtpTimestamp>();
  position = 0;
  readonly #block = new Float32Array(BLOCK * CHANNELS);

  private constructor(board: Board, pool: Pool, mixer: Mixer) {
    this.board = board;
    this.pool = pool;
    this.mixer = mixer;
  }
  static async open(size: number, handoff: Handoff, address = "::"): Promise<Desk> {
    const memory = createBoard(size, 64), board = new Board(memory);
    const holder: { desk?: Desk } = {};
    const pool = await openPool(
      memory,
      handoff,
      (request, timestamp) => holder.desk!.answers.set(request, timestamp),
      address,
    );
    return holder.desk = new Desk(board, pool, new Mixer(CHANNELS, board.main));
  }
  async play(blocks: number): Promise<void> {
    for (let b = 0; b < blocks; b++) {
      for (let i = 0; i < BLOCK; i++) {
        const t = (this.position + i) / 48_000;
        for (let c = 0; c < CHANNELS; c++) {
          this.#block[i * CHANNELS + c] = dbToGain(-12) * Math.sin(2 * Math.PI * 100 * (c + 1) * t);
        }
      }
      this.mixer.read(this.#block);
      for (const mix of this.pool.mixes) this.mixer.render(this.mixer.mixes.get(mix)!);
      this.pool.handOver(this.mixer, this.position, now());
      this.position += BLOCK;
      this.board.main.blocks++;
      // At least one turn of the event loop, so that phones read what came: their sockets hold a few hundred datagrams.
      do await new Promise((resolve) => setTimeout(resolve, 1)); while (
        this.board.workers.some(({ blocks }) => blocks < this.board.main.blocks)
      );
    }
  }
  /** Plays until it holds. */
  async playUntil(condition: () => boolean, most = 5000): Promise<void> {
    for (let i = 0; !condition(); i++) {
      if (i === most) throw new Error(`never came: ${condition}`);
      await this.play(1);
    }
  }
  serve(
    worker: number,
    slot: number,
    shape: Partial<Shape>,
    mix = -1,
    opening: Receiver["opening"] = { kind: "stun", username: `user${slot}`, password: `password${slot}` },
  ): Receiver {
    const receiver: Receiver = {
      slot,
      ssrc: 1000 + slot,
      cname: `cname-${slot}`,
      timestampBase: rtpTimestamp(0xffff_ff00),
      shape: { mode: "channels", channels: [1], frame: 120, bitrate: bitRate(128_000), redundancy: 0, ...shape },
      mix,
      opening,
    };
    this.board.slots[slot].open(sequenceNumber(65_530));
    this.pool.apply({ kind: "serve", worker, receiver });
    return receiver;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.stop();
  }
}

/** A test for each hand-over. */
function poolTest(name: string, body: (handoff: Handoff) => Promise<void>): void {
  for (const handoff of ["shared", "transfer"] as const) Deno.test(`${name} (${handoff})`, () => body(handoff));
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

poolTest("a phone hears nothing before its binding, and each of 16 channels after it", async (handoff) => {
  await using desk = await Desk.open(2, handoff);
  using phone = new Phone();
  desk.serve(1, 0, { channels: numbers(16) });
  await desk.play(20);
  assert.equal(phone.rtp.length, 0);
  await phone.hold(desk.pool.ports[1], "user0", "password0");
  await desk.playUntil(() => phone.rtp.length >= 300);
  assert.ok(phone.answers >= 1);
  const packets = phone.rtp.map(parseRtp);
  assert.equal(packets[0].marker, true);
  packets.slice(1).forEach((packet, i) => {
    assert.equal(packet.marker, false);
    assert.equal(packet.sequence, (packets[i].sequence + 1) & 0xffff);
    assert.equal(packet.timestamp, (packets[i].timestamp + 120) >>> 0);
    assert.equal(packet.ssrc, 1000);
    assert.equal(packet.payloadType, 97);
  });
  const audio = await decode(phone.rtp, 16);
  audio.forEach((channel, i) => {
    const tone = measureTone(channel.subarray(2400), 100 * (i + 1));
    assert.ok(Math.abs(tone.hertz - 100 * (i + 1)) < 1, `${tone.hertz} Hz`);
    assert.ok(Math.abs(tone.dbfs + 12) < 1, `${tone.dbfs} dBFS`);
  });
});

poolTest("a mix is one stereo stream with the gains that it was given", async (handoff) => {
  await using desk = await Desk.open(1, handoff);
  using phone = new Phone();
  const gains = new Float32Array(2 * CHANNELS);
  gains[2 * 4] = 0.5; // 500 Hz left
  gains[2 * 9 + 1] = 1; // 1000 Hz right
  desk.mixer.setMix(3, { gains, ceiling: 1, rampMs: 5 });
  desk.serve(0, 0, { mode: "mix", channels: [], frame: 240, bitrate: bitRate(192_000) }, 3);
  await phone.hold(desk.pool.ports[0], "user0", "password0");
  await desk.playUntil(() => phone.rtp.length >= 100);
  const [audio] = await decode(phone.rtp, 1, 2);
  const left = audio.filter((_, i) => i % 2 === 0).subarray(2400),
    right = audio.filter((_, i) => i % 2 === 1).subarray(2400);
  assert.ok(Math.abs(measureTone(left, 500).dbfs + 18) < 0.5);
  assert.ok(Math.abs(measureTone(right, 1000).dbfs + 12) < 0.5);
  assert.ok(measureTone(left, 1000).dbfs < -50);
});

poolTest("a shape changes where it was announced, without a gap in time or sequence", async (handoff) => {
  await using desk = await Desk.open(1, handoff);
  using phone = new Phone();
  desk.serve(0, 0, { channels: [1, 2], frame: 120 });
  await phone.hold(desk.pool.ports[0], "user0", "password0");
  await desk.playUntil(() => phone.rtp.length >= 40);
  const shape: Shape = { mode: "channels", channels: [5], frame: 480, bitrate: bitRate(64_000), redundancy: 1 };
  desk.pool.apply({ kind: "reshape", worker: 0, slot: 0, shape, mix: -1, request: 7 });
  await desk.playUntil(() => desk.answers.has(7));
  const from = desk.answers.get(7)!, heard = phone.rtp.length;
  await desk.playUntil(() => phone.rtp.length >= heard + 60);
  const packets = phone.rtp.map(parseRtp);
  const first = packets.findIndex(({ payloadType }) => payloadType === 98);
  assert.equal(packets[first].timestamp, from);
  assert.equal((packets[first - 1].timestamp + 120) >>> 0, from);
  assert.ok(
    packets.slice(1).every(({ sequence, marker }, i) => !marker && sequence === ((packets[i].sequence + 1) & 0xffff)),
  );
  assert.ok(packets.slice(first + 1).every(({ timestamp }, i) => timestamp === (from + 480 * (i + 1)) >>> 0));
});

poolTest(
  "a shape goes from long frames to short ones without a gap, wherever in a block the grid lies",
  async (handoff) => {
    await using desk = await Desk.open(1, handoff);
    using phone = new Phone();
    desk.position = 28; // as after lost samples: a long frame and the first short one behind it end in one block
    desk.serve(0, 0, { channels: [2], frame: 480, bitrate: bitRate(64_000) });
    await phone.hold(desk.pool.ports[0], "user0", "password0");
    await desk.playUntil(() => phone.rtp.length >= 20);
    const shape: Shape = { mode: "channels", channels: [2], frame: 120, bitrate: bitRate(128_000), redundancy: 0 };
    for (let request = 1; request <= 40; request++) {
      const frame = request % 2 ? 120 : 480;
      desk.pool.apply({ kind: "reshape", worker: 0, slot: 0, shape: { ...shape, frame }, mix: -1, request });
      await desk.playUntil(() => desk.answers.has(request));
      // Every third one comes while the one before waits for its position.
      const heard = phone.rtp.length;
      if (request % 3 > 0) await desk.playUntil(() => phone.rtp.length >= heard + 4 + request % 5);
    }
    const packets = phone.rtp.map(parseRtp);
    packets.slice(1).forEach((packet, i) => {
      const step = (packet.timestamp - packets[i].timestamp) >>> 0;
      assert.ok(step === 120 || step === 480, `packet ${i + 1} comes ${step} samples after the one before`);
      assert.equal(packet.sequence, (packets[i].sequence + 1) & 0xffff);
    });
  },
);

poolTest("a wrong password, a stranger, random bytes: counted, unanswered, without effect", async (handoff) => {
  await using desk = await Desk.open(1, handoff);
  using phone = new Phone();
  using stranger = new Phone();
  desk.serve(0, 0, {});
  const port = desk.pool.ports[0], row = desk.board.workers[0];
  await stranger.bind(port, "user0", "wrong");
  await stranger.bind(port, "nobody", "password0");
  await stranger.send(new Uint8Array([0, 1, 0, 8, 33, 18]), port);
  await desk.playUntil(() => row.droppedStun === 3);
  await stranger.send(crypto.getRandomValues(new Uint8Array(900)).fill(0x50, 0, 1), port);
  await stranger.send(new Uint8Array([0x80, 201, 0, 1, 0, 0, 0, 9]), port);
  await desk.playUntil(() => row.droppedOther === 1 && row.droppedRtcp === 1);
  assert.equal(desk.board.slots[0].flow, Flow.Paused);
  const id = new Uint8Array(12).fill(7);
  await phone.bind(port, "user0", "password0", id);
  await desk.playUntil(() => phone.rtp.length > 5);
  await stranger.bind(port, "user0", "password0", id); // the same transaction, replayed from elsewhere
  await desk.playUntil(() => row.droppedStun === 4);
  await stranger.bind(port, "user0", "password0");
  await desk.playUntil(() => stranger.rtp.length > 5);
  assert.equal(parseRtp(stranger.rtp[0]).marker, false, "roaming sets no marker");
  assert.equal(stranger.answers, 1);
  // What comes late from where it was is answered, and takes nothing back.
  const heard = [phone.rtp.length, stranger.rtp.length], { answers } = phone;
  await phone.bind(port, "user0", "password0", id);
  await desk.playUntil(() => phone.answers > answers && stranger.rtp.length > heard[1] + 20);
  assert.equal(phone.rtp.length, heard[0]);
});

poolTest(
  "a shape that is changed before the first binding begins where it was announced, or later",
  async (handoff) => {
    await using desk = await Desk.open(1, handoff);
    for (let slot = 0; slot < 24; slot++) {
      using phone = new Phone();
      desk.serve(0, slot, { channels: [1, 2], frame: 240 });
      const shape: Shape = { mode: "channels", channels: [5], frame: 120, bitrate: bitRate(96_000), redundancy: 0 };
      desk.pool.apply({ kind: "reshape", worker: 0, slot, shape, mix: -1, request: slot });
      await desk.playUntil(() => desk.answers.has(slot));
      await phone.bind(desk.pool.ports[0], `user${slot}`, `password${slot}`);
      await desk.playUntil(() => phone.rtp.length > 0);
      const { timestamp, marker } = parseRtp(phone.rtp[0]);
      assert.ok(marker && ((timestamp - desk.answers.get(slot)!) | 0) >= 0, `${slot}`);
    }
  },
);

poolTest("closing says BYE and sends nothing after it", async (handoff) => {
  await using desk = await Desk.open(1, handoff);
  using phone = new Phone();
  desk.serve(0, 0, {});
  await phone.bind(desk.pool.ports[0], "user0", "password0");
  await desk.playUntil(() => phone.rtp.length > 5);
  desk.pool.apply({ kind: "close", worker: 0, slot: 0 });
  await desk.playUntil(() => phone.rtcp.some(({ bytes }) => readRtcp(bytes, 0, bytes.length)?.byes.includes(1000)));
  const heard = phone.rtp.length;
  await desk.play(50);
  assert.equal(phone.rtp.length, heard);
});

poolTest("who can't be reached by the socket's family changes nothing of what others hear", async (handoff) => {
  await using desk = await Desk.open(1, handoff, "127.0.0.1");
  using low = new Phone();
  using high = new Phone();
  const port = desk.pool.ports[0],
    away = endpointOf("::1", 9),
    fixed = { kind: "fixed", rtp: away, rtcp: away } as const;
  // The first one's place isn't the batch's beginning; the last one hears the same as who can't be reached.
  desk.serve(0, 0, { channels: [3] });
  desk.serve(0, 1, { channels: [9, 9] }, -1, fixed);
  desk.serve(0, 2, { channels: [3, 3] });
  desk.serve(0, 3, { channels: [9, 9] });
  using first = new Phone();
  await first.hold(port, "user0", "password0");
  await low.hold(port, "user2", "password2");
  await high.hold(port, "user3", "password3");
  await desk.playUntil(() => Math.min(first.rtp.length, low.rtp.length, high.rtp.length) >= 80);
  for (const [phone, streams, hertz] of [[first, 1, 300], [low, 2, 300], [high, 2, 900]] as const) {
    for (const audio of await decode(phone.rtp, streams)) {
      const tone = measureTone(audio.subarray(2400), hertz);
      assert.ok(Math.abs(tone.hertz - hertz) < 1 && Math.abs(tone.dbfs + 12) < 0.5, `${tone.hertz} Hz, not ${hertz}`);
    }
  }
});
