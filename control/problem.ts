/**
 * Every answer that says no, as RFC 9457 `application/problem+json`. Code that refuses throws a {@link Refusal}; one
 * place turns it into a response. Control worker; allocates.
 */
import { STATUS_CODES } from "node:http";

export interface FieldError {
  /** Where in the body: "channels.1", "" for the body itself. */
  readonly path: string;
  readonly message: string;
}

/** What a program can act on without reading the words: RFC 9457 section 3.2. */
export interface Members {
  /** `full`: as many are there as there may be. `overloaded`: as many as the machine holds. */
  readonly code: "full" | "overloaded";
  /** What would not be refused. */
  readonly offer?: { readonly frameMs: number };
}

/** A request that is refused, and has changed nothing. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Members | undefined;

  constructor(
    status: number,
    detail: string,
    { errors, headers = {}, members }: {
      errors?: readonly FieldError[];
      headers?: Record<string, string>;
      members?: Members;
    } = {},
  ) {
    super(detail);
    this.name = "Refusal";
    this.status = status;
    this.errors = errors;
    this.headers = headers;
    this.members = members;
  }
}

const RETRY_SECONDS = "10";

/** Nothing is wrong with the request: it can't be done now. */
export const unavailable = (detail: string, members?: Members) =>
  new Refusal(503, detail, { headers: { "retry-after": RETRY_SECONDS }, members });

export const PROBLEM_TYPE = "application/problem+json";

/** The body of a problem: RFC 9457 section 3.1; `about:blank` means that the status says what it is. */
export function problemBody(
  status: number,
  detail: string,
  errors?: readonly FieldError[],
  members?: Members,
): string {
  const title = STATUS_CODES[status] ?? "Error";
  return JSON.stringify({ type: "about:blank", title, status, detail, ...(errors ? { errors } : {}), ...members });
}

export function problemResponse(refusal: Refusal): Response {
  return new Response(problemBody(refusal.status, refusal.message, refusal.errors, refusal.members), {
    status: refusal.status,
    headers: { "content-type": PROBLEM_TYPE, "cache-control": "no-store", ...refusal.headers },
  });
}
