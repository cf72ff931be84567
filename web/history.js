// @ts-check
/**
 * Each seat's total delay of the last five minutes, and what counters grew by in the last one, kept by this page from the
 * status messages: the server keeps none.
 * Browser's main thread.
 */

export const KEPT_MS = 300_000;

/** Frames that weren't sent in time, since the server's start. @param {any} status @returns {number} */
export const lateOf = (status) =>
  status.workers.reduce((/** @type {number} */ sum, /** @type {any} */ { lateFrames }) => sum + lateFrames, 0);

/** @typedef {{ time: number, totalMs: number | null }} Sample */

export class History {
  overruns = new Recent();
  late = new Recent();
  /** By seat; the oldest first. @type {Map<string, Sample[]>} */
  #seats = new Map();

  /**
   * @param {any} status GET /api/v1/status
   * @param {number} time ms since 1970
   */
  add(status, time) {
    this.overruns.add(status.source.overruns, time);
    this.late.add(lateOf(status), time);
    for (const { seat, paused, latency } of status.sessions) {
      const samples = this.#seats.get(seat) ?? [];
      samples.push({ time, totalMs: paused ? null : latency.totalMs });
      this.#seats.set(seat, samples);
    }
    for (const [seat, samples] of this.#seats) {
      while (samples.length > 0 && samples[0].time < time - KEPT_MS) samples.shift();
      if (samples.length === 0) this.#seats.delete(seat);
    }
  }

  /** @param {string} seat @returns {readonly Sample[]} */
  of(seat) {
    return this.#seats.get(seat) ?? [];
  }

  /**
   * For a graph: times in seconds, then a row for each seat, null where nothing is known.
   * @param {readonly string[]} seats
   * @returns {[number[], ...(number | null)[][]]}
   */
  table(seats) {
    const rows = seats.map((seat) => new Map(this.of(seat).map(({ time, totalMs }) => [time, totalMs])));
    const times = [...new Set(rows.flatMap((row) => [...row.keys()]))].sort((a, b) => a - b);
    return [times.map((time) => time / 1000), ...rows.map((row) => times.map((time) => row.get(time) ?? null))];
  }
}

const RECENT_MS = 60_000;

/** How much a counter of the server grew within the last minute. */
export class Recent {
  /** The oldest first. @type {{ time: number, count: number }[]} */
  #samples = [];

  /** @param {number} count since the server's start @param {number} time ms since 1970 */
  add(count, time) {
    // A server that was restarted counts anew.
    if ((this.#samples.at(-1)?.count ?? 0) > count) this.#samples = [];
    this.#samples.push({ time, count });
    while (this.#samples[0].time < time - RECENT_MS) this.#samples.shift();
  }

  get grown() {
    return (this.#samples.at(-1)?.count ?? 0) - (this.#samples[0]?.count ?? 0);
  }
}
