import assert from "node:assert/strict";
import { MAX_GROUPS, MAX_SCENES } from "../control/state.ts";
import { type FakeHouse, fakeHouse } from "./control_fake.ts";
import { done, loudness, near, refused } from "./desk.ts";

const save = async (house: FakeHouse, name = "Song 1"): Promise<string> =>
  (await done(house, "POST", "/scenes", { name })).scene;
const recall = (house: FakeHouse, scene: string, fadeMs?: number) =>
  done(house, "POST", `/scenes/${scene}/recall`, fadeMs === undefined ? {} : { fadeMs });
const mixOf = (house: FakeHouse, seat: string) => done(house, "GET", `/seats/${seat}/mix`);
const move = (house: FakeHouse, seat: string, body: unknown) => done(house, "PATCH", `/seats/${seat}/mix`, body);
/** Everything that a scene holds. */
async function desk(house: FakeHouse): Promise<unknown> {
  const seats = await done(house, "GET", "/seats");
  const mixes = seats.map(({ seat, mix }: { seat: string; mix: unknown }) => [seat, mix]);
  return [await done(house, "GET", "/channels"), await done(house, "GET", "/groups"), mixes];
}

/** A desk with something of everything on it. */
async function set(house: FakeHouse) {
  const ana = await house.join({ mode: "mix" }), bo = await house.join({ mode: "mix", name: "Bo" });
  const { group } = await done(house, "POST", "/groups", { name: "Drums", channels: [1, 2] });
  await done(house, "PATCH", "/channels/5", { link: true, trimDb: -6, name: "Piano" });
  await move(house, ana.seat, {
    channels: { 1: { gainDb: -6 }, 6: { pan: 0.5 } },
    groups: { [group]: { gainDb: -3 } },
  });
  await move(house, bo.seat, { master: { gainDb: -20 }, limiter: { ceilingDb: -6 } });
  return { ana, bo, group };
}
/** Everything otherwise. */
async function upset(house: FakeHouse, { ana, bo, group }: Awaited<ReturnType<typeof set>>) {
  await done(house, "PATCH", "/channels/5", { link: false, trimDb: 0, name: null });
  await done(house, "PATCH", "/channels/1", { link: true });
  await done(house, "DELETE", `/groups/${group}`);
  await done(house, "POST", "/groups", { name: "Brass", channels: [7] });
  for (const { seat } of [ana, bo]) await move(house, seat, { channels: { 3: { mute: true } }, master: { gainDb: 0 } });
}

Deno.test("a scene brings the desk back to where it was: channels, links, groups, every mix", async () => {
  await using house = await fakeHouse();
  const things = await set(house), before = await desk(house), scene = await save(house);
  await upset(house, things);
  assert.notDeepEqual(await desk(house), before);
  await recall(house, scene);
  assert.deepEqual(await desk(house), before);
});

Deno.test("a recall is one step that takes as long as it is told, 50 ms if it isn't", async () => {
  await using house = await fakeHouse();
  const things = await set(house), scene = await save(house);
  await upset(house, things);
  let steps = 0;
  house.control.house.watchers.add(() => steps++);
  house.taken("mix");
  const { length } = house.posted;
  await recall(house, scene, 1500);
  const told = house.posted.slice(length);
  assert.equal(steps, 1);
  assert.deepEqual(told.map(({ kind }) => kind).sort(), ["mix", "mix", "trims"]);
  for (const message of told) {
    if (message.kind === "mix") assert.equal(message.settings?.rampMs, 1500);
    else assert.ok(message.kind === "trims" && message.rampMs === 1500);
  }
  await upset(house, { ...things });
  house.taken("mix");
  await recall(house, scene);
  for (const { settings } of house.taken("mix")) assert.equal(settings.rampMs, 50);
  for (const fadeMs of [-1, 60_001, "1"]) await refused(house, 400, "POST", `/scenes/${scene}/recall`, { fadeMs });
});

