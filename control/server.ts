/**
 * The HTTP server under the application, with or without TLS: node:http, because it alone tells a connection's local
 * address, with limits so that slow, idle and greedy clients can't hold it. Control worker; allocates.
 */
import { getRequestListener, RequestError } from "@hono/node-server";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ControlApp, respond } from "./app.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import { type DoorNames, refusedDoor, secured, SECURITY_HEADERS } from "./doors.ts";
import { PROBLEM_TYPE, problemBody, problemResponse, Refusal } from "./problem.ts";
import { plainAddress } from "./media.ts";

/** Limits of time in milliseconds. A whole request is less than 100 KB: on any network that carries audio it takes no time. */
export interface ServerLimits {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  readonly checkMs: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
}
export const SERVER_LIMITS: ServerLimits = {
  headersMs: 5_000,
  requestMs: 10_000,
  /** Clients report each second: their connection is kept between two reports. */
  idleMs: 10_000,
  checkMs: 1_000,
  connections: 1_024,
  /** 100 clients on one machine, as in a benchmark, with two connections each. */
  connectionsPerAddress: 256,
};
const MAX_HEADER_BYTES = 16 * 1024;

/** Connections that become something else than HTTP (RFC 9110 section 7.8). */
export interface Upgrade {
  readonly path: string;
  /** Ours. */
  readonly names: DoorNames;
  /** It is the socket's owner from now on. */
  take(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): void;
}

/** A certificate and its private key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface HttpServer {
  readonly address: string;
  readonly port: number;
  /** For connections from now on. Of a server that began with one. */
  renew(certificate: Certificate): void;
  /** No new requests; those under way have `ms` to end. */
  stop(ms: number): Promise<void>;
}

/** A problem on a bare socket, which ends with it. */
function refuseOn(socket: Duplex, status: number, detail: string): void {
  const text = problemBody(status, detail);
  const head = [
    `HTTP/1.1 ${status} ${JSON.parse(text).title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${new TextEncoder().encode(text).length}`,
    "connection: close",
    ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`, () => socket.destroy());
}

/** A request that node couldn't read. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  // Else TLS failed, or took too long: to who doesn't trust us, speaks plain HTTP, or is silent, there is nothing to say.
  const isHttp = /^(HPE|ERR_HTTP)_/.test(error.code ?? "");
  if (!socket.writable || socket.destroyed || !isHttp) return void socket.destroy();
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  refuseOn(socket, status, status === 408 ? "the request took too long" : "this is no HTTP request that we read");
}

/** Cuts off who opens more connections than anybody needs. */
function limitPerAddress(server: Server, limit: number): void {
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const address = plainAddress(socket.remoteAddress ?? "");
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (count > limit) socket.destroy();
  });
}

/** Who takes a request for a WebSocket. Whatever else asks for an upgrade is answered as if it didn't. */
const wanted = (upgrades: readonly Upgrade[], { method, url = "", headers }: IncomingMessage): Upgrade | undefined =>
  method === "GET" && /^websocket$/i.test(headers.upgrade ?? "")
    ? upgrades.find(({ path }) => url.replace(/\?.*$/, "") === path)
    : undefined;

function addUpgrades(server: Server, upgrades: readonly Upgrade[]): void {
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    socket.on("error", () => socket.destroy());
    const upgrade = wanted(upgrades, incoming)!;
    const refusal = refusedDoor(incoming.headers, "CONNECT", upgrade.names);
    if (refusal !== null) refuseOn(socket, refusal.status, refusal.message);
    else upgrade.take(incoming, socket, head);
  });
}

function createHttpServer(
  app: ControlApp,
  limits: ServerLimits,
  upgrades: readonly Upgrade[],
  certificate: Certificate | null,
): Server {
  const listener = getRequestListener(
    (request, env) => respond(app, request, env as Parameters<typeof respond>[2]),
    {
      overrideGlobalObjects: false,
      autoCleanupIncoming: false,
      errorHandler: (error) =>
        secured(problemResponse(
          error instanceof RequestError
            ? new Refusal(400, "the request's target or host is not valid")
            : new Refusal(500, "the server failed at this request"),
        )),
    },
  );
  const options = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Without a Host header it is refused as other senseless ones are: with a body that says so.
    requireHostHeader: false,
    // Some clients offer HTTP/2 so, and mean an ordinary request.
    shouldUpgradeCallback: (incoming: IncomingMessage) => wanted(upgrades, incoming) !== undefined,
  };
  const server: Server = certificate === null
    ? createServer(options, listener)
    : createSecureServer({ ...options, ...certificate, handshakeTimeout: limits.headersMs }, listener);
  server.maxConnections = limits.connections;
  server.maxHeadersCount = 100;
  // Also who takes our answer too slowly, or says nothing at all.
  server.setTimeout(2 * limits.requestMs, (socket: Socket) => socket.destroy());
  server.on("clientError", refuseUnreadable);
  server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (Number(incoming.headers["content-length"] ?? 0) <= MAX_BODY_BYTES) outgoing.writeContinue();
    server.emit("request", incoming, outgoing);
  });
  limitPerAddress(server, limits.connectionsPerAddress);
  addUpgrades(server, upgrades);
  return server;
}

function listenOn(server: Server, address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = (error: Error) => reject(error);
  server.once("error", failed);
  server.listen(port, address, () => {
    server.off("error", failed);
    resolve();
  });
  return promise;
}

/**
 * `address` "::" is all addresses, IPv4 too, also where there is no IPv6. `certificate`: with it over TLS.
 * @throws Error that names address and port.
 */
export async function startServer(
  app: ControlApp,
  address: string,
  port: number,
  upgrades: readonly Upgrade[],
  limits: ServerLimits = SERVER_LIMITS,
  certificate: Certificate | null = null,
): Promise<HttpServer> {
  const server = createHttpServer(app, limits, upgrades, certificate);
  try {
    await listenOn(server, address, port);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const noIPv6 = code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL" || code === "EINVAL";
    if (address === "::" && noIPv6) {
      return await startServer(app, "0.0.0.0", port, upgrades, limits, certificate);
    }
    const why = code === "EADDRINUSE"
      ? `the port is in use; choose another with --http${certificate === null ? "" : "s"}`
      : code === "EACCES"
      ? "not allowed"
      : message;
    throw new Error(`listen on ${address.includes(":") ? `[${address}]` : address}:${port}: ${why}`);
  }
  return {
    address,
    port: (server.address() as AddressInfo).port,
    renew: (next) => (server as SecureServer).setSecureContext({ ...next }),
    stop: (ms) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cut = setTimeout(() => server.closeAllConnections(), ms);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      server.closeIdleConnections();
      return promise;
    },
  };
}
