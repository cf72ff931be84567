/** The sources that need no sound card, heard through the capture worker, and the refusals of the others. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Demo, DEMO_LENGTH } from "../capture/demo.ts";
import { deliver } from "../capture/paced.ts";
import { Pulse } from "../capture/pulse.ts";
import { resolveSource, SourceError } from "../capture/source.ts";
import { WavWriter } from "../capture/wav.ts";
import { now } from "../core/clock.ts";
import { createRing, RING_BLOCKS, RingReader, RingWriter, Word } from "../core/ring.ts";
import { BLOCK, gainToDb, SAMPLE_RATE } from "../core/units.ts";
import { Capture, channelOf } from "./capture_run.ts";

const SAMPLE_MS = 1000 / SAMPLE_RATE;

Deno.test("tones delivers channel n as a sine of 100·n Hz at −12 dBFS, exact at every position", async () => {
  const { description } = resolveSource("tones", 5);
  await using capture = new Capture(description);
  const level = 10 ** (-12 / 20);
  for (const { position, samples } of await capture.hear(100)) {
    for (let i = 0; i < BLOCK; i++) {
      for (let channel = 0; channel < 5; channel++) {
        const turns = ((position + i) * (channel + 1) % 480) / 480;
        const expected = level * Math.sin(2 * Math.PI * turns);
        assert.ok(Math.abs(samples[i * 5 + channel] - expected) < 1e-6, `sample ${position + i}, channel ${channel}`);
      }
    }
  }
});

Deno.test("a computed source says ready once, runs at 48 kHz by the clock, never early, and stops when told", async () => {
  const { description } = resolveSource("tones", 1);
  await using capture = new Capture(description);
  const early: number[] = [];
  const blocks = [];
  for (let i = 0; i < 150; i++) {
    const [block] = await capture.hear(1);
    if (now() < block.time) early.push(block.time - now());
    blocks.push(block);
  }
  assert.deepEqual(early, []);
  assert.equal(blocks[0].position, 0);
  for (const { position, time } of blocks) {
    assert.ok(Math.abs(time - blocks[0].time - position * SAMPLE_MS) < 0.01, `time of position ${position}`);
  }
  assert.equal(Atomics.load(capture.ring.words, Word.Live), 1);
  assert.deepEqual(await capture.stop(), { kind: "stopped" });
  assert.deepEqual(capture.messages.map(({ kind }) => kind), ["ready", "stopped"]);
});

Deno.test("a computed source that stalls for longer than the ring skips what it missed and counts it", () => {
  const ring = createRing(1), writer = new RingWriter(ring), reader = new RingReader(ring);
  const positions: number[] = [];
  let renders = 0;
  const stalling = {
    render(position: number, out: Float32Array, at: number) {
      if (++renders === 3) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      out[at] = position;
      for (; reader.waiting() > 0; reader.release()) positions.push(reader.position());
      if (positions.length === 5) reader.stop();
    },
  };
  deliver(stalling, writer, new Pulse(writer), () => {});
  const skipped = positions[2] - 2 * BLOCK;
  assert.ok(skipped > RING_BLOCKS * BLOCK, `skipped ${skipped}`);
  assert.equal(skipped % BLOCK, 0);
  assert.ok(Atomics.load(writer.words, Word.Overruns) >= skipped);
  assert.deepEqual(positions.slice(0, 2), [0, BLOCK]);
});

Deno.test("wav:FILE plays a file of any length in a loop without a gap", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const frames = 1000, path = `${folder}/loop.wav`;
    const content = Float32Array.from({ length: frames * 3 }, (_, i) => Math.fround(Math.sin(i * i)));
    {
      using file = new WavWriter(path, 3);
      file.write(content, frames);
    }
    const { description } = resolveSource(`wav:${path}`, null);
    assert.equal(description.channels, 3);
    await using capture = new Capture(description);
    for (const { position, samples } of await capture.hear(40)) {
      for (let i = 0; i < BLOCK * 3; i++) assert.equal(samples[i], content[(position * 3 + i) % (frames * 3)]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file that went away between the check and the start is a failure with a reason", async () => {
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  {
    using file = new WavWriter(path, 1);
    file.write(new Float32Array(10), 10);
  }
  const { description } = resolveSource(`wav:${path}`, null);
  await Deno.remove(path);
  await using capture = new Capture(description);
  await assert.rejects(capture.hear(1), /No such file|cannot find/i);
});

Deno.test("the demo band has sixteen named channels that all sound, at sensible levels, and none like another", () => {
  const { description } = resolveSource("demo", null);
  assert.equal(description.channels, 16);
  assert.equal(new Set(description.channelNames).size, 16);
  for (const name of ["Kick", "Snare", "Hats", "Toms", "Bass", "Guitar L", "Guitar R", "Keys L", "Keys R", "Pads"]) {
    assert.ok(description.channelNames.includes(name), name);
  }
  const demo = new Demo(16), mix = new Float32Array(16 * BLOCK);
  const peaks = new Float32Array(16), products = Array.from({ length: 16 }, () => new Float64Array(16));
  // A quarter of the blocks is enough for likeness; peaks need all.
  for (let position = 0; position < DEMO_LENGTH; position += BLOCK) {
    demo.render(position, mix, 0, BLOCK);
    for (let i = 0; i < mix.length; i++) peaks[i % 16] = Math.max(peaks[i % 16], Math.abs(mix[i]));
    if (position / BLOCK % 8) continue;
    for (let i = 0; i < mix.length; i += 16) {
      for (let a = 0; a < 16; a++) for (let b = 0; b <= a; b++) products[a][b] += mix[i + a] * mix[i + b];
    }
  }
  peaks.forEach((peak, channel) => {
    const db = gainToDb(peak);
    assert.ok(db >= -12 && db <= -3, `${description.channelNames[channel]} peaks at ${db.toFixed(1)} dBFS`);
    for (let other = 0; other < channel; other++) {
      const likeness = products[channel][other] / Math.sqrt(products[channel][channel] * products[other][other]);
      assert.ok(
        Math.abs(likeness) < 0.95,
        `${description.channelNames[channel]} is like ${description.channelNames[other]}`,
      );
    }
  });
});

Deno.test("each channel of the demo band sounds within every five seconds", () => {
  const demo = new Demo(16), mix = new Float32Array(16 * BLOCK);
  const heard = new Float64Array(16), quiet = new Float64Array(16);
  for (let position = 0; position < DEMO_LENGTH; position += BLOCK) {
    demo.render(position, mix, 0, BLOCK);
    for (let i = 0; i < mix.length; i++) if (Math.abs(mix[i]) > 0.01) heard[i % 16] = position;
    for (let channel = 0; channel < 16; channel++) {
      quiet[channel] = Math.max(quiet[channel], position - heard[channel]);
    }
  }
  assert.ok(quiet.every((samples) => samples < 5 * SAMPLE_RATE), [...quiet].join(" "));
});

Deno.test("the demo band is the same from every position, whoever plays it, in any number of channels", () => {
  const one = new Demo(16), other = new Demo(16), a = new Float32Array(64 * BLOCK), b = new Float32Array(64 * BLOCK);
  fc.assert(
    fc.property(fc.nat(5 * DEMO_LENGTH / BLOCK), (block) => {
      one.render(block * BLOCK, a, 0, BLOCK);
      other.render(block * BLOCK % DEMO_LENGTH, b, 0, BLOCK);
      assert.deepEqual(a, b);
    }),
    { numRuns: 50 },
  );
  for (const channels of [1, 5, 17, 64]) {
    const some = new Demo(channels);
    assert.equal(new Set(resolveSource("demo", channels).description.channelNames).size, channels);
    a.fill(0);
    some.render(128_000, a, 0, BLOCK);
    one.render(128_000, b, 0, BLOCK);
    for (let i = 0; i < BLOCK; i++) {
      for (let channel = 0; channel < channels; channel++) {
        assert.equal(a[i * channels + channel], b[i * 16 + channel % 16]);
      }
    }
  }
});

Deno.test("the demo band meets its own beginning: what the worker delivers is what the band plays", async () => {
  await using capture = new Capture(resolveSource("demo", 2).description);
  const blocks = await capture.hear(30);
  const demo = new Demo(2), mix = new Float32Array(2 * BLOCK);
  for (const { position, samples } of blocks) {
    demo.render(position, mix, 0, BLOCK);
    assert.deepEqual(samples, mix);
  }
  assert.ok(channelOf(blocks, 0, 2).some((sample) => Math.abs(sample) > 0.1));
});

Deno.test("a source that can't be had is refused in one line that says what would do", () => {
  const refused: [spec: string | null, channels: number | null, reason: RegExp][] = [
    ["nonsense", null, /"nonsense".*portaudio.*alsa:PCM.*wav:FILE.*demo.*tones/],
    ["demo:loud", null, /must be/],
    ["tones:1", null, /must be/],
    ["alsa", null, /must be/],
    ["wav", null, /must be/],
    ["portaudio:", null, /nothing valid follows/],
    ["alsa:a\0b", null, /nothing valid follows/],
    ["", null, /must be/],
    ["demo", 0, /1 to 64/],
    ["demo", 65, /1 to 64/],
    ["tones", 1.5, /1 to 64/],
    [null, NaN, /1 to 64/],
    ["wav:/there/is/no/such.wav", null, /no such file/],
    [`wav:${new URL(import.meta.url).pathname}`, null, /not a RIFF\/WAVE file/],
    [`wav:${new URL(".", import.meta.url).pathname}`, null, /not a regular file/],
  ];
  for (const [spec, channels, reason] of refused) {
    assert.throws(() => resolveSource(spec, channels), (error) => {
      assert.ok(error instanceof SourceError, String(error));
      assert.match(error.message, reason);
      assert.ok(!error.message.includes("\n"), error.message);
      return true;
    });
  }
});

Deno.test("a WAV file plays with its own number of channels or not at all", async () => {
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  try {
    {
      using file = new WavWriter(path, 2);
      file.write(new Float32Array(20), 10);
    }
    assert.throws(() => resolveSource(`wav:${path}`, 4), /it has 2; leave --channels out/);
    assert.equal(resolveSource(`wav:${path}`, 2).description.channels, 2);
  } finally {
    await Deno.remove(path);
  }
});
