import assert from "node:assert/strict";
import { endpointText } from "../core/endpoint.ts";
import { fakeHouse } from "./control_fake.ts";

const post = (house: Awaited<ReturnType<typeof fakeHouse>>, body: unknown) =>
  house.call("POST", "/api/v1/targets", { body });

Deno.test("a mono target is one stream for each channel, on every other port, with RTCP between", async () => {
  await using house = await fakeHouse();
  const body = { address: "239.1.2.3", port: 5004, mode: "mono", channels: [3, 9, 1], frameMs: 2.5, bitrate: 64000 };
  const { status, json, headers } = await post(house, body);
  assert.equal(status, 201);
  assert.match(json.target, /^t_/);
  assert.equal(headers.location, `/api/v1/targets/${json.target}`);
  const served = house.taken("serve").map(({ receiver }) => receiver);
  assert.deepEqual(served.map(({ shape }) => shape.channels), [[3], [9], [1]]);
  assert.deepEqual(
    served.map(({ opening }) => [endpointText(opening.rtp), endpointText(opening.rtcp)]),
    [["239.1.2.3:5004", "239.1.2.3:5005"], ["239.1.2.3:5006", "239.1.2.3:5007"], ["239.1.2.3:5008", "239.1.2.3:5009"]],
  );
  assert.deepEqual(
    new Set(served.map(({ shape }) => JSON.stringify([shape.mode, shape.frame, shape.bitrate]))).size,
    1,
  );
  assert.equal(new Set(served.map(({ ssrc }) => ssrc)).size, 3);
  assert.equal(new Set(served.map(({ slot }) => slot)).size, 3);
  assert.equal(json.sdp.match(/^m=audio /gm).length, 3);
  for (const port of [5004, 5006, 5008]) assert.ok(json.sdp.includes(`m=audio ${port} RTP/AVP 96`));
  assert.ok(!json.sdp.includes("rtcp-mux"));

  assert.equal((await house.call("DELETE", `/api/v1/targets/${json.target}`)).status, 204);
  assert.equal(house.taken("close").length, 3);
  assert.equal((await house.call("DELETE", `/api/v1/targets/${json.target}`)).status, 404);
  assert.deepEqual((await house.call("GET", "/api/v1/targets")).json, []);
});

Deno.test("a mix target hears the session's own mix, changes with it, and outlives the session", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join({ mode: "channels", channels: [1, 2], device: "the-same-one" });
  await house.call("PATCH", `/api/v1/sessions/${session}/mix`, { body: { channels: { 2: { mute: true } } } });
  house.taken("serve");
  const { json } = await post(house, { address: "192.0.2.1", port: 5004, mode: "mix", session });
  const made = house.posted.findLast((message) => message.kind === "mix");
  assert.ok(made?.kind === "mix");
  assert.deepEqual([...made.settings!.gains].flatMap((gain, i) => gain > 0 ? [i] : []), [0, 1]);
  const [{ receiver }] = house.taken("serve");
  assert.equal(receiver.mix, made.mix);

  await house.call("PATCH", `/api/v1/sessions/${session}/mix`, { body: { master: { mute: true } } });
  assert.deepEqual(house.taken("mix").map(({ mix, settings }) => [mix, Math.max(...settings.gains)]), [[made.mix, 0]]);
  await house.call("PATCH", `/api/v1/sessions/${session}`, { body: { mode: "mix" } });
  assert.equal(house.taken("reshape")[0].mix, made.mix, "session and target hear one and the same");
  await house.call("DELETE", `/api/v1/sessions/${session}`);
  house.pass(10_000);
  house.control.tick();
  assert.equal(house.taken("mix").filter(({ settings }) => settings === null).length, 0);
  await house.call("DELETE", `/api/v1/targets/${json.target}`);
  house.pass(1000);
  house.control.tick();
  assert.deepEqual(house.taken("mix"), [{ kind: "mix", mix: made.mix, settings: null }]);
});

Deno.test("a mix target without a session is a fresh mix of all channels", async () => {
  await using house = await fakeHouse({ inputs: 3 });
  const { json } = await post(house, { address: "2001:db8::7", port: 6000, mode: "mix" });
  const [first, second] = house.posted;
  assert.ok(first.kind === "mix" && second.kind === "serve");
  assert.equal(first.settings!.gains.filter((gain) => gain > 0).length, 6);
  assert.deepEqual(json.sdp.match(/^c=.*/m)[0].trim(), "c=IN IP6 2001:db8::7");
  assert.ok(json.sdp.includes("a=fmtp:96 stereo=1;sprop-stereo=1"));
  const [view] = (await house.call("GET", "/api/v1/targets")).json;
  const { target, sdp, ...rest } = view;
  assert.deepEqual([target, sdp], [json.target, json.sdp]);
  assert.deepEqual(rest, {
    address: "2001:db8::7",
    port: 6000,
    mode: "mix",
    channels: [1, 2, 3],
    frameMs: 5,
    bitrate: 192000,
    session: null,
  });
});

Deno.test("a channels target is one multistream, by the defaults and the ladder", async () => {
  await using house = await fakeHouse();
  const { json } = await post(house, { address: "192.0.2.1", port: 5004, mode: "channels", frameMs: 10 });
  const [{ receiver }] = house.taken("serve");
  assert.equal(receiver.shape.bitrate, 64000);
  assert.ok(json.sdp.includes("a=rtpmap:97 multiopus/48000/16"));
  assert.equal((await post(house, { address: "192.0.2.1", port: 5004, mode: "mono", frameMs: 10 })).status, 201);
  assert.equal(house.taken("serve")[0].receiver.shape.bitrate, 128000);
});

Deno.test("what can't be a target is refused, and changes nothing", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join();
  const before = await house.picture();
  const good = { address: "192.0.2.1", port: 5004, mode: "mix" };
  const refused: [number, Record<string, unknown>][] = [
    [400, { address: "receiver.example" }],
    [400, { address: "fe80::1%eth0" }],
    [400, { address: "0.0.0.0" }],
    [400, { address: "::" }],
    [400, { address: "255.255.255.255" }],
    [400, { address: "192.0.2" }],
    [400, { address: "" }],
    [400, { port: 0 }],
    [400, { port: 65535 }],
    [400, { port: 5004.5 }],
    [400, { mode: "mono", port: 65510 }],
    [400, { mode: "stereo" }],
    [400, { redundancy: 1 }],
    [400, { mode: "channels", session }],
    [400, { session, channels: [1] }],
    [400, { mode: "channels", frameMs: 10, bitrate: 256000 }],
    [409, { session: "s_none" }],
    [409, { mode: "mono", channels: [17] }],
  ];
  for (const [status, change] of refused) {
    const answer = await post(house, { ...good, ...change });
    assert.equal(answer.status, status, JSON.stringify(change));
    assert.equal(answer.headers["content-type"], "application/problem+json");
  }
  assert.equal(await house.picture(), before);
});

Deno.test("targets have at most 64 streams all together", async () => {
  await using house = await fakeHouse();
  const mono = { address: "192.0.2.1", port: 5004, mode: "mono" };
  for (let i = 0; i < 4; i++) assert.equal((await post(house, { ...mono, port: 5004 + 100 * i })).status, 201);
  const before = await house.picture();
  assert.equal((await post(house, { ...mono, channels: [1], port: 9000 })).status, 503);
  assert.equal(await house.picture(), before);
  const [{ target }] = (await house.call("GET", "/api/v1/targets")).json;
  await house.call("DELETE", `/api/v1/targets/${target}`);
  assert.equal((await post(house, { ...mono, port: 9000 })).status, 201);
});
