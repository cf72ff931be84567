/**
 * Everything that somebody can do to the state, as HTTP asks for it: method, path, body. In: a few random numbers and a
 * body, right or spoiled. Out: the request, and the same thing done straight with the functions that its route calls.
 */
import fc from "fast-check";
import type { z } from "@hono/zod-openapi";
import { moveMix, setMix, undoMix } from "../control/changes.ts";
import { changeChannel, changeGroup, createGroup, deleteGroup } from "../control/console.ts";
import type { House } from "../control/house.ts";
import { join } from "../control/joins.ts";
import { checkPatch, clampedMix, freshMix } from "../control/mix_changes.ts";
import { Refusal } from "../control/problem.ts";
import { deleteScene, importScene, overwriteScene, recallScene, renameScene, saveScene } from "../control/scenes.ts";
import * as schemas from "../control/schemas.ts";
import * as seats from "../control/seats.ts";
import { endSession, reshape } from "../control/sessions.ts";
import type { Method } from "./control_fake.ts";
import {
  channels,
  colour,
  device,
  INPUTS,
  mixPatch,
  MOST_PICK,
  name,
  number,
  orNull,
  scene,
  seatPatch,
  some,
  wish,
} from "./state_bodies.ts";

/** Which seat, group, scene, session is meant: the n-th there is, or one that isn't there. */
export interface Picks {
  readonly seat: number;
  readonly other: number;
  readonly thing: number;
}
interface Move {
  readonly weight: number;
  readonly body?: fc.Arbitrary<unknown>;
  readonly schema?: z.ZodType;
  /** Method and path; what isn't there is asked for as "none". */
  readonly route: (house: House, picks: Picks) => [Method, string];
  /** After the body was checked. @throws Refusal. */
  readonly act: (house: House, picks: Picks, body: never) => unknown;
}

/** The highest number of each is nobody's. */
const pick = (all: readonly string[], n: number): string =>
  n === MOST_PICK || all.length === 0 ? "none_none" : all[n % all.length];
const seatId = (house: House, n: number) => pick(house.state.order, n);
const groupId = (house: House, n: number) => pick(Object.keys(house.state.groups), n);
const sceneId = (house: House, n: number) => pick(Object.keys(house.state.scenes), n);
const sessionId = (house: House, n: number) => pick([...house.sessions.keys()], n);
/** As the routes do before anything else. */
const known = <T>(record: Readonly<Record<string, T>>, id: string): string => {
  if (!Object.hasOwn(record, id)) throw new Refusal(404, "there is no such thing");
  return id;
};
const seatIn = (house: House, n: number) => known(house.state.seats, seatId(house, n));
const groupIn = (house: House, n: number) => known(house.state.groups, groupId(house, n));
const sceneIn = (house: House, n: number) => known(house.state.scenes, sceneId(house, n));
function sessionIn(house: House, n: number) {
  const session = house.sessions.get(sessionId(house, n));
  if (session === undefined) throw new Refusal(404, "there is no such session");
  return session;
}

/** Another order; now and then one too few. */
const turned = (order: readonly string[], n: number): string[] =>
  n === MOST_PICK ? order.slice(1) : [...order.slice(n), ...order.slice(0, n)];

/** The body with "seat:2" and "group:1" replaced by ids that exist, or don't. */
export function named(house: House, body: unknown): unknown {
  if (typeof body === "string") {
    const [, kind, n] = /^(seat|group|session|order):(\d+)$/.exec(body) ?? [];
    if (kind === undefined) return body;
    if (kind === "order") return turned(house.state.order, Number(n));
    const id = { seat: seatId, group: groupId, session: sessionId }[kind as "seat" | "group" | "session"];
    return id(house, Number(n));
  }
  if (Array.isArray(body)) return body.map((part) => named(house, part));
  if (typeof body !== "object" || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([key, part]) => [String(named(house, key)), named(house, part)]));
}

