/** Our own calls of npm's libopus: the same packets as the package's documented encoder gives, in memory that is used again. */
import assert from "node:assert/strict";
import { type BitRate, FRAMES } from "../core/units.ts";
import { documentedEncoder, music } from "./documented_encoder.ts";
import { gatheredIsEncoded } from "./gathered.ts";
import { Encoder, loadOpus, OPUS_MAX_BYTES } from "../wasm/opus.ts";

Deno.test("an encoder can't be made before libopus is loaded", async () => {
  assert.throws(() => new Encoder(1, 120, 128_000 as BitRate), /libopus is not loaded/);
  assert.equal(await loadOpus(null), "libopus-wasm 0.4.0");
});

for (const channels of [1, 2] as const) {
  for (const frame of FRAMES) {
    for (const bitrate of [32_000, 128_000]) {
      Deno.test(`${channels} × ${frame} samples at ${bitrate} b/s: the packets of the documented encoder`, async () => {
        await loadOpus(null);
        using documented = await documentedEncoder(channels, frame, bitrate);
        using ours = new Encoder(channels, frame, bitrate as BitRate);
        const input = music(100 * frame, channels), packet = new Uint8Array(OPUS_MAX_BYTES).fill(0xff);
        for (let at = 0; at < input.length; at += frame * channels) {
          const pcm = input.subarray(at, at + frame * channels);
          const wanted = documented.encodeFloat(pcm), bytes = ours.encode(pcm, packet);
          assert.deepEqual(packet.subarray(0, bytes), wanted);
        }
      });
    }
  }
}

Deno.test("frames gathered piece by piece, for many encoders at once, are encoded as whole ones are", async () => {
  await loadOpus(null);
  gatheredIsEncoded();
});

Deno.test("an encoder that was freed is freed once, and encodes no more", async () => {
  await loadOpus(null);
  const encoder = new Encoder(1, 120, 128_000 as BitRate), out = new Uint8Array(OPUS_MAX_BYTES);
  assert.equal(encoder.encode(music(120, 1), out), 40);
  encoder[Symbol.dispose]();
  encoder[Symbol.dispose]();
  assert.throws(() => encoder.encode(music(120, 1), out), /an encoder that is freed/);
});

Deno.test("many encoders, more than the first memory holds, keep apart", async () => {
  await loadOpus(null);
  const out = new Uint8Array(OPUS_MAX_BYTES), input = music(120 * 20, 1);
  const encode = (encoder: Encoder) => {
    const packets: number[][] = [];
    for (let at = 0; at < input.length; at += 120) {
      const bytes = encoder.encode(input.subarray(at, at + 120), out);
      packets.push([...out.subarray(0, bytes)]);
    }
    return packets;
  };
  using first = new Encoder(1, 120, 128_000 as BitRate);
  const wanted = encode(first), encoders: Encoder[] = [];
  // Some tens of kilobytes each: the memory grows more than once, and its views are replaced.
  for (let i = 0; i < 2000; i++) encoders.push(new Encoder(1, 120, 128_000 as BitRate));
  for (const at of [0, 999, 1999]) assert.deepEqual(encode(encoders[at]), wanted);
  for (const encoder of encoders) encoder[Symbol.dispose]();
  using last = new Encoder(1, 120, 128_000 as BitRate);
  assert.deepEqual(encode(last), wanted);
});
