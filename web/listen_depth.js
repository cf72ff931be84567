// @ts-check
/**
 * How deep the buffer of a page that listens is, and how fast to play so that it is. The time of everything here is the
 * output's own, in milliseconds: what the sound card has taken so far. So bursts of the card, disorder of the network and
 * the drift between the two clocks are one measurement. In: the transit of each packet (when it arrived minus its
 * timestamp; only differences mean anything), and the depth as it is. Out: a speed within half a percent. The page's audio
 * worker; allocates nothing after the constructors.
 */
import { KERNEL_AHEAD } from "./listen_resampler.js";

const SECONDS = 10, PERIOD_MS = 1000;
/** Share of the arrivals that are in time. What is beyond is made up for: a stall or two in ten seconds. */
const QUANTILE = 0.999;
/** Seconds of fastest transits that the drift is measured from, and how many it takes at least. */
const DRIFT_SECONDS = 32, DRIFT_AT_LEAST = 8;
/** The fastest transit of a second differs from that of the one before by so much: the path is another one. */
const PATH_MS = 3;
const STEP_MS = 0.25, BELOW = 40;
/** What lags farther is an outage: nobody would play along with a buffer that deep. */
export const OUTAGE_MS = 60;
const STEPS = BELOW + OUTAGE_MS / STEP_MS + 1;

export class Arrivals {
  /** A row of {@link STEPS} counts for each second, and the transit at which its counting begins. */
  #lags = new Uint16Array(SECONDS * STEPS);
  #bases = new Float64Array(SECONDS);
  #fastest = new Float64Array(SECONDS).fill(Infinity);
  #counts = new Float64Array(SECONDS);
  #drifts = new Float64Array(DRIFT_SECONDS);
  #driftTimes = new Float64Array(DRIFT_SECONDS);
  #driftCount = 0;
  #row = 0;
  #rowSince = -Infinity;
  #before = NaN;
  /** How much faster than the output's the sender's clock runs, in parts per million. */
  driftPpm = 0;
  /** When the window began. */
  since = -Infinity;

  /** Forgets everything but the drift, which belongs to the clocks. */
  reset() {
    this.#lags.fill(0);
    this.#fastest.fill(Infinity);
    this.#counts.fill(0);
    this.#driftCount = 0;
    this.#rowSince = this.since = -Infinity;
    this.#before = NaN;
  }