const SEAT = "/api/v1/seats/";
const seatNumbers = fc.array(fc.nat(MOST_PICK).map((n) => `seat:${n}`), { minLength: 1, maxLength: 3 });
export const MOVES: readonly Move[] = [
  {
    weight: 40,
    body: mixPatch,
    schema: schemas.MixPatchBody,
    route: (house, { seat }) => ["PATCH", `${SEAT}${seatId(house, seat)}/mix`],
    act: (house, { seat }, patch: z.output<typeof schemas.MixPatchBody>) => {
      const id = seatIn(house, seat);
      checkPatch(house.state, house.state.seats[id], patch, house.inputs);
      moveMix(house, id, patch);
    },
  },
  {
    weight: 15,
    body: some({
      name: orNull(name),
      colour,
      trimDb: orNull(number(-60, 20)),
      mute: orNull(fc.boolean()),
      link: orNull(fc.boolean()),
      hidden: orNull(fc.boolean()),
    }),
    schema: schemas.ChannelPatch,
    route: (_, { thing }) => ["PATCH", `/api/v1/channels/${thing % INPUTS + 1}`],
    act: (house, { thing }, patch: schemas.ChannelPatch) => changeChannel(house, thing % INPUTS + 1, patch),
  },
  {
    weight: 4,
    body: fc.record({ name, colour, channels }),
    schema: schemas.GroupBody,
    route: () => ["POST", "/api/v1/groups"],
    act: (house, _, body: schemas.GroupBody) => createGroup(house, body),
  },
  {
    weight: 3,
    body: some({ name, colour, channels }),
    schema: schemas.GroupPatch,
    route: (house, { thing }) => ["PATCH", `/api/v1/groups/${groupId(house, thing)}`],
    act: (house, { thing }, patch: schemas.GroupPatch) => changeGroup(house, groupIn(house, thing), patch),
  },
  {
    weight: 3,
    route: (house, { thing }) => ["DELETE", `/api/v1/groups/${groupId(house, thing)}`],
    act: (house, { thing }) => deleteGroup(house, groupIn(house, thing)),
  },
  {
    weight: 3,
    body: fc.tuple(name, seatPatch).map(([name, patch]) => ({ ...patch, name })),
    schema: schemas.SeatBody,
    route: () => ["POST", "/api/v1/seats"],
    act: (house, _, body: schemas.SeatBody) => seats.createSeat(house, body),
  },
  {
    weight: 8,
    body: seatPatch,
    schema: schemas.SeatPatch,
    route: (house, { seat }) => ["PATCH", SEAT + seatId(house, seat)],
    act: (house, { seat }, patch: schemas.SeatPatch) => seats.changeSeat(house, seatIn(house, seat), patch),
  },
  {
    weight: 2,
    route: (house, { seat }) => ["DELETE", SEAT + seatId(house, seat)],
    act: (house, { seat }) => seats.deleteSeat(house, seatIn(house, seat)),
  },
  {
    weight: 1,
    route: (house, { seat }) => ["POST", `${SEAT}${seatId(house, seat)}/invite`],
    act: (house, { seat }) => seats.renewInvite(house, seatIn(house, seat)),
  },
  {
    weight: 3,
    body: fc.nat(MOST_PICK).map((n) => ({ order: `order:${n}` })),
    schema: schemas.SeatOrder,
    route: () => ["PUT", `${SEAT}order`],
    act: (house, _, { order }: z.output<typeof schemas.SeatOrder>) => seats.orderSeats(house, order),
  },
  {
    weight: 5,
    body: fc.nat(MOST_PICK).map((n) => ({ session: `session:${n}` })),
    schema: schemas.SeatMove,
    route: (house, { seat }) => ["POST", `${SEAT}${seatId(house, seat)}/move`],
    act: (house, { seat }, { session }: z.output<typeof schemas.SeatMove>) => {
      const id = seatIn(house, seat), moved = house.sessions.get(session);
      if (moved === undefined) throw new Refusal(409, "there is no such session");
      return seats.moveSeat(house, id, moved);
    },
  },
  {
    weight: 5,
    route: (house, { seat }) => ["POST", `${SEAT}${seatId(house, seat)}/mix/undo`],
    act: (house, { seat }) => undoMix(house, seatIn(house, seat)),
  },
  {
    weight: 3,
    route: (house, { seat }) => ["POST", `${SEAT}${seatId(house, seat)}/mix/reset`],
    act: (house, { seat }) => {
      const id = seatIn(house, seat);
      setMix(house, id, clampedMix(freshMix(house.state), house.state.seats[id].maxGainDb));
    },
  },
  {
    weight: 3,
    body: seatNumbers.map((to) => ({ to })),
    schema: schemas.MixCopy,
    route: (house, { seat }) => ["POST", `${SEAT}${seatId(house, seat)}/mix/copy`],
    act: (house, { seat }, { to }: z.output<typeof schemas.MixCopy>) => seats.copyMix(house, seatIn(house, seat), to),
  },
  {
    weight: 8,
    body: fc.tuple(fc.record({ name, device }), wish).map(([who, wish]) => ({ ...wish, ...who })),
    schema: schemas.JoinBody,
    route: () => ["POST", "/api/v1/sessions"],
    act: (house, { seat, other }, body: schemas.JoinBody) => {
      const invited = other % 4 === 0 && house.state.order.length > 0;
      const caller = invited
        ? { kind: "invite", seat: house.state.order[seat % house.state.order.length] } as const
        : { kind: other % 2 === 0 ? "engineer" : "join" } as const;
      return join(house, caller, body, "127.0.0.1");
    },
  },
  {
    weight: 8,
    body: wish,
    schema: schemas.SessionPatch,
    route: (house, { thing }) => ["PATCH", `/api/v1/sessions/${sessionId(house, thing)}`],
    act: (house, { thing }, patch: schemas.SessionPatch) => reshape(house, sessionIn(house, thing), patch),
  },
  {
    weight: 3,
    route: (house, { thing }) => ["DELETE", `/api/v1/sessions/${sessionId(house, thing)}`],
    act: (house, { thing }) => endSession(house, sessionIn(house, thing)),
  },
  {
    weight: 2,
    body: fc.record({ name }),
    schema: schemas.SceneBody,
    route: () => ["POST", "/api/v1/scenes"],
    act: (house, _, { name }: z.output<typeof schemas.SceneBody>) => saveScene(house, name),
  },
  {
    weight: 2,
    body: scene,
    schema: schemas.SceneImport,
    route: () => ["POST", "/api/v1/scenes/import"],
    act: (house, _, body: z.output<typeof schemas.SceneImport>) => importScene(house, body),
  },
  {
    weight: 1,
    body: fc.record({ name }),
    schema: schemas.SceneBody,
    route: (house, { thing }) => ["PATCH", `/api/v1/scenes/${sceneId(house, thing)}`],
    act: (house, { thing }, { name }: z.output<typeof schemas.SceneBody>) =>
      renameScene(house, sceneIn(house, thing), name),
  },
  {
    weight: 1,
    route: (house, { thing }) => ["PUT", `/api/v1/scenes/${sceneId(house, thing)}`],
    act: (house, { thing }) => overwriteScene(house, sceneIn(house, thing)),
  },
  {
    weight: 4,
    body: some({ fadeMs: number(0, 60_000) }),
    schema: schemas.SceneRecall,
    route: (house, { thing }) => ["POST", `/api/v1/scenes/${sceneId(house, thing)}/recall`],
    act: (house, { thing }, { fadeMs }: z.output<typeof schemas.SceneRecall>) =>
      recallScene(house, sceneIn(house, thing), fadeMs ?? 50),
  },
  {
    weight: 3,
    route: (house, { thing }) => ["DELETE", `/api/v1/scenes/${sceneId(house, thing)}`],
    act: (house, { thing }) => deleteScene(house, sceneIn(house, thing)),
  },
];
