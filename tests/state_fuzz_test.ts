import assert from "node:assert/strict";
import fc from "fast-check";
import { changeChannel } from "../control/console.ts";
import { gainsOf } from "../control/gains.ts";
import { createHouse, type House } from "../control/house.ts";
import { restoreSessions } from "../control/joins.ts";
import { heardChannels, postTrims, RAMP_MS } from "../control/mixes.ts";
import { Refusal } from "../control/problem.ts";
import { createSeat } from "../control/seats.ts";
import { sound } from "../control/sound.ts";
import { channelOf, FRESH_STATE, State } from "../control/state.ts";
import { Store } from "../control/store.ts";
import type { ControlToMain, MixSettings, Shape } from "../core/messages.ts";
import { dbToGain, rtpTimestamp } from "../core/units.ts";
import { assertProblem, fakeHouse } from "./control_fake.ts";
import { INPUTS, junk, MOST_PICK, spoiled } from "./state_bodies.ts";
import { MOVES, named, type Picks } from "./state_moves.ts";

interface Step {
  readonly move: number;
  readonly picks: Picks;
  readonly body: unknown;
}
const n = fc.nat(MOST_PICK);
const picks: fc.Arbitrary<Picks> = fc.record({ seat: n, other: n, thing: n });
const spoiler = fc.record({
  is: fc.nat(3).map((n) => n === 0),
  part: fc.nat(50),
  put: junk,
  key: fc.constantFrom("gainDb", "colour", "extra", "constructor", "63", "9", "group:1", "group_none"),
});
const step: fc.Arbitrary<Step> = fc.oneof(...MOVES.map(({ weight, body }, move) => ({
  weight,
  arbitrary: fc.record({ move: fc.constant(move), picks, body: body ?? fc.constant(undefined), spoiler })
    .map(({ move, picks, body, spoiler: { is, part, put, key } }) => ({
      move,
      picks,
      body: is && body !== undefined ? spoiled(body, part, put, key) : body,
    })),
})));

/** What the main isolate and the send workers know, put together from what they were told. */
interface Told {
  /** Messages so far. */
  count: number;
  trims: Float32Array;
  readonly mixes: Map<number, MixSettings>;
  /** The mix that each board row's receiver hears. */
  readonly hears: Map<number, number>;
  readonly shapes: Map<number, Shape>;
}

function tell(told: Told, message: ControlToMain): void {
  told.count++;
  if (message.kind === "trims") told.trims = message.gains;
  else if (message.kind === "mix" && message.settings === null) told.mixes.delete(message.mix);
  else if (message.kind === "mix") told.mixes.set(message.mix, message.settings!);
  else if (message.kind === "close") told.hears.delete(message.slot);
  else if (message.kind === "serve" || message.kind === "reshape") {
    const { slot, mix, shape } = message.kind === "serve" ? message.receiver : message;
    told.hears.set(slot, mix);
    told.shapes.set(slot, shape);
  }
}

/** A house without doors: the functions that the routes call, and a main isolate that answers and remembers. */
interface Bare {
  readonly house: House;
  readonly told: Told;
}
async function bareHouses(): Promise<(stateDir: string | null) => Bare> {
  await using whole = await fakeHouse({ inputs: INPUTS, slots: 12 });
  const { options } = whole.control.house;
  return (stateDir) => {
    const told: Told = {
      count: 0,
      trims: new Float32Array(INPUTS).fill(1),
      mixes: new Map(),
      hears: new Map(),
      shapes: new Map(),
    };
    const house = createHouse({ ...options, stateDir }, (message) => {
      tell(told, message);
      if (message.kind !== "reshape") return;
      queueMicrotask(() => house.reshapes.get(message.request)?.settle(rtpTimestamp(1)));
    }, () => 1_800_000_000_000 + told.count);
    return { house, told };
  };
}

/** So that the first steps find something: limits on either side of the default, and a pair. */
function furnish(house: House): void {
  createSeat(house, { name: "Ana", maxGainDb: 0 });
  createSeat(house, { name: "Bo", maxGainDb: -6.5, channels: [1, 2, 3] });
  changeChannel(house, 2, { link: true });
}

/** What the route does, and what follows from it. Returns the status. @throws what isn't a refusal. */
async function act(house: House, { move, picks, body }: Step): Promise<number> {
  const { schema, act } = MOVES[move];
  const checked = schema?.safeParse(named(house, body));
  if (checked?.success === false) return 400;
  try {
    await act(house, picks, checked?.data as never);
    return 200;
  } catch (error) {
    if (error instanceof Refusal) return error.status;
    throw error;
  } finally {
    for (const { turn } of [...house.sessions.values()]) await turn;
  }
}

