/**
 * Packets for the wire's tests: golden ones from files, and the proof that a reader looks at nothing but its packet.
 * Main isolate of the test runner; may allocate.
 */
import assert from "node:assert/strict";

const folder = new URL("golden/", import.meta.url);

/** The bytes of tests/golden/`name`.hex: hexadecimal, `#` begins a comment. */
export function golden(name: string): Uint8Array<ArrayBuffer> {
  const text = Deno.readTextFileSync(new URL(`${name}.hex`, folder)).replace(/#.*$/gm, "");
  return Uint8Array.fromHex(text.replace(/\s+/g, ""));
}

/** Names of all golden packets that begin with `prefix`; there is at least one. */
export function goldenNames(prefix: string): string[] {
  const names = [...Deno.readDirSync(folder)].map((file) => file.name.replace(/\.hex$/, ""));
  const chosen = names.filter((name) => name.startsWith(prefix)).sort();
  assert.notEqual(chosen.length, 0, `no golden packet begins with ${prefix}`);
  return chosen;
}

/** Where {@link readInside} puts the packet. */
export const INSIDE_AT = 7;

/**
 * What `read` makes of the packet at {@link INSIDE_AT} of an array, having made the same of it whatever stood before and
 * behind, or if the array ended there. `read` returns plain data.
 */
export function readInside<T>(bytes: Uint8Array, read: (packet: Uint8Array, at: number, length: number) => T): T {
  const alone = new Uint8Array(INSIDE_AT + bytes.length);
  alone.set(bytes, INSIDE_AT);
  const result = structuredClone(read(alone, INSIDE_AT, bytes.length));
  for (const filling of [0x00, 0x01, 0x80, 0xff]) {
    const packet = new Uint8Array(alone.length + 80).fill(filling);
    packet.set(bytes, INSIDE_AT);
    assert.deepEqual(structuredClone(read(packet, INSIDE_AT, bytes.length)), result);
  }
  return result;
}

/** Every beginning of the packet that isn't the whole of it. */
export function truncations(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, length) => bytes.slice(0, length));
}

/** Runs a writer on an array with room to spare; what it wrote, having checked that it wrote no more. */
export function written(write: (out: Uint8Array, at: number) => number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(8192).fill(0xa5), at = 11;
  const bytes = write(out, at);
  assert.ok(out.subarray(0, at).every((byte) => byte === 0xa5), "wrote before its place");
  assert.ok(out.subarray(at + bytes).every((byte) => byte === 0xa5), "wrote beyond its bytes");
  return out.slice(at, at + bytes);
}
