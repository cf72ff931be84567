import assert from "node:assert/strict";
import { fakeHouse } from "./control_fake.ts";
import { done, loudness, near, refused } from "./desk.ts";

const STRIP = { gainDb: 0, pan: 0, mute: false, solo: false };

Deno.test("null is back to the default: a field, a strip, all channels, the master, the limiter", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const patch = (body: unknown) => done(house, "PATCH", `/seats/${seat}/mix`, body, token);
  const strip = { gainDb: -6, pan: 1, mute: true, solo: true };
  await patch({
    channels: { 1: strip, 2: strip, 3: strip },
    master: { gainDb: 3, mute: true },
    limiter: { ceilingDb: -9 },
  });
  const mix = await patch({ channels: { 1: { gainDb: null, solo: null }, 2: null }, master: { gainDb: null } });
  assert.deepEqual(mix.channels["1"], { ...strip, gainDb: 0, solo: false });
  assert.deepEqual(mix.channels["2"], STRIP);
  assert.deepEqual(mix.channels["3"], strip);
  assert.deepEqual(mix.master, { gainDb: -12, mute: true });
  assert.deepEqual(mix.limiter, { ceilingDb: -9 });
  const fresh = await patch({ channels: null, groups: null, master: null, limiter: null });
  assert.deepEqual(Object.values(fresh.channels), new Array(16).fill(STRIP));
  assert.deepEqual(fresh.master, { gainDb: -12, mute: false });
  assert.deepEqual(fresh.limiter, { ceilingDb: -1 });
});

Deno.test("the last 20 changes can be taken back one by one; the 21st is gone, and then there is nothing", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const undo = () => done(house, "POST", `/seats/${seat}/mix/undo`, undefined, token);
  await refused(house, 409, "POST", `/seats/${seat}/mix/undo`, undefined, token);
  for (let i = 1; i <= 21; i++) await done(house, "PATCH", `/seats/${seat}/mix`, { master: { gainDb: -i } }, token);
  for (let i = 20; i >= 1; i--) assert.equal((await undo()).master.gainDb, -i);
  await refused(house, 409, "POST", `/seats/${seat}/mix/undo`, undefined, token);
});

Deno.test("what changes nothing leaves nothing to be taken back, and each seat takes back its own", async () => {
  await using house = await fakeHouse();
  await done(house, "PATCH", "/channels/3", { link: true });
  const a = await house.join(), b = await house.join();
  await done(house, "PATCH", `/seats/${a.seat}`, { maxGainDb: -6 });
  for (const seat of [a.seat, b.seat]) {
    await done(house, "POST", `/seats/${seat}/mix/reset`);
    await done(house, "PATCH", `/seats/${seat}/mix`, {});
    await done(house, "PATCH", `/seats/${seat}/mix`, { channels: null, limiter: null });
    await done(house, "PATCH", `/seats/${seat}/mix`, { channels: { 1: { mute: false } }, groups: {} });
    await refused(house, 409, "POST", `/seats/${seat}/mix/undo`);
  }
  await done(house, "PATCH", `/seats/${a.seat}/mix`, { channels: { 1: { pan: -1 } } });
  await refused(house, 409, "POST", `/seats/${b.seat}/mix/undo`);
  assert.equal((await done(house, "POST", `/seats/${a.seat}/mix/undo`)).channels["1"].pan, 0);
});

Deno.test("a reset is a fresh mix, and can be taken back", async () => {
  await using house = await fakeHouse();
  const { seat, token, mix } = await house.join();
  const moved = await done(house, "PATCH", `/seats/${seat}/mix`, { channels: { 5: { mute: true } } }, token);
  assert.deepEqual(await done(house, "POST", `/seats/${seat}/mix/reset`, undefined, token), mix);
  assert.deepEqual(await done(house, "POST", `/seats/${seat}/mix/undo`, undefined, token), moved);
});

