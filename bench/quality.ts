/**
 * `foldback bench --quality`: what the codec does to a band, by frame, bit rate and complexity, and what that costs. In:
 * materials.ts. Out: Markdown tables, or all figures as JSON. The encoder is the send workers', with the package's libopus or
 * with our own build, which knows complexity 0 alone; the decoder is the listener's. Main isolate of the benchmark;
 * allocates.
 */
import { now } from "../core/clock.ts";
import { bitRate, type Frame, FRAMES, LOOKAHEAD, SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import { codecOf } from "../wasm/libopus.ts";
import { createOpusDecoder, Encoder, loadOpus, OPUS_MAX_BYTES } from "../wasm/opus.ts";
import { machine } from "./machine.ts";
import { type Material, materials } from "./materials.ts";
import { logSpectralDistance, segmentalSnr } from "./quality_measures.ts";

export const QUALITY_SECONDS = 6;
const COMPLEXITIES = [0, 1, 2, 5] as const;
const MONO_KBPS = [64, 96, 128, 160] as const, STEREO_KBPS = [96, 128, 160, 192, 256] as const;
/** Until the first frames' own beginnings are over. */
const SETTLED = SAMPLE_RATE / 5;

export interface Quality {
  readonly material: string;
  readonly frameMs: number;
  readonly kbps: number;
  readonly complexity: number;
  /** Decibels: the more the better, the less the better. */
  readonly snr: number;
  readonly distance: number;
  /** One encode, in a tight loop; the median. */
  readonly encodeUs: number;
}

/** Encoded, decoded, and moved back by what the codec looks ahead; how long an encode took. */
export async function coded(
  material: Material,
  frame: Frame,
  kbps: number,
  complexity: number,
): Promise<{ channels: Float32Array[]; encodeUs: number }> {
  const width = material.channels.length as 1 | 2, length = material.channels[0].length;
  using encoder = new Encoder(width, frame, bitRate(kbps * 1000), complexity);
  using decoder = await createOpusDecoder(width);
  const pcm = new Float32Array(frame * width), packet = new Uint8Array(OPUS_MAX_BYTES), times: number[] = [];
  const channels = material.channels.map(() => new Float32Array(length));
  for (let at = 0; at + frame <= length; at += frame) {
    material.channels.forEach((channel, c) => {
      for (let i = 0; i < frame; i++) pcm[i * width + c] = channel[at + i];
    });
    const begun = now(), bytes = encoder.encode(pcm, packet);
    times.push(now() - begun);
    const out = decoder.decodeFloat(packet.subarray(0, bytes)), to = at - LOOKAHEAD;
    channels.forEach((channel, c) => {
      for (let i = Math.max(0, -to); i < frame; i++) channel[to + i] = out[i * width + c];
    });
  }
  times.sort((a, b) => a - b);
  return { channels, encodeUs: times[times.length >> 1] * 1000 };
}

/**
 * What the encoder encodes: libopus first takes out what is below 3 Hz (dc_reject in opus_encoder.c), which nobody hears,
 * but which turns the phase of a kick drum by more than all its noise.
 */
export function withoutDc(signal: Float32Array): Float32Array {
  const part = 6.3 * 3 / SAMPLE_RATE;
  let level = 0;
  return signal.map((sample) => {
    const out = sample - level;
    level += part * out;
    return out;
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** One material with one setting. */
export async function quality(material: Material, frame: Frame, kbps: number, complexity: number): Promise<Quality> {
  const { channels, encodeUs } = await coded(material, frame, kbps, complexity);
  const of = (measure: typeof segmentalSnr) =>
    mean(channels.map((channel, c) => {
      const end = channel.length - frame - LOOKAHEAD;
      return measure(withoutDc(material.channels[c]).subarray(SETTLED, end), channel.subarray(SETTLED, end));
    }));
  const figures = { snr: of(segmentalSnr), distance: of(logSpectralDistance), encodeUs };
  return { material: material.name, frameMs: samplesToMs(frame), kbps, complexity, ...figures };
}

async function measureAll(band: readonly Material[], own: boolean): Promise<Quality[]> {
  await loadOpus(codecOf(own ? "own" : "package"));
  const all: Quality[] = [];
  for (const material of band) {
    console.error(`foldback bench: ${material.name} …`);
    const rates = material.channels.length === 2 ? STEREO_KBPS : MONO_KBPS;
    for (const frame of FRAMES) {
      for (const kbps of rates) {
        for (const complexity of own ? [0] : COMPLEXITIES) all.push(await quality(material, frame, kbps, complexity));
      }
    }
  }
  return all;
}

const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(head), line(head.map((_, i) => i === 0 ? "---" : "---:")), ...rows.map(line)].join("\n");
const both = (of: readonly Quality[]) =>
  `${mean(of.map(({ snr }) => snr)).toFixed(1)} / ${mean(of.map(({ distance }) => distance)).toFixed(1)}`;
const median = (of: readonly Quality[]) => {
  const sorted = of.map(({ encodeUs }) => encodeUs).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
};

/** By material, at one complexity: signal-to-noise ratio / distance, dB. */
function byMaterial(all: readonly Quality[], complexity: number): string {
  const names = [...new Set(all.map(({ material }) => material))];
  const rates = [...new Set(all.map(({ kbps }) => kbps))].sort((a, b) => a - b);
  const rows = FRAMES.flatMap((frame) =>
    rates.map((kbps) => {
      const here = all.filter((one) =>
        one.frameMs === samplesToMs(frame) && one.kbps === kbps && one.complexity === complexity
      );
      const cells = names.map((name) => both(here.filter(({ material }) => material === name)));
      return [`${samplesToMs(frame)} ms, ${kbps} kb/s`, ...cells, both(here)];
    })
  );
  return tableOf(["", ...names, "mean"], rows);
}

/** By complexity, the mean of all materials; and the time of an encode. */
function byComplexity(all: readonly Quality[], rates: readonly number[]): string {
  const complexities = COMPLEXITIES.filter((complexity) => all.some((one) => one.complexity === complexity));
  const rows = FRAMES.flatMap((frame) =>
    complexities.map((complexity) => {
      const here = all.filter((one) => one.frameMs === samplesToMs(frame) && one.complexity === complexity);
      const cells = rates.map((rate) => both(here.filter(({ kbps }) => kbps === rate)));
      return [`${samplesToMs(frame)} ms, complexity ${complexity}`, ...cells, median(here).toFixed(1)];
    })
  );
  return tableOf(["", ...rates.map((rate) => `${rate} kb/s`), "µs an encode"], rows);
}

/** Measures everything and prints it. */
export async function printQuality(seconds: number, own: boolean, json: boolean): Promise<void> {
  const all = await measureAll(await materials(seconds), own), { date, cores, cpu, kernel } = machine();
  if (json) return console.log(JSON.stringify({ machine: machine(), seconds, figures: all }, null, 2));
  const stereo = (one: Quality) => one.material.endsWith("stereo");
  const mono = all.filter((one) => !stereo(one)), mix = all.filter(stereo);
  console.log(`${date}, ${cores} cores (${cpu}), Linux ${kernel}; ${seconds} s of each

Segmental signal-to-noise ratio / log-spectral distance, dB

A channel, complexity 0:

${byMaterial(mono, 0)}

A channel, mean of all materials:

${byComplexity(mono, MONO_KBPS)}

A stereo mix:

${byComplexity(mix, STEREO_KBPS)}`);
}
