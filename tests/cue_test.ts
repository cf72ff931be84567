import assert from "node:assert/strict";
import { ENGINEER, type FakeHouse, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";
import { done, loudness, near, refused, sounding } from "./desk.ts";

const joinAsEngineer = (house: FakeHouse, body: Record<string, unknown> = {}) =>
  done(house, "POST", "/sessions", { name: "Desk", device: newDevice(), mode: "mix", ...body }, ENGINEER);
/** The mix that the last session to join hears. */
const servedMix = (house: FakeHouse): number => house.taken("serve").at(-1).receiver.mix;
/** The gains that a mix was last made with. */
function lastGains(house: FakeHouse, number: number): Float32Array {
  const last = house.posted.findLast((message) => message.kind === "mix" && message.mix === number);
  return last?.kind === "mix" && last.settings ? last.settings.gains : assert.fail("it isn't made");
}

Deno.test("the engineer's session hears a seat's mix exactly as it is sent: it is the same mix", async () => {
  await using house = await fakeHouse();
  const ana = await house.join({ mode: "mix" }), number = servedMix(house);
  const desk = await joinAsEngineer(house, { cue: ana.seat });
  assert.equal(servedMix(house), number);
  const seen = await done(house, "GET", `/sessions/${desk.session}`);
  assert.deepEqual([seen.cue, seen.pfl], [ana.seat, null]);
  assert.notEqual(desk.seat, ana.seat, "and has a seat of its own");
});

Deno.test("a cue comes and goes by a patch, and the seat doesn't notice", async () => {
  await using house = await fakeHouse();
  const ana = await house.join({ mode: "mix", channels: [1, 2] }), anas = servedMix(house);
  const desk = await joinAsEngineer(house), own = servedMix(house);
  const [seat, session] = [`/seats/${ana.seat}`, `/sessions/${ana.session}`];
  const before = [await done(house, "GET", seat), await done(house, "GET", session)];
  house.taken("mix");
  const cue = (cue: unknown, secret = ENGINEER) => done(house, "PATCH", `/sessions/${desk.session}`, { cue }, secret);
  await cue(ana.seat);
  await cue(null, desk.token);
  await cue(ana.seat, desk.token);
  const heard = house.posted.filter(({ kind }) => kind === "reshape").map((message) =>
    message.kind === "reshape" ? message.mix : assert.fail()
  );
  assert.deepEqual(heard, [anas, own, anas]);
  assert.deepEqual(house.taken("mix"), [], "no mix was made otherwise");
  await done(house, "DELETE", `/sessions/${desk.session}`);
  house.pass(2000);
  house.control.tick();
  assert.deepEqual(house.taken("mix").map(({ mix, settings }) => [mix, settings]), [[own, null]], "hers goes on");
  assert.deepEqual([await done(house, "GET", seat), await done(house, "GET", session)], before);
});

Deno.test("a cue follows what the musician does, and the limits of the seat's channels", async () => {
  await using house = await fakeHouse();
  const ana = await house.join({ mode: "mix", channels: [1, 2] }), number = servedMix(house);
  await joinAsEngineer(house, { cue: ana.seat });
  await done(house, "PATCH", `/seats/${ana.seat}/mix`, { channels: { 1: { gainDb: -9 } } }, ana.token);
  near(loudness(lastGains(house, number), 1), -21);
  await done(house, "PATCH", `/seats/${ana.seat}`, { channels: [2, 3] });
  assert.deepEqual(sounding(lastGains(house, number)), [2]);
});

Deno.test("a seat in which nobody ever sat sounds like what it may hear", async () => {
  await using house = await fakeHouse();
  const { seat } = await done(house, "POST", "/seats", { name: "Keys", channels: [3, 9] });
  await joinAsEngineer(house, { cue: seat });
  const number = servedMix(house);
  assert.deepEqual(sounding(lastGains(house, number)), [3, 9]);
  await done(house, "PATCH", `/seats/${seat}`, { channels: [9, 10] });
  assert.deepEqual(sounding(lastGains(house, number)), [9, 10]);
});

Deno.test("when the seat is deleted whoever listened hears his own again, and never somebody else's", async () => {
  await using house = await fakeHouse();
  const ana = await house.join({ mode: "mix" }), number = servedMix(house);
  const desk = await joinAsEngineer(house, { cue: ana.seat });
  house.taken("serve");
  await done(house, "DELETE", `/seats/${ana.seat}`);
  const gone = house.posted.findIndex(({ kind }) => kind === "reshape");
  const silent = house.posted.slice(0, gone).findLast((message) => message.kind === "mix" && message.mix === number);
  assert.ok(silent?.kind === "mix");
  assert.deepEqual(sounding(silent.settings!.gains), [], "until then it is silent");
  const [{ mix }] = house.taken("reshape");
  assert.notEqual(mix, number);
  assert.equal((await done(house, "GET", `/sessions/${desk.session}`)).cue, null);
  await done(house, "PATCH", `/sessions/${desk.session}`, { frameMs: 10 }, desk.token);
});

Deno.test("when the seat is deleted and the send worker doesn't answer, the cue is over all the same", async () => {
  await using house = await fakeHouse({ patience: { reshapeMs: 20 } });
  const ana = await house.join({ mode: "mix" }), desk = await joinAsEngineer(house, { cue: ana.seat });
  house.answering = false;
  await done(house, "DELETE", `/seats/${ana.seat}`);
  assert.equal(house.control.house.state.sessions[desk.session].cue, null);
  house.answering = true;
  house.taken("serve");
  await done(house, "PATCH", `/sessions/${desk.session}`, { frameMs: 10 }, desk.token);
  const [{ mix }] = house.taken("reshape");
  assert.deepEqual(sounding(lastGains(house, mix)).length, 16);
});

Deno.test("a seat that goes because its phone took another one leaves no cue behind", async () => {
  await using house = await fakeHouse();
  const device = newDevice(), ana = await house.join({ mode: "mix", device });
  const desk = await joinAsEngineer(house, { cue: ana.seat });
  const { invite } = await done(house, "POST", "/seats", { name: "Keys" });
  await done(house, "POST", "/sessions", { name: "Ana", device }, invite);
  await refused(house, 404, "GET", `/seats/${ana.seat}`);
  assert.equal((await done(house, "GET", `/sessions/${desk.session}`)).cue, null);
  await done(house, "PATCH", `/sessions/${desk.session}`, { frameMs: 10 }, desk.token);
});

Deno.test("any input can be heard by itself, at the level that it comes in", async () => {
  await using house = await fakeHouse();
  const ana = await house.join({ mode: "mix" });
  const desk = await joinAsEngineer(house), own = servedMix(house);
  house.taken("serve");
  await done(house, "PATCH", `/sessions/${desk.session}`, { pfl: [4, 7] }, desk.token);
  const [{ mix }] = house.taken("reshape");
  const gains = lastGains(house, mix);
  assert.deepEqual(sounding(gains), [4, 7]);
  near(loudness(gains, 4), 0);
  await done(house, "PATCH", `/sessions/${desk.session}`, { pfl: [5] }, desk.token);
  await done(house, "PATCH", `/sessions/${desk.session}`, { cue: ana.seat }, desk.token);
  let seen = await done(house, "GET", `/sessions/${desk.session}`);
  assert.deepEqual([seen.cue, seen.pfl], [ana.seat, null], "one takes the other's place");
  await done(house, "PATCH", `/sessions/${desk.session}`, { pfl: [1] }, desk.token);
  await done(house, "PATCH", `/sessions/${desk.session}`, { pfl: null }, desk.token);
  assert.equal(house.taken("reshape").at(-1).mix, own);
  await done(house, "PATCH", `/sessions/${desk.session}`, { pfl: [1] }, desk.token);
  await done(house, "PATCH", `/sessions/${desk.session}`, { mode: "channels" }, desk.token);
  seen = await done(house, "GET", `/sessions/${desk.session}`);
  assert.deepEqual([seen.cue, seen.pfl], [null, null], "and neither is heard in channels");
  house.pass(2000);
  house.control.tick();
  const made = new Set<number>();
  for (const message of house.posted) {
    if (message.kind !== "mix") continue;
    if (message.settings === null) made.delete(message.mix);
    else made.add(message.mix);
  }
  assert.equal(made.size, 1, "only Ana's is left");
});

Deno.test("cue and pfl are the engineer's, and what they name must be there", async () => {
  await using house = await fakeHouse();
  const ana = await house.join({ mode: "mix" }), bo = await house.join({ mode: "mix" });
  const { invite } = await done(house, "POST", "/seats", { name: "Keys" });
  const join = { name: "Bo", device: newDevice(), mode: "mix" };
  for (const body of [{ cue: ana.seat }, { pfl: [1] }]) {
    await refused(house, 403, "PATCH", `/sessions/${bo.session}`, body, bo.token);
    for (const secret of [JOIN_CODE, invite]) {
      await refused(house, 403, "POST", "/sessions", { ...join, ...body }, secret);
    }
    await refused(house, 400, "POST", "/sessions", { ...join, ...body, mode: "channels" });
  }
  await refused(house, 400, "POST", "/sessions", { ...join, cue: ana.seat, pfl: [1] });
  await refused(house, 409, "POST", "/sessions", { ...join, cue: "seat_none" });
  await refused(house, 409, "POST", "/sessions", { ...join, pfl: [17] });
  const desk = await joinAsEngineer(house);
  const path = `/sessions/${desk.session}`;
  await refused(house, 400, "PATCH", path, { cue: ana.seat, pfl: [1] }, desk.token);
  await refused(house, 400, "PATCH", path, { cue: ana.seat, mode: "channels" }, desk.token);
  await refused(house, 409, "PATCH", path, { cue: "seat_none" }, desk.token);
  await refused(house, 409, "PATCH", path, { pfl: [1, 17] }, desk.token);
  await done(house, "PATCH", `/sessions/${bo.session}`, { cue: null, pfl: null }, bo.token);
});
