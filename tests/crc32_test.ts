/** CRC-32: the check value that catalogues give, the system's library as a judge. */
import assert from "node:assert/strict";
import { crc32 as judge } from "node:zlib";
import fc from "fast-check";
import { crc32 } from "../send/crc32.ts";

Deno.test("crc32() of the digits 1 to 9 is what catalogues say", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789"), 0, 9) >>> 0, 0xcbf43926);
});

Deno.test("crc32() agrees with zlib's, wherever the bytes lie", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(9), (message, at) => {
    const placed = new Uint8Array(at + message.length + 3).fill(0x5a);
    placed.set(message, at);
    assert.equal(crc32(placed, at, message.length) >>> 0, judge(message));
  }));
});
