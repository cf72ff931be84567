/**
 * Being found without typing: `_foldback._tcp` on the local network. In: what is served where. Out: answers to whoever
 * looks for it, and a goodbye at the end. What fails is one warning; everything else goes on. Control worker; allocates.
 */
import { isLoopback } from "../core/endpoint.ts";
import { logger } from "../core/log.ts";
import type { ControlOptions, ControlToDiscovery, DiscoveryToControl } from "../core/messages.ts";
import { machineName } from "./doors.ts";

/** Of a DNS label (RFC 6763 section 4.1.1), in bytes. */
const LONGEST_NAME = 63;

/** What we are called: as given, else after the machine, as long as a name may be. */
export function instanceName(given: string | null, machine: string | null): string {
  if (given !== null) return given;
  const name = machine ? `Foldback on ${machine.split(".")[0]}` : "Foldback";
  let bytes = 0;
  return [...name].filter((letter) => (bytes += new TextEncoder().encode(letter).length) <= LONGEST_NAME).join("");
}

export interface Discovery {
  /** Says goodbye, within `ms`. */
  stop(ms: number): Promise<void>;
}

/** `ports`: of HTTP, and of HTTPS if that is served. null: nobody is to find us, or nobody could. */
export function startDiscovery(
  { discovery, http, version }: ControlOptions,
  ports: { readonly http: number; readonly https: number | null },
): Discovery | null {
  if (!discovery || isLoopback(http.address)) return null;
  const log = logger("discovery"), stopped = Promise.withResolvers<void>();
  let warned = false;
  const failed = (reason: string) => {
    if (warned) return log.debug(reason);
    warned = true;
    log.warn(`Devices may not find this server by themselves (${reason}); --no-discovery ends this.`);
  };
  const permissions = {
    net: true,
    sys: ["networkInterfaces"],
    env: false,
    ffi: false,
    read: false,
    run: false,
    write: false,
  };
  const worker = new Worker(new URL("./discovery_worker.ts", import.meta.url), {
    type: "module",
    name: "discovery",
    deno: { permissions },
  } as WorkerOptions);
  worker.onerror = (event) => {
    event.preventDefault();
    failed(event.message.split("\n")[0]);
    stopped.resolve();
  };
  worker.onmessage = ({ data }: MessageEvent<DiscoveryToControl>) => {
    if (data.kind === "failed") failed(data.reason);
    else if (data.kind === "stopped") stopped.resolve();
    else if (!warned) {
      log.info(`Devices find this server as "${data.name}"${data.host ? `, and at ${data.host}` : ""}.`);
    }
  };
  const post = (message: ControlToDiscovery) => worker.postMessage(message);
  const everywhere = http.address === "::" || http.address === "0.0.0.0";
  post({
    kind: "start",
    name: instanceName(discovery.name, machineName()),
    port: ports.http,
    address: everywhere ? null : http.address,
    text: { version, path: "/", ...ports.https === null ? {} : { https: String(ports.https) } },
  });
  return {
    stop: async (ms) => {
      post({ kind: "stop" });
      const guard = setTimeout(stopped.resolve, ms);
      await stopped.promise;
      clearTimeout(guard);
      worker.terminate();
    },
  };
}
