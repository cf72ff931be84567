import assert from "node:assert/strict";
import { MAX_GROUPS } from "../control/state.ts";
import { fakeHouse } from "./control_fake.ts";
import { done, loudness, near, refused } from "./desk.ts";

Deno.test("a channel has a name, a colour, a trim, a mute, a link and may be hidden; null is back to the default", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const whole = { name: "Kick", colour: "#ff0000", trimDb: -6, mute: true, link: true, hidden: true };
  assert.deepEqual(await done(house, "PATCH", "/channels/1", whole), { channel: 1, ...whole });
  const blank = { name: null, colour: null, trimDb: null, mute: null, link: null, hidden: null };
  const fresh = { colour: null, trimDb: 0, mute: false, link: false, hidden: false };
  assert.deepEqual(await done(house, "PATCH", "/channels/1", blank), { channel: 1, name: "Line 1", ...fresh });
  for (
    const [path, value] of [["trimDb", 20.1], ["trimDb", -60.1], ["colour", "red"], ["name", ""], ["link", 1]] as const
  ) {
    const { errors } = await refused(house, 400, "PATCH", "/channels/1", { [path]: value });
    assert.equal(errors[0].path, path);
  }
});

Deno.test("a muted channel's trim is nothing, for everybody, and comes back as it was", async () => {
  await using house = await fakeHouse({ inputs: 2 });
  await done(house, "PATCH", "/channels/2", { trimDb: -20 });
  const trims = async (body: unknown) => {
    house.taken("trims");
    await done(house, "PATCH", "/channels/2", body);
    return house.taken("trims").map(({ gains }) => [...gains].map((gain) => gain.toFixed(6)));
  };
  assert.deepEqual(await trims({ mute: true }), [["1.000000", "0.000000"]]);
  assert.deepEqual(await trims({ name: "Bass" }), [], "a name is no sound");
  assert.deepEqual(await trims({ mute: false }), [["1.000000", "0.100000"]]);
});

Deno.test("linked channels have one trim and one mute, whichever of the two is moved", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  await done(house, "PATCH", "/channels/2", { trimDb: -3, mute: true });
  await done(house, "PATCH", "/channels/3", { trimDb: 9 });
  await done(house, "PATCH", "/channels/2", { link: true });
  const both = async () => {
    const channels = await done(house, "GET", "/channels");
    return [1, 2].flatMap((i) => [channels[i].trimDb, channels[i].mute]);
  };
  assert.deepEqual(await both(), [-3, true, -3, true]);
  await done(house, "PATCH", "/channels/3", { trimDb: 5, name: "Right" });
  assert.deepEqual(await both(), [5, true, 5, true]);
  await done(house, "PATCH", "/channels/2", { mute: false });
  assert.deepEqual(await both(), [5, false, 5, false]);
  const names = (await done(house, "GET", "/channels")).map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ["Line 1", "Line 2", "Right", "Line 4"], "each keeps its name");
  await done(house, "PATCH", "/channels/2", { link: false });
  await done(house, "PATCH", "/channels/2", { trimDb: 0 });
  assert.deepEqual(await both(), [0, false, 5, false]);
});

Deno.test("linked channels stand apart in every mix and move together there, from either side", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, token } = await house.join({ mode: "mix" });
  const patch = async (body: unknown) => (await done(house, "PATCH", `/seats/${seat}/mix`, body, token)).channels;
  await patch({ channels: { 1: { gainDb: -6, mute: true }, 2: { gainDb: 3, pan: 0.2 } } });
  house.taken("mix");
  await done(house, "PATCH", "/channels/1", { link: true });
  let { channels } = await done(house, "GET", `/seats/${seat}/mix`);
  assert.deepEqual(channels["1"], { gainDb: -6, pan: -1, mute: true, solo: false });
  assert.deepEqual(channels["2"], { gainDb: -6, pan: 1, mute: true, solo: false });
  assert.equal(house.taken("mix").length, 1);
  channels = await patch({ channels: { 2: { gainDb: -9, pan: 0.5, mute: false } } });
  assert.deepEqual(channels["1"], { gainDb: -9, pan: -0.5, mute: false, solo: false });
  channels = await patch({ channels: { 1: { solo: true } } });
  assert.deepEqual(channels["2"], { gainDb: -9, pan: 0.5, mute: false, solo: true });
  channels = await patch({ channels: { 1: { gainDb: -1 }, 2: { gainDb: -2, pan: 0.25 } } });
  assert.deepEqual([channels["1"].gainDb, channels["2"].gainDb], [-1, -1], "the lower one wins");
  assert.deepEqual([channels["1"].pan, channels["2"].pan], [-0.25, 0.25], "where it says something");
  channels = await patch({ channels: { 2: null } });
  assert.deepEqual([channels["1"].pan, channels["2"].pan, channels["1"].gainDb], [-1, 1, 0]);
  const { mix } = await house.join();
  assert.deepEqual([mix.channels["1"].pan, mix.channels["2"].pan], [-1, 1], "in a fresh mix, too");

  await done(house, "PATCH", "/channels/1", { link: false });
  channels = await patch({ channels: { 1: { pan: 0 } } });
  assert.deepEqual([channels["1"].pan, channels["2"].pan], [0, 1]);
});

