/**
 * Our own build of libopus beside npm's: which one is taken, and that what the C files are now encodes as the package does.
 * Debian's mirror keeps only the newest source: where that is another one, the build isn't tested.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type BitRate, type Frame, FRAMES } from "../core/units.ts";
import { buildOpus, NoSource } from "../packaging/opus.ts";
import { changed, CHANGED_FILES } from "../packaging/opus_changes.ts";
import { type Codec, codecOf } from "../wasm/libopus.ts";
import { Encoder, loadOpus, OPUS_MAX_BYTES } from "../wasm/opus.ts";
import { documentedEncoder, music } from "./documented_encoder.ts";
import { gatheredIsEncoded } from "./gathered.ts";
import { oggOpus } from "./ogg.ts";
import { missingPackages, programTest } from "./require.ts";

const NOWHERE = new URL("./no_such_build.wasm", import.meta.url);
/** The smallest module: a magic number and a version. */
const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

const NEEDS = {
  "clang-19": "clang-19",
  "wasm-ld-19": "lld-19",
  "/usr/lib/wasm32-wasi/libc.a": "wasi-libc",
  "/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a": "libclang-rt-19-dev-wasm32",
  xz: "xz-utils",
  ffmpeg: "ffmpeg",
};

const BITRATES = [16_000, 32_000, 64_000, 96_000, 128_000, 192_000, 256_000];
/** 0.2 s of each; where the next begins the decoder still has some of the one before. */
const SAMPLES = 9600, BEGINNING = 1200;
/** What an encoder in restricted low delay looks ahead (opus_encoder.c: 2.5 ms). */
const LOOKAHEAD = 120;
/** Both have seen the same; rounding differs, and with it here and there a pulse. */
const MOST_WORSE_DB = 0.25;
/** In mono; stereo is narrowed for a low rate otherwise in its first 2.5 ms. */
const LEAST_SAME = 0.95;

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

/** The packets of every bit rate, one after the other. */
async function packets(
  input: Float32Array,
  channels: 1 | 2,
  frame: Frame,
  make: (bitrate: number) => Promise<Disposable & { packet(pcm: Float32Array): Uint8Array }>,
): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const bitrate of BITRATES) {
    using encoder = await make(bitrate);
    for (let at = 0; at < input.length; at += frame * channels) {
      all.push(encoder.packet(input.subarray(at, at + frame * channels)));
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

/** A build of the C files as they are, not the one that may lie beside them; null where Debian's mirror has no such source. */
async function built(): Promise<Codec> {
  const path = await Deno.makeTempFile({ suffix: ".wasm" });
  try {
    await buildOpus(undefined, path);
    return codecOf("own", new URL(`file://${path}`));
  } catch (error) {
    if (!(error instanceof NoSource)) throw error;
    return null;
  } finally {
    await Deno.remove(path);
  }
}

const own = missingPackages(NEEDS).length === 0 ? await built() : null;

function buildTest(name: string, body: () => Promise<void>): void {
  if (own !== null || missingPackages(NEEDS).length > 0) programTest(name, NEEDS, body);
  else Deno.test({ name: `${name} [needs: the source of libopus on Debian's mirror]`, ignore: true, fn: body });
}

for (const channels of [1, 2] as const) {
  for (const frame of FRAMES) {
    buildTest(
      `our own build encodes ${channels} × ${frame} samples as the package does, by ffmpeg's decoder`,
      async () => {
        assert.match(await loadOpus(own), /^libopus 1\.\d.*, own build, SIMD$/);
        const input = music(SAMPLES, channels);
        const ours = await packets(input, channels, frame, (bitrate) => {
          const encoder = new Encoder(channels, frame, bitrate as BitRate);
          const out = new Uint8Array(OPUS_MAX_BYTES);
          const packet = (pcm: Float32Array) => out.slice(0, encoder.encode(pcm, out));
          return Promise.resolve({ packet, [Symbol.dispose]: () => encoder[Symbol.dispose]() });
        });
        const theirs = await packets(input, channels, frame, async (bitrate) => {
          const encoder = await documentedEncoder(channels, frame, bitrate);
          const packet = (pcm: Float32Array) => encoder.encodeFloat(pcm).slice();
          return { packet, [Symbol.dispose]: () => encoder[Symbol.dispose]() };
        });
        const shape = (packet: Uint8Array) => [packet[0], packet.length];
        assert.deepEqual(ours.map(shape), theirs.map(shape), "the same TOC and length of each packet");
        if (channels === 1) {
          const same = ours.filter((packet, i) => Buffer.compare(packet, theirs[i]) === 0).length;
          assert.ok(same >= LEAST_SAME * ours.length, `${same} of ${ours.length} packets are the same`);
        }
        const [our, their] = await Promise.all(
          [ours, theirs].map((all) => decoded(oggOpus(all, channels, frame), channels)),
        );
        assert.equal(our.length, BITRATES.length * input.length);
        BITRATES.forEach((bitrate, i) => {
          const worse = snr(their, i * input.length, input, channels) - snr(our, i * input.length, input, channels);
          assert.ok(worse < MOST_WORSE_DB, `${bitrate} b/s: ${worse.toFixed(2)} dB worse`);
        });
      },
    );
  }
}

buildTest(
  "our own build takes what is no sound, and a tenth of a second later encodes as if nothing had been",
  async () => {
    await loadOpus(own);
    const input = music(SAMPLES, 1), later = SAMPLES / 2, out = new Uint8Array(OPUS_MAX_BYTES);
    for (const frame of FRAMES) {
      using spoilt = new Encoder(1, frame, 128_000 as BitRate), fresh = new Encoder(1, frame, 128_000 as BitRate);
      for (const value of [NaN, Infinity, -Infinity, 1e20, 1e-40, -1, 0]) {
        assert.ok(spoilt.encode(new Float32Array(frame).fill(value), out) > 0);
      }
      const [theirs, ours] = await Promise.all([fresh, spoilt].map(async (encoder) => {
        const packets: Uint8Array[] = [];
        for (let at = 0; at < input.length; at += frame) {
          packets.push(out.slice(0, encoder.encode(input.subarray(at, at + frame), out)));
        }
        return snr((await decoded(oggOpus(packets, 1, frame), 1)).subarray(later), 0, input.subarray(later), 1);
      }));
      assert.ok(theirs > 15, `${theirs} dB`);
      assert.ok(theirs - ours < 1, `${frame} samples: ${(theirs - ours).toFixed(2)} dB worse`);
    }
  },
);

buildTest("our own build gathers piece by piece, for many encoders at once, as it does for one", async () => {
  await loadOpus(own);
  gatheredIsEncoded();
});

buildTest("our own build refuses what it wasn't made for", async () => {
  await loadOpus(own);
  assert.throws(() => new Encoder(1, 120, 128_000 as BitRate, 5), /cannot set an Opus encoder's 4010 to 5/);
  assert.throws(
    () => new Encoder(1, 960 as Frame, 128_000 as BitRate).encode(new Float32Array(960), new Uint8Array(1276)),
    /cannot encode/,
  );
});

Deno.test("a source that isn't the known one is refused", () => {
  for (const file of CHANGED_FILES) {
    assert.throws(() => changed(file, "int main(void) {}\n"), /isn't what is known of it/);
  }
});
