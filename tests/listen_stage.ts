/**
 * A stage for the listener's tests: Opus packets of known tones, and a network in simulated time that may lose, delay,
 * reorder and double them. Nothing here waits.
 */
import type { BitRate, Frame, RtpTimestamp } from "../core/units.ts";
import { rtpTimestamp, SAMPLE_RATE } from "../core/units.ts";
import { StreamDecoders } from "../listen/decoders.ts";
import { Tap, VirtualOutput } from "../listen/output.ts";
import { Playout } from "../listen/playout.ts";
import { appendPlain, appendSelfDelimited } from "../send/multistream.ts";
import { Encoder, loadOpus, OPUS_MAX_BYTES } from "../wasm/opus.ts";

export const AMPLITUDE = 0.25;
/** Stream k (from 0) sings this, in hertz: a whole number of periods in 10 ms. */
export const toneOf = (stream: number): number => 400 + 100 * stream;

/** Opus (multistream) packets of `streams` tones that go round without a seam: packet n is `packets[n % length]`. */
export async function tonePackets(streams: number, frame: Frame, bitrate = 96_000): Promise<Uint8Array<ArrayBuffer>[]> {
  await loadOpus();
  const round = 480 / frame, warm = 40 * round;
  const coded: Uint8Array[][] = [];
  for (let stream = 0; stream < streams; stream++) {
    using encoder = new Encoder(1, frame, bitrate as BitRate);
    coded.push(
      Array.from({ length: warm + 8 * round }, (_, n) => {
        const packet = new Uint8Array(OPUS_MAX_BYTES);
        const pcm = Float32Array.from(
          { length: frame },
          (_, i) => AMPLITUDE * Math.sin(2 * Math.PI * toneOf(stream) * (n * frame + i) / SAMPLE_RATE),
        );
        return packet.subarray(0, encoder.encode(pcm, packet));
      }),
    );
  }
  return Array.from({ length: 8 * round }, (_, n) => {
    const out = new Uint8Array(2000);
    let at = 0;
    for (let stream = 0; stream < streams; stream++) {
      const packet = coded[stream][warm + n];
      at += (stream < streams - 1 ? appendSelfDelimited : appendPlain)(packet, packet.length, out, at);
    }
    return out.slice(0, at);
  });
}

/** One packet on its way. */
export interface Flight {
  /** Frame number since the start. */
  readonly frame: number;
  /** Milliseconds of the listener's clock. */
  readonly arrival: number;
  /** Carries the frame before too. */
  readonly copy?: boolean;
  readonly marker?: boolean;
  /** The listener didn't run before this one. */
  readonly stalled?: boolean;
}

export interface Heard {
  readonly playout: Playout;
  /** Interleaved; frame 0 was heard at `startedAt`. */
  readonly samples: Float32Array;
  readonly startedAt: number;
  readonly channels: number;
}

export interface Scene {
  readonly packets: readonly Uint8Array[];
  readonly streams: number;
  readonly frame: Frame;
  readonly bufferMs?: number | null;
  readonly repair?: boolean;
  readonly firstTimestamp?: number;
  /** Called at each arrival, after the packet is in. */
  readonly watch?: (playout: Playout, time: number) => void;
}

/** The listener's buffer and virtual output, fed with `flights` in the order of their arrival, heard until `end`. */
export async function hear(scene: Scene, flights: readonly Flight[], end: number): Promise<Heard> {
  const { packets, streams, frame, bufferMs = null, repair = false, firstTimestamp = 4_294_960_000 } = scene;
  using decoders = await StreamDecoders.create(streams, false);
  const playout = new Playout(decoders, frame, bufferMs, repair);
  const chunks: Float32Array[] = [];
  const tap = new Tap(streams, (samples, frames) => chunks.push(samples.subarray(0, frames * streams)));
  const output = new VirtualOutput(playout, tap);
  const stamp = (n: number): RtpTimestamp => rtpTimestamp(firstTimestamp + n * frame);
  const coded = (n: number) => packets[(n % packets.length + packets.length) % packets.length];
  for (const { frame: n, arrival, copy, marker, stalled } of [...flights].sort((a, b) => a.arrival - b.arrival)) {
    // A listener wakes at least each 10 ms.
    output.advance(arrival);
    playout.stalled = stalled ?? false;
    playout.insert(coded(n), 0, coded(n).length, stamp(n), arrival, marker ?? n === 0);
    if (copy) playout.insertCopy(coded(n - 1), 0, coded(n - 1).length, stamp(n - 1));
    scene.watch?.(playout, arrival);
  }
  output.advance(end);
  tap.flush();
  const samples = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    samples.set(chunk, at);
    at += chunk.length;
  }
  return { playout, samples, startedAt: playout.startAt, channels: streams };
}

/** One channel, from second `from` on. */
export function channelOf({ samples, channels }: Heard, channel: number, from = 0): Float32Array {
  const skip = Math.round(from * SAMPLE_RATE), frames = samples.length / channels;
  return Float32Array.from({ length: Math.max(0, frames - skip) }, (_, i) => samples[(i + skip) * channels + channel]);
}

/** Amplitude of `frequency` in `signal`, by a windowed correlation. */
export function levelAt(signal: Float32Array, frequency: number): number {
  let real = 0, imaginary = 0, sum = 0;
  for (let i = 0; i < signal.length; i++) {
    const window = 1 - Math.cos(2 * Math.PI * (i + 0.5) / signal.length),
      angle = 2 * Math.PI * frequency * i / SAMPLE_RATE;
    real += window * signal[i] * Math.cos(angle);
    imaginary += window * signal[i] * Math.sin(angle);
    sum += window;
  }
  return 2 * Math.hypot(real, imaginary) / sum;
}

/** Frequency of a tone near `near`, in hertz: how its phase turns from one half of `signal` to the other. */
export function frequencyOf(signal: Float32Array, near: number): number {
  const half = signal.length >> 1;
  const phase = (from: number) => {
    let real = 0, imaginary = 0;
    for (let i = 0; i < half; i++) {
      const window = 1 - Math.cos(2 * Math.PI * (i + 0.5) / half),
        angle = 2 * Math.PI * near * (from + i) / SAMPLE_RATE;
      real += window * signal[from + i] * Math.cos(angle);
      imaginary -= window * signal[from + i] * Math.sin(angle);
    }
    return Math.atan2(imaginary, real);
  };
  const turned = phase(half) - phase(0);
  const wrapped = turned - 2 * Math.PI * Math.round(turned / (2 * Math.PI));
  return near + wrapped / (2 * Math.PI) * SAMPLE_RATE / half;
}

/** The largest second difference: of a smooth tone it is small, of a click it isn't. */
export function roughness(signal: Float32Array): number {
  let largest = 0;
  for (let i = 1; i < signal.length - 1; i++) {
    largest = Math.max(largest, Math.abs(signal[i + 1] - 2 * signal[i] + signal[i - 1]));
  }
  return largest;
}

/** A generator of numbers in 0 … 1 that gives the same ones each time. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
