/**
 * Routes of groups, scenes and secrets: the engineer's. Control worker.
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { changeGroup, createGroup, deleteGroup } from "./console.ts";
import type { House } from "./house.ts";
import { Refusal } from "./problem.ts";
import { newEngineerKey, newJoinCode, secretsView } from "./rotation.ts";
import { answer, body, type ControlEnv, jsonBodyUpTo, only, problems, withBody } from "./routing.ts";
import { deleteScene, importScene, overwriteScene, recallScene, renameScene, saveScene } from "./scenes.ts";
import {
  EngineerKeyView,
  GroupBody,
  GroupPatch,
  GroupView,
  JoinCodeBody,
  SceneBody,
  SceneExport,
  SceneImport,
  SceneRecall,
  SceneView,
  SecretsView,
} from "./schemas.ts";

/** A scene of 60 seats with 64 channels each. */
const MAX_SCENE_BYTES = 1024 * 1024;
/** No click, and quick enough for "now". */
const FADE_MS = 50;

/** Looks the path's id up. @throws Refusal 404. */
const known = (name: string, has: (id: string) => boolean): MiddlewareHandler<ControlEnv> => async (c, next) => {
  if (!has(c.req.param("id") ?? "")) throw new Refusal(404, `there is no such ${name}`);
  await next();
};
const idOf = (c: Context<ControlEnv>): string => c.req.param("id") ?? "";

function addGroupRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  const view = (id: string) => ({ group: id, ...house.state.groups[id] });
  const engineer = only(house, "engineer"), exists = known("group", (id) => Object.hasOwn(house.state.groups, id));
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/groups",
      summary: "All groups",
      middleware: [only(house, "session", "engineer")],
      responses: { ...problems(401, 403, 429), 200: answer("Groups", GroupView.array()) },
    }),
    (c) => c.json(Object.keys(house.state.groups).map(view), 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/groups",
      summary: "Make a group: one fader over several channels in each mix",
      middleware: withBody([engineer]),
      request: body(GroupBody),
      responses: { ...problems(400, 401, 403, 409, 413, 415, 429, 503), 201: answer("The group", GroupView) },
    }),
    (c) => {
      const id = createGroup(house, c.req.valid("json"));
      return c.json(view(id), 201, { location: `/api/v1/groups/${id}` });
    },
  );
  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/v1/groups/{id}",
      summary: "Change what is named, keep the rest",
      middleware: withBody([engineer, exists]),
      request: body(GroupPatch),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 429), 200: answer("The group", GroupView) },
    }),
    (c) => {
      changeGroup(house, idOf(c), c.req.valid("json"));
      return c.json(view(idOf(c)), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/v1/groups/{id}",
      summary: "Remove it, with its faders",
      middleware: [engineer, exists],
      responses: { ...problems(401, 403, 404, 429), 204: { description: "Removed" } },
    }),
    async (c) => {
      deleteGroup(house, idOf(c));
      await house.store.settle();
      return c.body(null, 204);
    },
  );
}

function addSceneRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  const view = (id: string) => {
    const { name, savedAt } = house.state.scenes[id];
    return { scene: id, name, savedAt };
  };
  const engineer = only(house, "engineer"), exists = known("scene", (id) => Object.hasOwn(house.state.scenes, id));
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/scenes",
      summary: "All scenes",
      middleware: [engineer],
      responses: { ...problems(401, 403, 429), 200: answer("Scenes", SceneView.array()) },
    }),
    (c) => c.json(Object.keys(house.state.scenes).map(view), 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/scenes",
      summary: "Save how the desk stands",
      middleware: withBody([engineer]),
      request: body(SceneBody),
      responses: { ...problems(400, 401, 403, 413, 415, 429, 503), 201: answer("The scene", SceneView) },
    }),
    (c) => {
      const id = saveScene(house, c.req.valid("json").name);
      return c.json(view(id), 201, { location: `/api/v1/scenes/${id}` });
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/scenes/import",
      summary: "Take a scene that was exported (at most 1 MiB)",
      middleware: withBody([engineer], jsonBodyUpTo(MAX_SCENE_BYTES)),
      request: body(SceneImport),
      responses: { ...problems(400, 401, 403, 413, 415, 429, 503), 201: answer("The scene", SceneView) },
    }),
    (c) => {
      const id = importScene(house, c.req.valid("json"));
      return c.json(view(id), 201, { location: `/api/v1/scenes/${id}` });
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/scenes/{id}",
      summary: "Export a scene",
      middleware: [engineer, exists],
      responses: { ...problems(401, 403, 404, 429), 200: answer("The scene", SceneExport) },
    }),
    (c) => c.json(house.state.scenes[idOf(c)], 200),
  );
  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/v1/scenes/{id}",
      summary: "Rename",
      middleware: withBody([engineer, exists]),
      request: body(SceneBody),
      responses: { ...problems(400, 401, 403, 404, 413, 415, 429), 200: answer("The scene", SceneView) },
    }),
    (c) => {
      renameScene(house, idOf(c), c.req.valid("json").name);
      return c.json(view(idOf(c)), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "put",
      path: "/api/v1/scenes/{id}",
      summary: "Save how the desk stands in this scene's place",
      middleware: [engineer, exists],
      responses: { ...problems(401, 403, 404, 429), 200: answer("The scene", SceneView) },
    }),
    (c) => {
      overwriteScene(house, idOf(c));
      return c.json(view(idOf(c)), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/scenes/{id}/recall",
      summary: "The desk goes there, all of it in one step; recall-safe seats stay",
      middleware: withBody([engineer, exists]),
      request: body(SceneRecall),
      responses: { ...problems(400, 401, 403, 404, 413, 415, 429), 204: { description: "Recalled" } },
    }),
    (c) => {
      recallScene(house, idOf(c), c.req.valid("json").fadeMs ?? FADE_MS);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/v1/scenes/{id}",
      summary: "Remove",
      middleware: [engineer, exists],
      responses: { ...problems(401, 403, 404, 429), 204: { description: "Removed" } },
    }),
    async (c) => {
      deleteScene(house, idOf(c));
      await house.store.settle();
      return c.body(null, 204);
    },
  );
}

function addSecretRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  const engineer = only(house, "engineer");
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/secrets",
      summary: "The join code",
      middleware: [engineer],
      responses: { ...problems(401, 403, 429), 200: answer("Secrets", SecretsView) },
    }),
    (c) => c.json(secretsView(house), 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/secrets/join-code",
      summary: "A new join code; who has joined stays",
      middleware: withBody([engineer]),
      request: body(JoinCodeBody),
      responses: { ...problems(400, 401, 403, 409, 413, 415, 429, 503), 200: answer("Secrets", SecretsView) },
    }),
    async (c) => {
      await newJoinCode(house, c.req.valid("json").joinCode ?? null);
      return c.json(secretsView(house), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/secrets/engineer-key",
      summary: "A new engineer key; the old one dies at once",
      middleware: [engineer],
      responses: { ...problems(401, 403, 409, 429, 503), 200: answer("The key", EngineerKeyView) },
    }),
    async (c) => c.json({ engineerKey: await newEngineerKey(house) }, 200),
  );
}

export function addSceneGroupAndSecretRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  addGroupRoutes(app, house);
  addSceneRoutes(app, house);
  addSecretRoutes(app, house);
}
