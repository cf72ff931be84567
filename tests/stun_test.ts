/** STUN: the test vectors of RFC 5769, broken messages, round trips, and forgeries. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { endpointOf, endpointText } from "../core/endpoint.ts";
import {
  readStun,
  STUN_BINDING_REQUEST,
  STUN_BINDING_SUCCESS,
  STUN_MAX_BYTES,
  verifyStun,
  writeBindingRequest,
  writeBindingSuccess,
} from "../send/stun.ts";
import { golden, goldenNames, readInside, truncations, written } from "./packets.ts";

const PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";
const utf8 = (text: string) => new TextEncoder().encode(text);
const transactionId = fc.uint8Array({ minLength: 12, maxLength: 12 });
const credential = fc.stringMatching(/^[!-~]{1,64}$/);
const endpoint = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 65535 })),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 65535 })),
).map(([ip, port]) => endpointOf(ip, port));

/** A message of whole attributes, sealed by hand: HMAC over what precedes, the length counting up to its end; CRC over all. */
function sealed(attributes: number[], key: string | null, behind: number[] = []): Uint8Array<ArrayBuffer> {
  const bytes = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Array(12).fill(5), ...attributes];
  const setLength = (length: number) => [bytes[2], bytes[3]] = [length >> 8, length & 255];
  if (key !== null) {
    setLength(bytes.length + 24 - 20);
    bytes.push(0, 8, 0, 20, ...createHmac("sha1", key).update(Uint8Array.from(bytes)).digest());
  }
  bytes.push(...behind);
  setLength(bytes.length + 8 - 20);
  const crc = crc32(Uint8Array.from(bytes)) ^ 0x5354554e;
  bytes.push(0x80, 0x28, 0, 4, crc >>> 24 & 255, crc >>> 16 & 255, crc >>> 8 & 255, crc & 255);
  return Uint8Array.from(bytes);
}
const USERNAME_ANA = [0, 6, 0, 3, 0x61, 0x6e, 0x61, 0];

Deno.test("readStun() and verifyStun() take the request of RFC 5769", () => {
  const packet = golden("stun-rfc5769-request");
  const message = readInside(packet, readStun)!;
  assert.equal(message.type, STUN_BINDING_REQUEST);
  assert.deepEqual(message.transactionId, packet.slice(8, 20));
  assert.equal(message.username, "evtj:h6vY");
  assert.equal(message.integrityAt, packet.length - 32);
  assert.equal(message.fingerprintAt, packet.length - 8);
  assert.equal(message.mapped, null);
  assert.equal(message.unknownRequired, false);
  assert.ok(verifyStun(packet, 0, message, utf8(PASSWORD)));
  assert.ok(!verifyStun(packet, 0, message, utf8(PASSWORD + "x")));
});

