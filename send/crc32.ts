/**
 * CRC-32 as STUN's FINGERPRINT has it (ITU V.42; RFC 8489 section 14.7). In: bytes where they lie. Out: the value.
 * `node:zlib` has it too, but wants a view of just those bytes: two thirds of what reading a binding left of garbage. Pure;
 * any thread; allocates nothing.
 */

const POLYNOMIAL = 0xedb88320;
/** What each byte does to the remainder. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** @hot Of `bytes[at … at + count)`, as a signed number: its 32 bits are those of the value. */
export function crc32(bytes: Uint8Array, at: number, count: number): number {
  let remainder = -1;
  for (let i = 0; i < count; i++) remainder = remainder >>> 8 ^ TABLE[(remainder ^ bytes[at + i]) & 0xff];
  return ~remainder;
}
