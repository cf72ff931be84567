import assert from "node:assert/strict";
import { MAX_SEATS } from "../control/state.ts";
import { Flow } from "../core/board.ts";
import { fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";

const close = (a: number, b: number) => Math.abs(a - b) < 1e-6;

Deno.test("a join answers with everything that the contract promises", async () => {
  await using house = await fakeHouse();
  const answer = await house.call("POST", "/api/v1/sessions", {
    secret: JOIN_CODE,
    body: {
      name: "Ana",
      device: "3f2b9c1e",
      mode: "channels",
      channels: [3, 1, 2],
      frameMs: 5,
      bitrate: 96000,
      redundancy: 0,
    },
  });
  assert.equal(answer.status, 201);
  const { session, token, resumed, media, sdp, mix } = answer.json;
  assert.match(session, /^s_[\w-]+$/);
  assert.equal(answer.headers.location, `/api/v1/sessions/${session}`);
  assert.ok(token.length >= 22);
  assert.equal(resumed, false);
  const { username, password, ssrc, ...rest } = media;
  assert.ok(username.length >= 8 && password.length >= 22);
  assert.ok(Number.isInteger(ssrc) && ssrc > 0 && ssrc < 2 ** 32);
  assert.deepEqual(rest, {
    host: "127.0.0.1",
    port: 5101,
    payloadType: 97,
    encoding: "multiopus",
    clockRate: 48000,
    frameMs: 5,
    bitrate: 96000,
    redundancy: 0,
    streams: 3,
    coupledStreams: 0,
    channelMapping: [0, 1, 2],
    channels: [3, 1, 2],
  });
  assert.match(sdp, /^v=0\r\n/);
  for (
    const line of ["a=rtpmap:97 multiopus/48000/3", "a=rtcp-mux", "a=recvonly", `a=ssrc:${ssrc} cname:`, "m=audio 5101"]
  ) {
    assert.ok(sdp.includes(line), `${line} in ${sdp}`);
  }
  assert.equal(Object.keys(mix.channels).length, 16);
  assert.deepEqual(mix.channels["16"], { gainDb: 0, pan: 0, mute: false, solo: false });
  assert.deepEqual(mix.master, { gainDb: -12, mute: false });

  const [{ worker, receiver }] = house.taken("serve");
  assert.equal(worker, 0);
  assert.deepEqual(receiver.shape, {
    mode: "channels",
    channels: [3, 1, 2],
    frame: 240,
    bitrate: 96000,
    redundancy: 0,
  });
  assert.deepEqual(receiver.opening, { kind: "stun", username, password });
  assert.equal(receiver.ssrc, ssrc);
  assert.equal(receiver.mix, -1);
  assert.equal(house.control.house.board.slots[receiver.slot].flow, Flow.Paused);
});

Deno.test("a mix join makes the mix first, of the chosen channels, and then serves it", async () => {
  await using house = await fakeHouse();
  const { media, sdp } = await house.join({ mode: "mix", channels: [2, 5] });
  assert.equal(media.payloadType, 96);
  assert.equal(media.encoding, "opus");
  assert.deepEqual([media.streams, media.coupledStreams], [1, 1]);
  assert.deepEqual(media.channelMapping, [0, 1]);
  assert.equal("channels" in media, false);
  assert.ok(sdp.includes("a=rtpmap:96 opus/48000/2"));
  assert.deepEqual(house.posted.map(({ kind }) => kind), ["mix", "serve"]);
  const [{ mix, settings: { gains } }] = house.taken("mix");
  const sounding = [...gains].flatMap((gain, i) => gain > 0 ? [i] : []);
  assert.deepEqual(sounding, [2, 3, 8, 9]);
  assert.ok(close(gains[2], Math.SQRT1_2 * 10 ** (-12 / 20)));
  const serve = house.posted[1];
  assert.ok(serve.kind === "serve");
  assert.equal(serve.receiver.mix, mix);
  assert.deepEqual(serve.receiver.shape.channels, []);
});

Deno.test("what is left out is the server's default, and is in the answer", async () => {
  await using house = await fakeHouse({ options: { defaults: { frame: 480, bitrate: null } }, inputs: 2 });
  const channels = await house.join();
  assert.deepEqual(channels.media.channels, [1, 2]);
  assert.equal(channels.media.frameMs, 10);
  assert.equal(channels.media.bitrate, 128000);
  assert.equal(channels.media.redundancy, 0);
  assert.equal((await house.join({ mode: "mix" })).media.bitrate, 192000);
  await using other = await fakeHouse({ options: { defaults: { frame: 120, bitrate: 100_000 as never } }, inputs: 2 });
  assert.equal((await other.join()).media.bitrate, 100000);
  assert.equal((await other.join({ mode: "mix" })).media.bitrate, 100000);
});

Deno.test("a left-out bitrate runs down the ladder until the packet fits", async () => {
  await using house = await fakeHouse({ inputs: 64 });
  const rate = async (body: Record<string, unknown>) => (await house.join(body)).media.bitrate;
  const first = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
  // Bytes of a packet: 12 of RTP, then for each stream rate × frame / 8, and a length before all but the last.
  assert.equal(await rate({ channels: first(17), frameMs: 5 }), 128000); // 12 + 17·80 + 16 = 1388
  assert.equal(await rate({ channels: first(18), frameMs: 5 }), 96000); // 128: 1469; 96: 1109
  assert.equal(await rate({ channels: first(64), frameMs: 2.5 }), 64000); // 80: 1675; 64: 1355
  assert.equal(await rate({ channels: first(64), frameMs: 10 }), 16000); // 1355
  const { status, json } = await house.call("POST", "/api/v1/sessions", {
    secret: JOIN_CODE,
    body: { name: "Ana", device: newDevice(), mode: "channels", frameMs: 10, redundancy: 1 },
  });
  assert.equal(status, 400);
  assert.match(json.detail, /fits with/);
});

Deno.test("a stated bitrate that doesn't fit is refused with advice that works", async () => {
  await using house = await fakeHouse();
  const body = { name: "Ana", device: newDevice(), mode: "channels", frameMs: 10, bitrate: 96000 };
  const refused = await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE, body });
  assert.equal(refused.status, 400);
  const bitrate = Number(/bitrate (\d+)/.exec(refused.json.detail)![1]);
  const channels = Number(/(\d+) channels/.exec(refused.json.detail)![1]);
  assert.equal((await house.join({ ...body, bitrate })).media.bitrate, bitrate);
  assert.equal(
    (await house.join({ ...body, channels: Array.from({ length: channels }, (_, i) => i + 1) })).media.streams,
    channels,
  );
});

