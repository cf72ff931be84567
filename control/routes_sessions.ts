/**
 * Routes of sessions and their mixes. Control worker.
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { House } from "./house.ts";
import { mediaOf, sdpOfSession, summaryOf } from "./media.ts";
import { changeMix, mixView } from "./mixes.ts";
import { answer, body, type ControlEnv, hostOf, jsonBody, only, ownSession, problems } from "./routing.ts";
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
import { endSession, join, reshape } from "./sessions.ts";

export function addSessionRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  const own = [only(house, "session", "engineer"), ownSession(house)];
  const ownWithBody = [...own, jsonBody];

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/sessions",
      summary: "Join",
      middleware: [only(house, "join", "engineer"), jsonBody],
      request: body(JoinBody),
      responses: { ...problems(400, 401, 403, 409, 413, 415, 429, 503), 201: answer("Joined", Joined) },
    }),
    (c) => {
      const { session, token, resumed } = join(house, c.req.valid("json"), hostOf(house, c));
      const answer = {
        session: session.id,
        token,
        resumed,
        media: mediaOf(house, session),
        sdp: sdpOfSession(house, session),
        mix: mixView(session.mix),
      };
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
        mix: mixView(session.mix),
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
    (c) => {
      endSession(house, c.var.session);
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
    (c) => c.json(mixView(c.var.session.mix), 200),
  );

  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/v1/sessions/{id}/mix",
      summary: "Change what is named, keep the rest",
      middleware: ownWithBody,
      request: body(MixPatchBody),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 429), 200: answer("The whole mix", MixView) },
    }),
    (c) => {
      changeMix(house, c.var.session.mix, c.req.valid("json"));
      return c.json(mixView(c.var.session.mix), 200);
    },
  );
}
