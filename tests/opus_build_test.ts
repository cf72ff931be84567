/**
 * Our own build of libopus beside npm's: which one is taken, and that it encodes as well. The build itself isn't tested
 * here: it needs a compiler and Debian's mirror, which keeps only the newest source.
 */
import assert from "node:assert/strict";
import { type BitRate, type Frame, FRAMES } from "../core/units.ts";
import { codecOf } from "../wasm/libopus.ts";
import { Encoder, loadOpus, OPUS_MAX_BYTES } from "../wasm/opus.ts";
import { documentedEncoder, music } from "./documented_encoder.ts";
import { oggOpus } from "./ogg.ts";
import { programTest } from "./require.ts";

const NOWHERE = new URL("./no_such_build.wasm", import.meta.url);
/** The smallest module: a magic number and a version. */
const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

const BITRATES = [16_000, 32_000, 64_000, 96_000, 128_000, 192_000, 256_000];
const COMPLEXITIES = [0, 1, 2, 3, 4, 5];
/** 0.2 s of each; where the next begins the decoder still has some of the one before. */
const SAMPLES = 9600, BEGINNING = 1200;
/** What an encoder in restricted low delay looks ahead (opus_encoder.c: 2.5 ms). */
const LOOKAHEAD = 120;
/** Both have seen the same; rounding differs, and with it here and there a pulse. */
const MOST_WORSE_DB = 0.25;

Deno.test("the package's codec is taken where there is no build of our own, and where it is asked for", () => {
  assert.equal(codecOf("auto", NOWHERE), null);
  assert.equal(codecOf("package"), null);
});

Deno.test("asking for our own build where there is none says how to make it", () => {
  assert.throws(() => codecOf("own", NOWHERE), /there is none, deno task build:opus makes it/);
});

Deno.test("a build of our own is taken where there is one", async () => {
  const path = await Deno.makeTempFile({ suffix: ".wasm" });
  try {
    await Deno.writeFile(path, EMPTY);
    for (const choice of ["auto", "own"] as const) {
      assert.ok(codecOf(choice, new URL(`file://${path}`)) instanceof WebAssembly.Module);
    }
  } finally {
    await Deno.remove(path);
  }
});

/** The packets of every bit rate at every complexity, one after the other. */
async function packets(
  input: Float32Array,
  channels: 1 | 2,
  frame: Frame,
  make: (bitrate: number, complexity: number) => Promise<Disposable & { packet(pcm: Float32Array): Uint8Array }>,
): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const bitrate of BITRATES) {
    for (const complexity of COMPLEXITIES) {
      using encoder = await make(bitrate, complexity);
      for (let at = 0; at < input.length; at += frame * channels) {
        all.push(encoder.packet(input.subarray(at, at + frame * channels)));
      }
    }
  }
  return all;
}

/** What ffmpeg's own decoder makes of it, interleaved. */
async function decoded(ogg: Uint8Array, channels: number): Promise<Float32Array> {
  const words = `-v error -c:a opus -f ogg -i pipe:0 -f f32le -ac ${channels} -ar 48000 pipe:1`.split(" ");
  const process = new Deno.Command("ffmpeg", { args: words, stdin: "piped", stdout: "piped" }).spawn();
  const output = process.output(), writer = process.stdin.getWriter();
  await writer.write(ogg);
  await writer.close();
  return new Float32Array((await output).stdout.slice().buffer);
}

/** How far a part of it is above its difference from `input`, in dB. */
function snr(sound: Float32Array, at: number, input: Float32Array, channels: number): number {
  let signal = 0, noise = 0;
  for (let i = BEGINNING * channels; i < input.length - LOOKAHEAD * channels; i++) {
    signal += input[i] ** 2;
    noise += (sound[at + i + LOOKAHEAD * channels] - input[i]) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

const built = codecOf() !== null;
for (const channels of [1, 2] as const) {
  for (const frame of FRAMES) {
    const name = `our own build encodes ${channels} × ${frame} samples as the package does, by ffmpeg's decoder`;
    const compare = async () => {
      assert.match(await loadOpus(), /^libopus 1\.\d.*, own build, SIMD$/);
      const input = music(SAMPLES, channels);
      const ours = await packets(input, channels, frame, (bitrate, complexity) => {
        const encoder = new Encoder(channels, frame, bitrate as BitRate, complexity);
        const out = new Uint8Array(OPUS_MAX_BYTES);
        const packet = (pcm: Float32Array) => out.slice(0, encoder.encode(pcm, out));
        return Promise.resolve({ packet, [Symbol.dispose]: () => encoder[Symbol.dispose]() });
      });
      const theirs = await packets(input, channels, frame, async (bitrate, complexity) => {
        const encoder = await documentedEncoder(channels, frame, bitrate, complexity);
        const packet = (pcm: Float32Array) => encoder.encodeFloat(pcm).slice();
        return { packet, [Symbol.dispose]: () => encoder[Symbol.dispose]() };
      });
      const shape = (packet: Uint8Array) => [packet[0], packet.length];
      assert.deepEqual(ours.map(shape), theirs.map(shape), "the same TOC and length of each packet");
      const [our, their] = await Promise.all(
        [ours, theirs].map((all) => decoded(oggOpus(all, channels, frame), channels)),
      );
      assert.equal(our.length, BITRATES.length * COMPLEXITIES.length * input.length);
      let at = 0;
      for (const bitrate of BITRATES) {
        for (const complexity of COMPLEXITIES) {
          const worse = snr(their, at, input, channels) - snr(our, at, input, channels);
          assert.ok(worse < MOST_WORSE_DB, `${bitrate} b/s, complexity ${complexity}: ${worse.toFixed(2)} dB worse`);
          at += input.length;
        }
      }
    };
    if (built) programTest(name, { ffmpeg: "ffmpeg" }, compare);
    else Deno.test({ name: `${name} [needs: deno task build:opus]`, ignore: true, fn: compare });
  }
}
