/**
 * Trims and the sum of a mix, four samples at a time: AssemblyScript, compiled to kernel.wasm by `deno task kernel`. What lies where in
 * its memory, kernel.ts says; addresses are bytes. Knows nothing of fades and limiters; allocates nothing.
 */

/** Samples of a channel in a block, and the most channels: core/units.ts. */
const BLOCK: i32 = 128;
const MAX_CHANNELS: i32 = 64;
/** Bytes of a mix's gains: left and right of each channel. */
const GAINS: i32 = 8 * MAX_CHANNELS;
/** Bytes of the stereo frames that wait in a mix's line, and of a block of them. */
const HELD: i32 = 48 * 8;
const FRESH: i32 = BLOCK * 8;

/** What is louder (120 dB over full scale) is no sound but garbage; all that is less adds up to finite numbers. */
const LOUDEST: f32 = 1e6;

/** Channels that sound in the mix at hand: their samples' and gains' addresses. */
const active: usize = memory.data(8 * MAX_CHANNELS);

/**
 * Makes planes of a block of interleaved samples, each channel by its trim; what isn't a number, or too loud, becomes
 * silence. `trims` move as gains do in {@link sum}. Writes each channel's loudest magnitude to `meters`, the sums of their
 * squares behind. Returns how many samples it silenced.
 */
export function trim(samples: usize, channels: i32, trims: usize, count: i32, inputs: usize, meters: usize): i32 {
  const frame: usize = 4 * channels;
  let bad = 0;
  for (let channel = 0; channel < channels; channel++) {
    const at: usize = 4 * channel, plane = inputs + channel * (4 * BLOCK), last = v128.load32_splat(trims + at, 2 * GAINS);
    let loudest = f32x4.splat(0), square = f32x4.splat(0), from = samples + at;
    for (let i = 0; i < BLOCK; i += 4, from += 4 * frame) {
      let x = v128.load32_zero(from);
      x = v128.load_lane<f32>(from + frame, x, 1);
      x = v128.load_lane<f32>(from + 2 * frame, x, 2);
      x = v128.load_lane<f32>(from + 3 * frame, x, 3);
      x = f32x4.mul(x, i < count ? moving(trims + at, i, count) : last);
      const sound = f32x4.le(f32x4.abs(x), f32x4.splat(LOUDEST));
      x = v128.and(x, sound);
      bad += 4 - popcnt(i32x4.bitmask(sound));
      v128.store(plane + 4 * i, x);
      loudest = f32x4.max(loudest, f32x4.abs(x));
      square = f32x4.add(square, f32x4.mul(x, x));
    }
    store<f32>(meters + at, most(loudest));
    square = f32x4.add(square, v128.shuffle<f32>(square, square, 2, 3, 0, 1));
    store<f32>(meters + at, f32x4.extract_lane(square, 0) + f32x4.extract_lane(square, 1), 4 * MAX_CHANNELS);
  }
  return bad;
}

// @ts-ignore: decorator
@inline
function moving(gain: usize, i: i32, count: i32): v128 {
  const passed = f32x4.add(f32x4.splat(<f32>i), f32x4(1, 2, 3, 4));
  return gainOf(gain, passed, f32x4.gt(passed, f32x4.splat(<f32>count)));
}

// @ts-ignore: decorator
@inline
function most(x: v128): f32 {
  return max(max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)), max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)));
}

/**
 * Makes the next block of the mix at `mix`. `inputs`: planes of `channels` channels. `count`: samples within which the
 * gains move, from `value` by `step` each; from there on they are `end`.
 */
export function sum(inputs: usize, channels: i32, mix: usize, count: i32): void {
  const value = mix, step = mix + GAINS, end = mix + 2 * GAINS, line = mix + 3 * GAINS;
  memory.copy(line, line + FRESH, HELD);
  let behind = active;
  for (let channel = 0; channel < channels; channel++) {
    const at: usize = 8 * channel;
    if (((load<u64>(value + at) | load<u64>(end + at)) & 0x7fffffff_7fffffff) == 0) continue;
    store<u32>(behind, <u32>(inputs + channel * (4 * BLOCK)));
    store<u32>(behind, <u32>(mix + at), 4);
    behind += 8;
  }
  const moving = (count + 7) & ~7;
  for (let i = 0; i < moving; i += 4) slope(i, count, behind, line + HELD);
  for (let i = moving; i < BLOCK; i += 8) level(i, behind, line + HELD);
}

/** Four frames from `i` on, the first `count` of the block with gains that move. */
// @ts-ignore: decorator
@inline
function slope(i: i32, count: i32, behind: usize, out: usize): void {
  const passed = f32x4.add(f32x4.splat(<f32>i), f32x4(1, 2, 3, 4));
  const still = f32x4.gt(passed, f32x4.splat(<f32>count));
  let left = f32x4.splat(0), right = f32x4.splat(0);
  for (let one = active; one < behind; one += 8) {
    const x = v128.load(<usize>load<u32>(one) + 4 * i), gains = <usize>load<u32>(one, 4);
    left = f32x4.add(left, f32x4.mul(x, gainOf(gains, passed, still)));
    right = f32x4.add(right, f32x4.mul(x, gainOf(gains + 4, passed, still)));
  }
  write(out + 8 * i, left, right);
}

// @ts-ignore: decorator
@inline
function gainOf(at: usize, passed: v128, still: v128): v128 {
  const moved = f32x4.add(v128.load32_splat(at), f32x4.mul(v128.load32_splat(at, GAINS), passed));
  return v128.bitselect(v128.load32_splat(at, 2 * GAINS), moved, still);
}

/** Eight frames from `i` on, with gains at rest. */
// @ts-ignore: decorator
@inline
function level(i: i32, behind: usize, out: usize): void {
  let left = f32x4.splat(0), right = left, nextLeft = left, nextRight = left;
  for (let one = active; one < behind; one += 8) {
    const plane = <usize>load<u32>(one) + 4 * i, gains = <usize>load<u32>(one, 4);
    const x = v128.load(plane), y = v128.load(plane, 16);
    const toLeft = v128.load32_splat(gains, 2 * GAINS), toRight = v128.load32_splat(gains, 2 * GAINS + 4);
    left = f32x4.add(left, f32x4.mul(x, toLeft));
    right = f32x4.add(right, f32x4.mul(x, toRight));
    nextLeft = f32x4.add(nextLeft, f32x4.mul(y, toLeft));
    nextRight = f32x4.add(nextRight, f32x4.mul(y, toRight));
  }
  write(out + 8 * i, left, right);
  write(out + 8 * i + 32, nextLeft, nextRight);
}

/** Four frames, interleaved. */
// @ts-ignore: decorator
@inline
function write(at: usize, left: v128, right: v128): void {
  v128.store(at, v128.shuffle<f32>(left, right, 0, 4, 1, 5));
  v128.store(at, v128.shuffle<f32>(left, right, 2, 6, 3, 7), 16);
}

/** The loudest of `BLOCK` stereo frames. */
export function peak(at: usize): f32 {
  let a = f32x4.splat(0), b = a;
  for (let i = 0; i < FRESH; i += 32) {
    a = f32x4.max(a, f32x4.abs(v128.load(at + i)));
    b = f32x4.max(b, f32x4.abs(v128.load(at + i, 16)));
  }
  return most(f32x4.max(a, b));
}