function assertSound(house: House): void {
  const { state } = house;
  const { error } = State.safeParse(state);
  assert.equal(error, undefined);
  assert.equal(sound(state), state, "sound, and in its canonical form");
  for (const { id, saved } of house.sessions.values()) assert.equal(state.sessions[id], saved);
  assert.equal(house.sessions.size, Object.keys(state.sessions).length);
  assert.equal(house.seated.size, house.sessions.size);
  for (const [seat, session] of house.seated) assert.equal(session.saved.seat, seat);
  for (const id of house.undo.keys()) assert.ok(id in state.seats);
}

/** Everybody hears what the state says. */
function assertTold(house: House, told: Told): void {
  const { state, inputs } = house;
  for (let i = 0; i < inputs; i++) {
    const { trimDb, mute } = channelOf(state, i + 1);
    assert.equal(told.trims[i], Math.fround(mute ? 0 : dbToGain(trimDb)));
  }
  for (const [number, { seat, own, allowed }] of house.made) {
    const { mix = own, maxGainDb = 10 } = seat === null ? {} : state.seats[seat] ?? {};
    const gone = seat !== null && !(seat in state.seats);
    const gains = gainsOf({ mix, groups: state.groups, allowed: gone ? [] : allowed, inputs, maxGainDb });
    assert.deepEqual(told.mixes.get(number)?.gains, gains);
  }
  assert.equal(told.hears.size, house.sessions.size);
  for (const { saved, shape, hears, placed: { receiver: { slot } } } of house.sessions.values()) {
    const seat = state.seats[saved.seat], allowed = heardChannels(house, saved.channels, seat);
    assert.deepEqual(house.heard.get(saved.seat)?.allowed, allowed);
    assert.equal(told.shapes.get(slot), shape);
    assert.equal(told.hears.get(slot), hears?.number ?? -1);
    assert.equal(hears !== null, saved.mode === "mix");
    if (saved.mode === "channels") assert.deepEqual(shape.channels, allowed);
    else if (saved.pfl !== null) assert.deepEqual(hears?.allowed, saved.pfl);
    else assert.equal(hears?.seat, saved.cue ?? saved.seat);
  }
}

Deno.test("after each of 100,000 changes, right and wrong, the state is sound and everybody hears it; a wrong one changes nothing", async () => {
  const make = await bareHouses();
  let right = 0, wrong = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 100, maxLength: 100, size: "max" }), async (steps) => {
      const { house, told } = make(null);
      furnish(house);
      for (const step of steps) {
        const before = house.state, { count } = told;
        if (await act(house, step) === 200) {
          right++;
          assertSound(house);
          assertTold(house, told);
          continue;
        }
        wrong++;
        assert.equal(house.state, before);
        assert.equal(told.count, count);
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(right > 25_000 && wrong > 25_000, `${right} right, ${wrong} wrong`);
});

Deno.test("the file that is written of any state loads to the same state, with everybody in his place", async () => {
  const make = await bareHouses(), root = await Deno.makeTempDir({ prefix: "foldback-test-" });
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 40, size: "max" }), async (steps) => {
        const directory = `${root}/${run++}`, { house } = make(directory);
        furnish(house);
        for (const step of steps) await act(house, step);
        await house.store.stop();
        assert.deepEqual(new Store(directory, assert.fail).load(), { state: house.state, warnings: [] });

        const again = make(directory);
        postTrims(again.house, FRESH_STATE, RAMP_MS);
        restoreSessions(again.house);
        assertSound(again.house);
        assertTold(again.house, again.told);
        assert.deepEqual(again.house.state, house.state);
        await again.house.store.stop();
      }),
      { numRuns: 100 },
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("over HTTP thousands of changes, right and wrong, are answered in kind, and the wrong ones change nothing", async () => {
  await using whole = await fakeHouse({ inputs: INPUTS });
  const { house } = whole.control;
  furnish(house);
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(step, async ({ move, picks, body }) => {
      const [method, path] = MOVES[move].route(house, picks), before = house.state;
      const answer = await whole.call(method, path, { body: named(house, body) });
      statuses.add(answer.status);
      if (answer.status < 300) return assertSound(house);
      assertProblem(answer, answer.status);
      assert.ok([400, 403, 404, 409].includes(answer.status), `${method} ${path}: ${answer.text}`);
      if (answer.status === 400) assert.ok(answer.json.errors?.length > 0 || /fit|JSON/.test(answer.json.detail));
      assert.equal(house.state, before);
    }),
    { numRuns: 3000 },
  );
  for (const status of [200, 201, 204, 400, 404, 409]) assert.ok(statuses.has(status), `never ${status}`);
});
