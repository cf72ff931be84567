import assert from "node:assert/strict";
import { MAX_SEATS, type Seat } from "../control/state.ts";
import { type FakeHouse, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";
import { done, refused, sounding } from "./desk.ts";

const seatsOf = async (house: FakeHouse) => (await done(house, "GET", "/seats")) as { seat: string; name: string }[];
const seatOf = (house: FakeHouse, id: string) => done(house, "GET", `/seats/${id}`);
/** With a seat's code. */
const invited = (house: FakeHouse, invite: string, body: Record<string, unknown> = {}) =>
  done(house, "POST", "/sessions", { name: "Ana", device: newDevice(), ...body }, invite);

Deno.test("a join makes a seat for its device, and a second join takes it", async () => {
  await using house = await fakeHouse();
  const device = newDevice(), first = await house.join({ device });
  const seat = await seatOf(house, first.seat);
  assert.deepEqual([seat.name, seat.device, seat.session], ["Ana", device, first.session]);
  await done(house, "PATCH", `/seats/${first.seat}/mix`, { master: { gainDb: -3 } }, first.token);
  const second = await house.join({ device, name: "Anna" });
  assert.equal(second.seat, first.seat);
  assert.equal(second.mix.master.gainDb, -3);
  assert.equal((await seatOf(house, first.seat)).session, second.session);
  assert.equal((await seatsOf(house)).length, 1);
  assert.notEqual((await house.join()).seat, first.seat);
});

Deno.test("an invite takes the prepared seat, with its mix and its limits", async () => {
  await using house = await fakeHouse();
  const made = await done(house, "POST", "/seats", { name: "Keys", colour: "#e0a030", channels: [4, 2], maxGainDb: 0 });
  assert.deepEqual([made.name, made.colour, made.channels, made.maxGainDb], ["Keys", "#e0a030", [4, 2], 0]);
  assert.deepEqual([made.device, made.session, made.locked, made.recallSafe], [null, null, false, false]);
  await done(house, "PATCH", `/seats/${made.seat}/mix`, { channels: { 4: { gainDb: -9 } } });
  const device = newDevice(), joined = await invited(house, made.invite, { device });
  assert.equal(joined.seat, made.seat);
  assert.equal(joined.resumed, true);
  assert.deepEqual(joined.media.channels, [4, 2]);
  assert.equal(joined.mix.channels["4"].gainDb, -9);
  assert.equal((await house.join({ device })).seat, made.seat, "and the device's own from then on");
  assert.equal((await seatsOf(house)).length, 1);
});

Deno.test("whoever takes a seat by its invite leaves his former one, which stays only if somebody touched it", async () => {
  await using house = await fakeHouse();
  const prepare = () => done(house, "POST", "/seats", { name: "Keys" });
  const untouched = newDevice(), touched = newDevice(), prepared = newDevice();
  const gone = await house.join({ device: untouched });
  const stays = await house.join({ device: touched });
  await done(house, "PATCH", `/seats/${stays.seat}/mix`, { master: { mute: true } }, stays.token);
  const named = await house.join({ device: prepared });
  await done(house, "PATCH", `/seats/${named.seat}`, { name: "Bo" });
  for (const device of [untouched, touched, prepared]) await invited(house, (await prepare()).invite, { device });
  const left = (await seatsOf(house)).map(({ seat }) => seat);
  assert.equal(left.length, 5);
  assert.ok(!left.includes(gone.seat));
  for (const { seat } of [stays, named]) {
    const { device, session } = await seatOf(house, seat);
    assert.deepEqual([device, session], [null, null]);
  }
  assert.equal((await done(house, "GET", "/sessions")).length, 3, "one for each phone");
});

Deno.test("who comes with an invite takes the place of who sits there", async () => {
  await using house = await fakeHouse();
  const { seat, invite } = await done(house, "POST", "/seats", { name: "Keys" });
  const first = await invited(house, invite), second = await invited(house, invite);
  assert.equal(second.seat, seat);
  await refused(house, 401, "GET", `/seats/${seat}`, undefined, first.token);
  assert.equal((await done(house, "GET", "/sessions")).length, 1);
});

Deno.test("an invite that was renewed is dead, and the new one works", async () => {
  await using house = await fakeHouse();
  const { seat, invite } = await done(house, "POST", "/seats", { name: "Keys" });
  const renewed = await done(house, "POST", `/seats/${seat}/invite`);
  assert.notEqual(renewed.invite, invite);
  await refused(house, 401, "POST", "/sessions", { name: "Ana", device: newDevice() }, invite);
  assert.equal((await invited(house, renewed.invite)).seat, seat);
});

Deno.test("seats are listed in the order that the engineer put them in; a new one is the last", async () => {
  await using house = await fakeHouse();
  for (const name of ["A", "B", "C"]) await done(house, "POST", "/seats", { name });
  const order = (await seatsOf(house)).map(({ seat }) => seat).reverse();
  const listed = await done(house, "PUT", "/seats/order", { order });
  assert.deepEqual(listed.map(({ name }: { name: string }) => name), ["C", "B", "A"]);
  for (const wrong of [order.slice(1), [...order.slice(1), order[1]], [...order, "seat_none"], []]) {
    const { errors } = await refused(house, 400, "PUT", "/seats/order", { order: wrong });
    assert.equal(errors[0].path, "order");
  }
  await house.join({ name: "D" });
  assert.deepEqual((await seatsOf(house)).map(({ name }) => name), ["C", "B", "A", "D"]);
});

Deno.test("a seat that is deleted takes its session, its mix and its place in the order with it", async () => {
  await using house = await fakeHouse();
  const device = newDevice(), { seat, session, token } = await house.join({ device, mode: "mix" });
  const other = await house.join();
  await done(house, "PATCH", `/seats/${seat}/mix`, { master: { mute: true } });
  house.taken("serve");
  await done(house, "DELETE", `/seats/${seat}`);
  assert.equal(house.taken("close").length, 1);
  await refused(house, 404, "GET", `/sessions/${session}`);
  await refused(house, 404, "GET", `/seats/${seat}`);
  await refused(house, 401, "GET", "/channels", undefined, token);
  assert.deepEqual((await seatsOf(house)).map(({ seat }) => seat), [other.seat]);
  const again = await house.join({ device });
  assert.equal(again.resumed, false);
  assert.equal(again.mix.master.mute, false);
});

Deno.test("a move exchanges two phones: what they hear follows at once, and their tokens go on", async () => {
  await using house = await fakeHouse();
  const a = await house.join({ mode: "mix" }), b = await house.join({ mode: "mix", name: "Bo" });
  await done(house, "PATCH", `/seats/${b.seat}/mix`, { master: { gainDb: -30 } });
  const [servedA, servedB] = house.posted.filter(({ kind }) => kind === "serve").map((message) =>
    message.kind === "serve" ? message.receiver : assert.fail()
  );
  house.taken("reshape");
  const seat = await done(house, "POST", `/seats/${b.seat}/move`, { session: a.session });
  assert.equal(seat.session, a.session);
  const reshapes = house.taken("reshape").map(({ slot, mix }) => [slot, mix]);
  assert.deepEqual(reshapes, [[servedA.slot, servedB.mix], [servedB.slot, servedA.mix]]);
  assert.equal((await done(house, "GET", `/sessions/${a.session}/mix`, undefined, a.token)).master.gainDb, -30);
  assert.equal((await done(house, "GET", `/sessions/${b.session}/mix`, undefined, b.token)).master.gainDb, -12);
  assert.equal((await seatOf(house, a.seat)).session, b.session);
  const { device } = await done(house, "GET", `/sessions/${a.session}`);
  assert.equal((await house.join({ device })).seat, b.seat, "the device belongs to the seat now");
});

Deno.test("a move to an empty seat leaves none behind that nobody touched; a move to one's own seat is nothing", async () => {
  await using house = await fakeHouse();
  const { seat } = await done(house, "POST", "/seats", { name: "Keys", channels: [1, 2] });
  const { session, seat: former } = await house.join();
  house.taken("serve");
  await done(house, "POST", `/seats/${seat}/move`, { session });
  const [{ shape }, ...more] = house.taken("reshape");
  assert.deepEqual([shape.channels, more.length], [[1, 2], 0]);
  await refused(house, 404, "GET", `/seats/${former}`);
  await done(house, "POST", `/seats/${seat}/move`, { session });
  assert.equal(house.taken("reshape").length, 0);
  await refused(house, 409, "POST", `/seats/${seat}/move`, { session: "s_none" });
});

Deno.test("a seat's phone that is away moves, too: it comes back in the other seat", async () => {
  await using house = await fakeHouse();
  const away = newDevice(), { session, seat } = await house.join({ device: away });
  await done(house, "DELETE", `/sessions/${session}`);
  const b = await house.join();
  await done(house, "POST", `/seats/${seat}/move`, { session: b.session });
  assert.equal((await house.join({ device: away })).seat, b.seat);
});

Deno.test("a seat's channels bound what its phones may ask for, and what they get when they ask for nothing", async () => {
  await using house = await fakeHouse();
  const { seat, invite } = await done(house, "POST", "/seats", { name: "Keys", channels: [5, 3, 8] });
  const body = { name: "Ana", device: newDevice() };
  const { detail } = await refused(house, 403, "POST", "/sessions", { ...body, channels: [3, 4] }, invite);
  assert.match(detail, /\b4\b/);
  assert.deepEqual((await invited(house, invite)).media.channels, [5, 3, 8]);
  const { session, token, media } = await invited(house, invite, { channels: [8] });
  assert.deepEqual(media.channels, [8]);
  await refused(house, 403, "PATCH", `/sessions/${session}`, { channels: [8, 9] }, token);
  await done(house, "PATCH", `/sessions/${session}`, { channels: [3, 8] }, token);
  await refused(house, 409, "PATCH", `/seats/${seat}`, { channels: [17] });
  await refused(house, 409, "POST", "/seats", { name: "Far", channels: [1, 17] });
});

Deno.test("when a seat may hear less its live session gets less at once, and more again when it may", async () => {
  await using house = await fakeHouse();
  const streams = await house.join({ channels: [1, 2, 3] }), mixed = await house.join({ mode: "mix" });
  const heard = async (id: string) => (await done(house, "GET", `/sessions/${id}`)).channels;
  house.taken("serve");
  await done(house, "PATCH", `/seats/${streams.seat}`, { channels: [3, 4, 2] });
  assert.deepEqual(house.taken("reshape").map(({ shape }) => shape.channels), [[2, 3]]);
  assert.deepEqual(await heard(streams.session), [2, 3]);
  await done(house, "PATCH", `/seats/${streams.seat}`, { channels: null });
  assert.deepEqual(house.taken("reshape").map(({ shape }) => shape.channels), [[1, 2, 3]]);

  await done(house, "PATCH", `/seats/${mixed.seat}`, { channels: [7] });
  assert.deepEqual(house.taken("mix").map(({ settings }) => sounding(settings.gains)), [[7]]);
  await done(house, "PATCH", `/seats/${mixed.seat}`, { channels: [7, 8] });
  assert.deepEqual(house.taken("mix").map(({ settings }) => sounding(settings.gains)), [[7, 8]]);
  assert.equal(house.taken("reshape").length, 0);
});

Deno.test("a session of which nothing is left to hear ends", async () => {
  await using house = await fakeHouse();
  const { session, seat, token } = await house.join({ channels: [1] });
  await done(house, "PATCH", `/seats/${seat}`, { channels: [2] });
  await refused(house, 404, "GET", `/sessions/${session}`);
  await refused(house, 401, "GET", "/channels", undefined, token);
  assert.equal((await seatOf(house, seat)).session, null);
});

Deno.test("a locked seat's musician may look and listen, and the engineer may still move the mix", async () => {
  await using house = await fakeHouse();
  const { seat, session, token } = await house.join({ mode: "mix" });
  await done(house, "PATCH", `/seats/${seat}/mix`, { master: { gainDb: -3 } }, token);
  await done(house, "PATCH", `/seats/${seat}`, { locked: true });
  const body = { master: { mute: true } };
  await refused(house, 423, "PATCH", `/seats/${seat}/mix`, body, token);
  await refused(house, 423, "PATCH", `/sessions/${session}/mix`, body, token);
  await refused(house, 423, "POST", `/seats/${seat}/mix/undo`, undefined, token);
  await refused(house, 423, "POST", `/seats/${seat}/mix/reset`, undefined, token);
  await done(house, "GET", `/seats/${seat}/mix`, undefined, token);
  await done(house, "PATCH", `/sessions/${session}`, { frameMs: 10 }, token);
  await done(house, "PATCH", `/sessions/${session}/mix`, body);
  await done(house, "POST", `/seats/${seat}/mix/undo`);
  await done(house, "POST", `/seats/${seat}/mix/reset`);
  await done(house, "PATCH", `/seats/${seat}`, { locked: false });
  await done(house, "PATCH", `/seats/${seat}/mix`, body, token);
});

Deno.test("with no room for another seat the engineer gets 503, and so does a join where no seat can be forgotten", async () => {
  await using house = await fakeHouse();
  const { seat } = await done(house, "POST", "/seats", { name: "Keys" });
  const { house: inner } = house.control, one = inner.state.seats[seat];
  const many: Record<string, Seat> = {};
  for (let i = 1; i < MAX_SEATS; i++) {
    many[`seat_made${i}`] = { ...one, invite: `INVITES${i}`.replaceAll(/[01]/g, "X") };
  }
  inner.state = { ...inner.state, seats: { ...inner.state.seats, ...many }, order: [seat, ...Object.keys(many)] };
  const full = await house.call("POST", "/api/v1/seats", { body: { name: "One more" } });
  assert.equal(full.status, 503);
  assert.ok(Number(full.headers["retry-after"]) > 0);
  await refused(house, 503, "POST", "/sessions", { name: "Ana", device: newDevice() }, JOIN_CODE);
  assert.equal((await invited(house, one.invite)).seat, seat, "the prepared ones can still be taken");
  await done(house, "DELETE", "/seats/seat_made7");
  await house.join();
});
