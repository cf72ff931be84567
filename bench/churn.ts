/**
 * `foldback bench --churn MINUTES`: clients that come and go as fast as is reasonable, and the server's memory each minute.
 * A client is heard from 48 devices in turn, each with channels or a mix of its own and another frame length each time; it
 * binds once, and so hears for three seconds, and leaves after two. Out: a line a minute. Main isolate of the benchmark.
 */
import { now } from "../core/clock.ts";
import { endpointOf } from "../core/endpoint.ts";
import { FRAMES, samplesToMs } from "../core/units.ts";
import { openLinuxSocket } from "../send/socket_linux.ts";
import { TRANSACTION_ID_BYTES, writeBindingRequest } from "../send/stun.ts";
import type { Scenario } from "./scenario.ts";
import { BenchServer } from "./server.ts";

const HOST = "127.0.0.1";
const DEVICES = 48;
/** A join as often, and as many clients at once. */
const JOIN_MS = 200;
const AT_ONCE = 10;
/** So that every row of the board has been somebody's within the first two minutes. */
const MAX_CLIENTS = 60;
const MINUTE_MS = 60_000;

/** @throws Error when the server doesn't start, or ends. */
export async function churn(scenario: Scenario, minutes: number): Promise<void> {
  await using server = new BenchServer(scenario, undefined, MAX_CLIENTS);
  await server.ready();
  using socket = openLinuxSocket({ address: HOST, port: 0, descriptor: -1, dscp: 0 });
  const begun = now();
  let joins = 0, refused = 0;
  const tell = async () => {
    const { rssBytes, datagrams } = await server.timings(), minute = (now() - begun) / MINUTE_MS;
    const text = `${joins} joins, ${refused} refused, ${datagrams} datagrams, ${(rssBytes / 1e6).toFixed(0)} MB`;
    console.log(`minute ${minute.toFixed(1)}: ${text}`);
  };
  await tell();
  for (let told = 0, turn = 0; told < minutes; turn++) {
    if (now() - begun >= (told + 1) * MINUTE_MS) {
      told++;
      await tell();
    }
    const mode = turn % 3 === 0 ? "mix" : "channels", frameMs = samplesToMs(FRAMES[turn % FRAMES.length]);
    // A machine that is busy with other things refuses somebody, and may.
    const client = await server.join({ ...scenario, mode, frameMs }, turn % DEVICES).catch(() => null);
    if (client === null) refused++;
    else {
      const id = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
      socket.push(
        writeBindingRequest(socket.rows, socket.at, id, client.username, client.password),
        endpointOf(HOST, client.port),
      );
      socket.flush();
      if (++joins > AT_ONCE) await server.leave();
    }
    await new Promise((resolve) => setTimeout(resolve, JOIN_MS - (now() - begun) % JOIN_MS));
  }
}
