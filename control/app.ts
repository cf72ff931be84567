/**
 * The HTTP application: all routes, and one place where a refusal or a failure becomes an answer. It needs node's
 * request and response as bindings (server.ts), for the connection's addresses. Control worker; allocates.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { METHOD_NAME_ALL } from "hono/router";
import { logger } from "../core/log.ts";
import { hasLongRest, lingerThenClose } from "./body.ts";
import { addDocsRoutes } from "./docs_page.ts";
import { doorNames, doors, secured } from "./doors.ts";
import { createHealth, type Health } from "./health.ts";
import type { House } from "./house.ts";
import { problemResponse, Refusal } from "./problem.ts";
import { addHouseRoutes } from "./routes_house.ts";
import { addSceneGroupAndSecretRoutes } from "./routes_scenes.ts";
import { addSeatRoutes } from "./routes_seats.ts";
import { addSessionRoutes } from "./routes_sessions.ts";
import { type ControlEnv, refuseUnchecked } from "./routing.ts";
import { addPage } from "./web.ts";

export type ControlApp = OpenAPIHono<ControlEnv>;

/** A path that exists, asked with a method that it doesn't have. After all routes. */
function refuseOtherMethods(app: ControlApp): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    // What stands before all routes is none.
    if (method === METHOD_NAME_ALL) continue;
    const known = methods.get(path) ?? methods.set(path, new Set()).get(path)!;
    known.add(method);
    if (method === "GET") known.add("HEAD");
  }
  for (const [path, known] of methods) {
    const allow = [...known].join(", ");
    app.all(path, (c) => {
      throw new Refusal(405, `${c.req.method} isn't possible here: ${allow}`, { headers: { allow } });
    });
  }
}

function asRefusal(error: Error): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof HTTPException) return new Refusal(error.status, error.message);
  logger("control").error("a request failed: {error}", { error: error.stack ?? String(error) });
  return new Refusal(500, "the server failed at this request, and logged why");
}

export function createApp(house: House): { app: ControlApp; health: Health } {
  const health = createHealth(house);
  const app: ControlApp = new OpenAPIHono<ControlEnv>({ defaultHook: refuseUnchecked });
  app.notFound(() => problemResponse(new Refusal(404, "there is nothing here")));
  app.onError((error) => problemResponse(asRefusal(error)));
  app.use(doors(doorNames(house.options.publicHost)));
  addPage(app);
  addSessionRoutes(app, house);
  addSeatRoutes(app, house);
  addSceneGroupAndSecretRoutes(app, house);
  addHouseRoutes(app, house, health);
  addDocsRoutes(app, house.options.version);
  refuseOtherMethods(app);
  return { app, health };
}

/** Answers one request; what it didn't read of a long body stays unread. */
export async function respond(app: ControlApp, request: Request, bindings: ControlEnv["Bindings"]): Promise<Response> {
  const response = secured(await app.fetch(request, bindings));
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  if (hasLongRest(bindings.incoming)) {
    response.headers.set("connection", "close");
    lingerThenClose(bindings.incoming);
  }
  return response;
}
