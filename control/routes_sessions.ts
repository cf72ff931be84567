/**
 * Routes of sessions and their mixes. Control worker.
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { moveMix } from "./changes.ts";
import { type House, seatOf, type Session } from "./house.ts";
import { join } from "./joins.ts";
import { mediaOf, sdpOfSession, summaryOf } from "./media.ts";
import { checkPatch } from "./mix_changes.ts";
import { mixView } from "./mixes.ts";
import { answer, body, type ControlEnv, hostOf, mayMove, only, ownSession, problems, withBody } from "./routing.ts";
import {
  JoinBody,
  Joined,
  MixPatchBody,
  MixView,
  ReportBody,
  Reshaped,
  SessionPatch,
  SessionSummary,
  SessionView,
} from "./schemas.ts";
import { endSession, reshape } from "./sessions.ts";

export function addSessionRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  const own = [only(house, "session", "engineer"), ownSession(house)];
  const ownWithBody = withBody(own);
  const mixOf = (session: Session) => {
    const { mix, maxGainDb } = seatOf(house, session);
    return mixView(house.state, mix, house.inputs, maxGainDb);
  };

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/sessions",
      summary: "Join",
      middleware: withBody([only(house, "join", "invite", "engineer")]),
      request: body(JoinBody),
      responses: { ...problems(400, 401, 403, 409, 413, 415, 429, 503), 201: answer("Joined", Joined) },
    }),
    async (c) => {
      const { session, token, resumed } = join(house, c.var.caller, c.req.valid("json"), hostOf(house, c));
      const answer = {
        session: session.id,
        seat: session.saved.seat,
        token,
        resumed,
        media: mediaOf(house, session),
        sdp: sdpOfSession(house, session),
        mix: mixOf(session),
      };
      await house.store.settle();
      return c.json(answer, 201, { location: `/api/v1/sessions/${session.id}` });
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/sessions",
      summary: "Everybody who is there",
      middleware: [only(house, "engineer")],
      responses: { ...problems(401, 403, 429), 200: answer("Sessions", SessionSummary.array()) },
    }),
    (c) => c.json([...house.sessions.values()].map((session) => summaryOf(house, session)), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/sessions/{id}",
      summary: "One session",
      middleware: own,
      responses: { ...problems(401, 403, 404, 429), 200: answer("The session", SessionView) },
    }),
    (c) => {
      const { session } = c.var;
      const view = {
        ...summaryOf(house, session),
        media: mediaOf(house, session),
        sdp: sdpOfSession(house, session),
        mix: mixOf(session),
      };
      return c.json(view, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/v1/sessions/{id}",
      summary: "Change what is streamed, without a gap",
      middleware: ownWithBody,
      request: body(SessionPatch),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 429, 503), 200: answer("Changed", Reshaped) },
    }),
    async (c) => {
      const { session } = c.var;
      const fromTimestamp = await reshape(house, session, c.req.valid("json"));
      return c.json({ media: mediaOf(house, session, fromTimestamp), sdp: sdpOfSession(house, session) }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/v1/sessions/{id}",
      summary: "Leave; the mix is kept",
      middleware: own,
      responses: { ...problems(401, 403, 404, 429), 204: { description: "Left" } },
    }),
    async (c) => {
      endSession(house, c.var.session);
      await house.store.settle();
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/sessions/{id}/report",
      summary: "What the client alone knows of its delay",
      middleware: ownWithBody,
      request: body(ReportBody),
      responses: { ...problems(400, 401, 403, 404, 413, 415, 429), 204: { description: "Noted" } },
    }),
    (c) => {
      c.var.session.report = c.req.valid("json");
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/sessions/{id}/mix",
      summary: "The whole mix",
      middleware: own,
      responses: { ...problems(401, 403, 404, 429), 200: answer("The mix", MixView) },
    }),
    (c) => c.json(mixOf(c.var.session), 200),
  );

  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/v1/sessions/{id}/mix",
      summary: "Change what is named, keep the rest",
      middleware: ownWithBody,
      request: body(MixPatchBody),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 423, 429), 200: answer("The whole mix", MixView) },
    }),
    (c) => {
      const { session, caller } = c.var, patch = c.req.valid("json");
      mayMove(house, caller, session.saved.seat);
      checkPatch(house.state, seatOf(house, session), patch, house.inputs);
      moveMix(house, session.saved.seat, patch);
      return c.json(mixOf(session), 200);
    },
  );
}
