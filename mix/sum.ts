/**
 * The sum itself: planar channels, a gain to the left and to the right for each, interleaved stereo. The most frequent
 * arithmetic of the main isolate: channels that don't sound cost nothing, the others go four at a time. Pure; main
 * isolate; allocates nothing.
 */
import { BLOCK, MAX_CHANNELS } from "../core/units.ts";
import type { Ramp } from "./ramp.ts";

const LEFT = new Float32Array(BLOCK), RIGHT = new Float32Array(BLOCK);
/** Channels that sound in this mix. */
const ACTIVE = new Int32Array(MAX_CHANNELS);

/**
 * `inputs`: channel n begins at n × BLOCK. `ramp`: left and right of each channel. `out`: BLOCK frames, overwritten.
 * @hot
 */
export function sum(inputs: Float32Array, channels: number, ramp: Ramp, out: Float32Array): void {
  const { value, end, count } = ramp, left = LEFT, right = RIGHT, active = ACTIVE;
  let sounding = 0;
  for (let channel = 0; channel < channels; channel++) {
    const l = 2 * channel, r = l + 1;
    if (end[l] !== 0 || end[r] !== 0 || value[l] !== 0 || value[r] !== 0) active[sounding++] = channel;
  }
  left.fill(0);
  right.fill(0);
  let k = 0;
  if (count > 0) { for (; k < sounding; k++) addMoving(inputs, active[k], ramp, left, right); }
  else for (; k + 4 <= sounding; k += 4) addFour(inputs, active, k, end, left, right);
  for (; k < sounding; k++) addOne(inputs, active[k], end, left, right);
  for (let i = 0; i < BLOCK; i++) {
    out[2 * i] = left[i];
    out[2 * i + 1] = right[i];
  }
}

/** @hot Channels `which[k]` … `which[k + 3]`. */
function addFour(
  inputs: Float32Array,
  which: Int32Array,
  k: number,
  gains: Float32Array,
  left: Float32Array,
  right: Float32Array,
): void {
  const a = which[k], b = which[k + 1], c = which[k + 2], d = which[k + 3];
  const aLeft = gains[2 * a], aRight = gains[2 * a + 1], bLeft = gains[2 * b], bRight = gains[2 * b + 1];
  const cLeft = gains[2 * c], cRight = gains[2 * c + 1], dLeft = gains[2 * d], dRight = gains[2 * d + 1];
  const aAt = a * BLOCK, bAt = b * BLOCK, cAt = c * BLOCK, dAt = d * BLOCK;
  for (let i = 0; i < BLOCK; i++) {
    const x = inputs[aAt + i], y = inputs[bAt + i], z = inputs[cAt + i], w = inputs[dAt + i];
    left[i] += x * aLeft + y * bLeft + (z * cLeft + w * dLeft);
    right[i] += x * aRight + y * bRight + (z * cRight + w * dRight);
  }
}

/** @hot */
function addOne(
  inputs: Float32Array,
  channel: number,
  gains: Float32Array,
  left: Float32Array,
  right: Float32Array,
): void {
  const toLeft = gains[2 * channel], toRight = gains[2 * channel + 1], at = channel * BLOCK;
  for (let i = 0; i < BLOCK; i++) {
    const sample = inputs[at + i];
    left[i] += sample * toLeft;
    right[i] += sample * toRight;
  }
}

/** @hot A channel whose gains are on their way. */
function addMoving(
  inputs: Float32Array,
  channel: number,
  ramp: Ramp,
  left: Float32Array,
  right: Float32Array,
): void {
  const { value, end, step, count } = ramp, l = 2 * channel, r = l + 1, at = channel * BLOCK;
  const stepLeft = step[l], stepRight = step[r], endLeft = end[l], endRight = end[r];
  let toLeft = value[l], toRight = value[r];
  for (let i = 0; i < count; i++) {
    toLeft += stepLeft;
    toRight += stepRight;
    const sample = inputs[at + i];
    left[i] += sample * toLeft;
    right[i] += sample * toRight;
  }
  for (let i = count; i < BLOCK; i++) {
    const sample = inputs[at + i];
    left[i] += sample * endLeft;
    right[i] += sample * endRight;
  }
}
