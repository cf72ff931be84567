/**
 * Runs the listener's whole audio path on noise before the first packet is asked for, so that compiling it costs no
 * audio: cold, the first packets stood for up to 0.4 s. In: the shape of the streams. Out: nothing. The audio thread, at
 * its start.
 */
import { type RtpTimestamp, rtpTimestamp, samplesToMs } from "../core/units.ts";
import { appendPlain, appendSelfDelimited } from "../send/multistream.ts";
import { StreamDecoders } from "./decoders.ts";
import { Tap, VirtualOutput } from "./output.ts";
import { Playout } from "./playout.ts";
import { Resampler } from "./resampler.ts";

const FRAMES = 100;
/** Every so many packets one is missing. */
const LOSS = 10;
const RESAMPLED = 4800;
const NOISE_BYTES = 60;
/** Configurations of RFC 6716 section 3.1 for full-band CELT of 2.5, 5, 10 ms. */
const CONFIGS: Readonly<Record<number, number>> = { 120: 28, 240: 29, 480: 30 };

/** Any bytes are a packet for a CELT decoder. */
function noise(frame: number, stereo: boolean, seed: number): Uint8Array {
  const packet = Uint8Array.from({ length: NOISE_BYTES }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24);
  packet[0] = (CONFIGS[frame] ?? 29) << 3 | (stereo ? 4 : 0);
  return packet;
}

export async function warmUp(streams: number, stereo: boolean, frame: number): Promise<void> {
  using decoders = await StreamDecoders.create(streams, stereo);
  const playout = new Playout(decoders, frame, null, false);
  const output = new VirtualOutput(playout, new Tap(playout.channels, null));
  const packet = new Uint8Array(streams * (NOISE_BYTES + 2));
  let bytes = 0;
  for (let stream = 0; stream < streams; stream++) {
    const part = noise(frame, stereo, stream);
    bytes += (stream < streams - 1 ? appendSelfDelimited : appendPlain)(part, part.length, packet, bytes);
  }
  for (let n = 0; n < FRAMES; n++) {
    const time = samplesToMs(n * frame);
    output.advance(time);
    if (n % LOSS > 0) {
      playout.insert(packet, 0, bytes, rtpTimestamp(n * frame) as RtpTimestamp, time, false);
    }
  }
  const resampler = new Resampler(playout.channels), out = new Float32Array(frame * playout.channels);
  resampler.speed = 1.001;
  for (let done = 0; done < RESAMPLED; done += frame) {
    while (resampler.ahead < resampler.needed(frame)) {
      resampler.writeAt();
      resampler.commit(frame);
    }
    resampler.render(out, frame);
  }
}
