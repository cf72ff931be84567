/** SDP: whole descriptions, as the wire contract has them, and what must never get into one. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Shape } from "../core/messages.ts";
import { bitRate } from "../core/units.ts";
import { type Description, sdpOf } from "../send/sdp.ts";

const shape: Shape = { mode: "channels", channels: [7, 2, 9], frame: 240, bitrate: bitRate(96_000), redundancy: 0 };
const session: Description = {
  sessionId: 4711,
  name: "Ana",
  host: "192.0.2.7",
  port: 5101,
  ssrc: 305419896,
  cname: "foldback@192.0.2.7",
  shape,
  rtcpMux: true,
};
const lines = (description: Description) => sdpOf(description).split("\r\n");
const line = (description: Description, start: string) => lines(description).find((line) => line.startsWith(start));

Deno.test("sdpOf() describes a session's channels as multiopus, one stream each", () => {
  assert.deepEqual(lines(session), [
    "v=0",
    "o=- 4711 1 IN IP4 192.0.2.7",
    "s=Ana",
    "c=IN IP4 192.0.2.7",
    "t=0 0",
    "m=audio 5101 RTP/AVP 97",
    "a=rtpmap:97 multiopus/48000/3",
    "a=fmtp:97 channel_mapping=0,1,2;num_streams=3;coupled_streams=0",
    "a=ptime:5",
    "a=rtcp-mux",
    "a=recvonly",
    "a=ssrc:305419896 cname:foldback@192.0.2.7",
    "",
  ]);
});

Deno.test("sdpOf() lists RED first, with the inner payload type twice", () => {
  assert.deepEqual(lines({ ...session, version: 2, shape: { ...shape, redundancy: 1, frame: 480 } }).slice(1, 10), [
    "o=- 4711 2 IN IP4 192.0.2.7",
    "s=Ana",
    "c=IN IP4 192.0.2.7",
    "t=0 0",
    "m=audio 5101 RTP/AVP 98 97",
    "a=rtpmap:98 red/48000",
    "a=fmtp:98 97/97",
    "a=rtpmap:97 multiopus/48000/3",
    "a=fmtp:97 channel_mapping=0,1,2;num_streams=3;coupled_streams=0",
  ]);
  assert.equal(line({ ...session, shape: { ...shape, mode: "mix", redundancy: 1 } }, "a=fmtp:98"), "a=fmtp:98 96/96");
});

Deno.test("sdpOf() describes a mix to IPv4 multicast as stereo, with the hops, without rtcp-mux", () => {
  const target: Description = { ...session, address: "239.1.2.3", port: 5004, rtcpMux: false };
  assert.deepEqual(lines({ ...target, shape: { ...shape, mode: "mix", channels: [], frame: 120 } }), [
    "v=0",
    "o=- 4711 1 IN IP4 192.0.2.7",
    "s=Ana",
    "c=IN IP4 239.1.2.3/1",
    "t=0 0",
    "m=audio 5004 RTP/AVP 96",
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 stereo=1;sprop-stereo=1",
    "a=ptime:2.5",
    "a=recvonly",
    "a=ssrc:305419896 cname:foldback@192.0.2.7",
    "",
  ]);
  assert.equal(line({ ...target, ttl: 16 }, "c="), "c=IN IP4 239.1.2.3/16");
});

Deno.test("sdpOf() gives each channel of a mono target a section, a port and an SSRC of its own", () => {
  const target: Description = { ...session, address: "192.0.2.9", port: 6000, rtcpMux: false };
  const section = (port: number, ssrc: number) => [
    `m=audio ${port} RTP/AVP 96`,
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 stereo=0;sprop-stereo=0",
    "a=ptime:5",
    "a=recvonly",
    `a=ssrc:${ssrc} cname:foldback@192.0.2.7`,
  ];
  assert.deepEqual(lines({ ...target, ssrc: [1, 2, 4294967295], shape: { ...shape, mode: "mono" } }), [
    "v=0",
    "o=- 4711 1 IN IP4 192.0.2.7",
    "s=Ana",
    "c=IN IP4 192.0.2.9",
    "t=0 0",
    ...section(6000, 1),
    ...section(6002, 2),
    ...section(6004, 4294967295),
    "",
  ]);
});

Deno.test("sdpOf() names addresses by their family", () => {
  const connection = (host: string, address?: string) => line({ ...session, host, address }, "c=");
  assert.equal(connection("2001:db8::7"), "c=IN IP6 2001:db8::7");
  assert.equal(connection("fe80::1%eth0"), "c=IN IP6 fe80::1");
  assert.equal(connection("::ffff:192.0.2.7"), "c=IN IP4 192.0.2.7");
  assert.equal(connection("192.0.2.7", "ff15::101"), "c=IN IP6 ff15::101");
  assert.equal(connection("192.0.2.7", "240.0.0.1"), "c=IN IP4 240.0.0.1");
  assert.equal(connection("stage.local"), "c=IN IP4 stage.local");
  assert.equal(line({ ...session, host: "2001:db8::7", address: "192.0.2.9" }, "o="), "o=- 4711 1 IN IP6 2001:db8::7");
});

Deno.test("sdpOf() refuses a host that isn't one, and a missing SSRC", () => {
  for (const host of ["", "a b", "192.0.2.7\r\na=x", "[::1]"]) {
    assert.throws(() => sdpOf({ ...session, host }), RangeError, host);
    assert.throws(() => sdpOf({ ...session, address: host }), RangeError, host);
  }
  assert.throws(() => sdpOf({ ...session, ssrc: [1, 2], shape: { ...shape, mode: "mono" } }), RangeError);
});

Deno.test("sdpOf() keeps whatever name in its one line", () => {
  const name = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("\r", "\n", "\0", "a=x", " ") }));
  fc.assert(fc.property(name, (name) => {
    const text = lines({ ...session, name });
    assert.equal(text.length, lines(session).length);
    assert.match(text[2], /^s=[^\r\n\0]+$/);
    assert.deepEqual(text.toSpliced(2, 1), lines(session).toSpliced(2, 1));
  }));
  assert.equal(line({ ...session, name: "" }, "s="), "s=-");
});
