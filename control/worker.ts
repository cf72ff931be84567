/**
 * The control worker's entry: messages of the main isolate in, control's out. A thread of its own, so that the main
 * isolate only mixes; nothing here is in the sound's way.
 */
import { networkInterfaces } from "node:os";
import { Bell } from "../core/bell.ts";
import { isLoopback } from "../core/endpoint.ts";
import { configureLog, logger } from "../core/log.ts";
import { type ControlOptions, type ControlToMain, type MainToControl, never } from "../core/messages.ts";
import { type Control, startControl } from "./control.ts";
import { type Discovery, startDiscovery } from "./discovery.ts";
import type { HttpServer } from "./server.ts";

const port = self as unknown as {
  onmessage: ((event: MessageEvent<MainToControl>) => void) | null;
  postMessage(message: ControlToMain): void;
  close(): void;
};
/** From `start` on. */
let mainBell: Bell;
function tell(message: ControlToMain): void {
  port.postMessage(message);
  mainBell.posted();
}
let control: Promise<Control> | null = null;
let discovery: Discovery | null = null;
/** A goodbye takes some milliseconds; main waits a little longer than this. */
const GOODBYE_MS = 400;

/** An address that another machine reaches us at, if the system may be asked. */
function ownAddress(): string | null {
  if (Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" }).state !== "granted") return null;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) if (family === "IPv4" && !internal) return address;
  }
  return null;
}

function urlOf(scheme: "http" | "https", { publicHost }: ControlOptions, server: HttpServer): string {
  const all = server.address === "::" || server.address === "0.0.0.0";
  const host = publicHost ?? (all ? ownAddress() ?? "localhost" : server.address);
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${server.port}/`;
}

async function start(options: ControlOptions): Promise<void> {
  configureLog(options.log);
  mainBell = new Bell(options.ring.memory);
  try {
    control = startControl(options, tell);
    const { house, server, secure } = await control;
    const url = urlOf("http", options, server), secureUrl = secure === null ? null : urlOf("https", options, secure);
    // Phones play sound only over TLS; where only this machine gets, none plays anything.
    const hidden = secureUrl === null ||
      (isLoopback(new URL(secureUrl).hostname) && !isLoopback(new URL(url).hostname));
    const phonesUrl = house.url = hidden ? url : secureUrl;
    tell({ kind: "listening", url, secureUrl, phonesUrl });
    discovery = startDiscovery(options, { http: server.port, https: secure?.port ?? null });
  } catch (error) {
    control = null;
    tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
}

async function stop(): Promise<void> {
  await Promise.all([(await control)?.stop(), discovery?.stop(GOODBYE_MS)]);
  tell({ kind: "stopped" });
  port.close();
}

async function receive(message: MainToControl): Promise<void> {
  switch (message.kind) {
    case "start":
      return await start(message.options);
    case "reshaped":
      return (await control)?.receive(message);
    case "stop":
      return await stop();
    default:
      never(message);
  }
}

port.onmessage = ({ data }) => {
  receive(data).catch((error) => {
    logger("control").error("handling {kind} failed: {error}", { kind: data.kind, error: String(error) });
  });
};
