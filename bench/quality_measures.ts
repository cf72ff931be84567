/**
 * How far a signal is from the one that it was made of: segmental signal-to-noise ratio and log-spectral distance. In:
 * two signals of one channel, already aligned. Out: decibels, the mean over all segments in which there is something to
 * hear. Pure; allocates.
 */
import { SAMPLE_RATE } from "../core/units.ts";

/** 20 ms: as long as speech stays the same (Deller, Proakis, Hansen, section 9.3). */
const SEGMENT = SAMPLE_RATE / 50;
/** A segment can't say more or less: one of silence or of perfection would hide all others. */
const LEAST_DB = -10, MOST_DB = 60;
/** What is softer than a segment of −50 dBFS (RMS) isn't listened to for noise. */
const SILENCE = 10 ** (-50 / 20);

const FFT = 1024, HOP = FFT / 2;
/** From here to there Opus carries sound; bins of 47 Hz. */
const FIRST_BIN = 2, LAST_BIN = Math.floor(20_000 / (SAMPLE_RATE / FFT));
/** Nobody hears a bin that is softer than a sine of −90 dBFS. */
const FLOOR = 10 ** (-90 / 10);

function isSilent(signal: Float32Array, at: number, count: number): boolean {
  let energy = 0;
  for (let i = at; i < at + count; i++) energy += signal[i] * signal[i];
  return energy < count * SILENCE * SILENCE;
}

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean over segments of 20 ms of 10 log₁₀ (signal ÷ difference), each held within −10 and 60 dB. NaN: all silent. */
export function segmentalSnr(signal: Float32Array, coded: Float32Array): number {
  const values: number[] = [];
  for (let at = 0; at + SEGMENT <= signal.length; at += SEGMENT) {
    if (isSilent(signal, at, SEGMENT)) continue;
    let energy = 0, noise = 0;
    for (let i = at; i < at + SEGMENT; i++) {
      energy += signal[i] * signal[i];
      noise += (coded[i] - signal[i]) ** 2;
    }
    values.push(Math.min(MOST_DB, Math.max(LEAST_DB, 10 * Math.log10(energy / noise))));
  }
  return meanOf(values);
}

const window = Float64Array.from({ length: FFT }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / FFT));
const cosines = Float64Array.from({ length: FFT / 2 }, (_, i) => Math.cos(2 * Math.PI * i / FFT));
const sines = Float64Array.from({ length: FFT / 2 }, (_, i) => -Math.sin(2 * Math.PI * i / FFT));
/** A sine of full scale has this power in its bin. */
const FULL_SCALE = (FFT / 4) ** 2;

/** Swaps each element with the one whose index has the same bits backwards. */
function reverseBits(re: Float64Array, im: Float64Array): void {
  for (let i = 0, j = 0; i < FFT; i++) {
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
    let bit = FFT >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
  }
}

/** The discrete Fourier transform of FFT points, in place (Cooley and Tukey, radix 2). */
function transform(re: Float64Array, im: Float64Array): void {
  reverseBits(re, im);
  for (let size = 2; size <= FFT; size *= 2) {
    const half = size / 2, step = FFT / size;
    for (let from = 0; from < FFT; from += size) {
      for (let k = 0; k < half; k++) {
        const a = from + k, b = a + half, c = cosines[k * step], s = sines[k * step];
        const x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/** Power of each bin in dBFS, of the FFT samples from `at` on. */
function spectrum(signal: Float32Array, at: number): Float64Array {
  const re = Float64Array.from(window, (weight, i) => weight * signal[at + i]), im = new Float64Array(FFT);
  transform(re, im);
  return re.subarray(0, FFT / 2).map((x, i) => 10 * Math.log10(Math.max(FLOOR, (x * x + im[i] * im[i]) / FULL_SCALE)));
}

/** Mean over windows of 21 ms of the root mean square of the bins' differences in dB, 94 Hz to 20 kHz. NaN: all silent. */
export function logSpectralDistance(signal: Float32Array, coded: Float32Array): number {
  const values: number[] = [];
  for (let at = 0; at + FFT <= signal.length; at += HOP) {
    if (isSilent(signal, at, FFT)) continue;
    const one = spectrum(signal, at), other = spectrum(coded, at);
    let sum = 0;
    for (let bin = FIRST_BIN; bin <= LAST_BIN; bin++) sum += (one[bin] - other[bin]) ** 2;
    values.push(Math.sqrt(sum / (LAST_BIN - FIRST_BIN + 1)));
  }
  return meanOf(values);
}
