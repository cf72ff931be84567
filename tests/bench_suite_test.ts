import assert from "node:assert/strict";
import fc from "fast-check";
import { Native, type NativeFigures, type Noise } from "../bench/native.ts";
import { ROWS, rowsWith } from "../bench/rows.ts";
import type { Figures, Spread } from "../bench/scenario.ts";
import { markdown, type Measured, middleOf, short, summarize } from "../bench/summary.ts";
import { msToSamples } from "../core/units.ts";
import { splitMultistream } from "../send/multistream.ts";
import { PAYLOAD_TYPE_MULTIOPUS, RtpPacket } from "../send/rtp.ts";
import { openLinuxSocket } from "../send/socket_linux.ts";
import { createOpusDecoder } from "../wasm/opus.ts";
import { programTest } from "./require.ts";

const spread = (value: number): Spread => ({ p50: value, p99: value, p999: value, max: value });

function measured(cpu: number, native: number | null): Measured {
  const figures: Figures = {
    cpuPercent: cpu,
    sourceCpuPercent: 2,
    rssMb: 200,
    mainBlockUs: spread(30),
    handoffUs: spread(20),
    captureToSendMs: spread(0.5),
    captureToReceiveMs: spread(2),
    datagrams: { sent: 100, received: 100, lost: 0, late: 0, sendBuffer: 0, receiverSocketDrops: 0 },
    encodesPerSecond: 6400,
    garbageCollections: 1,
    workerCollections: 0,
    blocks: 1,
    withheldBlocks: 0,
    overruns: 0,
    load: null,
  };
  const noise: Noise = { realTime: true, wakes: 1, latenessUs: spread(50) };
  const c: NativeFigures | null = native === null ? null : {
    version: "libopus",
    realTime: true,
    cpuPercent: native,
    unsent: 0,
    encodeUs: spread(10),
    latenessUs: spread(50),
    dueToSendMs: spread(0.3),
  };
  return { figures, native: c, noise, stealPercent: 0 };
}

const number = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => value + 0);
const numbers = fc.array(number, { minLength: 1, maxLength: 20 });

Deno.test("the median has as many values below it as above, in whatever order they come", () => {
  fc.assert(fc.property(numbers, (values) => {
    const { median, min, max } = middleOf(values), half = Math.floor(values.length / 2);
    assert.ok(values.filter((value) => value < median).length <= half);
    assert.ok(values.filter((value) => value > median).length <= half);
    assert.deepEqual([min, max], [Math.min(...values), Math.max(...values)]);
    assert.deepEqual(middleOf(values.toReversed()), { median, min, max });
  }));
  assert.throws(() => middleOf([]), RangeError);
});

Deno.test("a shortened number is off by less than a hundredth, or by half a thousandth", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (value) => {
    assert.ok(Math.abs(Number(short(value)) - value) <= Math.max(0.005 * value, 0.0005) * 1.001, short(value));
  }));
  assert.deepEqual([0.01234, 1.234, 12.34, 123.4, 12_345.6, 0, 300].map(short), [
    ...["0.012", "1.23", "12.3", "123", "12346", "0", "300"],
  ]);
});

Deno.test("ratios are taken within each round, so that a slow hour of the machine cancels out", () => {
  const first = [measured(20, 10), measured(40, 20), measured(60, 30)];
  const row = summarize("row", [measured(40, 20), measured(80, 40), measured(120, 60)], first);
  assert.deepEqual(row.cpuPercent, { median: 80, min: 40, max: 120 });
  assert.deepEqual(row.overNative, { median: 2, min: 2, max: 2 });
  assert.deepEqual(row.overFirst, { median: 2, min: 2, max: 2 });
});

Deno.test("the table has every row, every column, and a dash where C does nothing of the kind", () => {
  const first = [measured(20, 10)],
    rows = [
      summarize("a", first, first),
      summarize("b", [measured(30, null)], first),
    ];
  const lines = markdown(rows).split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.equal(lines.length, 4);
  for (const cells of lines) assert.equal(cells.length, lines[0].length);
  const column = lines[0].indexOf("÷ C");
  assert.deepEqual(lines.slice(2).map((cells) => [cells[0], cells[column]]), [["a", "2"], ["b", "–"]]);
});

Deno.test("every choice of rows begins with the one that they are compared with", () => {
  assert.equal(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
  assert.deepEqual(rowsWith([]), ROWS);
  assert.deepEqual(rowsWith(["no such row"]), [ROWS[0]]);
  for (const { name } of ROWS) {
    const chosen = rowsWith(["no such row", name.toUpperCase()]);
    assert.equal(chosen[0], ROWS[0]);
    assert.ok(chosen.some((row) => row.name === name));
  }
});

const NEEDS = {
  gcc: "gcc",
  "libm.so": "libc6-dev",
  "pkg-config": "pkg-config",
  "libopus.so": "libopus-dev",
};

programTest("what the C program sends is what the server would send", NEEDS, async () => {
  using native = new Native();
  using socket = openLinuxSocket({ address: "127.0.0.1", port: 0, descriptor: -1, dscp: 0 });
  const channels = 16, clients = 2, frame = msToSamples(2.5);
  const job = { seconds: 0.05, frame, bitrate: 128_000, channels, clients, distinct: true, port: socket.port };
  const { cpuPercent, unsent } = await native.encode(job);
  assert.ok(cpuPercent > 0);
  assert.equal(unsent, 0);

  const packet = new RtpPacket(), streams = new Uint8Array(1500), next = [0, 0];
  const offsets = new Int32Array(channels), lengths = new Int32Array(channels);
  using decoder = await createOpusDecoder(1);
  let energy = 0, samples = 0;
  for (let bytes = socket.receive(); bytes >= 0; bytes = socket.receive()) {
    assert.ok(packet.read(socket.incoming, 0, bytes));
    assert.equal(packet.payloadType, PAYLOAD_TYPE_MULTIOPUS);
    const client = packet.ssrc - 1;
    assert.equal(packet.sequence, next[client]++);
    assert.equal(packet.timestamp, packet.sequence * frame);
    const { payloadAt, payloadBytes } = packet;
    assert.ok(splitMultistream(socket.incoming, payloadAt, payloadBytes, channels, streams, offsets, lengths));
    // 128 kb/s × 2.5 ms
    assert.deepEqual([...lengths], Array(channels).fill(40));
    if (client !== 1) continue;
    const pcm = decoder.decodeFloat(streams.slice(offsets[9], offsets[9] + lengths[9]));
    assert.equal(pcm.length, frame);
    for (const sample of pcm) energy += sample * sample;
    samples += pcm.length;
  }
  assert.ok(next[0] >= 200 && next[0] === next[1], `as many for each: ${next}`);
  const level = 10 * Math.log10(2 * energy / samples);
  assert.ok(Math.abs(level + 12) < 1, `a sine of −12 dBFS: ${level} dBFS`);
});
