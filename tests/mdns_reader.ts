/**
 * Somebody else's eyes on multicast DNS, as a program to be run in a network namespace: asks for `_foldback._tcp` and
 * prints each response that names it as a line of JSON. With the argument `hold` it holds port 5353 instead, for itself
 * alone. Ended by its process.
 */
import mdns from "multicast-dns";

const SERVICE = "_foldback._tcp.local";
const [address] = Deno.args;

interface Record {
  readonly type: string;
  readonly name: string;
  readonly ttl: number;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

if (address === "hold") {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 5353 });
  console.log(JSON.stringify({ held: true }));
  await socket.receive();
} else {
  // deno-lint-ignore no-explicit-any
  const socket = (mdns as any)({ interface: address, bind: "0.0.0.0" });
  socket.on("response", ({ answers, additionals }: { answers: Record[]; additionals: Record[] }) => {
    const records = [...answers, ...additionals];
    for (const { name, ttl, data } of records.filter(({ type, name }) => type === "PTR" && name === SERVICE)) {
      const of = (type: string, name: string) => records.filter((one) => one.type === type && one.name === name);
      const [place] = of("SRV", data), [text] = of("TXT", data);
      console.log(JSON.stringify({
        service: name,
        instance: data,
        ttl,
        port: place?.data.port,
        host: place?.data.target,
        text: (text?.data ?? []).map((one: Uint8Array) => new TextDecoder().decode(one)),
        addresses: of("A", place?.data.target).map(({ data }) => data),
      }));
    }
  });
  socket.on("ready", () => {
    console.log(JSON.stringify({ ready: true }));
    socket.query(SERVICE, "PTR");
  });
}
