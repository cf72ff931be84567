/**
 * What every route needs: who may come in, whose session is meant, and a body that was read and checked. The order of
 * refusals is secret (401, 429), right (403), session (404), body (415, 413, 400), and only then what the house says.
 * Control worker; allocates.
 */
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import type { $ZodIssue } from "zod/v4/core";
import { MAX_BODY_BYTES, readJsonText } from "./body.ts";
import type { House, Session } from "./house.ts";
import { plainAddress } from "./media.ts";
import { admitting } from "./openapi.ts";
import { type FieldError, Refusal } from "./problem.ts";
import { Problem } from "./schemas.ts";
import { type Caller, callerOf, tokenKey } from "./secrets.ts";
import type { Seat } from "./state.ts";

export interface ControlEnv {
  Bindings: HttpBindings;
  Variables: {
    caller: Caller<Session>;
    /** The session of the path, where there is one. */
    session: Session;
    /** The seat of the path, where there is one. */
    seat: string;
  };
}

type Kind = Caller<Session>["kind"];
const NAMES: Record<Kind, string> = {
  join: "the join code",
  invite: "a seat's invite",
  session: "a session's token",
  engineer: "the engineer key",
};

const inviteKeys = new WeakMap<Seat, string>();
function inviteKey(seat: Seat): string {
  const known = inviteKeys.get(seat) ?? tokenKey(seat.invite);
  inviteKeys.set(seat, known);
  return known;
}

/** What {@link callerOf} compares with. */
export const secretsOf = (house: House) => ({
  joinCode: house.joinCode,
  engineerKey: house.engineerKey,
  guesses: house.guesses,
  sessionOf: (key: string) => house.tokens.get(key),
  seatOf: (key: string) => house.state.order.find((id) => inviteKey(house.state.seats[id]) === key),
});

/** Lets these callers in, and nobody else. @throws Refusal 401, 403, 429. */
export function only(house: House, ...kinds: Kind[]): MiddlewareHandler<ControlEnv> {
  return admitting(kinds, async (c, next) => {
    const address = plainAddress(c.env.incoming.socket.remoteAddress ?? "");
    const caller = callerOf(secretsOf(house), c.req.header("authorization"), address, house.clock());
    if (!kinds.includes(caller.kind)) throw new Refusal(403, `${NAMES[caller.kind]} doesn't allow this`);
    c.set("caller", caller);
    await next();
  });
}

/** Finds the seat of the path, which a session must sit in. After {@link only}. @throws Refusal 403, 404. */
export function ownSeat(house: House): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const id = c.req.param("id") ?? "", caller = c.var.caller;
    if (caller.kind === "session" && caller.session.saved.seat !== id) {
      throw new Refusal(403, "this token belongs to another seat");
    }
    if (!Object.hasOwn(house.state.seats, id)) throw new Refusal(404, "there is no such seat");
    c.set("seat", id);
    await next();
  };
}

/** The engineer may always; the musician unless the seat is locked. @throws Refusal 423. */
export function mayMove(house: House, caller: Caller<Session>, seat: string): void {
  if (caller.kind === "session" && !caller.session.saved.engineer && house.state.seats[seat].locked) {
    throw new Refusal(423, "the engineer has locked this seat: its mix can't be changed from here");
  }
}

/** Finds the session of the path, which a token must be of. After {@link only}. @throws Refusal 403, 404. */
export function ownSession(house: House): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const id = c.req.param("id");
    const caller = c.var.caller;
    if (caller.kind === "session" && caller.session.id !== id) {
      throw new Refusal(403, "this token belongs to another session");
    }
    const session = house.sessions.get(id ?? "");
    if (session === undefined) throw new Refusal(404, "there is no such session");
    c.set("session", session);
    await next();
  };
}

/** Reads the body, for the check that follows. After {@link only}, so that only those who may can make us read. */
export const jsonBodyUpTo = (bytes: number): MiddlewareHandler<ControlEnv> => async (c, next) => {
  const text = await readJsonText(c.env.incoming, bytes);
  // Where hono keeps a body that was read; its type says string, its code awaits.
  (c.req.bodyCache as { text?: Promise<string> }).text = Promise.resolve(text);
  await next();
};

const jsonBody = jsonBodyUpTo(MAX_BODY_BYTES);

/** `checks`, the body, and the checks again: while it came, who sends it or what it is meant for may have gone. */
export const withBody = (
  checks: readonly MiddlewareHandler<ControlEnv>[],
  read: MiddlewareHandler<ControlEnv> = jsonBody,
): MiddlewareHandler<ControlEnv>[] => [...checks, read, ...checks];

/** The address that the client reached us at, and so can send media to. */
export const hostOf = (house: House, c: Context<ControlEnv>): string =>
  house.options.publicHost ?? plainAddress(c.env.incoming.socket.localAddress ?? "127.0.0.1");

/** Of a body that failed its check: nobody reads more. */
const MOST_ERRORS = 20;

function fieldErrors(issues: readonly $ZodIssue[]): FieldError[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({ path: path === "" ? key : `${path}.${key}`, message: "Unknown field" }));
  }).slice(0, MOST_ERRORS);
}

/** What OpenAPIHono calls after a check. @throws Refusal 400. */
export function refuseUnchecked(result: { success: boolean; error?: { issues: readonly $ZodIssue[] } }): void {
  if (result.success) return;
  throw new Refusal(400, "the body failed its check", { errors: fieldErrors(result.error?.issues ?? []) });
}

/** For a route's `responses`: a JSON answer. */
export const answer = <T>(description: string, schema: T) => ({
  description,
  content: { "application/json": { schema } },
});
/** For a route's `request`: a JSON body. */
export const body = <T>(schema: T) => ({
  body: { required: true, content: { "application/json": { schema } } },
});

const PROBLEMS: Record<number, string> = {
  400: "The body failed its check, or the packet would be too long",
  401: "The secret is missing or wrong",
  403: "The secret doesn't allow this",
  404: "No such thing",
  409: "A channel, seat or session that doesn't exist, or nothing to undo",
  413: "A body of more than 64 KiB",
  415: "The body isn't application/json",
  423: "The engineer has locked this seat",
  429: "Too many wrong secrets",
  503: "Not now: see Retry-After",
};
/** For a route's `responses`: the problems that it may answer with. Handlers throw them, so their type names none. */
export const problems = (...statuses: number[]): Record<never, never> =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: PROBLEMS[status], content: { "application/problem+json": { schema: Problem } } },
    ]),
  );
