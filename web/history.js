// @ts-check
/**
 * Each seat's total delay of the last five minutes, kept by this page from the status messages: the server keeps none.
 * Browser's main thread.
 */

export const KEPT_MS = 300_000;

/** @typedef {{ time: number, totalMs: number | null }} Sample */

export class History {
  /** By seat; the oldest first. @type {Map<string, Sample[]>} */
  #seats = new Map();

  /**
   * @param {any} status GET /api/v1/status
   * @param {number} time ms since 1970
   */
  add(status, time) {
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
