// @ts-check
/**
 * The HTTP API (docs/PROTOCOL.md): `await call("POST", "/api/v1/groups", { … }, secret)`. In: method, path, body as JSON
 * or nothing. Out: the answer's JSON, null for an empty one; a {@link Problem} for any refusal. Browser's main thread.
 */
import { t } from "./words.js";

/** Ten times what the slowest request takes. */
const PATIENCE_MS = 10_000;

/** A refusal (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  /**
   * @param {number} status 0: the server can't be reached
   * @param {string} detail
   * @param {{ path: string, message: string }[]} errors
   * @param {number | null} retryAfter seconds
   * @param {{ code?: string, offer?: { frameMs: number } }} more what a 503 says to programs
   */
  constructor(status, detail, errors = [], retryAfter = null, { code, offer } = {}) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.detail = detail;
    this.errors = errors;
    this.retryAfter = retryAfter;
    this.code = code ?? null;
    this.offer = offer ?? null;
  }
}

/** Statuses for which the table has a sentence on what to do. */
const EXPLAINED = new Set([0, 401, 403, 404, 409, 413, 423, 429, 503]);

/**
 * What is wrong and what to do, for people. A 400 says which field; the server's own words stand behind.
 * @param {unknown} error
 */
export function explain(error) {
  if (!(error instanceof Problem)) return t("problem.other", { detail: String(error) });
  const { status, errors } = error;
  const detail = errors.length > 0 ? errors.map(({ path, message }) => `${path}: ${message}`).join("; ") : error.detail;
  return EXPLAINED.has(status) ? t(`problem.${status}`, { detail }) : t("problem.other", { detail });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] undefined: none
 * @param {string | null} [secret]
 * @returns {Promise<any>}
 * @throws {Problem}
 */
export async function call(method, path, body, secret = null) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (secret !== null) headers.authorization = `Bearer ${secret}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const patience = new AbortController();
  const guard = setTimeout(() => patience.abort(), PATIENCE_MS);
  let response, text;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: patience.signal,
      cache: "no-store",
    });
    text = await response.text();
  } catch {
    throw new Problem(0, "the server can't be reached");
  } finally {
    clearTimeout(guard);
  }
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  const answer = isJson && text !== "" ? JSON.parse(text) : null;
  if (response.ok) return answer;
  const retryAfter = Number(response.headers.get("retry-after") ?? NaN);
  throw new Problem(
    response.status,
    answer?.detail ?? response.statusText,
    answer?.errors ?? [],
    Number.isFinite(retryAfter) ? retryAfter : null,
    answer ?? {},
  );
}
