/**
 * `GET /api/v1/openapi.json` and `GET /api/v1/docs`: the API's description, for programs and for people. Neither needs a
 * secret. Both are made once, when somebody first asks: routes don't change. Control worker; allocates.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { CONTENT_SECURITY_POLICY, pageOf } from "./docs_html.ts";
import { createDocument, type Document } from "./openapi.ts";
import type { ControlEnv } from "./routing.ts";

/** `version`: the server's. The description has every route of `app`, also those that are added after these. */
export function addDocsRoutes(app: OpenAPIHono<ControlEnv>, version: string): void {
  let document: Document | undefined, json: string | undefined, page: string | undefined;
  const description = () => document ??= createDocument(app, version);

  app.get("/api/v1/openapi.json", (c) => {
    json ??= JSON.stringify(description());
    return c.body(json, 200, { "content-type": "application/json" });
  });

  app.get("/api/v1/docs", async (c) => {
    page ??= await pageOf(description());
    return c.body(page, 200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": CONTENT_SECURITY_POLICY,
    });
  });
}