Deno.test("a recall-safe seat keeps its mix, and every other one can take the recall back", async () => {
  await using house = await fakeHouse();
  const { ana, bo } = await set(house), scene = await save(house);
  await done(house, "PATCH", `/seats/${bo.seat}`, { recallSafe: true });
  for (const { seat } of [ana, bo]) await move(house, seat, { master: { gainDb: -40 } });
  const [anas, bos] = [await mixOf(house, ana.seat), await mixOf(house, bo.seat)];
  await recall(house, scene);
  assert.equal((await mixOf(house, ana.seat)).master.gainDb, -12);
  assert.deepEqual(await mixOf(house, bo.seat), bos);
  assert.deepEqual(await done(house, "POST", `/seats/${ana.seat}/mix/undo`), anas);
  assert.equal((await done(house, "POST", `/seats/${bo.seat}/mix/undo`)).master.gainDb, -20, "its own last change");
});

Deno.test("seats that came after the scene stay, and those that have gone don't come back", async () => {
  await using house = await fakeHouse();
  const { ana, bo } = await set(house), scene = await save(house);
  const later = await house.join();
  await move(house, later.seat, { master: { gainDb: -33 } });
  await done(house, "DELETE", `/seats/${bo.seat}`);
  await move(house, ana.seat, { master: { gainDb: -40 } });
  await recall(house, scene);
  assert.equal((await mixOf(house, ana.seat)).master.gainDb, -12);
  assert.equal((await mixOf(house, later.seat)).master.gainDb, -33);
  const seats = (await done(house, "GET", "/seats")).map(({ seat }: { seat: string }) => seat);
  assert.deepEqual(seats, [ana.seat, later.seat]);
});

Deno.test("a recall goes no higher than the seat's limit of today", async () => {
  await using house = await fakeHouse();
  const { ana } = await set(house);
  await move(house, ana.seat, { channels: { 1: { gainDb: 9 } } });
  const scene = await save(house);
  await done(house, "PATCH", `/seats/${ana.seat}`, { maxGainDb: 2 });
  await move(house, ana.seat, { channels: { 1: { gainDb: -50 } } });
  house.taken("mix");
  await recall(house, scene);
  assert.equal((await mixOf(house, ana.seat)).channels["1"].gainDb, 2);
  near(loudness(house.taken("mix")[0].settings.gains, 1), 2 - 12 - 3);
});

Deno.test("a recall of what is already so is nothing", async () => {
  await using house = await fakeHouse();
  const { ana } = await set(house), scene = await save(house);
  const { length } = house.posted;
  await recall(house, scene);
  assert.equal(house.posted.length, length);
  await done(house, "POST", `/seats/${ana.seat}/mix/undo`);
  await refused(house, 409, "POST", `/seats/${ana.seat}/mix/undo`);
});

Deno.test("scenes are listed, renamed, saved over and deleted", async () => {
  await using house = await fakeHouse();
  const { ana } = await set(house), scene = await save(house, "Song 1");
  const saved = (await done(house, "GET", "/scenes"))[0];
  assert.deepEqual([saved.scene, saved.name], [scene, "Song 1"]);
  assert.equal((await done(house, "PATCH", `/scenes/${scene}`, { name: "Finale" })).name, "Finale");
  await refused(house, 400, "PATCH", `/scenes/${scene}`, { name: "" });
  await move(house, ana.seat, { master: { gainDb: -40 } });
  house.pass(5000);
  const over = await done(house, "PUT", `/scenes/${scene}`);
  assert.deepEqual(over, { scene, name: "Finale", savedAt: saved.savedAt + 5000 });
  await move(house, ana.seat, { master: { gainDb: 0 } });
  await recall(house, scene);
  assert.equal((await mixOf(house, ana.seat)).master.gainDb, -40);
  await done(house, "DELETE", `/scenes/${scene}`);
  assert.deepEqual(await done(house, "GET", "/scenes"), []);
  for (const [method, path] of [["GET", ""], ["PUT", ""], ["DELETE", ""]] as const) {
    await refused(house, 404, method, `/scenes/${scene}${path}`);
  }
  await refused(house, 404, "POST", `/scenes/${scene}/recall`, {});
});

Deno.test("what is exported can be imported: the same scene under another id", async () => {
  await using house = await fakeHouse();
  const things = await set(house), before = await desk(house), scene = await save(house);
  const text = (await house.call("GET", `/api/v1/scenes/${scene}`)).text;
  await done(house, "DELETE", `/scenes/${scene}`);
  await upset(house, things);
  const imported = await house.call("POST", "/api/v1/scenes/import", { raw: text });
  assert.equal(imported.status, 201);
  assert.notEqual(imported.json.scene, scene);
  assert.deepEqual(await done(house, "GET", `/scenes/${imported.json.scene}`), JSON.parse(text));
  await recall(house, imported.json.scene);
  assert.deepEqual(await desk(house), before);
});

