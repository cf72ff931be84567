/** `GET /api/v1/audio`: control is the page's phone. The send worker is a UDP socket of the test's. */
import assert from "node:assert/strict";
import { readStun, STUN_BINDING_REQUEST, TRANSACTION_ID_BYTES, verifyStun, writeBindingSuccess } from "../send/stun.ts";
import { endpointOf } from "../core/endpoint.ts";
import { readRtcp, writeReceiverReport } from "../send/rtcp.ts";
import { assertProblem, ENGINEER, JOIN_CODE } from "./control_fake.ts";
import { BareClient } from "./live_desk.ts";
import { bound, ends, hello, Media, Page, PATH, rtp, stage } from "./audio_stage.ts";

Deno.test("a page is bound as a phone is, each second anew, and gets the datagrams as they are", async () => {
  await using all = await stage();
  const { house, media } = all, { token, media: { username, password } } = await house.join({ mode: "mix" });
  const page = await Page.open(house, token), from = await bound(all);
  const [bytes] = media.stun, message = readStun(bytes, 0, bytes.length)!;
  assert.equal(message.type, STUN_BINDING_REQUEST);
  assert.equal(message.username, username);
  assert.ok(verifyStun(bytes, 0, message, password) && message.fingerprintAt > 0);
  const answer = new Uint8Array(128);
  const id = new Uint8Array(TRANSACTION_ID_BYTES);
  await media.send(
    answer.subarray(0, writeBindingSuccess(answer, 0, id, endpointOf("127.0.0.1", 1), password)),
    from,
  );
  const sent = [rtp(1), rtp(2, 1452), new Uint8Array([0x80, 200, 0, 1, 0, 0, 0, 1])];
  for (const packet of sent) await media.send(packet, from);
  await page.until(() => page.datagrams.length === sent.length);
  assert.deepEqual(page.datagrams, sent, "RTP and RTCP, no STUN");
  house.control.audio.beat();
  house.pass(1000);
  house.control.audio.beat();
  assert.equal(await bound(all, 2), from);
  page.socket.close();
});

Deno.test("what somebody else on this machine sends isn't passed on", async () => {
  await using all = await stage();
  const { house, media } = all, { token } = await house.join();
  const page = await Page.open(house, token), from = await bound(all);
  using other = new Media();
  await other.send(rtp(1), from);
  await media.send(rtp(2), from);
  await page.until(() => page.datagrams.length > 0);
  assert.deepEqual(page.datagrams, [rtp(2)]);
  page.socket.close();
});

Deno.test("the page's reports go to the send worker; other binary messages end the connection", async () => {
  await using all = await stage();
  const { house, media } = all, { token } = await house.join();
  const page = await Page.open(house, token);
  await bound(all);
  const out = new Uint8Array(256);
  const report = { ssrc: 7, fractionLost: 3, cumulativeLost: 1, highestSequence: 9, jitter: 5, lastSr: 0 };
  const bytes = writeReceiverReport(out, 0, 1, new TextEncoder().encode("x"), { ...report, delaySinceLastSr: 0 });
  await page.say(out.slice(0, bytes));
  await media.until(() => media.rtcp.length > 0);
  assert.deepEqual(media.rtcp[0], out.slice(0, bytes));
  for (const wrong of [rtp(1), new Uint8Array(20), new Uint8Array(0), new Uint8Array([0x81, 201])]) {
    assert.equal(await ends(house, hello(token), wrong), 4400);
  }
});

Deno.test("a ping is answered with its time and the server's", async () => {
  await using all = await stage();
  const { house } = all, { token } = await house.join();
  const page = await Page.open(house, token);
  await page.say({ type: "ping", time: 12.5 });
  await page.until(() => page.texts.length > 0);
  assert.deepEqual(page.texts, [{ type: "pong", time: 12.5, serverTime: 1_800_000_000_000 }]);
  page.socket.close();
});

Deno.test("only a session's token may listen, and wrong ones count", async () => {
  await using all = await stage();
  const { house } = all, { token, session } = await house.join();
  assert.equal(await ends(house, hello("nonsense")), 4401);
  assert.equal(await ends(house, hello(JOIN_CODE)), 4403);
  assert.equal(await ends(house, hello(ENGINEER)), 4403);
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  assert.equal(await ends(house, hello(token)), 4401);
  for (let i = 2; i < 10; i++) assert.equal(await ends(house, hello(`guess ${i}`)), 4401);
  assert.equal(await ends(house, hello("guess")), 4429);
});

Deno.test("who doesn't speak our language is closed with 4400, who says nothing with 4408", async () => {
  await using all = await stage();
  const { house } = all, { token } = await house.join();
  for (
    const wrong of [{ type: "what" }, { type: "ping" }, { type: "hello" }, [], null, "x", { ...hello(token), a: 1 }]
  ) {
    assert.equal(await ends(house, wrong), 4400, JSON.stringify(wrong));
  }
  assert.equal(await ends(house, rtp(1)), 4400, "before the hello");
  assert.equal(await ends(house, hello(token), hello(token)), 4400, "twice");
  const silent = new Page(house.port);
  await silent.heard();
  house.pass(5000);
  house.control.audio.beat();
  assert.equal((await silent.closed).code, 4408);
});

Deno.test("without asking for a WebSocket it is 426; pages of another origin and foreign names stay outside", async () => {
  await using all = await stage();
  const { house } = all;
  assertProblem(await house.call("GET", PATH, { secret: null }), 426);
  const doors = [
    { more: "Origin: http://evil.example\r\n", status: 403 },
    { more: "Sec-Fetch-Site: cross-site\r\n", status: 403 },
    { host: "evil.example", status: 421 },
  ];
  for (const { status, ...door } of doors) {
    const { client, head } = await BareClient.open(house.port, { ...door, path: PATH });
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
    client.end();
  }
});

