import assert from "node:assert/strict";
import { Flow } from "../core/board.ts";
import { ENGINEER, type FakeHouse, fakeHouse, type FakeSettings, newDevice } from "./control_fake.ts";
import { done, loudness, near, refused, sounding } from "./desk.ts";

/** Runs the house once for each of `lives` on one state directory, each with settings of its own. */
async function lives(...lives: [FakeSettings, (house: FakeHouse) => Promise<void>][]): Promise<void> {
  const stateDir = await Deno.makeTempDir({ prefix: "foldback-test-" });
  try {
    for (const [settings, live] of lives) {
      await using house = await fakeHouse({ ...settings, options: { ...settings.options, stateDir } });
      await live(house);
    }
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
}

Deno.test("after a restart sessions go on: token, credentials, SSRC, worker, shape, and what they hear", async () => {
  // deno-lint-ignore no-explicit-any
  let served: any[] = [], joined: any[] = [], seen: any[] = [];
  const see = (house: FakeHouse) =>
    Promise.all(joined.map(({ session, token }) => done(house, "GET", `/sessions/${session}`, undefined, token)));
  /** But for what counts anew. */
  const identity = (messages: unknown[]) =>
    // deno-lint-ignore no-explicit-any
    messages.map(({ worker, receiver: { ssrc, cname, shape, mix, opening } }: any) => ({
      worker,
      ssrc,
      cname,
      shape,
      hears: mix >= 0,
      opening,
    }));
  await lives([{ workers: 3 }, async (house) => {
    joined = [
      await house.join({ channels: [3, 1], frameMs: 2.5, redundancy: 1 }),
      await house.join({ mode: "mix", bitrate: 96_000 }),
      await house.join({ mode: "mix", channels: [2] }),
      await done(house, "POST", "/sessions", { name: "Desk", device: newDevice(), mode: "mix", pfl: [4] }, ENGINEER),
    ];
    await done(house, "PATCH", `/seats/${joined[2].seat}/mix`, { channels: { 2: { gainDb: -7 } } });
    await done(house, "PATCH", "/channels/2", { trimDb: -6 });
    served = house.taken("serve");
    await done(house, "PATCH", `/sessions/${joined[0].session}`, { frameMs: 10 });
    served[0].receiver.shape = house.taken("reshape")[0].shape;
    seen = await see(house);
  }], [{ workers: 3 }, async (house) => {
    const again = house.posted.filter(({ kind }) => kind === "serve");
    assert.deepEqual(identity(again), identity(served));
    assert.equal(new Set(again.map((message) => message.kind === "serve" && message.receiver.slot)).size, 4);
    const order = house.posted.map(({ kind }) => kind);
    assert.ok(order.indexOf("mix") < order.lastIndexOf("serve"), "mixes are made before they are heard");
    const [trims] = house.posted.filter(({ kind }) => kind === "trims");
    assert.ok(trims.kind === "trims" && Math.abs(trims.gains[1] - 10 ** (-6 / 20)) < 1e-6);
    const last = again[2].kind === "serve" ? again[2].receiver.mix : -1;
    const mix = house.posted.findLast((message) => message.kind === "mix" && message.mix === last);
    assert.ok(mix?.kind === "mix" && mix.settings);
    assert.deepEqual(sounding(mix.settings.gains), [2]);
    near(loudness(mix.settings.gains, 2), -19);
    const now = await see(house);
    for (const view of [...seen, ...now]) {
      view.sdp = view.sdp.replace(/^o=.*$/m, ""); // its number is this run's
      delete view.address;
    }
    assert.deepEqual(now, seen);
    await done(house, "PATCH", `/sessions/${joined[1].session}/mix`, { master: { gainDb: 0 } }, joined[1].token);
    await done(house, "DELETE", `/sessions/${joined[0].session}`, undefined, joined[0].token);
  }], [{ workers: 1 }, async (house) => {
    assert.deepEqual(house.taken("serve").map(({ worker }) => worker), [0, 0, 0], "fewer workers serve them, too");
    await refused(house, 401, "GET", "/channels", undefined, joined[0].token);
    assert.equal((await done(house, "GET", "/sessions")).length, 3);
  }]);
});

Deno.test("after a restart the desk stands as it stood: channels, groups, seats in their order, scenes", async () => {
  const see = (house: FakeHouse) =>
    Promise.all(["/channels", "/groups", "/seats", "/scenes"].map((path) => done(house, "GET", path)));
  let before: unknown;
  const device = newDevice();
  await lives([{}, async (house) => {
    await done(house, "PATCH", "/channels/1", { name: "Kick \u{1f941}", link: true, hidden: true });
    const { group } = await done(house, "POST", "/groups", { name: "Drums", channels: [1, 2] });
    const made = await done(house, "POST", "/seats", { name: "Keys", maxGainDb: -3, locked: true, channels: [1, 5] });
    const { seat, session } = await house.join({ device });
    await done(house, "PATCH", `/seats/${seat}/mix`, {
      groups: { [group]: { gainDb: -5 } },
      limiter: { ceilingDb: -3 },
    });
    await done(house, "POST", "/scenes", { name: "Song 1" });
    await done(house, "PUT", "/seats/order", { order: [seat, made.seat] });
    await done(house, "DELETE", `/sessions/${session}`);
    before = await see(house);
  }], [{}, async (house) => {
    assert.deepEqual(await see(house), before);
    const { resumed, mix } = await house.join({ device });
    assert.equal(resumed, true);
    assert.deepEqual(mix.limiter, { ceilingDb: -3 });
  }]);
});

Deno.test("with fewer inputs after a restart everybody gets what is left, and all of it again when they are back", async () => {
  // deno-lint-ignore no-explicit-any
  let some: any, all: any, gone: any, mixed: any, desk: any;
  const streams = (house: FakeHouse, { session }: { session: string }) =>
    done(house, "GET", `/sessions/${session}`).then(({ media }) => media.channels);
  await lives([{ inputs: 16 }, async (house) => {
    [some, all, gone] = [
      await house.join({ channels: [12, 3] }),
      await house.join(),
      await house.join({ channels: [9] }),
    ];
    mixed = await house.join({ mode: "mix" });
    desk = await done(
      house,
      "POST",
      "/sessions",
      { name: "Desk", device: newDevice(), mode: "mix", pfl: [4, 12] },
      ENGINEER,
    );
    await done(house, "PATCH", `/seats/${mixed.seat}/mix`, { channels: { 12: { gainDb: -9 } } });
    await done(house, "PATCH", "/channels/8", { link: true });
  }], [{ inputs: 8 }, async (house) => {
    assert.deepEqual(await streams(house, some), [3]);
    assert.deepEqual(await streams(house, all), [1, 2, 3, 4, 5, 6, 7, 8]);
    await refused(house, 404, "GET", `/sessions/${gone.session}`);
    const mix = await done(house, "GET", `/sessions/${mixed.session}/mix`);
    assert.equal(Object.keys(mix.channels).length, 8);
    const served = house.posted.findLast((message) => message.kind === "serve");
    assert.ok(served?.kind === "serve");
    const pfl = house.posted.find((message) => message.kind === "mix" && message.mix === served.receiver.mix);
    assert.ok(pfl?.kind === "mix" && pfl.settings);
    assert.deepEqual(sounding(pfl.settings.gains), [4]);
    await done(house, "PATCH", `/sessions/${desk.session}`, { pfl: null }, desk.token);
    await done(house, "PATCH", `/seats/${mixed.seat}/mix`, { channels: { 8: { gainDb: -3 } } });
    await done(house, "PATCH", "/channels/8", { trimDb: 1 });
  }], [{ inputs: 16 }, async (house) => {
    assert.deepEqual(await streams(house, some), [12, 3]);
    assert.equal((await streams(house, all)).length, 16);
    const { channels } = await done(house, "GET", `/sessions/${mixed.session}/mix`);
    assert.equal(channels["12"].gainDb, -9);
    assert.equal(channels["9"].gainDb, -3, "linked while it was away");
  }]);
});

Deno.test("a seat whose channels are all gone can't be joined, and keeps what it had", async () => {
  let invite = "", seat = "";
  await lives([{ inputs: 16 }, async (house) => {
    ({ seat, invite } = await done(house, "POST", "/seats", { name: "Keys", channels: [15, 16] }));
    await done(house, "POST", "/sessions", { name: "Ana", device: newDevice() }, invite);
  }], [{ inputs: 8 }, async (house) => {
    assert.deepEqual(await done(house, "GET", "/sessions"), []);
    await refused(house, 409, "POST", "/sessions", { name: "Ana", device: newDevice() }, invite);
    assert.deepEqual((await done(house, "GET", `/seats/${seat}`)).channels, [15, 16]);
  }]);
});

Deno.test("joins, moves and leaves are on disk before their answer", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "foldback-test-" });
  const onDisk = () => JSON.parse(Deno.readTextFileSync(`${stateDir}/state.json`));
  try {
    await using house = await fakeHouse({ options: { stateDir } });
    const a = await house.join(), b = await house.join();
    assert.deepEqual(Object.keys(onDisk().sessions).sort(), [a.session, b.session].sort());
    const { seat } = await done(house, "POST", "/seats", { name: "Keys" });
    assert.ok(seat in onDisk().seats);
    await done(house, "POST", `/seats/${a.seat}/move`, { session: b.session });
    assert.equal(onDisk().sessions[b.session].seat, a.seat);
    const { invite } = await done(house, "POST", `/seats/${seat}/invite`);
    assert.equal(onDisk().seats[seat].invite, invite);
    await done(house, "DELETE", `/sessions/${a.session}`);
    assert.deepEqual(Object.keys(onDisk().sessions), [b.session]);
    await done(house, "DELETE", `/seats/${a.seat}`);
    assert.deepEqual(onDisk().sessions, {});
    assert.equal(a.seat in onDisk().seats, false);
    assert.ok(!JSON.stringify(onDisk()).includes(a.token), "tokens aren't kept, only what they are known by");
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("a session that was away before the restart ends twelve hours after it, and one that comes back goes on", async () => {
  // deno-lint-ignore no-explicit-any
  let away: any, back: any;
  await lives([{}, async (house) => {
    [away, back] = [await house.join(), await house.join()];
  }], [{}, async (house) => {
    house.pass(11 * 3_600_000);
    const { placed } = house.control.house.sessions.get(back.session)!;
    house.control.house.board.slots[placed.receiver.slot].flow = Flow.Flowing;
    house.control.tick();
    assert.equal((await done(house, "GET", "/sessions")).length, 2);
    house.pass(3_600_001);
    house.control.tick();
    await refused(house, 401, "GET", "/channels", undefined, away.token);
    await done(house, "GET", "/channels", undefined, back.token);
  }]);
});
