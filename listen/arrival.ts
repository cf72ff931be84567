/**
 * How regularly packets arrive: the transit of each (arrival minus timestamp; only differences mean anything, the clocks
 * need not agree), over a window of seconds. In: one transit a packet. Out: the fastest transit of late, how far the
 * slow ones lag behind it, and the drift between the two clocks. The listener's audio thread; allocates nothing after
 * the constructor.
 */
import { type Milliseconds, milliseconds } from "../core/units.ts";

const SECONDS = 10;
const PERIOD_MS = 1000;
/**
 * Share of the packets that the spread covers. What is beyond is concealed: a stall that comes once or twice in the window
 * costs a concealed frame or two, only one that keeps coming back costs everybody's time.
 */
const QUANTILE = 0.99;
/** Seconds of fastest transits that the drift is measured from, and how many it takes at least. */
const DRIFT_SECONDS = 32, DRIFT_AT_LEAST = 8;
/** The fastest transit of a second differs from that of the one before by so much: the path is another one. */
const PATH_MS = 1;
/** Lags are counted in steps of 0.1 ms, from a bit below the fastest transit that the second began with. */
const STEP_MS = 0.1, BELOW = 200;
/** What lags farther is an outage: nobody would play along with a buffer that deep. */
export const OUTAGE_MS = 60;
const STEPS = BELOW + Math.ceil(OUTAGE_MS / STEP_MS) + 1;

export class ArrivalWindow {
  /** Rows of {@link STEPS} counts; one row for each second. */
  readonly #lags = new Uint16Array(SECONDS * STEPS);
  /** Transit at which a row's counting begins. */
  readonly #bases = new Float64Array(SECONDS);
  readonly #fastest = new Float64Array(SECONDS).fill(Infinity);
  readonly #sums = new Float64Array(SECONDS);
  readonly #counts = new Float64Array(SECONDS);
  /** Fastest transit of each of the last seconds, and when. */
  readonly #drifts = new Float64Array(DRIFT_SECONDS);
  readonly #driftTimes = new Float64Array(DRIFT_SECONDS);
  #driftCount = 0;
  #row = 0;
  #rowSince = -Infinity;
  /** How much faster than ours the sender's clock runs, in parts per million; 0 before there is enough to say. */
  driftPpm = 0;
  /** When the window began. */
  since: Milliseconds = milliseconds(-Infinity);

  /** Forgets everything but the drift, which belongs to the clocks: the path or the timestamps are other ones. */
  reset(): void {
    this.#lags.fill(0);
    this.#fastest.fill(Infinity);
    this.#sums.fill(0);
    this.#counts.fill(0);
    this.#driftCount = 0;
    this.#rowSince = -Infinity;
    this.since = milliseconds(-Infinity);
  }

