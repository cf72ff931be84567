import assert from "node:assert/strict";
import fc from "fast-check";
import { fakeHouse, FROM_TIMESTAMP } from "./control_fake.ts";

Deno.test("a patch keeps port, credentials and SSRC, and says from which timestamp the new shape holds", async () => {
  await using house = await fakeHouse();
  const { session, token, media } = await house.join({ channels: [1, 2], bitrate: 64000 });
  house.taken("serve");
  const { status, json } = await house.call("PATCH", `/api/v1/sessions/${session}`, {
    secret: token,
    body: { channels: [2, 7, 1], frameMs: 10, redundancy: 1 },
  });
  assert.equal(status, 200);
  assert.deepEqual(json.media, {
    ...media,
    channels: [2, 7, 1],
    streams: 3,
    channelMapping: [0, 1, 2],
    frameMs: 10,
    redundancy: 1,
    payloadType: 98,
    fromTimestamp: FROM_TIMESTAMP,
  });
  assert.ok(json.sdp.includes("a=rtpmap:98 red/48000"));
  const [{ shape }] = house.taken("reshape");
  assert.deepEqual(shape, { mode: "channels", channels: [2, 7, 1], frame: 480, bitrate: 64000, redundancy: 1 });
  const seen = await house.call("GET", `/api/v1/sessions/${session}`, { secret: token });
  const { fromTimestamp: _, ...now } = json.media;
  assert.deepEqual(seen.json.media, now);
  assert.equal(seen.json.sdp, json.sdp);
});

Deno.test("each change raises the version in the description's origin, and keeps its number", async () => {
  await using house = await fakeHouse();
  const { session, sdp } = await house.join();
  const origin = (text: string) => /^o=- (\d+) (\d+) /m.exec(text)!.slice(1).map(Number);
  const changed = await house.call("PATCH", `/api/v1/sessions/${session}`, { body: { frameMs: 2.5 } });
  assert.equal(origin(changed.json.sdp)[0], origin(sdp)[0]);
  assert.ok(origin(changed.json.sdp)[1] > origin(sdp)[1]);
});

Deno.test("from channels to a mix: the mix is made before the change, and ends a while after the way back", async () => {
  await using house = await fakeHouse();
  const { session, media } = await house.join({ channels: [4] });
  house.taken("serve");
  const patch = (body: unknown) => house.call("PATCH", `/api/v1/sessions/${session}`, { body });
  const mixed = await patch({ mode: "mix" });
  assert.equal(mixed.json.media.encoding, "opus");
  for (const key of ["port", "username", "password", "ssrc", "host"]) assert.equal(mixed.json.media[key], media[key]);
  assert.equal(mixed.json.media.bitrate, 192000, "nobody ever stated one");
  const kinds = house.posted.slice(1).map(({ kind }) => kind);
  assert.ok(kinds.indexOf("mix") < kinds.indexOf("reshape"));
  const posted = house.posted.slice(1);
  const mix = posted.find((message) => message.kind === "mix"), reshape = posted.find(({ kind }) => kind === "reshape");
  assert.ok(mix?.kind === "mix" && reshape?.kind === "reshape");
  assert.equal(reshape.mix, mix.mix);
  assert.deepEqual([...mix.settings!.gains].flatMap((gain, i) => gain > 0 ? [i] : []), [6, 7]);

  house.taken("mix");
  const back = await patch({ mode: "channels" });
  assert.deepEqual(back.json.media.channels, [4]);
  assert.equal(back.json.media.bitrate, 128000);
  house.control.tick();
  assert.equal(house.taken("mix").filter(({ gains }) => gains === null).length, 0, "it may still be in the last frame");
  house.pass(1000);
  house.control.tick();
  assert.deepEqual(house.taken("mix"), [{ kind: "mix", mix: mix.mix, settings: null }]);
});

Deno.test("a mix that begins with other channels than the session had is never made of the old ones", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join({ channels: [4] });
  await house.call("PATCH", `/api/v1/sessions/${session}`, { body: { mode: "mix", channels: [3] } });
  const made = house.taken("mix");
  assert.ok(made.length > 0);
  for (const { settings: { gains } } of made) {
    assert.deepEqual([...gains].flatMap((gain, i) => gain > 0 ? [i] : []), [4, 5]);
  }
});

