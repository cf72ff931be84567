/**
 * Routes of the house: channels, targets, status, health, metrics, timings. Control worker.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { changeChannel, channelView } from "./console.ts";
import { type Health, illness } from "./health.ts";
import { type House, seatOf } from "./house.ts";
import { metricsOf } from "./metrics.ts";
import { OPENMETRICS_TYPE } from "./openmetrics.ts";
import { Refusal } from "./problem.ts";
import { answer, body, type ControlEnv, hostOf, only, problems, withBody } from "./routing.ts";
import { ChannelPatch, ChannelView, TargetBody, TargetMade, TargetView } from "./schemas.ts";
import { allChannels } from "./shapes.ts";
import { Failing, Status, Timings, Well } from "./schemas_status.ts";
import { statusOf } from "./status.ts";
import { createTarget, endTarget, targetView } from "./targets.ts";
import { timingsOf } from "./timings.ts";

function addChannelRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/channels",
      summary: "The inputs; a session's token sees those that its seat may hear and that aren't hidden",
      middleware: [only(house, "session", "engineer")],
      responses: { ...problems(401, 403, 429), 200: answer("Channels", ChannelView.array()) },
    }),
    (c) => {
      const { caller } = c.var, all = allChannels(house.inputs).map((channel) => channelView(house, channel));
      if (caller.kind !== "session") return c.json(all, 200);
      const { channels } = seatOf(house, caller.session);
      const shown = all.filter(({ channel, hidden }) => !hidden && (channels?.includes(channel) ?? true));
      return c.json(shown, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/v1/channels/{n}",
      summary: "Name an input, trim it, mute it, link it with the next",
      middleware: withBody([only(house, "engineer")]),
      request: body(ChannelPatch),
      responses: { ...problems(400, 401, 403, 404, 413, 415, 429), 200: answer("The channel", ChannelView) },
    }),
    (c) => {
      const text = c.req.param("n") ?? "", channel = Number(text);
      if (!/^[1-9][0-9]?$/.test(text) || channel > house.inputs) throw new Refusal(404, "there is no such channel");
      changeChannel(house, channel, c.req.valid("json"));
      return c.json(channelView(house, channel), 200);
    },
  );
}

function addTargetRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  const engineer = only(house, "engineer");
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/targets",
      summary: "Send to a fixed address",
      middleware: withBody([engineer]),
      request: body(TargetBody),
      responses: { ...problems(400, 401, 403, 409, 413, 415, 429, 503), 201: answer("Sending", TargetMade) },
    }),
    (c) => {
      const target = createTarget(house, c.req.valid("json"), hostOf(house, c));
      return c.json({ target: target.id, sdp: target.sdp }, 201, { location: `/api/v1/targets/${target.id}` });
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/targets",
      summary: "All targets",
      middleware: [engineer],
      responses: { ...problems(401, 403, 429), 200: answer("Targets", TargetView.array()) },
    }),
    (c) => c.json([...house.targets.values()].map(targetView), 200),
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/v1/targets/{id}",
      summary: "Stop sending",
      middleware: [engineer],
      responses: { ...problems(401, 403, 404, 429), 204: { description: "Stopped" } },
    }),
    (c) => {
      const target = house.targets.get(c.req.param("id") ?? "");
      if (target === undefined) throw new Refusal(404, "there is no such target");
      endTarget(house, target);
      return c.body(null, 204);
    },
  );
}

export function addHouseRoutes(app: OpenAPIHono<ControlEnv>, house: House, health: Health): void {
  addChannelRoutes(app, house);
  addTargetRoutes(app, house);

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/status",
      summary: "The state of the house; a session's token sees its own session only",
      middleware: [only(house, "session", "engineer")],
      responses: { ...problems(401, 403, 429), 200: answer("Status", Status) },
    }),
    (c) => c.json(statusOf(house, c.var.caller.kind === "session" ? c.var.caller.session : null), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/timings",
      summary: "Histograms since the start, for benchmarks",
      middleware: [only(house, "engineer")],
      responses: { ...problems(401, 403, 429), 200: answer("Timings", Timings) },
    }),
    (c) => c.json(timingsOf(house), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/metrics",
      summary: "OpenMetrics",
      middleware: [only(house, "engineer")],
      responses: {
        ...problems(401, 403, 429),
        200: { description: "OpenMetrics text", content: { [OPENMETRICS_TYPE]: { schema: z.string() } } },
      },
    }),
    (c) => c.body(metricsOf(house, health), 200, { "content-type": OPENMETRICS_TYPE }),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/healthz",
      summary: "Is all well?",
      responses: { 200: answer("Well", Well), 503: answer("Failing", Failing) },
    }),
    (c) => {
      const reason = illness(health);
      return reason === null
        ? c.json({ status: "ok" as const }, 200)
        : c.json({ status: "failing" as const, reason }, 503);
    },
  );
}
