/**
 * The power goes while changes arrive, again and again: the state always loads, and no acknowledged change older than a
 * second is lost. `KILLS=100` for the long run.
 */
import assert from "node:assert/strict";
import { restartServer, type Server, startServer } from "./server.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? "4");
/** Changes under way at a time. */
const ABREAST = 3;
const KEPT_MS = 1000;

interface Acknowledged {
  readonly value: number;
  readonly at: number;
}

Deno.test(`a server that is killed ${KILLS} times loses no acknowledged change that is older than a second`, async () => {
  let server = await startServer({ args: ["--source", "tones", "--media-port", "0"] });
  const all: Server[] = [server];
  try {
    const seats: string[] = [];
    for (let i = 0; i < ABREAST; i++) {
      seats.push((await server.call("POST", "/api/v1/seats", { name: `Seat ${i}` })).body.seat);
    }
    let joins = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const acknowledged: Acknowledged[][] = seats.map(() => []), joined: string[] = [];
      const asked = seats.map(() => 0);
      const life = 1100 + 900 * Math.random();
      let alive = true;
      /** Raises the fader of one seat until the server is gone. */
      const move = async (i: number) => {
        for (let step = 1; alive; step++) {
          const value = asked[i] = step / 100 - 100;
          const patch = { channels: { 3: { gainDb: value } } };
          const { status } = await server.call("PATCH", `/api/v1/seats/${seats[i]}/mix`, patch);
          assert.equal(status, 200);
          acknowledged[i].push({ value, at: performance.now() });
        }
      };
      const join = async () => {
        while (alive) {
          const { body } = await server.join({ device: `device-${joins++}`, channels: [1] });
          joined.push(body.seat);
          await server.call("DELETE", `/api/v1/sessions/${body.session}`, undefined, body.token);
        }
      };
      const gone = (error: unknown) => assert.ok(!alive || error instanceof TypeError, String(error));
      const movers = [...seats.map((_, i) => move(i).catch(gone)), join().catch(gone)];
      await new Promise((resolve) => setTimeout(resolve, life));
      const killedAt = performance.now();
      alive = false;
      server = await restartServer(server, 0, { args: ["--source", "tones"] });
      all.push(server);
      await Promise.all(movers);

      for (const [i, seat] of seats.entries()) {
        const { status, body } = await server.call("GET", `/api/v1/seats/${seat}/mix`);
        assert.equal(status, 200);
        const kept = acknowledged[i].findLast(({ at }) => at < killedAt - KEPT_MS)?.value ?? -Infinity;
        const { gainDb } = body.channels["3"];
        const last = kill === 0 && gainDb === 0 ? 0 : asked[i];
        assert.ok(gainDb >= kept && gainDb <= Math.max(last, 0), `seat ${i}: ${gainDb}, acknowledged ${kept}`);
      }
      // A join is on disk before its answer.
      for (const seat of joined) {
        const { status } = await server.call("GET", `/api/v1/seats/${seat}`);
        assert.equal(status, 200, `the seat of a join was lost: ${seat}`);
      }
      const log = server.output.join("\n");
      assert.ok(!/damaged|cannot/.test(log), log);
    }
  } finally {
    for (const one of all) await one[Symbol.asyncDispose]();
  }
});
