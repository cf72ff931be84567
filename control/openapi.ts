/**
 * The API's own description: an OpenAPI 3.1 document out of the very definitions that the routes are checked by, and what
 * they don't say by themselves: path parameters, groups, names, and which secrets each takes. Control worker; allocates.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { ControlEnv } from "./routing.ts";

type App = OpenAPIHono<ControlEnv>;
/** An OpenAPI 3.1 document, as `GET /api/v1/openapi.json` answers it. */
export type Document = ReturnType<App["getOpenAPI31Document"]>;
export type PathItem = NonNullable<Document["paths"]>[string];
export type Operation = NonNullable<PathItem["get"]>;
export type Schema = NonNullable<NonNullable<Document["components"]>["schemas"]>[string];

/** The methods that an operation can have, in the order in which people read them. */
export const METHODS = ["get", "post", "put", "patch", "delete"] as const;
export type Method = typeof METHODS[number];

/** What a caller may show: the names of secrets.ts, said for people. */
export const SECRET_NAMES: Readonly<Record<string, string>> = {
  join: "join code",
  invite: "seat's invite",
  session: "session's token",
  engineer: "engineer key",
};

/** Whom a middleware lets in. Hono keeps each route's middleware, and so the document knows it. */
const ADMITTED = new WeakMap<object, readonly string[]>();

/** Marks the middleware that lets only `kinds` (keys of {@link SECRET_NAMES}) in. @returns the same middleware. */
export function admitting<Handler extends object>(kinds: readonly string[], handler: Handler): Handler {
  ADMITTED.set(handler, kinds);
  return handler;
}

const DESCRIPTION = `Channel numbers start at 1. Gains are in dB, −120 is off; times are in milliseconds.
Bodies are application/json; unknown fields are refused.
What is refused changes nothing and is answered with application/problem+json (RFC 9457).
A secret goes into the header \`Authorization: Bearer SECRET\`: 401 if it is missing or wrong, 403 if it doesn't allow this, 429 after ten wrong ones.
A server asked by a name that isn't its own answers 421 (--public-host makes a name its own), a page of another origin that would change something 403.
docs/PROTOCOL.md has the rest: \`GET /api/v1/live\` (a WebSocket), how the media are opened and what is in the packets.`;

const SECRETS =
  `SECRET is the join code, which musicians type and which only joins; a seat's invite, which joins that seat; a \
session's token, which a join answers and which is for that one session and its seat; or the engineer key, for \
everything. The roles of each operation (join, invite, session, engineer) are those that it lets in.`;

/** @throws Error when the definitions can't be told apart: our own bug. */
export function createDocument(app: App, version: string): Document {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Foldback", version, description: DESCRIPTION },
    servers: [{ url: "/" }],
  });
  document.components = {
    ...document.components,
    securitySchemes: { bearer: { type: "http", scheme: "bearer", description: SECRETS } },
  };
  const paths = document.paths ?? {};
  const names = new Set<string>();
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation === undefined) continue;
      operation.operationId ??= nameOf(method, path);
      if (names.has(operation.operationId)) throw new Error(`as a route has one name: ${operation.operationId} is two`);
      names.add(operation.operationId);
      operation.tags ??= [groupOf(path, Object.keys(paths))];
      operation.security ??= securityOf(app, method, path, operation);
      addParameters(operation, path);
    }
  }
  document.tags = [...new Set(operationsOf(document).flatMap(({ operation }) => operation.tags ?? []))]
    .map((name) => ({ name }));
  return document;
}

/** Every operation of a document, in its order. */
export function operationsOf(document: Document): { path: string; method: Method; operation: Operation }[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    })
  );
}

const wordsOf = (path: string): string[] => path.replace(/^\/api\/v\d+/, "").match(/[A-Za-z0-9]+/g) ?? [];

/** `patchSessionsIdMix`. */
const nameOf = (method: string, path: string): string =>
  method + wordsOf(path).map((word) => word[0].toUpperCase() + word.slice(1)).join("");

/** Paths that begin alike are a group; what stands alone belongs to the house. */
function groupOf(path: string, paths: readonly string[]): string {
  const [first] = wordsOf(path);
  return paths.filter((other) => wordsOf(other)[0] === first).length > 1 ? first : "house";
}

/** One alternative for each secret; without a 401 there is nothing to show. */
function securityOf(app: App, method: string, path: string, operation: Operation): { bearer: string[] }[] {
  const own = path.replaceAll(/\{(\w+)\}/g, ":$1");
  for (const route of app.routes) {
    if (route.method !== method.toUpperCase() || route.path !== own) continue;
    const kinds = ADMITTED.get(route.handler);
    if (kinds !== undefined) return kinds.map((kind) => ({ bearer: [kind] }));
  }
  return operation.responses?.["401"] === undefined ? [] : [{ bearer: [] }];
}

/** Every `{name}` of the path that the definition doesn't describe itself. */
function addParameters(operation: Operation, path: string): void {
  const described = operation.parameters ?? [];
  const known = new Set(described.map((parameter) => "name" in parameter ? parameter.name : ""));
  const missing = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).filter((name) => !known.has(name));
  if (missing.length === 0) return;
  operation.parameters = [
    ...described,
    ...missing.map((name) => ({
      name,
      in: "path" as const,
      required: true,
      ...name === "n"
        ? { description: "A channel's number", schema: { type: "integer" as const, minimum: 1, maximum: 64 } }
        : { description: "As the answer that made it said", schema: { type: "string" as const } },
    })),
  ];
}
