/**
 * HMAC-SHA1 (RFC 2104, FIPS 180-4) for STUN's MESSAGE-INTEGRITY. In: a key once, then bytes where they lie. Out: 20 bytes,
 * written in place. Each client binds every second and each binding takes two: with `node:crypto` they left 3 kB of garbage
 * each, with @noble/hashes and a key kept ready 1.1 kB, and a collection holds up the sound. So this is our own; after the
 * constructor it allocates nothing. Pure, but for working memory that belongs to the thread; any thread.
 */

/** A SHA-1 value. */
export const SHA1_BYTES = 20;
const BLOCK_BYTES = 64;
/** Bytes of a block that are left for the message where the 0x80 behind it and its length follow. */
const LAST_BYTES = BLOCK_BYTES - 9;
const START = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);

/** The state of the hash at hand, its message schedule, and its last block or two, padded. */
const state = new Int32Array(5), schedule = new Int32Array(80), tail = new Uint8Array(2 * BLOCK_BYTES);

/** @hot Takes one block into the state (FIPS 180-4 section 6.1.2). All sums are cut to 32 bits, which need no object. */
function compress(bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; i++, at += 4) {
    w[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
  }
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
    w[i] = x << 1 | x >>> 31;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (let i = 0; i < 80; i++) {
    let mixed = 0;
    if (i < 20) mixed = ((b & c | ~b & d) + 0x5a827999) | 0;
    else if (i < 40) mixed = ((b ^ c ^ d) + 0x6ed9eba1) | 0;
    else if (i < 60) mixed = ((b & c | b & d | c & d) - 0x70e44324) | 0;
    else mixed = ((b ^ c ^ d) - 0x359d3e2a) | 0;
    mixed = (mixed + e) | 0;
    mixed = (mixed + w[i]) | 0;
    mixed = (mixed + (a << 5 | a >>> 27)) | 0;
    e = d;
    d = c;
    c = b << 30 | b >>> 2;
    b = a;
    a = mixed;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

/** @hot Goes on from `from`, a state behind `before` bytes, to the end of the message. What it says is in the state. */
function finish(from: Int32Array, before: number, bytes: Uint8Array, at: number, count: number): void {
  for (let i = 0; i < 5; i++) state[i] = from[i];
  let taken = 0;
  for (; count - taken >= BLOCK_BYTES; taken += BLOCK_BYTES) compress(bytes, at + taken);
  const rest = count - taken, end = rest > LAST_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES, bits = (before + count) * 8;
  tail.fill(0);
  for (let i = 0; i < rest; i++) tail[i] = bytes[at + taken + i];
  tail[rest] = 0x80;
  for (let i = 0; i < 4; i++) tail[end - 1 - i] = bits >>> 8 * i;
  for (let i = 0; i < end; i += BLOCK_BYTES) compress(tail, i);
}

/** @hot The state as bytes. */
function write(out: Uint8Array, at: number): void {
  for (let i = 0; i < SHA1_BYTES; i++) out[at + i] = state[i >> 2] >>> 24 - 8 * (i & 3);
}

/** A key with the hash's states behind its two paddings, which are the same for every message. */
export class HmacSha1 {
  readonly #inner = new Int32Array(5);
  readonly #outer = new Int32Array(5);
  readonly #digest = new Uint8Array(SHA1_BYTES);

  /** A text is taken in UTF-8. */
  constructor(key: Uint8Array | string) {
    const bytes = typeof key === "string" ? new TextEncoder().encode(key) : key, block = new Uint8Array(BLOCK_BYTES);
    if (bytes.length <= BLOCK_BYTES) block.set(bytes);
    else {
      finish(START, 0, bytes, 0, bytes.length);
      write(block, 0);
    }
    this.#pad(block, 0x36, this.#inner);
    this.#pad(block, 0x36 ^ 0x5c, this.#outer);
  }

  #pad(block: Uint8Array, mask: number, into: Int32Array): void {
    for (let i = 0; i < BLOCK_BYTES; i++) block[i] ^= mask;
    state.set(START);
    compress(block, 0);
    into.set(state);
  }

  /** Writes the 20 bytes for `bytes[at … at + count)` to `out[to]`. @hot */
  sign(bytes: Uint8Array, at: number, count: number, out: Uint8Array, to: number): void {
    finish(this.#inner, BLOCK_BYTES, bytes, at, count);
    write(this.#digest, 0);
    finish(this.#outer, BLOCK_BYTES, this.#digest, 0, SHA1_BYTES);
    write(out, to);
  }

  /**
   * Are the 20 bytes at `claimed[from]` those for `bytes[at … at + count)`? Takes as long wherever they differ.
   * @hot
   */
  verify(bytes: Uint8Array, at: number, count: number, claimed: Uint8Array, from: number): boolean {
    this.sign(bytes, at, count, this.#digest, 0);
    let difference = 0;
    for (let i = 0; i < SHA1_BYTES; i++) difference |= this.#digest[i] ^ claimed[from + i];
    return difference === 0;
  }
}