Deno.test("a patch of a mix's channels changes what it is made of", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join({ mode: "mix", channels: [1] });
  house.taken("mix");
  await house.call("PATCH", `/api/v1/sessions/${session}`, { body: { channels: [9, 2] } });
  const { gains } = house.taken("mix").at(-1).settings;
  assert.deepEqual([...gains].flatMap((gain, i) => gain > 0 ? [i] : []), [2, 3, 16, 17]);
});

Deno.test("a bitrate that nobody stated runs down the ladder at each patch; a stated one is kept or refused", async () => {
  await using house = await fakeHouse();
  const { session, media } = await house.join({ channels: [1] });
  assert.equal(media.bitrate, 128000);
  const all = Array.from({ length: 16 }, (_, i) => i + 1);
  const patch = (body: unknown) => house.call("PATCH", `/api/v1/sessions/${session}`, { body });
  assert.equal((await patch({ channels: all, frameMs: 10 })).json.media.bitrate, 64000);
  assert.equal((await patch({ channels: [1] })).json.media.bitrate, 128000, "and up again");
  assert.equal((await patch({ bitrate: 100_000 })).json.media.bitrate, 100_000);
  const before = await house.picture();
  const refused = await patch({ channels: all });
  assert.equal(refused.status, 400);
  assert.match(refused.json.detail, /bitrate 64000/);
  assert.equal(await house.picture(), before);
  assert.equal((await patch({ channels: all, frameMs: 2.5 })).json.media.bitrate, 100_000);
});

Deno.test("a patch with channels that don't exist is 409 and changes nothing", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join();
  const before = await house.picture();
  const refused = await house.call("PATCH", `/api/v1/sessions/${session}`, {
    body: { channels: [1, 20], frameMs: 10 },
  });
  assert.equal(refused.status, 409);
  assert.equal(await house.picture(), before);
});

Deno.test("when the send worker doesn't answer a patch is 503, and the old shape is asked for again", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 20 } });
  const { session } = await house.join({ channels: [1, 2] });
  const see = async () => (await house.call("GET", `/api/v1/sessions/${session}`)).text;
  const before = await see();
  house.answering = false;
  const refused = await house.call("PATCH", `/api/v1/sessions/${session}`, { body: { mode: "mix", channels: [3] } });
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  assert.equal(await see(), before);
  const [asked, undone] = house.taken("reshape");
  assert.equal(asked.shape.mode, "mix");
  assert.deepEqual(undone.shape, { mode: "channels", channels: [1, 2], frame: 240, bitrate: 128000, redundancy: 0 });
  assert.equal(undone.mix, -1);
  const body = { address: "192.0.2.1", port: 5004, mode: "mix", session };
  assert.equal((await house.call("POST", "/api/v1/targets", { body })).status, 201);
  const heard = house.posted.findLast((message) => message.kind === "mix");
  assert.ok(heard?.kind === "mix");
  assert.deepEqual(
    [...heard.settings!.gains].flatMap((gain, i) => gain > 0 ? [i] : []),
    [0, 1, 2, 3],
    "made of what it was",
  );
  house.answering = true;
  const again = await house.call("PATCH", `/api/v1/sessions/${session}`, { body: { frameMs: 10 } });
  assert.deepEqual(again.json.media.channels, [1, 2]);
});

Deno.test("a patch whose session ends meanwhile is answered at once", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 3_600_000 } });
  const { session } = await house.join();
  house.answering = false;
  const patching = house.call("PATCH", `/api/v1/sessions/${session}`, { body: { frameMs: 10 } });
  const waiting = house.call("PATCH", `/api/v1/sessions/${session}`, { body: { frameMs: 2.5 } });
  while (!house.posted.some(({ kind }) => kind === "reshape")) await new Promise((resolve) => setTimeout(resolve));
  assert.equal((await house.call("DELETE", `/api/v1/sessions/${session}`)).status, 204);
  assert.equal((await patching).status, 404);
  assert.equal((await waiting).status, 404);
});

Deno.test("patches that meet are made one after the other, and none is lost", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join({ channels: [1] });
  const bodies = [{ frameMs: 10 }, { channels: [5, 6] }, { bitrate: 80_000 }, { redundancy: 1 }];
  const answers = await Promise.all(
    bodies.map((body) => house.call("PATCH", `/api/v1/sessions/${session}`, { body })),
  );
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
  const { media } = (await house.call("GET", `/api/v1/sessions/${session}`)).json;
  const { frameMs, channels, bitrate, redundancy } = media;
  assert.deepEqual({ frameMs, channels, bitrate, redundancy }, {
    frameMs: 10,
    channels: [5, 6],
    bitrate: 80_000,
    redundancy: 1,
  });
});

