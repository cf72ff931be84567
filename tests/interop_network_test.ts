/** What the network sees: IPv6 beside IPv4, multicast, and the marks that let audio overtake. */
import assert from "node:assert/strict";
import { openMarkedSocket } from "./marked_socket.ts";
import { decode, measureTone, parseRtp, Phone } from "./phone.ts";
import { freePorts } from "./programs.ts";
import { ENGINEER_KEY, JOIN_CODE, type Server, startServer } from "./server.ts";

const EXPEDITED_FORWARDING = 46;
/** Of 5 ms: half a second. */
const PACKETS = 100;
const SETTLE = 4800;
/** XOR-MAPPED-ADDRESS, family IPv6 (RFC 8489 section 14.2). */
const XOR_MAPPED_ADDRESS = 0x0020, IPV6 = 2;

/** The IPv6 address in a STUN answer, as 8 groups: unmasked with the cookie and transaction id, which follow each other. */
function mappedIPv6(answer: Uint8Array): number[] {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
  for (let at = 20; at < answer.length; at += 4 + (view.getUint16(at + 2) + 3 & ~3)) {
    if (view.getUint16(at) !== XOR_MAPPED_ADDRESS) continue;
    assert.equal(view.getUint8(at + 5), IPV6);
    return Array.from({ length: 8 }, (_, i) => view.getUint16(at + 8 + 2 * i) ^ view.getUint16(4 + 2 * i));
  }
  throw new Error("as the answer must have an XOR-MAPPED-ADDRESS: there is none");
}

/** Joins over HTTP at `host`, opens the stream from the same host, and hears channel 7. */
async function hearChannel7(server: Server, host: "127.0.0.1" | "::1", phone: Phone, device: string): Promise<string> {
  const at = host === "::1" ? "[::1]" : host, port = new URL(server.url).port;
  const response = await fetch(`http://${at}:${port}/api/v1/sessions`, {
    method: "POST",
    headers: { authorization: `Bearer ${JOIN_CODE}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "Ana", device, mode: "channels", channels: [7], frameMs: 5 }),
  });
  const { session, media, sdp } = await response.json();
  assert.equal(response.status, 201);
  assert.equal(media.host, host);
  assert.match(sdp, host === "::1" ? /^c=IN IP6 ::1\r$/m : /^c=IN IP4 127\.0\.0\.1\r$/m);
  await phone.bind(media.port, media.username, media.password, undefined, host);
  await phone.until(() => phone.rtp.length >= PACKETS);
  const [audio] = await decode(phone.rtp.slice(0, PACKETS), 1);
  const { hertz, dbfs } = measureTone(audio.subarray(SETTLE), 700);
  assert.ok(Math.abs(hertz - 700) < 1 && Math.abs(dbfs + 12) < 1, `${hertz} Hz at ${dbfs} dBFS`);
  return session;
}

const addressOf = async (server: Server, session: string): Promise<string> => {
  const { body } = await server.call("GET", "/api/v1/status", undefined, ENGINEER_KEY);
  return body.sessions.find((one: { session: string }) => one.session === session).address;
};

Deno.test("a session over IPv6 is opened, heard and listed by its IPv6 address", async () => {
  await using server = await startServer({ address: "::1", args: ["--source", "tones"] });
  using phone = new Phone("::1");
  const session = await hearChannel7(server, "::1", phone, "device-6");
  assert.equal(phone.answers, 1);
  assert.deepEqual(mappedIPv6(phone.stun[0].bytes), [0, 0, 0, 0, 0, 0, 0, 1]);
  assert.equal(await addressOf(server, session), `[::1]:${phone.port}`);
});

Deno.test("a server on all addresses serves IPv4 and IPv6 phones at once", async () => {
  await using server = await startServer({ address: "::", args: ["--source", "tones"] });
  using four = new Phone(), six = new Phone("::1");
  const sessions = await Promise.all([
    hearChannel7(server, "127.0.0.1", four, "device-4"),
    hearChannel7(server, "::1", six, "device-6"),
  ]);
  assert.equal(await addressOf(server, sessions[0]), `127.0.0.1:${four.port}`);
  assert.equal(await addressOf(server, sessions[1]), `[::1]:${six.port}`);
});

const linuxTest = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: Deno.build.os !== "linux", fn });

/** How a target's first packets are marked when they arrive. */
async function marksOf(server: Server, address: string, interfaceAddress: string = address) {
  const port = freePorts(2, interfaceAddress);
  using socket = openMarkedSocket(interfaceAddress, port, address === interfaceAddress ? undefined : address);
  const { status, body } = await server.call("POST", "/api/v1/targets", { address, port, mode: "mix", frameMs: 5 });
  assert.equal(status, 201, JSON.stringify(body));
  const marks = [socket.receive(), socket.receive()];
  const [first, second] = marks.map(({ bytes }) => parseRtp({ bytes, at: 0 }));
  assert.equal(first.payloadType, 96);
  assert.equal(second.sequence, first.sequence + 1 & 0xffff);
  return { marks, sdp: body.sdp };
}

linuxTest("a multicast target reaches its group, and goes no further than its SDP says", async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  const { marks, sdp } = await marksOf(server, "239.255.77.8", "127.0.0.1");
  const hops = Number(/^c=IN IP4 239\.255\.77\.8\/(\d+)\r$/m.exec(sdp)?.[1]);
  assert.deepEqual(marks.map((mark) => mark.hops), [hops, hops]);
  assert.deepEqual(marks.map((mark) => mark.dscp), [EXPEDITED_FORWARDING, EXPEDITED_FORWARDING]);
});

for (
  const { server: listening, target } of [
    { server: "127.0.0.1", target: "127.0.0.1" },
    { server: "::1", target: "::1" },
    { server: "::", target: "127.0.0.1" },
    { server: "::", target: "::1" },
  ]
) {
  linuxTest(`audio from ${listening} to ${target} is marked for expedited forwarding`, async () => {
    await using server = await startServer({ address: listening, args: ["--source", "tones"] });
    const { marks } = await marksOf(server, target);
    assert.deepEqual(marks.map(({ dscp }) => dscp), [EXPEDITED_FORWARDING, EXPEDITED_FORWARDING]);
  });
}

linuxTest("--dscp decides how audio is marked", async () => {
  await using server = await startServer({ address: "::", args: ["--source", "tones", "--dscp", "10"] });
  for (const target of ["127.0.0.1", "::1"]) {
    const { marks } = await marksOf(server, target);
    assert.deepEqual(marks.map(({ dscp }) => dscp), [10, 10]);
  }
});
