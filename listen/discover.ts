/**
 * Finding servers on the local network: asks for `_foldback._tcp` by multicast DNS (RFC 6762, RFC 6763). In: nothing. Out:
 * who answered, and where. What comes from the network is checked and never printed as it is. Main isolate; allocates.
 */
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import mdns from "multicast-dns";

const SERVICE = "_foldback._tcp.local";
/** Long enough for three questions, of which WiFi may lose two. */
const LIMIT_MS = 3000;
/** Questions are at least a second apart (RFC 6762 section 5.2). */
const AGAIN_MS = 1000;
/** Others answer within 120 ms of the first, unless a packet is lost. */
const OTHERS_MS = 500;
/** Of records: nobody has so many servers. */
const MOST = 256;

/** A resource record, as far as we read it. */
export interface Answer {
  readonly type: string;
  readonly name: string;
  readonly ttl?: number;
  readonly data?: unknown;
}
export interface Packet {
  readonly answers?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}
interface Multicast {
  on(event: "response", heard: (packet: Packet, from: { readonly address: string }) => void): void;
  on(event: "error" | "warning", heard: (error: Error) => void): void;
  query(questions: readonly { readonly name: string; readonly type: string }[]): void;
  destroy(): void;
}
type Open = (options: { readonly interface: string; readonly bind: string }) => Multicast;

export interface FoundServer {
  /** For people, without control characters. */
  readonly name: string;
  /** Such as http://192.0.2.7:5100. */
  readonly url: string;
}

/** What was heard so far, out of many packets, whatever stands in them. */
export class Heard {
  /** Instances of the service, and who spoke of them. */
  readonly #instances = new Map<string, string>();
  readonly #places = new Map<string, { port: number; target: string }>();
  readonly #paths = new Map<string, string>();
  readonly #addresses = new Map<string, string[]>();

  take({ answers = [], additionals = [] }: Packet, from: string): void {
    for (const { type, name, ttl, data } of [...answers, ...additionals]) {
      if (typeof name !== "string" || name.length > MOST) continue;
      const key = name.toLowerCase(), target = typeof data === "string" ? data : "";
      if (type === "PTR" && key === SERVICE && target.toLowerCase().endsWith(`.${SERVICE}`)) {
        if (ttl === 0) this.#instances.delete(target); // it said goodbye
        else if (this.#instances.size < MOST && !this.#instances.has(target)) this.#instances.set(target, from);
      }
      if (this.#places.size + this.#addresses.size > 4 * MOST) continue;
      if (type === "SRV") this.#places.set(key, data as { port: number; target: string });
      if (type === "TXT") this.#paths.set(key, pathOf(data));
      if (type === "A" && isIPv4(target)) this.#addresses.set(key, [...this.#addresses.get(key) ?? [], target]);
    }
  }

  /** What to ask next. */
  questions(): { name: string; type: string }[] {
    const open = [...this.#instances.keys()].filter((name) => !this.#places.has(name.toLowerCase()));
    return [{ name: SERVICE, type: "PTR" }, ...open.flatMap((name) => [{ name, type: "SRV" }, { name, type: "TXT" }])];
  }

  servers(): FoundServer[] {
    const found: FoundServer[] = [];
    for (const [instance, from] of this.#instances) {
      const place = this.#places.get(instance.toLowerCase()), port = Number(place?.port);
      if (!place || !(port > 0 && port < 65536)) continue;
      const addresses = this.#addresses.get(String(place.target).toLowerCase()) ?? [];
      // Where the answer came from can be reached; its other addresses may be of networks that we aren't in.
      const host = addresses.includes(from) ? from : addresses[0] ?? from;
      const path = this.#paths.get(instance.toLowerCase()) ?? "";
      const name = instance.slice(0, -SERVICE.length - 1).replace(/\p{Cc}/gu, "?");
      found.push({ name, url: `http://${host}:${port}${path}` });
    }
    return found.sort((a, b) => a.name < b.name ? -1 : 1);
  }
}

/** `path=` of a TXT record's strings, without the slash at its end. */
function pathOf(data: unknown): string {
  for (const one of Array.isArray(data) ? data : []) {
    const text = one instanceof Uint8Array ? new TextDecoder().decode(one) : "";
    const path = /^path=(\/[A-Za-z0-9._~/-]*)$/i.exec(text)?.[1];
    if (path !== undefined) return path.replace(/\/+$/, "");
  }
  return "";
}

/** The addresses of this machine, one for each interface; its loopback too, for a server on the same machine. */
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ family }) => family === "IPv4").slice(0, 1).map(({ address }) => address)
  );

/**
 * Everybody who answers; returns soon after the first did, or when time is up.
 * @throws Error where nobody can be asked: no network, or no access to port 5353.
 */
export function discover(): Promise<FoundServer[]> {
  const heard = new Heard(), { promise, resolve, reject } = Promise.withResolvers<FoundServer[]>();
  const sockets = new Set<Multicast>(), timers: ReturnType<typeof setTimeout>[] = [];
  let complete = false;
  const end = () => {
    timers.forEach(clearTimeout);
    for (const socket of sockets) socket.destroy();
    resolve(heard.servers());
  };
  const ask = () => sockets.forEach((socket) => socket.query(heard.questions()));
  for (const address of ownAddresses()) {
    const socket = (mdns as unknown as Open)({ interface: address, bind: "0.0.0.0" });
    sockets.add(socket);
    const lost = (error: Error) => {
      sockets.delete(socket);
      if (sockets.size === 0) reject(new Error(`cannot look for servers: ${error.message}`));
    };
    socket.on("error", lost);
    socket.on("warning", () => {}); // somebody else's broken packet
    socket.on("response", (packet, from) => {
      heard.take(packet, from.address);
      if (complete || heard.servers().length === 0) return;
      complete = true;
      timers.push(setTimeout(end, OTHERS_MS));
    });
  }
  if (sockets.size === 0) reject(new Error("cannot look for servers: this machine has no network"));
  ask();
  for (let at = AGAIN_MS; at < LIMIT_MS; at += AGAIN_MS) timers.push(setTimeout(ask, at));
  timers.push(setTimeout(end, LIMIT_MS));
  return promise;
}

/** The one server that there is. @throws Error, if there is none or a choice to be made. */
export async function theServer(): Promise<FoundServer> {
  const found = await discover();
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new Error(`no server found within ${LIMIT_MS / 1000} s; name it with --server`);
  const list = found.map(({ name, url }) => `${url} (${name})`).join(", ");
  throw new Error(`several servers found, choose one with --server: ${list}`);
}
