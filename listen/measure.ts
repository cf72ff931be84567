/**
 * What the audio worker reports each second: the counters of the playout, the socket's side and the output, put together.
 * In: their counts since the start. Out: {@link Stats}. The listener's audio thread; allocates once a second.
 */
import { BUCKETS, percentiles } from "../core/histogram.ts";
import { SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import type { MediaClient } from "./media.ts";
import type { Stats } from "./messages.ts";
import type { Output, Tap } from "./output.ts";
import type { Playout } from "./playout.ts";

/** Turns the counters of the audio thread into {@link Stats}, once a second. */
export class Statistics {
  readonly #playout: Playout;
  readonly #client: MediaClient;
  readonly #output: Output;
  readonly #tap: Tap;
  #buffered = new Uint32Array(BUCKETS);
  #delays = new Uint32Array(BUCKETS);

  constructor(playout: Playout, client: MediaClient, output: Output, tap: Tap) {
    this.#playout = playout;
    this.#client = client;
    this.#output = output;
    this.#tap = tap;
  }

  take(time: number): Stats {
    const playout = this.#playout, client = this.#client, { reception, before } = client;
    const buffered = percentiles(playout.buffered, this.#buffered);
    const delays = percentiles(playout.delays, this.#delays);
    this.#buffered = playout.buffered.slice();
    this.#delays = playout.delays.slice();
    return {
      totals: {
        received: before.received + reception.received,
        lost: before.lost + reception.lost,
        repaired: playout.counts.repaired,
        concealed: playout.counts.concealed,
        late: playout.counts.late,
        duplicates: before.duplicates + reception.duplicates,
        broken: client.broken + playout.counts.broken,
        gaps: playout.counts.gaps,
        gapMs: samplesToMs(playout.counts.missingSamples),
        resyncs: playout.counts.resyncs,
        underflows: this.#output.underflows,
      },
      ssrc: client.ssrc,
      received: reception.received,
      bufferMs: buffered.count === 0 ? null : buffered.p50,
      targetMs: playout.depth.targetMs,
      reason: playout.depth.reason,
      outputMs: this.#output.outputMs,
      delayMs: delays.count === 0 ? null : { p50: delays.p50, p99: delays.p99, max: delays.max },
      driftPpm: playout.arrivals.driftPpm,
      speedPpm: (playout.depth.speed - 1) * 1e6,
      jitterMs: reception.jitter * 1000 / SAMPLE_RATE,
      levelsDb: this.#tap.levelsDb(),
      bound: client.bound(time),
      dismissed: client.dismissed,
    };
  }
}
