/** WAV files: what is written is read back, every format is understood, and no file is believed. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { wavHeader } from "../capture/wav_writer.ts";
import { inspectWav, WavError, WavReader, WavWriter } from "../capture/wav.ts";
import { programTest } from "./require.ts";

/** A file with this content for the time of `work`. */
function withFile<Result>(content: Uint8Array, work: (path: string) => Result): Result {
  const path = Deno.makeTempFileSync({ suffix: ".wav" });
  try {
    Deno.writeFileSync(path, content);
    return work(path);
  } finally {
    Deno.removeSync(path);
  }
}

interface Fields {
  format: number;
  channels: number;
  rate: number;
  bits: number;
  frameBytes?: number;
  extensible?: boolean;
  data: Uint8Array;
  /** What the data chunk claims to hold. */
  claimed?: number;
  before?: Uint8Array;
}

const chunk = (name: string, content: Uint8Array, claimed = content.length) => {
  const bytes = new Uint8Array(8 + content.length + content.length % 2);
  bytes.set(new TextEncoder().encode(name));
  new DataView(bytes.buffer).setUint32(4, claimed, true);
  bytes.set(content, 8);
  return bytes;
};
const concat = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

function wav({ format, channels, rate, bits, frameBytes, extensible, data, claimed, before }: Fields): Uint8Array {
  const fmt = new Uint8Array(extensible ? 40 : 16), view = new DataView(fmt.buffer);
  view.setUint16(0, extensible ? 0xfffe : format, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, rate, true);
  view.setUint32(8, rate * channels * bits / 8, true);
  view.setUint16(12, frameBytes ?? channels * bits / 8, true);
  view.setUint16(14, bits, true);
  if (extensible) {
    view.setUint16(16, 22, true);
    view.setUint16(18, bits, true);
    view.setUint16(24, format, true);
    fmt.set([0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113], 26);
  }
  const body = concat(
    new TextEncoder().encode("WAVE"),
    before ?? new Uint8Array(),
    chunk("fmt ", fmt),
    chunk("data", data, claimed),
  );
  return chunk("RIFF", body);
}

/** Values as a file holds them, by an encoder of the test's own, and what they mean. */
function encode(kind: string, values: readonly number[]): { data: Uint8Array; meant: number[] } {
  const bits = Number(/\d+/.exec(kind)![0]), bytes = bits / 8;
  const data = new Uint8Array(values.length * bytes), view = new DataView(data.buffer);
  const full = 2 ** (bits - 1);
  const meant = values.map((value, i) => {
    if (kind === "float32") view.setFloat32(4 * i, value, true);
    if (kind === "float64") view.setFloat64(8 * i, value, true);
    if (kind.startsWith("float")) return Math.fround(value);
    const whole = Math.max(-full, Math.min(full - 1, Math.round(value * full)));
    for (let b = 0; b < bytes; b++) data[bytes * i + b] = Math.floor(whole / 2 ** (8 * b)) & 255;
    // Whole numbers have no −0.
    return Math.fround(whole / full) + 0;
  });
  return { data, meant };
}

const KINDS = ["pcm16", "pcm24", "pcm32", "float32", "float64"] as const;
const sample = fc.double({ min: -1, max: 1, noNaN: true });

Deno.test("every format is read as it was meant, from any position, in a loop", () => {
  const file = fc.record({
    kind: fc.constantFrom(...KINDS),
    channels: fc.integer({ min: 1, max: 64 }),
    frames: fc.integer({ min: 1, max: 40 }),
    extensible: fc.boolean(),
    junk: fc.uint8Array({ maxLength: 9 }),
    position: fc.nat(1e9),
    count: fc.integer({ min: 1, max: 100 }),
    seed: fc.array(sample, { minLength: 1, maxLength: 50 }),
  });
  fc.assert(
    fc.property(file, ({ kind, channels, frames, extensible, junk, position, count, seed }) => {
      const values = Array.from({ length: channels * frames }, (_, i) => seed[i % seed.length]);
      const { data, meant } = encode(kind, values);
      const bytes = wav({
        format: kind.startsWith("pcm") ? 1 : 3,
        channels,
        rate: 48_000,
        bits: Number(/\d+/.exec(kind)![0]),
        extensible,
        data,
        before: chunk("JUNK", junk),
      });
      withFile(bytes, (path) => {
        const reader = new WavReader(path);
        assert.deepEqual({ ...reader.format, dataAt: 0, frameBytes: 0 }, {
          channels,
          encoding: kind,
          frames,
          dataAt: 0,
          frameBytes: 0,
        });
        const out = new Float32Array(count * channels + 7).fill(9);
        reader.render(position, out, 3, count);
        for (let i = 0; i < count * channels; i++) {
          assert.equal(out[3 + i], Math.fround(meant[(position % frames * channels + i) % meant.length]));
        }
        assert.deepEqual(
          [...out.slice(0, 3), ...out.slice(-4)],
          Array(7).fill(9),
          "nothing is written beside the frames",
        );
      });
    }),
    { numRuns: 150 },
  );
});