Deno.test("while it listens the session shows the page's address, and the old one again afterwards", async () => {
  await using all = await stage();
  const { house } = all, { token, session } = await house.join();
  const address = async () => (await house.call("GET", `/api/v1/sessions/${session}`)).json.address;
  assert.equal(await address(), null);
  const page = await Page.open(house, token);
  await bound(all);
  assert.equal(await address(), "127.0.0.1");
  page.socket.close();
  await page.closed;
  await all.media.until(() => all.media.rtcp.length > 0);
  assert.equal(await address(), null);
});

Deno.test("closing is an RTCP BYE: the stream pauses, the session stays", async () => {
  await using all = await stage();
  const { house, media } = all, { token, session } = await house.join();
  const page = await Page.open(house, token);
  await bound(all);
  page.socket.close();
  await media.until(() => media.rtcp.length > 0);
  const [bytes] = media.rtcp;
  assert.equal(readRtcp(bytes, 0, bytes.length)?.byes.length, 1);
  assert.equal((await house.call("GET", `/api/v1/sessions/${session}`)).status, 200);
  assert.equal(house.control.audio.sockets.clients.size, 0);
});

Deno.test("of two pages on one session the newer one listens, the older one is told so and says no BYE", async () => {
  await using all = await stage();
  const { house, media } = all, { token } = await house.join();
  const first = await Page.open(house, token), before = await bound(all);
  const second = await Page.open(house, token);
  assert.equal((await first.closed).code, 4410);
  const from = await bound(all, 2);
  assert.notEqual(from, before);
  await media.send(rtp(1), from);
  await second.until(() => second.datagrams.length > 0);
  assert.equal(media.rtcp.length, 0);
  second.socket.close();
});

Deno.test("a session that ends closes its page with 4401, the server's end with 1001", async () => {
  await using all = await stage();
  const { house } = all, { token, session } = await house.join(), other = await house.join();
  const page = await Page.open(house, token), stays = await Page.open(house, other.token);
  await bound(all, 2);
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  assert.equal((await page.closed).code, 4401);
  await stays.heard();
  const [{ code }] = await Promise.all([stays.closed, house.control.stop()]);
  assert.equal(code, 1001);
});

Deno.test("64 pages can listen, the next one is told so", async () => {
  await using all = await stage();
  const { house } = all, pages = [];
  for (let i = 0; i < 64; i++) {
    const page = await Page.open(house, (await house.join()).token);
    await page.heard();
    pages.push(page);
  }
  assert.equal(await ends(house, hello((await house.join()).token)), 4409);
  assert.ok(pages.every(({ socket }) => socket.readyState === WebSocket.OPEN));
  pages.forEach(({ socket }) => socket.close());
});

Deno.test("who says no hello on 64 connections gets no other, and takes nobody's place", async () => {
  await using all = await stage();
  const { house } = all, listening = await Page.open(house, (await house.join()).token), silent = [];
  for (let i = 0; i < 64; i++) {
    const page = new Page(house.port);
    await page.heard();
    silent.push(page);
  }
  assert.equal((await new Page(house.port).closed).code, 4409);
  await silent[0].say(hello((await house.join()).token));
  const next = await Page.open(house, (await house.join()).token);
  for (const page of [listening, silent[0], next]) {
    await page.heard();
    assert.equal(page.socket.readyState, WebSocket.OPEN);
  }
  for (const { socket } of [listening, next, ...silent]) socket.close();
});

Deno.test("a page that answers no ping gets nothing any more, and the newest again when it does", async () => {
  await using all = await stage();
  const { house, media } = all, { audio } = house.control, { token } = await house.join();
  const { client } = await BareClient.open(house.port, { path: PATH });
  await client.text(hello(token));
  const from = await bound(all);
  audio.beat();
  const ping = await client.next();
  assert.equal(ping?.opcode, 9);
  await media.send(rtp(1), from);
  assert.deepEqual(new Uint8Array((await client.next())!.payload), rtp(1), "it may take a quarter of a second");
  house.pass(251);
  await media.send(rtp(2), from);
  await media.send(rtp(3), from);
  while (audio.dropped < 2) await media.send(rtp(3), from);
  await client.frame(10, ping!.payload);
  await client.text({ type: "ping", time: 1 });
  assert.match(String((await client.next())!.payload), /pong/);
  await media.send(rtp(4), from);
  const { payload } = (await client.next())!;
  assert.equal(payload[3] === 3 ? (await client.next())!.payload[3] : payload[3], 4);
  house.pass(100);
  audio.beat();
  assert.equal((await client.next())!.opcode, 9);
  house.pass(10_000);
  audio.beat();
  assert.equal(await client.closing(), 4413, "gone for ten seconds");
  client.end();
});

Deno.test("a page that doesn't read costs no memory: what it would hear too late is dropped", async () => {
  await using all = await stage();
  const { house, media } = all, { audio } = house.control;
  const { token } = await house.join({ frameMs: 5, bitrate: 64_000 });
  const { client } = await BareClient.open(house.port, { path: PATH });
  await client.text(hello(token));
  const from = await bound(all);
  // The kernel takes some megabytes before anything waits in ours.
  for (let i = 0; audio.dropped < 100; i++) await media.send(rtp(i & 0xffff, 1400), from);
  assert.ok(audio.sockets.waiting <= 13 * 1410, `${audio.sockets.waiting} bytes wait`);
  assert.equal(audio.sockets.clients.size, 1);
  client.end();
});
