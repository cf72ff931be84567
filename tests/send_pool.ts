/** A pool of real send workers for tests: one for each of the board's rows, on free ports. */
import { Board, type BoardMemory } from "../core/board.ts";
import { aheadOfMonotonic } from "../core/clock.ts";
import { Pool, type PoolOptions } from "../workers/pool.ts";

export const openPool = (
  memory: BoardMemory,
  handoff: PoolOptions["handoff"],
  reshaped: PoolOptions["reshaped"] = () => {},
  address = "::",
): Promise<Pool> => {
  const board = new Board(memory);
  return Pool.open({
    script: new URL("../workers/send_worker.ts", import.meta.url),
    size: board.workers.length,
    handoff,
    send: {
      bell: new SharedArrayBuffer(8),
      board: memory,
      address,
      dscp: 46,
      shareEncodes: true,
      codec: null,
      log: { level: "error", json: false },
      clock: aheadOfMonotonic(),
    },
    mediaPort: 0,
    reshaped,
  }, board);
};
