/** The listener's own mix on its way to a device. */
import assert from "node:assert/strict";
import type { PlaybackStream } from "../capture/portaudio.ts";
import { BLOCK, rtpTimestamp } from "../core/units.ts";
import { StreamDecoders } from "../listen/decoders.ts";
import { Mixdown } from "../listen/mixdown.ts";
import { DeviceOutput, Tap } from "../listen/output.ts";
import { Playout } from "../listen/playout.ts";
import { AMPLITUDE, tonePackets } from "./listen_stage.ts";

const FRAME = 240, FRAME_MS = 5, CAPACITY = 768;

Deno.test("what a device gets after an outage comes up from silence in 50 ms, as at first", async () => {
  const packets = await tonePackets(1, FRAME), heard: number[] = [];
  using decoders = await StreamDecoders.create(1, false);
  const playout = new Playout(decoders, FRAME, 20, false);
  let left = 0;
  const device = {
    capacity: CAPACITY,
    latencyMs: CAPACITY / 48,
    writable: () => CAPACITY - left,
    write: (sound: Float32Array, frames: number) => {
      left += frames;
      for (let i = 0; i < frames; i++) heard.push(Math.abs(sound[2 * i]));
      return 0;
    },
  } as unknown as PlaybackStream;
  const output = new DeviceOutput(playout, new Tap(1, null), device, new Mixdown(Float32Array.of(1, 1, 1)));
  for (let time = 0, n = 0; time < 2000; time += BLOCK / 48) {
    left = Math.max(0, left - BLOCK);
    for (; (n + 1) * FRAME_MS <= time; n++) {
      const packet = packets[n % packets.length];
      if (n < 200 || n >= 260) playout.insert(packet, 0, packet.length, rtpTimestamp(n * FRAME), time, n === 0);
    }
    output.advance(time);
  }
  const begins = heard.flatMap((sample, i) =>
    sample > 0 && heard.slice(Math.max(0, i - 240), i).every((one) => one === 0) ? [i] : []
  );
  assert.equal(begins.length, 2, `${begins}`);
  for (const begin of begins) {
    const peak = (ms: number) => Math.max(...heard.slice(begin + ms * 48, begin + (ms + 4) * 48));
    const whole = peak(200);
    assert.ok(Math.abs(whole - AMPLITUDE) < 0.1 * AMPLITUDE, `${whole}`);
    assert.ok(peak(4) < 0.1 * whole, `${peak(4)}`);
    assert.ok(Math.abs(peak(25) - whole / 2) < 0.15 * whole, `${peak(25)}`);
    assert.ok(Math.abs(peak(60) - whole) < 0.1 * whole, `${peak(60)}`);
  }
});
