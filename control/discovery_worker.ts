/**
 * The thread that answers whoever looks for us by multicast DNS (RFC 6762, RFC 6763), with `@homebridge/ciao`. In: what to
 * say. Out: that it was said, or why it can't be. It reads packets of everybody on the network, so it is alone: it may use
 * the network and list its interfaces, nothing else, and when it fails nothing else does. Not in the sound's way.
 */
import process from "node:process";
import type { Responder, ServiceEvent } from "@homebridge/ciao";
import type { ControlToDiscovery, DiscoveryToControl } from "../core/messages.ts";

// When it is loaded, ciao looks through all of the environment, which isn't its business: it gets an empty one.
process.env = {};
// Not awaited here: what is posted before this module is through, and so listens, is lost.
const ciao = import("@homebridge/ciao");

const port = self as unknown as {
  onmessage: ((event: MessageEvent<ControlToDiscovery>) => void) | null;
  postMessage(message: DiscoveryToControl): void;
  close(): void;
};

const failed = (reason: string) => port.postMessage({ kind: "failed", reason: reason.split("\n")[0] });
// What goes wrong later, ciao only prints: an interface that can't be bound, say.
console.log = console.warn = console.error = (...words: unknown[]) => failed(words.join(" "));

/** Our name as well as our service's: the doors let it in, and every phone can type it. */
const HOST = "foldback";

let responder: Responder | null = null;

async function start(
  { name, port: tcp, address, text }: Extract<ControlToDiscovery, { kind: "start" }>,
): Promise<void> {
  // ciao sees network interfaces come and go by itself, each quarter of a minute.
  responder = (await ciao).getResponder({});
  const service = responder.createService({
    name,
    type: "foldback",
    hostname: HOST,
    port: tcp,
    txt: { ...text },
    ...address === null ? {} : { restrictedAddresses: [address] },
  });
  // Who comes second to a name gets another, now or when two networks become one.
  let advertised = false;
  const announced = () => {
    const name = service.getFQDN().split("._foldback.")[0], host = service.getHostname().replace(/\.$/, "");
    if (advertised) port.postMessage({ kind: "announced", name, host: host === `${HOST}.local` ? host : null });
  };
  service.on("name-change" as ServiceEvent.NAME_CHANGED, announced);
  service.on("hostname-change" as ServiceEvent.HOSTNAME_CHANGED, announced);
  await service.advertise();
  advertised = true;
  announced();
}

async function stop(): Promise<void> {
  await responder?.shutdown();
  port.postMessage({ kind: "stopped" });
  port.close();
}

port.onmessage = ({ data }) => {
  (data.kind === "start" ? start(data) : stop()).catch((error: Error) => failed(error.message));
};
