/**
 * How long a server that is started again lets its clients wait: milliseconds from starting the process to the first
 * audio datagram of a session of its earlier life, whose client binds every 50 ms. Main isolate of the benchmark.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { now } from "../core/clock.ts";
import { endpointOf } from "../core/endpoint.ts";
import { kindOfDatagram } from "../send/rtp.ts";
import { openLinuxSocket } from "../send/socket_linux.ts";
import { TRANSACTION_ID_BYTES, writeBindingRequest } from "../send/stun.ts";
import type { BenchClient } from "./messages.ts";
import type { Scenario } from "./scenario.ts";
import { BenchServer, START_MS } from "./server.ts";

const HOST = "127.0.0.1";
const BIND_MS = 50;
/** Arrivals are stamped by the kernel: looking seldom spoils nothing. */
const LOOK_MS = 5;

const open = () => openLinuxSocket({ address: HOST, port: 0, descriptor: -1, dscp: 0 });

/** A port that is free now, and most likely stays so. */
function freePort(): number {
  using socket = open();
  return socket.port;
}

/** When the first audio came, by the clock of core/clock.ts. */
async function firstAudio({ port, username, password }: BenchClient): Promise<number> {
  using socket = open();
  const server = endpointOf(HOST, port), begun = now();
  for (let bound = -Infinity; now() - begun < START_MS;) {
    if (now() - bound >= BIND_MS) {
      bound = now();
      const id = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
      socket.push(writeBindingRequest(socket.rows, socket.at, id, username, password), server);
      socket.flush();
    }
    while (socket.receive() >= 0) {
      if (kindOfDatagram(socket.incoming[0], socket.incoming[1]) === "rtp") return socket.arrivedAt;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`no audio within ${START_MS / 1000} s of a server's start`);
}

/** Milliseconds. @throws Error when a server doesn't start or nothing comes. */
export async function startToFirstDatagram(scenario: Omit<Scenario, "seconds">): Promise<number> {
  const kept = { directory: mkdtempSync(`${tmpdir()}/foldback-bench-`), mediaPort: freePort() };
  try {
    let client: BenchClient;
    {
      await using earlier = new BenchServer(scenario, kept);
      await earlier.ready();
      client = await earlier.join(scenario, 0);
    }
    const begun = now();
    await using server = new BenchServer(scenario, kept);
    const [arrived] = await Promise.all([firstAudio(client), server.ready()]);
    return arrived - begun;
  } finally {
    rmSync(kept.directory, { recursive: true, force: true });
  }
}