  /** @hot One packet that arrived at `time`. */
  arrived(time: number, transit: number): void {
    if (this.#rowSince === -Infinity) {
      this.#rowSince = time;
      this.since = time as Milliseconds;
    } else if (time - this.#rowSince >= PERIOD_MS) this.#turn(time);
    if (transit - this.fastest > OUTAGE_MS) return;
    const row = this.#row;
    if (this.#counts[row] === 0) this.#bases[row] = Math.min(this.fastest, transit) - BELOW * STEP_MS;
    this.#counts[row]++;
    this.#sums[row] += transit;
    if (transit < this.#fastest[row]) this.#fastest[row] = transit;
    if (transit < this.#bases[row]) this.#lower(row, transit);
    const step = Math.floor((transit - this.#bases[row]) / STEP_MS);
    if (step < STEPS) this.#lags[row * STEPS + step]++;
  }

  /** @hot A transit below what the row can count: moves its counts up; what leaves at the top was an outage. */
  #lower(row: number, transit: number): void {
    const steps = Math.ceil((this.#bases[row] - transit) / STEP_MS) + BELOW, first = row * STEPS;
    this.#bases[row] -= steps * STEP_MS;
    for (let step = STEPS - 1; step >= 0; step--) {
      this.#lags[first + step] = step >= steps ? this.#lags[first + step - steps] : 0;
    }
  }

  /** @hot The next second's row, after as many empty ones as there were seconds without a packet. */
  #turn(time: number): void {
    if (this.#counts[this.#row] > 0) {
      const fastest = this.#fastest[this.#row], before = (this.#driftCount + DRIFT_SECONDS - 1) % DRIFT_SECONDS;
      if (this.#driftCount > 0 && Math.abs(fastest - this.#drifts[before]) > PATH_MS) this.#driftCount = 0;
      const at = this.#driftCount++ % DRIFT_SECONDS;
      this.#drifts[at] = fastest;
      this.#driftTimes[at] = this.#rowSince;
      this.driftPpm = this.#measureDrift() ?? this.driftPpm;
    }
    for (let turns = 0; time - this.#rowSince >= PERIOD_MS; turns++) {
      this.#rowSince += PERIOD_MS;
      if (turns >= SECONDS) continue;
      this.#row = (this.#row + 1) % SECONDS;
      this.#fastest[this.#row] = Infinity;
      this.#sums[this.#row] = 0;
      this.#counts[this.#row] = 0;
      this.#lags.fill(0, this.#row * STEPS, (this.#row + 1) * STEPS);
    }
  }

  /** @hot Fastest transit of this second and the one before; of the whole window while these have none. */
  get fastest(): number {
    const recent = Math.min(this.#fastest[this.#row], this.#fastest[(this.#row + SECONDS - 1) % SECONDS]);
    if (recent !== Infinity) return recent;
    let fastest = Infinity;
    for (let row = 0; row < SECONDS; row++) fastest = Math.min(fastest, this.#fastest[row]);
    return fastest;
  }

  /** @hot How far the slowest but 1 % of the packets lag behind the fastest of their own second: without the drift. */
  spread(): number {
    let packets = 0;
    for (let row = 0; row < SECONDS; row++) packets += this.#counts[row];
    let slower = packets - Math.ceil(packets * QUANTILE);
    if (packets === 0) return 0;
    for (let lag = Math.ceil(OUTAGE_MS / STEP_MS); lag > 0; lag--) {
      for (let row = 0; row < SECONDS; row++) {
        if (this.#counts[row] === 0) continue;
        const fastest = Math.floor((this.#fastestOf(row) - this.#bases[row]) / STEP_MS), step = fastest + lag;
        if (step >= 0 && step < STEPS) slower -= this.#lags[row * STEPS + step];
      }
      if (slower < 0) return (lag + 1) * STEP_MS;
    }
    return 0;
  }

  /** @hot The present second has only begun: the one before helps it. */
  #fastestOf(row: number): number {
    return row === this.#row ? Math.min(this.#fastest[row], this.fastest) : this.#fastest[row];
  }

  /** @hot Mean lag behind the fastest of its own second. */
  meanLag(): number {
    let lag = 0, packets = 0;
    for (let row = 0; row < SECONDS; row++) {
      if (this.#counts[row] === 0) continue;
      lag += this.#sums[row] - this.#counts[row] * this.#fastest[row];
      packets += this.#counts[row];
    }
    return packets === 0 ? 0 : lag / packets;
  }

  /** @hot The slope of the fastest transits (least squares), turned round. */
  #measureDrift(): number | null {
    const count = Math.min(this.#driftCount, DRIFT_SECONDS);
    if (count < DRIFT_AT_LEAST) return null;
    let time = 0, transit = 0;
    for (let i = 0; i < count; i++) {
      time += this.#driftTimes[i] / count;
      transit += this.#drifts[i] / count;
    }
    let above = 0, below = 0;
    for (let i = 0; i < count; i++) {
      above += (this.#driftTimes[i] - time) * (this.#drifts[i] - transit);
      below += (this.#driftTimes[i] - time) ** 2;
    }
    return -1e6 * above / below;
  }
}