Deno.test("channels that don't exist are 409, and named", async () => {
  await using house = await fakeHouse();
  const before = await house.picture();
  for (const channels of [[1, 17], [99], [1_000_000]]) {
    const { status, json } = await house.call("POST", "/api/v1/sessions", {
      body: { name: "Ana", device: newDevice(), mode: "mix", channels },
    });
    assert.equal(status, 409);
    assert.ok(json.detail.includes(String(channels.at(-1))));
  }
  assert.equal(await house.picture(), before);
});

Deno.test("media.host is the local address that the join came to, unless a public one is set", async () => {
  await using house = await fakeHouse();
  const hostVia = async (to: string) =>
    (await house.call("POST", "/api/v1/sessions", { to, body: { name: "Ana", device: newDevice(), mode: "mix" } }))
      .json.media.host;
  assert.equal(await hostVia("127.0.0.1"), "127.0.0.1");
  assert.equal(await hostVia("127.0.0.8"), "127.0.0.8");
  await using behind = await fakeHouse({ options: { publicHost: "192.0.2.7" } });
  const joined = await behind.join();
  assert.equal(joined.media.host, "192.0.2.7");
  assert.ok(joined.sdp.includes("c=IN IP4 192.0.2.7"));
});

Deno.test("a second join with the same device takes the first one's place, and keeps the mix", async () => {
  await using house = await fakeHouse();
  const device = newDevice();
  const first = await house.join({ device, mode: "mix" });
  await house.call("PATCH", `/api/v1/sessions/${first.session}/mix`, { body: { channels: { 3: { gainDb: -6 } } } });
  const [{ worker, receiver }] = house.taken("serve");
  const second = await house.join({ device, mode: "mix", channels: [3, 4] });
  assert.equal(second.resumed, true);
  assert.equal(second.mix.channels["3"].gainDb, -6);
  for (const key of ["session", "token"]) assert.notEqual(second[key], first[key]);
  for (const key of ["ssrc", "username", "password"]) assert.notEqual(second.media[key], first.media[key]);
  assert.equal((await house.call("GET", `/api/v1/sessions/${first.session}`)).status, 404);
  assert.equal((await house.call("GET", "/api/v1/sessions")).json.length, 1);
  const kinds = house.posted.slice(-3);
  assert.deepEqual(kinds[0], { kind: "close", worker, slot: receiver.slot });
  const [serve] = house.taken("serve");
  assert.notEqual(serve.receiver.slot, receiver.slot);
  assert.equal(serve.receiver.mix, receiver.mix, "the same mix goes on");
});

Deno.test("the mix is kept over a DELETE too, and resumed says so", async () => {
  await using house = await fakeHouse();
  const device = newDevice();
  const { session, token } = await house.join({ device });
  await house.call("PATCH", `/api/v1/sessions/${session}/mix`, { secret: token, body: { master: { gainDb: -3 } } });
  await house.call("DELETE", `/api/v1/sessions/${session}`, { secret: token });
  const again = await house.join({ device });
  assert.equal(again.resumed, true);
  assert.equal(again.mix.master.gainDb, -3);
});

Deno.test("there is room for a thousand seats, and the one that a join made longest ago is forgotten", async () => {
  await using house = await fakeHouse();
  const first = await house.join({ device: "the-first-one" });
  await house.call("PATCH", `/api/v1/sessions/${first.session}/mix`, { body: { master: { gainDb: -3 } } });
  await house.call("DELETE", `/api/v1/sessions/${first.session}`);
  await house.join({ device: "the-live-one" });
  const { house: inner } = house.control;
  const seat = inner.state.seats[first.seat], seats: Record<string, typeof seat> = {};
  for (let i = 0; i < MAX_SEATS - 2; i++) {
    const device = `device.${i}`;
    seats[`seat_made${i}`] = { ...seat, device, joinedAt: seat.joinedAt + 1, invite: `INVITE${10_000 + i}` };
  }
  inner.state = {
    ...inner.state,
    seats: { ...inner.state.seats, ...seats },
    order: [...inner.state.order, ...Object.keys(seats)],
  };
  await house.join({ device: "one-too-many" });
  assert.equal(inner.state.order.length, MAX_SEATS);
  assert.equal(Object.keys(inner.state.seats).length, MAX_SEATS);
  assert.equal((await house.join({ device: "the-first-one" })).resumed, false);
  assert.equal((await house.join({ device: "the-live-one" })).resumed, true);
});
