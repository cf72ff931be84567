/**
 * Serves the page: `/` is the engineer's console, `/me` the musician's, `/web/…` and `/vendor/…` what they are made of
 * (web_files.ts). Needs no secret: the page has none in it. In: requests. Out: the files as they are, with headers that
 * let the page load nothing from elsewhere. Control worker; allocates.
 */
import type { Context } from "hono";
import type { ControlApp } from "./app.ts";
import type { ControlEnv } from "./routing.ts";
import { Refusal } from "./problem.ts";
import { type Coding, readWebFiles, type WebFile, webPaths } from "./web_files.ts";

/** Addresses that people see, and the file behind each. */
export const PAGES: Readonly<Record<string, string>> = { "/": "/web/index.html", "/me": "/web/me.html" };

/** Nothing from another host, nothing inline; WebAssembly, which the Opus decoder is. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Beside the policy, what shared memory needs: a page that is isolated from all others. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // Asked again each time, answered with 304: a page never meets another version's modules.
  "cache-control": "no-cache",
  "vary": "accept-encoding",
};

/** The best coding that the client takes (RFC 9110 section 12.5.3). */
function codingFor(accepted: string): Coding {
  const takes = (coding: string) =>
    new RegExp(`(^|[,\\s])${coding}\\s*(;\\s*q=(?!0(\\.0*)?\\s*(,|$))|,|$)`, "i").test(accepted);
  return takes("br") ? "br" : takes("gzip") ? "gzip" : "identity";
}

function answer(c: Context<ControlEnv>, file: WebFile): Response {
  const coding = codingFor(c.req.header("accept-encoding") ?? "");
  const bytes = file.bytes[coding], encoded = bytes !== file.bytes.identity;
  const tag = `"${file.tag}${encoded ? `-${coding}` : ""}"`;
  const headers = new Headers(HEADERS);
  headers.set("etag", tag);
  const known = (c.req.header("if-none-match") ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""));
  if (known.includes(tag) || known.includes("*")) return new Response(null, { status: 304, headers });
  headers.set("content-type", file.type);
  headers.set("content-length", String(bytes.length));
  if (encoded) headers.set("content-encoding", coding);
  for (const path of file.modules) headers.append("link", `<${path}>; rel=modulepreload`);
  return new Response(bytes, { headers });
}

let reading: ReturnType<typeof readWebFiles> | null = null;

/** A route for each file: what has none is nothing of ours. Answers wait for the files to be read and compressed. */
export function addPage(app: ControlApp): void {
  const paths = webPaths();
  const files = reading ??= readWebFiles();
  // Whoever asks hears of it.
  files.catch(() => {});
  const serve = (path: string) => async (c: Context<ControlEnv>) => {
    const file = (await files).get(path);
    if (file === undefined) throw new Refusal(404, "there is nothing here");
    return answer(c, file);
  };
  for (const path of paths) app.get(path, serve(path));
  for (const [page, path] of Object.entries(PAGES)) if (paths.includes(path)) app.get(page, serve(path));
}