Deno.test("a mix patch merges, answers the whole mix, and reaches the main isolate only in mix mode", async () => {
  await using house = await fakeHouse();
  const stored = await house.join(), mixed = await house.join({ mode: "mix" });
  house.taken("mix");
  const body = { channels: { 3: { gainDb: -6, pan: -0.5 } }, master: { gainDb: 0 } };
  for (const { session, token } of [stored, mixed]) {
    const { status, json } = await house.call("PATCH", `/api/v1/sessions/${session}/mix`, { secret: token, body });
    assert.equal(status, 200);
    assert.deepEqual(json.channels["3"], { gainDb: -6, pan: -0.5, mute: false, solo: false });
    assert.deepEqual(json.channels["4"], { gainDb: 0, pan: 0, mute: false, solo: false });
    assert.deepEqual(json.master, { gainDb: 0, mute: false });
    const seen = await house.call("GET", `/api/v1/sessions/${session}/mix`, { secret: token });
    assert.deepEqual(seen.json, json);
  }
  const [{ settings: { gains } }, ...others] = house.taken("mix");
  assert.equal(others.length, 0);
  assert.ok(Math.abs(gains[4] - 10 ** (-6 / 20) * Math.cos(Math.PI / 8)) < 1e-6);
});

Deno.test("any order of mix patches ends in the mix that each field's last value gives", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { session } = await house.join();
  const strip = fc.record({
    gainDb: fc.integer({ min: -120, max: 10 }),
    pan: fc.constantFrom(-1, -0.5, 0, 0.25, 1),
    mute: fc.boolean(),
    solo: fc.boolean(),
  }, { requiredKeys: [] });
  const patch = fc.record({
    channels: fc.dictionary(fc.constantFrom("1", "2", "3", "4"), strip, { noNullPrototype: true }),
    master: fc.record({ gainDb: fc.integer({ min: -120, max: 10 }), mute: fc.boolean() }, { requiredKeys: [] }),
  }, { requiredKeys: [] });
  const path = `/api/v1/sessions/${session}/mix`;
  await fc.assert(
    fc.asyncProperty(patch, async (body) => {
      const before = (await house.call("GET", path)).json;
      const after = (await house.call("PATCH", path, { body })).json;
      const expected = structuredClone(before);
      for (const [key, change] of Object.entries(body.channels ?? {})) Object.assign(expected.channels[key], change);
      Object.assign(expected.master, body.master);
      assert.deepEqual(after, expected);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a mix patch with a channel that doesn't exist is 409, and none of it is done", async () => {
  await using house = await fakeHouse();
  const { session } = await house.join({ mode: "mix" });
  const before = await house.picture();
  const body = { channels: { 1: { mute: true }, 17: { mute: true } }, master: { mute: true } };
  assert.equal((await house.call("PATCH", `/api/v1/sessions/${session}/mix`, { body })).status, 409);
  assert.equal(await house.picture(), before);
});

Deno.test("a channel's name and trim change apart, and the trims reach the main isolate as linear gains", async () => {
  await using house = await fakeHouse({ inputs: 3 });
  const patch = (n: string, body: unknown) => house.call("PATCH", `/api/v1/channels/${n}`, { body });
  const plain = { colour: null, mute: false, link: false, hidden: false };
  assert.deepEqual((await patch("2", { name: "Kick" })).json, { channel: 2, name: "Kick", trimDb: 0, ...plain });
  assert.equal(house.taken("trims").length, 0);
  assert.deepEqual((await patch("2", { trimDb: -20 })).json, { channel: 2, name: "Kick", trimDb: -20, ...plain });
  const [{ gains }] = house.taken("trims");
  assert.deepEqual([...gains].map((gain) => gain.toFixed(6)), ["1.000000", "0.100000", "1.000000"]);
  assert.deepEqual((await house.call("GET", "/api/v1/channels")).json, [
    { channel: 1, name: "Line 1", trimDb: 0, ...plain },
    { channel: 2, name: "Kick", trimDb: -20, ...plain },
    { channel: 3, name: "Line 3", trimDb: 0, ...plain },
  ]);
  for (const n of ["0", "4", "02", "1.0", "x", "-1", "%31x"]) {
    assert.equal((await patch(n, { trimDb: 0 })).status, 404, n);
  }
});
