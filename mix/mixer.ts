/**
 * The desk: interleaved blocks from the ring become planar channels with their trims, and stereo mixes of them. Every
 * change of a gain is ramped over 5 ms, so nothing clicks. What isn't a number becomes silence. Runs in the main isolate;
 * allocates nothing after a mix has been made.
 */
import type { MainRow } from "../core/board.ts";
import { BLOCK, msToSamples } from "../core/units.ts";

const RAMP = msToSamples(5);

/** Gains on their way to where they were told to go: value, target and step a sample for each coefficient. */
class Ramp {
  readonly value: Float32Array;
  readonly target: Float32Array;
  readonly step: Float32Array;
  /** Samples until the targets are reached. */
  left = 0;

  constructor(initial: Float32Array) {
    this.value = initial.slice();
    this.target = initial.slice();
    this.step = new Float32Array(initial.length);
  }

  to(target: Float32Array): void {
    this.target.set(target);
    for (let i = 0; i < target.length; i++) this.step[i] = (target[i] - this.value[i]) / RAMP;
    this.left = RAMP;
  }

  /** @hot A block has gone by. */
  pass(): void {
    if (this.left === 0) return;
    if (this.left <= BLOCK) {
      this.left = 0;
      for (let i = 0; i < this.value.length; i++) this.value[i] = this.target[i];
    } else {
      this.left -= BLOCK;
      for (let i = 0; i < this.value.length; i++) this.value[i] += this.step[i] * BLOCK;
    }
  }
}

/** A stereo sum. */
export class Mix {
  /** Interleaved left and right of the block at hand. */
  readonly output = new Float32Array(2 * BLOCK);
  /** Coefficients left, right of each channel. */
  readonly ramp: Ramp;
  constructor(gains: Float32Array) {
    this.ramp = new Ramp(gains);
  }
}

export class Mixer {
  readonly channels: number;
  /** Planar: channel n (from 0) begins at n × BLOCK; trimmed. */
  readonly inputs: Float32Array;
  readonly mixes = new Map<number, Mix>();
  readonly #trims: Ramp;
  readonly #row: MainRow;

  constructor(channels: number, row: MainRow) {
    this.channels = channels;
    this.inputs = new Float32Array(channels * BLOCK);
    this.#trims = new Ramp(new Float32Array(channels).fill(1));
    this.#row = row;
  }

  /** Linear, one for each channel. */
  setTrims(gains: Float32Array): void {
    this.#trims.to(gains);
  }

  /** Linear, left and right for each channel; a mix that is new begins there, one that exists goes there. */
  setMix(mix: number, gains: Float32Array): void {
    const known = this.mixes.get(mix);
    if (known) known.ramp.to(gains);
    else this.mixes.set(mix, new Mix(gains));
  }

  removeMix(mix: number): void {
    this.mixes.delete(mix);
  }

  /** @hot Takes the block that begins at `offset` of interleaved `samples`. */
  read(samples: Float32Array, offset: number): void {
    const { channels, inputs } = this, { value, step, target, left } = this.#trims, peaks = this.#row.peaks;
    let bad = 0;
    for (let channel = 0; channel < channels; channel++) {
      const plane = channel * BLOCK;
      let gain = value[channel], peak = peaks[channel];
      const rise = left > 0 ? step[channel] : 0;
      for (let i = 0, from = offset + channel; i < BLOCK; i++, from += channels) {
        if (i < left) gain += rise;
        else gain = target[channel];
        let sample = samples[from] * gain;
        // NaN and infinities are the only numbers whose difference with themselves isn't 0.
        if (sample - sample !== 0) {
          sample = 0;
          bad++;
        }
        inputs[plane + i] = sample;
        const size = sample < 0 ? -sample : sample;
        if (size > peak) peak = size;
      }
      peaks[channel] = peak;
    }
    if (bad > 0) this.#row.badSamples += bad;
    this.#trims.pass();
  }

  /** @hot Sums a mix of the channels read last. */
  render(mix: Mix): void {
    const { output, ramp } = mix, { value, step, target, left } = ramp, inputs = this.inputs;
    output.fill(0);
    const ramped = left < BLOCK ? left : BLOCK;
    for (let channel = 0; channel < this.channels; channel++) {
      const l = 2 * channel, r = l + 1, plane = channel * BLOCK;
      let gainL = value[l], gainR = value[r];
      const endL = target[l], endR = target[r];
      if (gainL === 0 && gainR === 0 && endL === 0 && endR === 0) continue;
      const stepL = step[l], stepR = step[r];
      for (let i = 0; i < ramped; i++) {
        gainL += stepL;
        gainR += stepR;
        const sample = inputs[plane + i];
        output[2 * i] += sample * gainL;
        output[2 * i + 1] += sample * gainR;
      }
      for (let i = ramped; i < BLOCK; i++) {
        const sample = inputs[plane + i];
        output[2 * i] += sample * endL;
        output[2 * i + 1] += sample * endR;
      }
    }
    ramp.pass();
  }
}
