/** Both media sockets, seen from outside: a plain UDP socket hears them and speaks to them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { now } from "../core/clock.ts";
import { endpointOf, ipOf, portOf } from "../core/endpoint.ts";
import { BATCH, type MediaSocket, type SocketOptions } from "../send/socket.ts";
import { openDenoSocket } from "../send/socket_deno.ts";
import { openLinuxSocket } from "../send/socket_linux.ts";
import { programTest } from "./require.ts";

const SOCKETS: Record<string, (options: SocketOptions) => MediaSocket> = { Deno: openDenoSocket };
if (Deno.build.os === "linux") SOCKETS.libc = openLinuxSocket;
const ANY = { port: 0, descriptor: -1, dscp: 46 };

/** Somebody else's socket. */
class Peer implements Disposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly port = (this.#socket.addr as Deno.NetAddr).port;
  async receive(): Promise<Uint8Array> {
    return (await this.#socket.receive())[0].slice();
  }
  send(bytes: Uint8Array, port: number): Promise<number> {
    return this.#socket.send(bytes, { transport: "udp", hostname: "127.0.0.1", port });
  }
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Gives the event loop turns until something waits. */
async function receive(socket: MediaSocket): Promise<number> {
  for (let turn = 0; turn < 10_000; turn++) {
    const bytes = socket.receive();
    if (bytes >= 0) return bytes;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("nothing came");
}

for (const [name, open] of Object.entries(SOCKETS)) {
  Deno.test(`${name}'s socket sends more than a batch holds, in order and whole`, async () => {
    using socket = open({ ...ANY, address: "127.0.0.1" });
    using peer = new Peer();
    const to = endpointOf("127.0.0.1", peer.port), count = BATCH + 20;
    const heard = (async () => {
      const all: Uint8Array[] = [];
      while (all.length < count) all.push(await peer.receive());
      return all;
    })();
    for (let i = 0; i < count; i++) {
      socket.rows.fill(i & 255, socket.at, socket.at + 100 + i);
      socket.push(100 + i, to);
    }
    socket.flush();
    assert.equal(socket.count, 0);
    (await heard).forEach((bytes, i) => {
      assert.equal(bytes.length, 100 + i);
      assert.ok(bytes.every((byte) => byte === (i & 255)));
    });
    assert.equal(socket.dropped, 0);
  });

  Deno.test(`${name}'s socket tells who sent a datagram, and when it arrived`, async () => {
    using socket = open({ ...ANY, address: "127.0.0.1" });
    using peer = new Peer();
    const before = now();
    await peer.send(new Uint8Array([1, 2, 3]), socket.port);
    assert.equal(await receive(socket), 3);
    assert.deepEqual([...socket.incoming.subarray(0, 3)], [1, 2, 3]);
    assert.equal(ipOf(socket.from), "127.0.0.1");
    assert.equal(portOf(socket.from), peer.port);
    assert.ok(socket.arrivedAt > before - 5 && socket.arrivedAt <= now(), `${socket.arrivedAt - before} ms after`);
    assert.equal(socket.receive(), -1);
  });

  Deno.test(`${name}'s socket says which port it can't have`, () => {
    using socket = open({ ...ANY, address: "127.0.0.1" });
    assert.throws(() => open({ ...ANY, address: "127.0.0.1", port: socket.port }), /in use|Address/i);
  });
}

Deno.test({
  name: "libc's socket outlives who opened it: another adopts its descriptor, and keeps the port",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const first = openLinuxSocket({ ...ANY, address: "::" });
    using second = openLinuxSocket({ ...ANY, address: "::", descriptor: first.descriptor });
    assert.equal(second.port, first.port);
    using peer = new Peer();
    await peer.send(new Uint8Array(9), second.port);
    assert.equal(await receive(second), 9);
  },
});

programTest(
  "a full send buffer drops and counts, and never waits",
  { ip: "iproute2", tc: "iproute2" },
  async () => {
    const id = `fb${Deno.pid}`,
      run = async (...args: string[]) => {
        const { success, stderr } = await new Deno.Command(args[0], { args: args.slice(1) }).output();
        assert.ok(success, `${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
      };
    await run("ip", "netns", "add", id);
    try {
      const inside = ["ip", "netns", "exec", id];
      await run(...inside, "ip", "link", "add", "slow", "type", "veth", "peer", "name", "end");
      await run(...inside, "ip", "addr", "add", "10.99.0.1/24", "dev", "slow");
      await run(...inside, "ip", "link", "set", "slow", "up");
      await run(...inside, "ip", "link", "set", "end", "up");
      await run(...inside, "ip", "neigh", "add", "10.99.0.2", "lladdr", "02:00:00:00:00:02", "dev", "slow");
      // 64 kbit/s, and a queue that holds more than the socket may have under way.
      await run(
        ...inside,
        "tc",
        "qdisc",
        "add",
        "dev",
        "slow",
        "root",
        "tbf",
        "rate",
        "64kbit",
        "burst",
        "2000",
        "limit",
        "100000000",
      );
      const { stdout } = await new Deno.Command("ip", {
        args: [
          ...inside.slice(1),
          Deno.execPath(),
          "run",
          "-A",
          fileURLToPath(new URL("./socket_flood.ts", import.meta.url)),
        ],
      }).output();
      const { sent, dropped, ms } = JSON.parse(new TextDecoder().decode(stdout));
      assert.ok(dropped > 0 && dropped < sent, `${dropped} of ${sent} dropped`);
      assert.ok(ms < 10_000, `took ${ms} ms: at 64 kbit/s the whole would take ten minutes`);
    } finally {
      await run("ip", "netns", "delete", id);
    }
  },
);