Deno.test("links that overlap, or have nothing to be linked to, are refused by name", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  await done(house, "PATCH", "/channels/2", { link: true });
  for (const channel of [1, 3, 4]) {
    const { errors } = await refused(house, 400, "PATCH", `/channels/${channel}`, { link: true, name: "Kick" });
    assert.equal(errors[0].path, "link");
  }
  await done(house, "PATCH", "/channels/2", { link: true });
  await done(house, "PATCH", "/channels/2", { link: false });
  await done(house, "PATCH", "/channels/1", { link: true });
  await done(house, "PATCH", "/channels/3", { link: true });
});

Deno.test("a link respects the seat's limit, and its undo keeps the pair together", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat } = await house.join();
  await done(house, "PATCH", `/seats/${seat}/mix`, { channels: { 1: { pan: 0.5 } } });
  await done(house, "PATCH", `/seats/${seat}`, { maxGainDb: -6 });
  await done(house, "PATCH", "/channels/1", { link: true });
  const { channels } = await done(house, "POST", `/seats/${seat}/mix/undo`);
  assert.deepEqual(channels["1"].pan, 0 - channels["2"].pan);
  assert.deepEqual([channels["1"].gainDb, channels["2"].gainDb], [-6, -6]);
});

Deno.test("a group's fader adds to its channels in each mix, groups add up, and a muted one silences", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat, token, mix } = await house.join({ mode: "mix" });
  assert.deepEqual(mix.groups, {});
  const made = await done(house, "POST", "/groups", { name: "Drums", colour: "#00ff00", channels: [1, 2] });
  const { group: drums, ...rest } = made;
  assert.deepEqual(rest, { name: "Drums", colour: "#00ff00", channels: [1, 2] });
  const { group: kicks } = await done(house, "POST", "/groups", { name: "Kicks", channels: [2] });
  house.taken("mix");
  const levels = async (groups: unknown) => {
    await done(house, "PATCH", `/seats/${seat}/mix`, { groups }, token);
    const [{ settings: { gains } }] = house.taken("mix");
    return [1, 2, 3].map((channel) => Math.round(loudness(gains, channel)));
  };
  assert.deepEqual(await levels({ [drums]: { gainDb: -6 } }), [-18, -18, -12]);
  assert.deepEqual(await levels({ [kicks]: { gainDb: 4 } }), [-18, -14, -12]);
  assert.deepEqual(await levels({ [kicks]: { mute: true } }), [-18, -Infinity, -12]);
  assert.deepEqual(await levels({ [kicks]: null, [drums]: { gainDb: null } }), [-12, -12, -12]);
  for (const stranger of ["group_none", "constructor", "toString"]) {
    await refused(house, 409, "PATCH", `/seats/${seat}/mix`, { groups: { [stranger]: { gainDb: -3 } } }, token);
  }
  assert.deepEqual((await done(house, "GET", "/groups", undefined, token)).length, 2);
});

Deno.test("a group that changes or goes is heard at once, and takes its faders with it", async () => {
  await using house = await fakeHouse({ inputs: 4 });
  const { seat } = await house.join({ mode: "mix" });
  const { group } = await done(house, "POST", "/groups", { name: "Drums", channels: [1] });
  await done(house, "PATCH", `/seats/${seat}/mix`, { groups: { [group]: { gainDb: -9 } } });
  const level = () => house.taken("mix").map(({ settings: { gains } }) => loudness(gains, 2));
  level();
  const changed = await done(house, "PATCH", `/groups/${group}`, { channels: [2, 3], colour: null });
  assert.deepEqual(changed, { group, name: "Drums", colour: null, channels: [2, 3] });
  near(level()[0], -21);
  await refused(house, 409, "PATCH", `/groups/${group}`, { channels: [5] });
  await refused(house, 400, "PATCH", `/groups/${group}`, { channels: [] });
  await done(house, "DELETE", `/groups/${group}`);
  near(level()[0], -12);
  assert.deepEqual((await done(house, "GET", `/seats/${seat}/mix`)).groups, {});
  await refused(house, 404, "DELETE", `/groups/${group}`);
  const undone = await done(house, "POST", `/seats/${seat}/mix/undo`);
  assert.deepEqual(undone.groups, {}, "the undo of what it did finds it no more");
});

Deno.test("there are so many groups and no more", async () => {
  await using house = await fakeHouse();
  for (let i = 0; i < MAX_GROUPS; i++) await done(house, "POST", "/groups", { name: `G${i}`, channels: [1] });
  await refused(house, 503, "POST", "/groups", { name: "One more", channels: [1] });
  const [{ group }] = await done(house, "GET", "/groups");
  await done(house, "DELETE", `/groups/${group}`);
  await done(house, "POST", "/groups", { name: "One more", channels: [1] });
  await refused(house, 409, "POST", "/groups", { name: "Far", channels: [17] });
});
