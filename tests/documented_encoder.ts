/** libopus-wasm's encoder as the package documents it, set up as ours is, and a sound to encode. For tests; allocates. */
import { Application, Bandwidth, createEncoder, EncoderCtl, type OpusEncoderHandle, Signal } from "libopus-wasm";
import type { Frame } from "../core/units.ts";

export async function documentedEncoder(
  channels: 1 | 2,
  frame: Frame,
  bitrate: number,
  complexity = 0,
): Promise<OpusEncoderHandle> {
  const encoder = await createEncoder({
    application: Application.RestrictedLowDelay,
    channels,
    frameSize: frame,
    bitrate,
    complexity,
    signal: Signal.Music,
    vbr: false,
    maxBandwidth: Bandwidth.Fullband,
  });
  encoder.encoderCtl(EncoderCtl.SetBandwidth, Bandwidth.Fullband);
  encoder.encoderCtl(EncoderCtl.SetForceChannels, channels);
  return encoder;
}

/** Sines that begin softly, with some noise that is the same each time. */
export function music(samples: number, channels: number): Float32Array {
  let seed = 1;
  return Float32Array.from({ length: samples * channels }, (_, i) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    const at = Math.floor(i / channels), loud = Math.min(1, at / 4800);
    return loud * (0.4 * Math.sin(at * 0.05 * (1 + i % channels)) + 0.1 * (seed / 0x3fffffff - 1));
  });
}
