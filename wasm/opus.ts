/**
 * libopus, compiled to WebAssembly (npm libopus-wasm), set up as the stage needs it: restricted low delay, constant bit
 * rate, full band, never folded to mono by itself. Planar mono or interleaved stereo float32 in, one Opus packet out.
 * Send workers encode; the listener decodes. A packet returned by the library is a new array of its own.
 */
import {
  Application,
  Bandwidth,
  createDecoder,
  createEncoder,
  EncoderCtl,
  loadLibopus,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
  Signal,
} from "libopus-wasm";
import { type BitRate, type Frame, SAMPLE_RATE } from "../core/units.ts";

export type Encoder = OpusEncoderHandle;
export type Decoder = OpusDecoderHandle;

/** 1 costs up to a third more than 0 and 5 twice as much, for less than 0.6 dB. */
const COMPLEXITY = 0;

/** The largest frame of one Opus stream (RFC 6716 section 3.2.1), and the options that every encode call shares. */
export const OPUS_MAX_BYTES = 1275;
export const ENCODE_OPTIONS = { maxPacketBytes: OPUS_MAX_BYTES + 1 };

/** An encoder that takes exactly `frame` samples of each channel a call. */
export async function createOpusEncoder(channels: 1 | 2, frame: Frame, bitrate: BitRate): Promise<Encoder> {
  const encoder = await createEncoder({
    application: Application.RestrictedLowDelay,
    channels,
    sampleRate: SAMPLE_RATE,
    frameSize: frame,
    bitrate,
    complexity: COMPLEXITY,
    signal: Signal.Music,
    vbr: false,
    maxBandwidth: Bandwidth.Fullband,
  });
  // Left alone, libopus narrows the band and folds stereo at low rates: 2.5 ms at 32 kb/s came out narrowband.
  encoder.encoderCtl(EncoderCtl.SetBandwidth, Bandwidth.Fullband);
  encoder.encoderCtl(EncoderCtl.SetForceChannels, channels);
  return encoder;
}

/** A decoder of plain Opus packets of at most 10 ms; interleaved when stereo. */
export function createOpusDecoder(channels: 1 | 2): Promise<Decoder> {
  return createDecoder({ channels, sampleRate: SAMPLE_RATE });
}

/** Compiles libopus now rather than with the first encoder; resolves to its version. */
export const loadOpus = async (): Promise<string> => (await loadLibopus()).version;
