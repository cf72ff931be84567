/** What each live client may see: its own part of the desk, and nobody's secret. */
import assert from "node:assert/strict";
import { ENGINEER, fakeHouse, JOIN_CODE } from "./control_fake.ts";
import { type Any, assertWhole, Desk, settled } from "./live_desk.ts";

Deno.test("the engineer's snapshot is the whole desk, and has no null in it", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const call = async (method: "POST" | "PATCH", path: string, body: unknown) =>
    (await house.call(method, `/api/v1/${path}`, { body })).json;
  const { group } = await call("POST", "groups", { name: "Drums", channels: [1, 2] });
  const prepared = await call("POST", "seats", { name: "Keys", colour: "#e0a030", channels: [3, 4] });
  const joined = await house.join({ mode: "mix" });
  const { scene } = await call("POST", "scenes", { name: "Start" });
  await call("PATCH", "channels/2", { name: "Snare", trimDb: -3, hidden: true });
  const desk = await Desk.open(house);
  const fader = { gainDb: 0, mute: false }, master = { gainDb: -12, mute: false }, limiter = { ceilingDb: -1 };
  const strip = { gainDb: 0, pan: 0, mute: false, solo: false };
  const mix = { channels: { 1: strip, 2: strip, 3: strip, 4: strip }, groups: { [group]: fader }, master, limiter };
  const fresh = { trimDb: 0, mute: false, link: false, hidden: false };
  const flags = { locked: false, recallSafe: false, maxGainDb: 10 };
  const seats = (await house.call("GET", "/api/v1/seats")).json;
  const { device, invite } = seats.find(({ seat }: Any) => seat === joined.seat);
  const { savedAt } = (await house.call("GET", "/api/v1/scenes")).json[0];
  assert.deepEqual(desk.state, {
    version: "1.2.3-test",
    inputs: 4,
    source: "fake card",
    joinCode: JOIN_CODE,
    url: "",
    channels: {
      1: { name: "Line 1", ...fresh },
      2: { name: "Snare", ...fresh, trimDb: -3, hidden: true },
      3: { name: "Line 3", ...fresh },
      4: { name: "Line 4", ...fresh },
    },
    groups: { [group]: { name: "Drums", channels: [1, 2] } },
    seats: {
      [prepared.seat]: {
        name: "Keys",
        colour: "#e0a030",
        channels: [3, 4],
        invite: prepared.invite,
        ...flags,
        mix,
      },
      [joined.seat]: { name: "Ana", device, invite, ...flags, session: joined.session, mix },
    },
    order: [prepared.seat, joined.seat],
    scenes: { [scene]: { name: "Start", savedAt } },
    sessions: {
      [joined.session]: {
        seat: joined.seat,
        name: "Ana",
        mode: "mix",
        channels: [1, 2, 3, 4],
        frameMs: 5,
        bitrate: joined.media.bitrate,
        redundancy: 0,
      },
    },
  });
  assert.ok(!desk.texts[0].includes("null"));
  await desk.close();
});

Deno.test("a musician sees its own seat, the channels that it may hear, and nobody's secret", async () => {
  await using house = await fakeHouse({ inputs: 6 });
  const seat = (await house.call("POST", "/api/v1/seats", { body: { name: "Keys", channels: [1, 2, 3] } })).json;
  const mine = await house.call("POST", "/api/v1/sessions", {
    secret: seat.invite,
    body: { name: "Ana", device: "device-of-ana", mode: "mix" },
  }).then(({ json }) => json);
  const other = await house.join({ name: "Somebody else", device: "device-of-another", mode: "mix" });
  await house.call("POST", "/api/v1/scenes", { body: { name: "A scene by name" } });
  await house.call("PATCH", "/api/v1/channels/2", { body: { hidden: true, name: "Talkback" } });
  const desk = await Desk.open(house, mine.token), engineer = await Desk.open(house);
  assert.deepEqual(Object.keys(desk.state).sort(), [
    "channels",
    "groups",
    "inputs",
    "seat",
    "seats",
    "session",
    "sessions",
    "source",
    "version",
  ]);
  assert.deepEqual(Object.keys(desk.state.channels), ["1", "3"]);
  assert.deepEqual([desk.state.seat, desk.state.session], [mine.seat, mine.session]);
  const { invite: _, device: __, ...visible } = engineer.state.seats[mine.seat];
  assert.deepEqual(desk.state.seats, { [mine.seat]: visible });
  assert.deepEqual(desk.state.sessions, { [mine.session]: engineer.state.sessions[mine.session] });

  // Everything that happens to others goes past it.
  await engineer.mix(other.seat, { channels: { 3: { gainDb: -9 } } });
  await house.call("POST", `/api/v1/seats/${other.seat}/invite`);
  await house.call("POST", `/api/v1/seats/${mine.seat}/invite`);
  await house.call("PATCH", "/api/v1/channels/5", { body: { name: "Not for Ana" } });
  await house.join({ name: "One more" });
  await house.call("POST", "/api/v1/secrets/join-code", { body: { joinCode: "ENCORE9" } });
  await house.call("PATCH", `/api/v1/sessions/${other.session}`, { body: { frameMs: 10 } });
  house.control.tick();
  await settled(house, desk, engineer);
  assert.equal(desk.patches.length, 1, "the mark, and nothing else");
  await desk.until(() => desk.statuses.length > 0);
  assert.deepEqual(desk.statuses[0].sessions.map(({ session }: Any) => session), [mine.session]);

  const { text } = await house.call("GET", "/api/v1/seats");
  const secrets = JSON.parse(text).flatMap(({ seat, invite, device }: Any) =>
    [invite, device, ...seat === mine.seat ? [] : [seat]].filter((secret) => secret !== null)
  );
  const { token, session, media: { username, password } } = other;
  secrets.push(token, session, username, password, mine.token, mine.media.username, mine.media.password);
  secrets.push(
    JOIN_CODE,
    "ENCORE9",
    ENGINEER,
    "Somebody else",
    "One more",
    "A scene by name",
    "Talkback",
    "Not for Ana",
  );
  for (const secret of secrets) {
    assert.ok(!desk.texts.some((text) => text.includes(secret)), `Ana got ${secret}`);
  }
  assert.ok(engineer.texts.some((text) => text.includes("ENCORE9")), "the engineer may");
  await desk.close();
  await engineer.close();
});

Deno.test("a channel comes and goes with what the seat may hear, and with being hidden", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, token } = await house.join({ mode: "mix" });
  const desk = await Desk.open(house, token);
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { channels: [1, 2] } });
  await settled(house, desk);
  assert.deepEqual(Object.keys(desk.state.channels), ["1", "2"]);
  assert.deepEqual(desk.state.seats[seat].channels, [1, 2]);
  await house.call("PATCH", "/api/v1/channels/2", { body: { hidden: true } });
  await house.call("PATCH", `/api/v1/seats/${seat}`, { body: { channels: null } });
  await settled(house, desk);
  assert.deepEqual(Object.keys(desk.state.channels), ["1", "3", "4"]);
  assert.equal("channels" in desk.state.seats[seat], false);
  await assertWhole(desk);
  await desk.close();
});
