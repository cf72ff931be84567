/** RFC 2198: golden packets, round trips, and another's parser. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { Red } from "werift-rtp";
import { readRed, RED_MAX_BYTES, RED_MAX_OFFSET, writeRedHeader } from "../send/red.ts";
import { golden, goldenNames, INSIDE_AT, readInside, truncations, written } from "./packets.ts";

const write = (payloadType: number, offset: number, earlier: Uint8Array, primary: Uint8Array) =>
  written((out, at) => {
    const header = writeRedHeader(out, at, payloadType, offset, earlier.length);
    out.set(earlier, at + header);
    out.set(primary, at + header + earlier.length);
    return header + earlier.length + primary.length;
  });

const content = {
  payloadType: fc.integer({ min: 0, max: 127 }),
  offset: fc.integer({ min: 0, max: RED_MAX_OFFSET }),
  earlier: fc.uint8Array({ minLength: 1, maxLength: RED_MAX_BYTES, size: "max" }),
  primary: fc.uint8Array({ minLength: 1, maxLength: 1400, size: "max" }),
};

Deno.test("writeRedHeader() writes the golden packet of two blocks", () => {
  assert.deepEqual(
    write(97, 240, Uint8Array.of(1, 2, 3, 4), Uint8Array.of(10, 11, 12, 13, 14)),
    golden("red-two-blocks"),
  );
});

Deno.test("writeRedHeader() writes one byte when nothing is earlier", () => {
  assert.deepEqual(write(96, 0, new Uint8Array(0), Uint8Array.of(0xfc, 0xff, 0xfe)), golden("red-one-block"));
});

Deno.test("writeRedHeader() and readRed() reach the limits of both fields", () => {
  const earlier = new Uint8Array(RED_MAX_BYTES).fill(7), header = golden("red-limits");
  const packet = write(96, RED_MAX_OFFSET, earlier, Uint8Array.of(9));
  assert.deepEqual(packet.slice(0, header.length), header);
  assert.deepEqual(readRed(packet, 0, packet.length), [
    { payloadType: 96, timestampOffset: RED_MAX_OFFSET, at: 5, bytes: RED_MAX_BYTES },
    { payloadType: 96, timestampOffset: 0, at: 5 + RED_MAX_BYTES, bytes: 1 },
  ]);
});

Deno.test("readRed() gives the earlier block first and the primary one last", () => {
  assert.deepEqual(readInside(golden("red-two-blocks"), readRed), [
    { payloadType: 97, timestampOffset: 240, at: INSIDE_AT + 5, bytes: 4 },
    { payloadType: 97, timestampOffset: 0, at: INSIDE_AT + 9, bytes: 5 },
  ]);
});

for (const name of goldenNames("red-broken-")) {
  Deno.test(`readRed() refuses ${name}`, () => assert.equal(readInside(golden(name), readRed), null));
}

Deno.test("readRed() finds what writeRedHeader() announced", () => {
  fc.assert(fc.property(fc.record(content), ({ payloadType, offset, earlier, primary }) => {
    const packet = write(payloadType, offset, earlier, primary);
    const blocks = readRed(packet, 0, packet.length)!;
    assert.deepEqual(blocks.map((block) => [block.payloadType, block.timestampOffset]), [
      [payloadType, offset],
      [payloadType, 0],
    ]);
    assert.deepEqual(blocks.map(({ at, bytes }) => packet.slice(at, at + bytes)), [earlier, primary]);
  }));
});

Deno.test("werift-rtp reads the blocks that writeRedHeader() announced", () => {
  // It doesn't tell an offset of 0 from none.
  const offset = fc.integer({ min: 1, max: RED_MAX_OFFSET });
  fc.assert(fc.property(fc.record({ ...content, offset }), ({ payloadType, offset, earlier, primary }) => {
    const { blocks } = Red.deSerialize(Buffer.from(write(payloadType, offset, earlier, primary)));
    assert.deepEqual(blocks.map(({ blockPT, timestampOffset }) => [blockPT, timestampOffset]), [
      [payloadType, offset],
      [payloadType, undefined],
    ]);
    assert.deepEqual(blocks.map(({ block }) => new Uint8Array(block)), [earlier, primary]);
  }));
});

Deno.test("readRed() fills the packet with its blocks exactly, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const blocks = readInside(bytes, readRed);
    if (blocks === null) return;
    assert.equal(blocks.at(-1)!.at + blocks.at(-1)!.bytes, INSIDE_AT + bytes.length);
    for (let i = 1; i < blocks.length; i++) assert.equal(blocks[i].at, blocks[i - 1].at + blocks[i - 1].bytes);
    assert.equal(blocks[0].at, INSIDE_AT + 4 * blocks.length - 3);
  }));
});

Deno.test("readRed() refuses a packet cut off in its headers or its earlier block", () => {
  const packet = golden("red-two-blocks");
  for (const cut of truncations(packet)) {
    assert.equal(readInside(cut, readRed) === null, cut.length < 9, `${cut.length} bytes`);
  }
});
