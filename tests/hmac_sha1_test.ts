/** HMAC-SHA1: the vectors of RFC 2202, the system's cryptography as a judge, forgeries. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { HmacSha1, SHA1_BYTES } from "../send/hmac_sha1.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const bytes = fc.uint8Array({ maxLength: 300 });

function signed(key: HmacSha1, message: Uint8Array): Uint8Array {
  const out = new Uint8Array(SHA1_BYTES);
  key.sign(message, 0, message.length, out, 0);
  return out;
}

Deno.test("HmacSha1 gives what RFC 2202 says, with a short, a long and a block's key", () => {
  const cases: [Uint8Array | string, Uint8Array, string][] = [
    [new Uint8Array(20).fill(0x0b), ascii("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00"],
    ["Jefe", ascii("what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
    [
      new Uint8Array(80).fill(0xaa),
      ascii("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
      "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ],
  ];
  for (const [key, message, expected] of cases) {
    assert.equal(
      Array.from(signed(new HmacSha1(key), message), (b) => b.toString(16).padStart(2, "0")).join(""),
      expected,
    );
  }
});

Deno.test("HmacSha1 agrees with the system's, whatever key, message and place, and with one key time after time", () => {
  fc.assert(fc.property(bytes, fc.array(bytes, { minLength: 1, maxLength: 4 }), fc.nat(9), (secret, messages, at) => {
    const key = new HmacSha1(secret);
    for (const message of messages) {
      const placed = new Uint8Array(at + message.length + 7).fill(0x5a), out = new Uint8Array(at + SHA1_BYTES + 1);
      placed.set(message, at);
      key.sign(placed, at, message.length, out, at);
      const expected = new Uint8Array(at + SHA1_BYTES + 1);
      expected.set(createHmac("sha1", secret).update(message).digest(), at);
      assert.deepEqual(out, expected);
    }
  }));
});

Deno.test("HmacSha1 agrees with the system's at every length around a block's end", () => {
  const key = new HmacSha1("key");
  for (let length = 0; length <= 200; length++) {
    const message = Uint8Array.from({ length }, (_, i) => i * 31 + length);
    assert.deepEqual(signed(key, message), Uint8Array.from(createHmac("sha1", "key").update(message).digest()));
  }
});

Deno.test("HmacSha1 verifies its own value, and none with a bit turned", () => {
  fc.assert(fc.property(bytes, bytes, fc.nat(SHA1_BYTES * 8 - 1), (secret, message, bit) => {
    const key = new HmacSha1(secret), value = signed(key, message);
    assert.ok(key.verify(message, 0, message.length, value, 0));
    value[bit >> 3] ^= 1 << (bit & 7);
    assert.ok(!key.verify(message, 0, message.length, value, 0));
  }));
});

Deno.test("HmacSha1 takes a text as UTF-8", () => {
  assert.deepEqual(
    signed(new HmacSha1("pässwörd"), ascii("x")),
    Uint8Array.from(createHmac("sha1", "pässwörd").update("x").digest()),
  );
});
