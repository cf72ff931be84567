/**
 * What a live client moves: the same rights, checks and refusals as over HTTP (routes_seats.ts, routes_house.ts). Control
 * worker; allocates.
 */
import { moveMix } from "./changes.ts";
import { changeChannel } from "./console.ts";
import type { House, Session } from "./house.ts";
import type { Move } from "./live_messages.ts";
import type { Json } from "./merge_patch.ts";
import { checkPatch } from "./mix_changes.ts";
import { Refusal } from "./problem.ts";
import { mayMove, refuseUnchecked } from "./routing.ts";
import { ChannelPatch, MixPatchBody } from "./schemas.ts";
import type { Caller } from "./secrets.ts";

type MixMove = Extract<Move, { type: "mix" }>;
type ChannelMove = Extract<Move, { type: "channel" }>;

/** @throws Refusal 403, 404, 400, 423, 409. */
function moveSeatMix(house: House, caller: Caller<Session>, { seat, patch, gesture }: MixMove, client: number): void {
  if (caller.kind === "session" && caller.session.saved.seat !== seat) {
    throw new Refusal(403, "this token belongs to another seat");
  }
  if (!Object.hasOwn(house.state.seats, seat)) throw new Refusal(404, "there is no such seat");
  const checked = MixPatchBody.safeParse(patch);
  refuseUnchecked(checked);
  mayMove(house, caller, seat);
  checkPatch(house.state, house.state.seats[seat], checked.data!, house.inputs);
  // Two clients may give their gestures the same name.
  moveMix(house, seat, checked.data!, gesture === undefined ? null : `${client} ${gesture}`);
}

/** @throws Refusal 403, 404, 400. */
function moveChannel(house: House, caller: Caller<Session>, { channel, patch }: ChannelMove): void {
  if (caller.kind !== "engineer") throw new Refusal(403, "a session's token doesn't allow this");
  if (channel < 1 || channel > house.inputs) throw new Refusal(404, "there is no such channel");
  const checked = ChannelPatch.safeParse(patch);
  refuseUnchecked(checked);
  changeChannel(house, channel, checked.data!);
}

/** Moves, or changes nothing and says why. `client`: whose gesture it is. */
export function attemptMove(house: House, caller: Caller<Session>, move: Move, client: number): Refusal | null {
  try {
    if (move.type === "mix") moveSeatMix(house, caller, move, client);
    else moveChannel(house, caller, move);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Nulls of a move are back to a default, which the client needn't know: it is told what they became. */
const withoutNulls = (json: Json): Json =>
  typeof json !== "object" || json === null || Array.isArray(json) ? json : Object.fromEntries(
    Object.entries(json).filter(([, value]) => value !== null).map(([key, value]) => [key, withoutNulls(value)]),
  );

/** What a client that moved so shows from the ack on, as a patch of the whole state. */
export function partOf(move: Move): Json {
  const patch = withoutNulls(move.patch as Json);
  return move.type === "mix" ? { seats: { [move.seat]: { mix: patch } } } : { channels: { [move.channel]: patch } };
}