Deno.test("what WavWriter writes is read back to the bit", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
      (channels, pieces) => {
        withFile(new Uint8Array(), (path) => {
          const all: number[] = [];
          {
            using file = new WavWriter(path, channels);
            for (const frames of pieces) {
              const piece = Float32Array.from({ length: (frames + 2) * channels }, () => Math.random() * 2 - 1);
              file.write(piece, frames);
              all.push(...piece.slice(0, frames * channels));
            }
            file.close();
          }
          const reader = new WavReader(path), out = new Float32Array(all.length);
          reader.render(0, out, 0, all.length / channels);
          assert.deepEqual([...out], all);
        });
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("a recording that isn't closed holds all but its last second", () => {
  withFile(new Uint8Array(), (path) => {
    using file = new WavWriter(path, 2);
    const piece = new Float32Array(2 * 4800);
    for (let i = 0; i < 37; i++) file.write(piece, 4800);
    const { frames } = inspectWav(path);
    assert.ok(frames > 2 * 48_000 && frames <= 37 * 4800, `${frames}`);
    file.write(piece.fill(0.5), 4800);
    file.close();
    const reader = new WavReader(path), out = new Float32Array(2);
    assert.equal(reader.format.frames, 38 * 4800);
    reader.render(38 * 4800 - 1, out, 0, 1);
    assert.deepEqual([...out], [0.5, 0.5]);
  });
});

programTest("ffprobe reads what is longer than 4 GiB", { ffprobe: "ffmpeg" }, async () => {
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  try {
    for (const frames of [67_108_862, 67_108_863, 48_000 * 3600 * 3]) {
      const header = wavHeader(16, 48_000, frames);
      assert.equal(new TextDecoder().decode(header.subarray(0, 4)), frames === 67_108_862 ? "RIFF" : "RF64");
      await Deno.writeFile(path, header);
      // Its sound is a hole, which takes no place.
      await Deno.truncate(path, header.length + frames * 64);
      const args = ["-v", "error", "-of", "json", "-show_streams", path];
      const { stdout } = await new Deno.Command("ffprobe", { args, stdin: "null" }).output();
      const [stream] = JSON.parse(new TextDecoder().decode(stdout)).streams;
      assert.deepEqual([stream.codec_name, stream.channels, stream.duration_ts], ["pcm_f32le", 16, frames]);
    }
  } finally {
    await Deno.remove(path);
  }
});

const good = { format: 1, channels: 2, rate: 48_000, bits: 16, data: new Uint8Array(40) };

Deno.test("a file that can't be played is refused with its reason", () => {
  const refused: [content: Uint8Array, reason: RegExp][] = [
    [new Uint8Array(), /not a RIFF\/WAVE/],
    [new TextEncoder().encode("RF64xxxxWAVE"), /not a RIFF\/WAVE/],
    [wav({ ...good, rate: 44_100 }), /44100 Hz: must be 48000 Hz/],
    [wav({ ...good, channels: 65 }), /65 channels: must be 1 to 64/],
    [wav({ ...good, channels: 0 }), /0 channels/],
    [wav({ ...good, bits: 8 }), /8-bit PCM/],
    [wav({ ...good, format: 3, bits: 16 }), /16-bit float/],
    [wav({ ...good, format: 2, bits: 4 }), /format 2: must be PCM or float/],
    [wav({ ...good, format: 0x55, extensible: true }), /format 85/],
    [wav({ ...good, frameBytes: 7 }), /7 bytes a frame/],
    [wav({ ...good, data: new Uint8Array(3) }), /no audio/],
    [wav({ ...good, claimed: 0xffff_ffff }), /ends before its "data" chunk does/],
    [wav({ ...good, before: chunk("data", new Uint8Array(4)) }), /data comes before its fmt/],
    [wav({ ...good }).slice(0, 36), /no data chunk/],
    [wav({ ...good }).slice(0, 12), /no fmt chunk/],
  ];
  for (const [content, reason] of refused) {
    withFile(content, (path) =>
      assert.throws(() => inspectWav(path), (error) => {
        assert.ok(error instanceof WavError, String(error));
        assert.match(error.message, reason);
        return true;
      }));
  }
});

Deno.test("a cut or damaged header is refused or means something possible, and is never believed", () => {
  const whole = wav({ ...good, extensible: true });
  for (let length = 0; length < whole.length; length++) {
    withFile(whole.slice(0, length), (path) => assert.throws(() => new WavReader(path), WavError));
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(67), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      (damage) => {
        const bytes = whole.slice();
        for (const [at, value] of damage) bytes[at] = value;
        withFile(bytes, (path) => {
          try {
            const { channels, frames, frameBytes, dataAt } = new WavReader(path).format;
            assert.ok(channels >= 1 && channels <= 64 && frames >= 1 && dataAt + frames * frameBytes <= bytes.length);
          } catch (error) {
            assert.ok(error instanceof WavError, String(error));
          }
        });
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a chain of empty chunks comes to an end", () => {
  const empty = concat(...Array.from({ length: 2000 }, () => chunk("LIST", new Uint8Array())));
  withFile(chunk("RIFF", concat(new TextEncoder().encode("WAVE"), empty)), (path) => {
    assert.throws(() => inspectWav(path), /no fmt chunk/);
  });
});

programTest("ffprobe agrees about what WavWriter wrote", { ffprobe: "ffmpeg" }, async () => {
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  try {
    {
      using file = new WavWriter(path, 16);
      file.write(new Float32Array(16 * 4800), 4800);
    }
    const args = ["-v", "error", "-of", "json", "-show_streams", path];
    const { stdout } = await new Deno.Command("ffprobe", { args, stdin: "null" }).output();
    const [stream] = JSON.parse(new TextDecoder().decode(stdout)).streams;
    assert.equal(stream.codec_name, "pcm_f32le");
    assert.equal(stream.channels, 16);
    assert.equal(stream.sample_rate, "48000");
    assert.equal(stream.duration_ts, 4800);
  } finally {
    await Deno.remove(path);
  }
});