for (const [family, expected] of [["4", "192.0.2.1:32853"], ["6", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"]]) {
  Deno.test(`readStun() and verifyStun() take the IPv${family} response of RFC 5769`, () => {
    const packet = golden(`stun-rfc5769-response-ipv${family}`);
    const message = readInside(packet, readStun)!;
    assert.equal(message.type, STUN_BINDING_SUCCESS);
    assert.equal(endpointText(message.mapped!), expected);
    assert.ok(verifyStun(packet, 0, message, PASSWORD));
  });
}

for (const name of goldenNames("stun-broken-")) {
  Deno.test(`readStun() refuses ${name}`, () => assert.equal(readInside(golden(name), readStun), null));
}

Deno.test("readStun() reads the request that writeBindingRequest() wrote, and only its password fits", () => {
  fc.assert(fc.property(transactionId, fc.string({ maxLength: 100 }), credential, (id, username, password) => {
    fc.pre(username.isWellFormed());
    const packet = written((out, at) => writeBindingRequest(out, at, id, username, password));
    const message = readInside(packet, readStun)!;
    assert.deepEqual({ ...message, integrityAt: 0, fingerprintAt: 0 }, {
      type: STUN_BINDING_REQUEST,
      transactionId: id,
      username,
      integrityAt: 0,
      fingerprintAt: 0,
      mapped: null,
      unknownRequired: false,
    });
    assert.ok(message.integrityAt > 0 && message.fingerprintAt === packet.length - 8);
    assert.ok(readInside(packet, (bytes, at) => verifyStun(bytes, at, message, utf8(password))));
    assert.ok(!verifyStun(packet, 0, message, password + "."));
  }));
});

Deno.test("readStun() reads the address that writeBindingSuccess() wrote, IPv4 as IPv4", () => {
  fc.assert(fc.property(transactionId, endpoint, credential, (id, endpoint, password) => {
    const packet = written((out, at) => writeBindingSuccess(out, at, id, endpoint, password));
    const message = readInside(packet, readStun)!;
    assert.equal(message.type, STUN_BINDING_SUCCESS);
    assert.equal(endpointText(message.mapped!), endpointText(endpoint));
    assert.deepEqual(message.transactionId, id);
    assert.ok(verifyStun(packet, 0, message, password));
    assert.equal(packet.length, endpointText(endpoint).startsWith("[") ? 76 : 64);
  }));
});

Deno.test("a message with any one bit turned is refused, or lacks FINGERPRINT, or its integrity doesn't fit", () => {
  const packet = golden("stun-rfc5769-request");
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const forged = packet.slice();
    forged[bit >> 3] ^= 1 << (bit & 7);
    const message = readInside(forged, readStun);
    const incomplete = message === null || message.fingerprintAt < 0;
    assert.ok(incomplete || !verifyStun(forged, 0, message, PASSWORD), `bit ${bit}`);
  }
});

Deno.test("verifyStun() finds a change that comes with a right FINGERPRINT", () => {
  const honest = sealed(USERNAME_ANA, PASSWORD);
  const integrity = Array.from(honest.slice(28, 52));
  const forged = sealed([...USERNAME_ANA.slice(0, 4), 0x62, 0x6f, 0x62, 0, ...integrity], null);
  const message = readStun(forged, 0, forged.length)!;
  assert.equal(message.username, "bob");
  assert.ok(!verifyStun(forged, 0, message, PASSWORD));
  assert.ok(verifyStun(honest, 0, readStun(honest, 0, honest.length)!, PASSWORD));
});

Deno.test("verifyStun() refuses a message without MESSAGE-INTEGRITY", () => {
  const packet = sealed(USERNAME_ANA, null);
  const message = readStun(packet, 0, packet.length)!;
  assert.equal(message.integrityAt, -1);
  assert.ok(!verifyStun(packet, 0, message, ""));
});

Deno.test("readStun() says that there is no FINGERPRINT", () => {
  const packet = golden("stun-rfc5769-request").slice(0, -8);
  packet[3] -= 8;
  assert.equal(readInside(packet, readStun)?.fingerprintAt, -1);
});

Deno.test("readStun() heeds nothing that stands behind MESSAGE-INTEGRITY", () => {
  const packet = sealed([], PASSWORD, [...USERNAME_ANA, 0x7f, 0xff, 0, 0]);
  const message = readInside(packet, readStun)!;
  assert.equal(message.username, null);
  assert.equal(message.unknownRequired, false);
  assert.ok(verifyStun(packet, 0, message, PASSWORD));
});

Deno.test("readStun() refuses a FINGERPRINT that isn't last, though its value be right", () => {
  const packet = sealed(USERNAME_ANA, PASSWORD);
  packet[3] += 4;
  const value = (crc32(packet.subarray(0, -8)) ^ 0x5354554e) >>> 0;
  new DataView(packet.buffer).setUint32(packet.length - 4, value);
  assert.equal(readInside(Uint8Array.from([...packet, 0x80, 0x22, 0, 0]), readStun), null);
});

Deno.test("readStun() takes the first of two USERNAMEs", () => {
  const packet = sealed([...USERNAME_ANA, 0, 6, 0, 3, 0x62, 0x6f, 0x62, 0], PASSWORD);
  assert.equal(readInside(packet, readStun)?.username, "ana");
});

Deno.test("readStun() reports unknown attributes if they are comprehension-required, and only then", () => {
  const unknownRequired = (type: number) => {
    const packet = sealed([type >> 8, type & 255, 0, 1, 9, 0, 0, 0, ...USERNAME_ANA], PASSWORD);
    return readInside(packet, readStun)?.unknownRequired;
  };
  assert.equal(unknownRequired(0x7fff), true);
  assert.equal(unknownRequired(0x0003), true);
  assert.equal(unknownRequired(0x8000), false);
  assert.equal(unknownRequired(0x8022), false);
});

Deno.test("readStun() refuses what is too long to be one datagram's message", () => {
  const bytes = (length: number) => sealed([0x80, 0x22, length >> 8, length & 255, ...new Array(length).fill(0)], null);
  assert.notEqual(readStun(bytes(STUN_MAX_BYTES - 32), 0, STUN_MAX_BYTES), null);
  assert.equal(readStun(bytes(STUN_MAX_BYTES - 28), 0, STUN_MAX_BYTES + 4), null);
});

Deno.test("writeBindingRequest() refuses a username beyond the RFC's 508 bytes, and so does readStun()", () => {
  const out = new Uint8Array(1024), id = new Uint8Array(12);
  const bytes = writeBindingRequest(out, 0, id, "u".repeat(508), PASSWORD);
  assert.equal(readStun(out, 0, bytes)?.username?.length, 508);
  assert.throws(() => writeBindingRequest(out, 0, id, "u".repeat(509), PASSWORD), RangeError);
  const packet = sealed([0, 6, 512 >> 8, 0, ...new Array(512).fill(0x75)], PASSWORD);
  assert.equal(readStun(packet, 0, packet.length), null);
});

Deno.test("readStun() refuses a message cut off anywhere", () => {
  for (const name of goldenNames("stun-rfc5769-")) {
    for (const cut of truncations(golden(name))) {
      assert.equal(readInside(cut, readStun), null, `${cut.length} of ${name}`);
    }
  }
});

Deno.test("readStun() never throws, whatever the attributes", () => {
  const attribute = fc.tuple(
    fc.constantFrom(1, 6, 8, 0x20, 0x24, 0x8022, 0x8028, 0x7777),
    fc.integer({ min: 0, max: 40 }),
    fc.uint8Array({ maxLength: 36 }),
  );
  fc.assert(fc.property(fc.array(attribute, { maxLength: 5 }), (attributes) => {
    const body = attributes.flatMap(([type, length, value]) => {
      const padded = new Array((value.length + 3) & ~3).fill(0).map((_, i) => value[i] ?? 0);
      return [type >> 8, type & 255, length >> 8, length, ...padded];
    });
    const header = [0, 1, body.length >> 8, body.length & 255, 0x21, 0x12, 0xa4, 0x42, ...new Array(12).fill(0)];
    const packet = Uint8Array.from([...header, ...body]);
    const message = readInside(packet, readStun);
    if (message !== null) assert.ok(!verifyStun(packet, 0, message, PASSWORD));
  }));
});