  /** @param {number} time @param {number} transit @param {number} frameMs how long the packet lasts */
  arrived(time, transit, frameMs) {
    if (this.#rowSince === -Infinity) this.#rowSince = this.since = time;
    else if (time - this.#rowSince >= PERIOD_MS) this.#turn(time);
    if (transit - this.fastest > OUTAGE_MS) return;
    const row = this.#row, together = transit < this.#before - frameMs / 2;
    this.#before = transit;
    if (transit < this.#fastest[row]) this.#fastest[row] = transit;
    // What waited behind another one and came with it: of a stall the first counts, however many follow.
    if (together) return;
    if (this.#counts[row] === 0) this.#bases[row] = Math.min(this.fastest, transit) - BELOW * STEP_MS;
    this.#counts[row]++;
    const step = Math.floor((transit - this.#bases[row]) / STEP_MS);
    this.#lags[row * STEPS + Math.max(0, Math.min(STEPS - 1, step))]++;
  }

  /** The next second's row, after as many empty ones as there were seconds without a packet. */
  #turn(/** @type {number} */ time) {
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
      this.#counts[this.#row] = 0;
      this.#lags.fill(0, this.#row * STEPS, (this.#row + 1) * STEPS);
    }
  }

  /** Fastest transit of this second and the one before; of the whole window while these have none. */
  get fastest() {
    const recent = Math.min(this.#fastest[this.#row], this.#fastest[(this.#row + SECONDS - 1) % SECONDS]);
    return recent !== Infinity ? recent : Math.min(...this.#fastest);
  }

  /** How far the slowest arrivals but {@link QUANTILE} lag behind the fastest of their own second. */
  spread() {
    let packets = 0;
    for (let row = 0; row < SECONDS; row++) packets += this.#counts[row];
    let slower = packets - Math.ceil(packets * QUANTILE);
    for (let lag = OUTAGE_MS / STEP_MS; packets > 0 && lag > 0; lag--) {
      for (let row = 0; row < SECONDS; row++) {
        if (this.#counts[row] === 0) continue;
        const fastest = row === this.#row ? Math.min(this.#fastest[row], this.fastest) : this.#fastest[row];
        const step = Math.floor((fastest - this.#bases[row]) / STEP_MS) + lag;
        if (step >= 0 && step < STEPS) slower -= this.#lags[row * STEPS + step];
      }
      if (slower < 0) return (lag + 1) * STEP_MS;
    }
    return 0;
  }

  /** The slope of the fastest transits (least squares), turned round. */
  #measureDrift() {
    const count = Math.min(this.#driftCount, DRIFT_SECONDS);
    if (count < DRIFT_AT_LEAST) return null;
    let time = 0, transit = 0, above = 0, below = 0;
    for (let i = 0; i < count; i++) {
      time += this.#driftTimes[i] / count;
      transit += this.#drifts[i] / count;
    }
    for (let i = 0; i < count; i++) {
      above += (this.#driftTimes[i] - time) * (this.#drifts[i] - transit);
      below += (this.#driftTimes[i] - time) ** 2;
    }
    return -1e6 * above / below;
  }
}

/** For what the window hasn't seen, and for the resampler's look ahead. */
const MARGIN_MS = 0.4 + KERNEL_AHEAD / 48;
/** Until the arrivals are known, and how long that takes. */
const FIRST_DEPTH_MS = 15, LEARN_MS = 2000;
/** The depth follows its target at this speed: 0.4 %. */
const MOVE_MS_PER_S = 4;
/** The target must be so far away before the depth moves. */
const GROW_FROM_MS = 0.1, SHRINK_FROM_MS = 0.5;
/** The most that the speed differs from 1: 9 cents. Of it, what clocks can differ by. */
const MAX_CHANGE = 0.005, MAX_DRIFT = 0.0005;
const AIM_MS = 100;
/** The error is averaged over about so long: the card takes its audio in blocks. */
const SMOOTH_MS = 250;
/** Below the inner error the speed rests at exactly 1, which costs nothing; the outer one wakes it. */
const REST_ERROR_MS = 0.1, WAKE_ERROR_MS = 0.4;

export class Depth {
  #arrivals;
  #spreadMs = 0;
  #aimedAt = -Infinity;
  #updatedAt = 0;
  #moving = false;
  #resting = true;
  #error = 0;
  /** Where the depth is to go, and where it is meant to be now: the time by which the fastest packets are early. */
  targetMs = FIRST_DEPTH_MS;
  depthMs = FIRST_DEPTH_MS;
  speed = 1;
  /** How long before it is needed a packet that isn't there is made up. */
  coverMs = 0;

  /** @param {Arrivals} arrivals */
  constructor(arrivals) {
    this.#arrivals = arrivals;
  }

  /** Playing starts anew: the depth is what it should be. */
  restart(/** @type {number} */ time) {
    this.depthMs = this.targetMs;
    this.#error = 0;
    this.#moving = false;
    this.#updatedAt = time;
    this.speed = 1;
  }

  /** @param {number} time @param {number} depthMs how early the fastest packet would be now */
  update(time, depthMs) {
    const passed = Math.min(100, time - this.#updatedAt);
    if (passed < 1) return;
    this.#updatedAt = time;
    this.#aim(time);
    const step = this.#move(passed);
    this.#error += (depthMs - this.depthMs - this.#error) * Math.min(1, passed / SMOOTH_MS);
    const error = this.#error, drift = Math.max(-MAX_DRIFT, Math.min(MAX_DRIFT, this.#arrivals.driftPpm / 1e6));
    this.#resting = step === 0 && Math.abs(error) < (this.#resting ? WAKE_ERROR_MS : REST_ERROR_MS);
    const change = this.#resting ? 0 : drift + error / 1000 - step / passed;
    this.speed = 1 + Math.max(-MAX_CHANGE, Math.min(MAX_CHANGE, change));
  }

  #aim(/** @type {number} */ time) {
    if (time - this.#aimedAt >= AIM_MS) {
      this.#aimedAt = time;
      this.#spreadMs = this.#arrivals.spread();
    }
    const wanted = this.#spreadMs + MARGIN_MS + this.coverMs, learning = time - this.#arrivals.since < LEARN_MS;
    this.targetMs = learning ? Math.max(wanted, this.targetMs) : wanted;
  }

  /** Moves the depth towards its target; by how much. */
  #move(/** @type {number} */ passed) {
    const distance = this.targetMs - this.depthMs;
    if (!this.#moving && distance < GROW_FROM_MS && distance > -SHRINK_FROM_MS) return 0;
    const most = MOVE_MS_PER_S * passed / 1000, step = Math.max(-most, Math.min(most, distance));
    this.depthMs += step;
    this.#moving = step !== distance;
    return step;
  }
}
