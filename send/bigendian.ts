/**
 * Numbers in network byte order, written and read in place: a DataView for each packet would be an allocation.
 * Pure; any thread; allocates nothing. Bounds are the caller's.
 */

/** @hot */
export function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

/** @hot Takes −2³¹ … 2³²−1. */
export function put32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** @hot */
export function get16(bytes: Uint8Array, at: number): number {
  return bytes[at] << 8 | bytes[at + 1];
}

/** @hot 0 … 2³²−1. */
export function get32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** @hot Copies without the view that `set(subarray())` would make; `out` and `bytes` must not overlap. */
export function copyBytes(bytes: Uint8Array, from: number, count: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = bytes[from + i];
}
