/**
 * Which requests may come in at all, before anybody asks for a secret: only those to a name that is ours (else a page
 * whose name was made to point here could talk to us: DNS rebinding), and no change that a page of another origin asked a
 * browser for. In: a request's headers. Out: a refusal or nothing; the headers that every answer carries. Control worker;
 * allocates.
 */
import type { MiddlewareHandler } from "hono";
import { isIPv4, isIPv6 } from "node:net";
import { hostname } from "node:os";
import { Refusal } from "./problem.ts";

/** Names that we answer to, in lower case, beside IP addresses and localhost, which are always ours. */
export type DoorNames = ReadonlySet<string>;

/** What every machine on the stage's network may call us. */
const OUR_NAME = "foldback.local";
const HOST_NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE = ["GET", "HEAD", "OPTIONS"];
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** For every answer: the browser takes it for nothing else, and shows it in no other page. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
};

/** The machine's name, if the system may be asked (`--allow-sys=hostname`), else null. */
export function machineName(): string | null {
  return Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted" ? hostname() : null;
}

/** `publicHost`: as `--public-host` has it. A machine `studio.lan` is also `studio` and, by multicast DNS, `studio.local`. */
export function doorNames(publicHost: string | null, machine: string | null = machineName()): DoorNames {
  const names = new Set([OUR_NAME]);
  if (publicHost !== null) names.add(plain(publicHost));
  if (machine === null || machine === "") return names;
  const first = plain(machine).split(".")[0];
  for (const name of [plain(machine), first, `${first}.local`]) names.add(name);
  return names;
}

/** Names are the same in any case, and with the dot of the root behind them. */
const plain = (name: string): string => name.toLowerCase().replace(/\.$/, "");

/** The two parts of a Host header (RFC 9110 section 7.2), the brackets of an IPv6 address left out; null: it isn't one. */
function splitHost(host: string): { readonly name: string; readonly port: string; readonly literal: boolean } | null {
  const match = /^(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::(\d{0,5}))?$/.exec(host.trim());
  if (match === null) return null;
  const [, six, other = "", port = ""] = match;
  if (six !== undefined) return isIPv6(six) ? { name: six.toLowerCase(), port, literal: true } : null;
  const name = plain(other);
  return name.length <= 253 && HOST_NAME.test(name) ? { name, port, literal: isIPv4(name) } : null;
}

/** Is `name`, as {@link splitHost} has it, one that only points here if we say so? */
const isOurs = (name: string, names: DoorNames): boolean =>
  name === "localhost" || name.endsWith(".localhost") || names.has(name);

/** Does `origin` (RFC 6454 section 7) name the very host and port that the request was sent to? "null" never does. */
function isSameOrigin(origin: string, host: string): boolean {
  const match = /^(https?):\/\/(.+)$/i.exec(origin);
  if (match === null) return false;
  const scheme = match[1].toLowerCase();
  const [from, to] = [splitHost(match[2]), splitHost(host)];
  if (from === null || to === null) return false;
  const port = ({ port }: { port: string }) => port === "" ? DEFAULT_PORTS[scheme] : port;
  return from.name === to.name && port(from) === port(to);
}

/**
 * Why a request with these headers may not come in; null: it may. An upgrade to a WebSocket is no harmless GET: ask with
 * the method CONNECT, as in HTTP/2 (RFC 8441).
 */
export function refusedDoor(
  headers: { readonly host?: string; readonly origin?: string; readonly "sec-fetch-site"?: string },
  method: string,
  names: DoorNames,
): Refusal | null {
  const { host = "", origin, "sec-fetch-site": site } = headers;
  const asked = splitHost(host);
  if (asked === null) return new Refusal(421, "the Host header is missing, or names no host");
  if (!asked.literal && !isOurs(asked.name, names)) {
    return new Refusal(
      421,
      `${asked.name} is no name of this server: use its address, or start it with --public-host ${asked.name}`,
    );
  }
  if (SAFE.includes(method)) return null;
  const foreign = (origin !== undefined && !isSameOrigin(origin, host)) || site === "cross-site" ||
    site === "same-site";
  return foreign ? new Refusal(403, "a page of another origin may change nothing here") : null;
}

/** Before all routes. @throws Refusal 421, 403. */
export function doors(names: DoorNames): MiddlewareHandler {
  return async (c, next) => {
    const refusal = refusedDoor(
      { host: c.req.header("host"), origin: c.req.header("origin"), "sec-fetch-site": c.req.header("sec-fetch-site") },
      c.req.method,
      names,
    );
    if (refusal !== null) throw refusal;
    await next();
  };
}

/** Puts {@link SECURITY_HEADERS} on an answer. */
export function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
  return response;
}
