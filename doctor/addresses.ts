/**
 * Where phones would find the server. In: the plan, the network interfaces. Out: a finding. Main isolate; allocates.
 */
import { networkInterfaces } from "node:os";
import { isIP } from "node:net";
import { isLoopback } from "../core/endpoint.ts";
import { type Check, type Finding, green, yellow } from "./check.ts";
import type { Plan } from "./plan.ts";
import { trafficOf } from "./radio.ts";

interface Address {
  readonly name: string;
  readonly address: string;
  readonly version: 4 | 6;
  readonly loopback: boolean;
  readonly linkLocal: boolean;
  /** Largest IP packet of the interface; null: unknown. */
  readonly mtu: number | null;
}

const isLinkLocal = (address: string): boolean => /^(169\.254\.|fe[89ab])/i.test(address);

function mtuOf(name: string): number | null {
  try {
    return Number(Deno.readTextFileSync(`/sys/class/net/${name}/mtu`));
  } catch {
    return null;
  }
}

const all = (): Address[] =>
  Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ address, family, internal }) => ({
      name,
      address,
      version: family === "IPv4" ? 4 as const : 6 as const,
      loopback: internal,
      linkLocal: isLinkLocal(address),
      mtu: mtuOf(name),
    }))
  );

/** IP packet of the planned datagrams, without what WiFi adds; 0 when none can hold them (radio says so). */
function packetBytes(plan: Plan): number {
  try {
    return trafficOf(plan).bytes + 28;
  } catch {
    return 0;
  }
}

function look(plan: Plan): Finding {
  const { http: { address, port }, publicHost } = plan.start;
  const found = all(), bound = address === "::" || address === "0.0.0.0" ? null : address;
  const mine = found.filter((one) => bound === null || one.address === bound);
  const reachable = mine.filter(({ loopback, linkLocal }) => !loopback && !linkLocal);
  const usable = reachable.filter(({ version }) => version === 4);
  const chosen = publicHost ?? bound ?? usable[0]?.address ?? reachable[0]?.address ?? null;
  const host = chosen !== null && isIP(chosen) === 6 ? `[${chosen}]` : chosen;
  const bytes = packetBytes(plan);
  const values = {
    url: host === null ? null : `http://${host}:${port}/`,
    publicHost,
    packetBytes: bytes,
    addresses: found,
  };
  const list = (addresses: readonly Address[]) =>
    addresses.map(({ address, name }) => `${address} (${name})`).join(", ");
  const cable = "plug in the network or join the WiFi, and see what ip address says";

  if (bound !== null && isLoopback(bound)) {
    return yellow(`--http ${bound}: only this machine can connect`, "leave the address out of --http", values);
  }
  if (bound !== null && mine.length === 0) {
    return yellow(`--http ${bound}: no interface has this address now`, `choose one of ${list(found)}`, values);
  }
  if (chosen === null || (reachable.length === 0 && publicHost === null)) {
    const local = mine.filter(({ linkLocal, version }) => linkLocal && version === 4);
    return local.length > 0
      ? yellow(
        `only link-local: ${list(local)}; nobody gave this machine an address`,
        "a DHCP server, or fixed addresses",
        values,
      )
      : yellow("this machine has no address that a phone could reach", cable, values);
  }
  const says = `phones use http://${host}:${port}/${publicHost === null ? "" : " (--public-host)"}`;
  const narrow = reachable.find(({ mtu }) => mtu !== null && mtu < bytes);
  if (narrow) {
    return yellow(
      `${says}; ${narrow.name} carries packets of ${narrow.mtu} bytes, the planned ones have ${bytes} and would be cut in two`,
      `ip link set ${narrow.name} mtu 1500, if the network can; or a lower --bitrate or fewer channels`,
      values,
    );
  }
  const others = usable.filter((one) => one.address !== chosen);
  if (publicHost === null && bound === null && others.length > 0) {
    return yellow(
      `${says}, but there is also ${list(others)}`,
      `if phones are there, say --public-host ADDRESS; or --http ADDRESS:${port} for one network alone`,
      values,
    );
  }
  return green(says, values);
}

/** Addresses that a phone would use. */
export const addresses: Check = { id: "addresses", run: look };
