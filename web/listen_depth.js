// @ts-check
/**
 * How deep the buffer of a page that listens is, and how fast to play so that it is. The time of everything here is the
 * output's own, in milliseconds: what the sound card has taken so far. So bursts of the card, disorder of the network and
 * the drift between the two clocks are one measurement. In: the transit of each packet (when it arrived minus its
 * timestamp; only differences mean anything), and the depth as it is. Out: a speed within half a percent. The page's audio
 * worker; allocates nothing after the constructors.
 */
import { KERNEL_AHEAD } from "./listen_resampler.js";

const SECONDS = 30, PERIOD_MS = 1000;
/** Share of the arrivals that are in time. What is beyond is made up for: a stall or two in ten seconds. */
const QUANTILE = 0.999;
/** The usual transit follows the middle one of so long, of so many packets at most; up by so much, or when so far away. */
const PIECE_MS = 100, PIECE_PACKETS = 64, RISE_MS = 0.3, AWAY_MS = 5;
/** Seconds of usual transits that the drift is measured from, and how many it takes at least. */
const DRIFT_SECONDS = 32, DRIFT_AT_LEAST = 8;
/** The usual transit of a second differs from that of the one before by so much: the path is another one. */
const PATH_MS = 3;
const STEP_MS = 0.25;
/** What lags farther is an outage: nobody would play along with a buffer that deep. */
export const OUTAGE_MS = 60;
const STEPS = OUTAGE_MS / STEP_MS + 1;

/** Transits of {@link PIECE_MS}. */
class Piece {
  transits = new Float64Array(PIECE_PACKETS);
  /** Of them, those that came by themselves. */
  alone = new Float64Array(PIECE_PACKETS);
  count = 0;
  aloneCount = 0;
  middle = NaN;

  clear() {
    this.count = this.aloneCount = 0;
    this.middle = NaN;
  }
  /** @param {number} transit @param {boolean} together */
  add(transit, together) {
    if (this.count === PIECE_PACKETS) return;
    this.transits[this.count++] = transit;
    if (!together) this.alone[this.aloneCount++] = transit;
  }
  close() {
    this.middle = this.transits.fill(Infinity, this.count).sort()[this.count >> 1];
  }
}

export class Arrivals {
  /** A row of {@link STEPS} counts for each second. */
  #lags = new Uint16Array(SECONDS * STEPS);
  #packets = new Float64Array(SECONDS);
  #row = 0;
  #rowSince = -Infinity;
  /** Before, closed, open. */
  #pieces = [new Piece(), new Piece(), new Piece()];
  #pieceSince = -Infinity;
  #fastest = Infinity;
  #drifts = new Float64Array(DRIFT_SECONDS);
  #driftTimes = new Float64Array(DRIFT_SECONDS);
  #driftCount = 0;
  #before = NaN;
  /** How much faster than the output's the sender's clock runs, in parts per million. */
  driftPpm = 0;
  /** When the window began. */
  since = -Infinity;
  /** The transit that is usual now; NaN: not known yet. */
  usual = NaN;

  /** Forgets everything but the drift, which belongs to the clocks. */
  reset() {
    this.#lags.fill(0);
    this.#packets.fill(0);
    for (const piece of this.#pieces) piece.clear();
    this.#driftCount = 0;
    this.#rowSince = this.#pieceSince = this.since = -Infinity;
    this.#before = this.usual = NaN;
    this.#fastest = Infinity;
  }

  /** @param {number} time @param {number} transit @param {number} frameMs how long the packet lasts */
  arrived(time, transit, frameMs) {
    if (this.since === -Infinity) this.since = this.#rowSince = this.#pieceSince = time;
    if (time - this.#pieceSince >= PIECE_MS) this.#close(time);
    if (time - this.#rowSince >= PERIOD_MS) this.#turn(time);
    // What waited behind another one and came with it: of a stall the first counts, however many follow.
    const together = transit < this.#before - frameMs / 2;
    this.#before = transit;
    if (transit - this.usual > OUTAGE_MS) return;
    this.#pieces[2].add(transit, together);
  }

  /**
   * A piece is full. Of the one before it, what is usual follows: down at once, up slowly, unless two pieces in a row are
   * far above. So neither a stall nor a card that catches up moves it, and where the path gets shorter (the card lost time)
   * what came before isn't late.
   */
  #close(/** @type {number} */ time) {
    this.#pieceSince = time;
    const [before, piece, after] = this.#pieces;
    if (after.count === 0) return;
    after.close();
    if (piece.count > 0) {
      const beside = before.count === 0 ? after.middle : Math.max(before.middle, after.middle);
      const middle = Math.min(piece.middle, beside), last = Number.isNaN(this.usual) ? middle : this.usual;
      this.usual = middle - last > AWAY_MS ? middle : Math.min(middle, last + RISE_MS);
      this.#fastest = Math.min(this.#fastest, this.usual);
      const from = Math.max(last, this.usual), at = this.#row * STEPS;
      for (let i = 0; i < piece.aloneCount; i++) {
        const step = Math.floor((piece.alone[i] - from) / STEP_MS);
        this.#lags[at + Math.max(0, Math.min(STEPS - 1, step))]++;
      }
      this.#packets[this.#row] += piece.aloneCount;
    }
    before.clear();
    this.#pieces[0] = piece;
    this.#pieces[1] = after;
    this.#pieces[2] = before;
  }

  /** The next second's row, after as many empty ones as there were seconds without a packet. */
  #turn(/** @type {number} */ time) {
    if (this.#fastest !== Infinity) {
      const before = (this.#driftCount + DRIFT_SECONDS - 1) % DRIFT_SECONDS;
      if (this.#driftCount > 0 && Math.abs(this.#fastest - this.#drifts[before]) > PATH_MS) this.#driftCount = 0;
      const at = this.#driftCount++ % DRIFT_SECONDS;
      this.#drifts[at] = this.#fastest;
      this.#driftTimes[at] = this.#rowSince;
      this.driftPpm = this.#measureDrift() ?? this.driftPpm;
      this.#fastest = Infinity;
    }
    for (let turns = 0; time - this.#rowSince >= PERIOD_MS; turns++) {
      this.#rowSince += PERIOD_MS;
      if (turns >= SECONDS) continue;
      this.#row = (this.#row + 1) % SECONDS;
      this.#packets[this.#row] = 0;
      this.#lags.fill(0, this.#row * STEPS, (this.#row + 1) * STEPS);
    }
  }

  /** How far the slowest arrivals but {@link QUANTILE} lag behind what was usual at their time. */
  spread() {
    let packets = 0;
    for (let row = 0; row < SECONDS; row++) packets += this.#packets[row];
    let slower = packets - Math.ceil(packets * QUANTILE);
    for (let lag = STEPS - 1; packets > 0 && lag > 0; lag--) {
      for (let row = 0; row < SECONDS; row++) slower -= this.#lags[row * STEPS + lag];
      if (slower < 0) return (lag + 1) * STEP_MS;
    }
    return 0;
  }

  /** The slope of the usual transits (least squares), turned round. */
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
  /** Where the depth is to go, and where it is meant to be now: the time by which the usual packet is early. */
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

  /** @param {number} time @param {number} depthMs how early the usual packet would be now */
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