Deno.test("a mix is copied to other seats in one step, each within its limit, and each can take it back", async () => {
  await using house = await fakeHouse();
  const from = await house.join(), a = await house.join({ mode: "mix" }), b = await house.join({ mode: "mix" });
  const mix = await done(house, "PATCH", `/seats/${from.seat}/mix`, { channels: { 2: { gainDb: 6, pan: 1 } } });
  await done(house, "PATCH", `/seats/${b.seat}`, { maxGainDb: 3 });
  house.taken("mix");
  await refused(house, 409, "POST", `/seats/${from.seat}/mix/copy`, { to: [a.seat, "seat_none"] });
  await done(house, "POST", `/seats/${from.seat}/mix/copy`, { to: [a.seat, b.seat, from.seat] });
  const told = house.taken("mix").map(({ settings: { gains } }) => loudness(gains, 2));
  near(told[0], 6 - 12);
  near(told[1], 3 - 12);
  assert.equal(told.length, 2);
  assert.deepEqual(await done(house, "GET", `/seats/${a.seat}/mix`), mix);
  assert.equal((await done(house, "GET", `/seats/${b.seat}/mix`)).channels["2"].gainDb, 3);
  assert.equal((await done(house, "POST", `/seats/${a.seat}/mix/undo`)).channels["2"].pan, 0);
  await done(house, "POST", `/seats/${b.seat}/mix/undo`);
  assert.equal((await done(house, "POST", `/seats/${from.seat}/mix/undo`)).channels["2"].pan, 0, "its own patch");
});

Deno.test("a fader above the seat's limit is refused by its path, the engineer's too", async () => {
  await using house = await fakeHouse();
  const { group } = await done(house, "POST", "/groups", { name: "Drums", channels: [1] });
  const { seat, session, token } = await house.join();
  await done(house, "PATCH", `/seats/${seat}`, { maxGainDb: -3 });
  const over = { gainDb: -2.9 };
  const body = { channels: { 2: over, 3: { gainDb: -3 } }, groups: { [group]: over }, master: over };
  for (const path of [`/seats/${seat}/mix`, `/sessions/${session}/mix`]) {
    for (const secret of [token, undefined]) {
      const { errors } = await refused(house, 400, "PATCH", path, body, secret);
      const paths = errors.map(({ path }: { path: string }) => path);
      assert.deepEqual(paths, ["channels.2.gainDb", `groups.${group}.gainDb`, "master.gainDb"]);
    }
  }
});

Deno.test("a limit that is lowered pulls every fader down with it, also those that nobody touched", async () => {
  await using house = await fakeHouse();
  const { group } = await done(house, "POST", "/groups", { name: "Drums", channels: [1] });
  const { seat, token } = await house.join({ mode: "mix" });
  await done(house, "PATCH", `/seats/${seat}/mix`, {
    channels: { 2: { gainDb: 10 }, 3: { gainDb: -40 } },
    groups: { [group]: { gainDb: 5 } },
    master: { gainDb: 4 },
  }, token);
  house.taken("mix");
  await done(house, "PATCH", `/seats/${seat}`, { maxGainDb: -15 });
  const mix = await done(house, "GET", `/seats/${seat}/mix`, undefined, token);
  const gains = ["1", "2", "3"].map((channel) => mix.channels[channel].gainDb);
  assert.deepEqual(gains, [-15, -15, -40]);
  assert.deepEqual([mix.groups[group].gainDb, mix.master.gainDb], [-15, -15]);
  const [{ settings }] = house.taken("mix");
  near(loudness(settings.gains, 1), -45);
  near(loudness(settings.gains, 2), -30);
  near(loudness(settings.gains, 3), -55);
});

Deno.test("a default above the limit is as loud as the limit: null, a muted strip, the undo of what was louder", async () => {
  await using house = await fakeHouse();
  const { seat, token } = await house.join();
  const patch = (body: unknown) => done(house, "PATCH", `/seats/${seat}/mix`, body, token);
  await patch({ channels: { 1: { gainDb: 8 }, 2: { gainDb: -30 } } });
  await patch({ channels: { 1: { gainDb: -50 } } });
  await done(house, "PATCH", `/seats/${seat}`, { maxGainDb: -20 });
  const undone = await done(house, "POST", `/seats/${seat}/mix/undo`, undefined, token);
  assert.deepEqual([undone.channels["1"].gainDb, undone.channels["2"].gainDb], [-20, -30]);
  const mix = await patch({ channels: { 2: { gainDb: null }, 3: { mute: true } }, master: null });
  const { gainDb } = mix.channels["2"];
  assert.deepEqual([gainDb, mix.channels["3"].gainDb, mix.master.gainDb], [-20, -20, -20]);
  const reset = await done(house, "POST", `/seats/${seat}/mix/reset`, undefined, token);
  assert.equal(reset.master.gainDb, -20);
});