Deno.test("an import that is broken anywhere is refused by the path, and changes nothing", async () => {
  await using house = await fakeHouse();
  const { ana } = await set(house), scene = await save(house);
  const good = await done(house, "GET", `/scenes/${scene}`);
  const mix = good.mixes[ana.seat];
  const many = Array.from(
    { length: MAX_GROUPS + 1 },
    (_, i) => [`group_${1000 + i}`, { name: "G", colour: null, channels: [1] }],
  );
  const broken: [path: string, body: unknown][] = [
    ["name", { ...good, name: "" }],
    ["extra", { ...good, extra: 1 }],
    ["channels", { ...good, channels: undefined }],
    ["channels.65", { ...good, channels: { 65: good.channels["5"] } }],
    ["channels.5.trimDb", { ...good, channels: { 5: { ...good.channels["5"], trimDb: 21 } } }],
    ["groups", { ...good, groups: Object.fromEntries(many) }],
    ["groups.drums", { ...good, groups: { drums: { name: "Drums", colour: null, channels: [1] } } }],
    ["mixes.ana", { ...good, mixes: { ana: mix } }],
    [`mixes.${ana.seat}.master.gainDb`, {
      ...good,
      mixes: { [ana.seat]: { ...mix, master: { gainDb: 11, mute: false } } },
    }],
    [`mixes.${ana.seat}.channels.1.solo`, {
      ...good,
      mixes: { [ana.seat]: { ...mix, channels: { 1: { gainDb: 0, pan: 0, mute: false } } } },
    }],
    ["savedAt", { ...good, savedAt: "now" }],
  ];
  for (const [path, body] of broken) {
    const { errors } = await refused(house, 400, "POST", "/scenes/import", body);
    assert.deepEqual(errors.map(({ path }: { path: string }) => path), [path]);
  }
  assert.equal((await house.call("POST", "/api/v1/scenes/import", { raw: '{"name":"x",' })).status, 400);
  assert.equal((await house.call("POST", "/api/v1/scenes/import", { raw: " ".repeat(1024 * 1024 + 1) })).status, 413);
  assert.equal((await done(house, "GET", "/scenes")).length, 1);
});

Deno.test("an imported scene that contradicts itself is recalled as far as it makes sense", async () => {
  await using house = await fakeHouse();
  const { ana } = await set(house), scene = await save(house);
  const good = await done(house, "GET", `/scenes/${scene}`);
  const linked = { name: null, colour: null, trimDb: 0, mute: false, link: true, hidden: false };
  const strips = {
    1: { gainDb: -6, pan: -1, mute: false, solo: false },
    2: { gainDb: 6, pan: 0, mute: true, solo: false },
  };
  const imported = await done(house, "POST", "/scenes/import", {
    ...good,
    channels: { 1: linked, 2: linked, 64: linked },
    groups: {},
    mixes: {
      ...good.mixes,
      [ana.seat]: { ...good.mixes[ana.seat], channels: strips },
      seat_gone: good.mixes[ana.seat],
    },
  });
  await recall(house, imported.scene);
  const { channels, groups } = await mixOf(house, ana.seat);
  assert.deepEqual(channels["2"], { gainDb: -6, pan: 1, mute: false, solo: false });
  assert.deepEqual(groups, {});
  const links = (await done(house, "GET", "/channels")).map(({ link }: { link: boolean }) => link);
  assert.deepEqual(links.slice(0, 3), [true, false, false]);
});

Deno.test("there are so many scenes and no more; one that is there can still be saved over", async () => {
  await using house = await fakeHouse();
  const first = await save(house);
  for (let i = 1; i < MAX_SCENES; i++) await save(house, `Song ${i + 1}`);
  await refused(house, 503, "POST", "/scenes", { name: "One more" });
  await refused(house, 503, "POST", "/scenes/import", await done(house, "GET", `/scenes/${first}`));
  await done(house, "PUT", `/scenes/${first}`);
  await done(house, "DELETE", `/scenes/${first}`);
  await save(house);
});
