/**
 * How deep the jitter buffer is, and how fast to play so that it is. Depth is the time by which the fastest packets come
 * before they are needed: the spread of the arrivals and a margin, or what the user asked for. In: the arrivals, and the
 * depth as it is. Out: a playing speed within half a percent. The listener's audio thread; allocates nothing but the text
 * of {@link DepthControl.reason}.
 */
import { SAMPLE_RATE, samplesToMs } from "../core/units.ts";
import type { ArrivalWindow } from "./arrival.ts";
import { KERNEL_AHEAD } from "./resampler.ts";

/** For what the window hasn't seen, and for the resampler's own look ahead. */
export const MARGIN_MS = 0.5 + samplesToMs(KERNEL_AHEAD);
/** Until the arrivals are known. */
const FIRST_DEPTH_MS = 10;
/** How long that takes: the first seconds of a program are its most irregular ones. */
const LEARN_MS = 2000;
/** Farther than this nobody plays along any more; a longer delay is caught up with by skipping. */
export const MAX_DEPTH_MS = 500;
/** The depth follows its target at this speed: 0.4 %. */
const MOVE_MS_PER_S = 4;
/** The target must be so far away before the depth moves. */
const GROW_FROM_MS = 0.1, SHRINK_FROM_MS = 0.4;
/** The most that the speed differs from 1: 9 cents. */
const MAX_CHANGE = 0.005;
/**
 * The loop is proportional and integral: part of the error made up for in each second, and the drift, which the arrivals
 * tell more quickly than an integral of the error could.
 */
const PROPORTIONAL = 1;
/** How often the spread is worked out. */
const AIM_MS = 50;
/** No sound card is farther off. */
const MAX_DRIFT = 0.0005;
/** The error is averaged over about so long: a device takes its audio in blocks. */
const SMOOTH_MS = 150;
/** Below the inner error the speed rests at exactly 1, which costs nothing; the outer one wakes it. */
const REST_ERROR_MS = 0.05, WAKE_ERROR_MS = 0.25;

export class DepthControl {
  readonly #arrivals: ArrivalWindow;
  readonly #fixedMs: number | null;
  /** How much later than a frame its copy comes; 0: none comes. */
  repairMs: number;
  /** Where the depth is to go. */
  targetMs: number;
  /** Where it is meant to be now, on its way there. */
  depthMs: number;
  #moving = false;
  #aimedAt = -Infinity;
  #spreadMs = 0;
  #error = 0;
  #resting = true;
  #updatedAt = 0;
  speed = 1;
  /** How much faster than time the output takes samples. */
  pull = 0;

  /** `fixedMs`: mean time in the buffer, or null to adapt. */
  constructor(arrivals: ArrivalWindow, fixedMs: number | null, repairMs: number) {
    this.#arrivals = arrivals;
    this.#fixedMs = fixedMs;
    this.repairMs = repairMs;
    this.targetMs = this.depthMs = fixedMs ?? FIRST_DEPTH_MS + repairMs;
  }

  /** Playing starts anew: the depth is what it should be. */
  restart(time: number): void {
    this.depthMs = this.targetMs;
    this.#error = 0;
    this.#moving = false;
    this.#updatedAt = time;
  }

  /** @hot Every few milliseconds. `depthMs`: how long before it is needed the fastest packet would come now. */
  update(time: number, depthMs: number): void {
    const passed = Math.min(100, time - this.#updatedAt);
    if (passed < 1) return;
    this.#updatedAt = time;
    this.#aim(time);
    const step = this.#move(passed);
    this.#error += (depthMs - this.depthMs - this.#error) * Math.min(1, passed / SMOOTH_MS);
    const error = this.#error, drift = Math.max(-MAX_DRIFT, Math.min(MAX_DRIFT, this.#arrivals.driftPpm / 1e6));
    this.#resting = step === 0 && this.pull === 0 && Math.abs(error) < (this.#resting ? WAKE_ERROR_MS : REST_ERROR_MS);
    if (this.#resting) {
      this.speed = 1;
      return;
    }
    const change = drift + PROPORTIONAL * error / 1000 - step / passed - this.pull;
    this.speed = 1 + Math.max(-MAX_CHANGE, Math.min(MAX_CHANGE, change));
  }

  /** @hot */
  #aim(time: number): void {
    const arrivals = this.#arrivals;
    if (time - this.#aimedAt >= AIM_MS) {
      this.#aimedAt = time;
      this.#spreadMs = arrivals.spread();
    }
    if (this.#fixedMs !== null) {
      this.targetMs = this.#fixedMs + arrivals.meanLag();
      return;
    }
    const wanted = Math.min(MAX_DEPTH_MS, this.#spreadMs + MARGIN_MS + this.repairMs);
    const learning = time - arrivals.since < LEARN_MS;
    this.targetMs = learning ? Math.max(wanted, this.targetMs) : wanted;
  }

  /** @hot Moves the depth towards its target; by how much. */
  #move(passed: number): number {
    const distance = this.targetMs - this.depthMs;
    if (!this.#moving && distance < GROW_FROM_MS && distance > -SHRINK_FROM_MS) return 0;
    const most = MOVE_MS_PER_S * passed / 1000, step = Math.max(-most, Math.min(most, distance));
    this.depthMs += step;
    this.#moving = step !== distance;
    return step;
  }

  /** Why the target is what it is, for people. */
  get reason(): string {
    const spread = `p99 arrival jitter ${this.#spreadMs.toFixed(1)} ms`;
    if (this.#fixedMs !== null) return `fixed at ${this.#fixedMs} ms; ${spread}`;
    if (this.targetMs > this.#spreadMs + MARGIN_MS + this.repairMs + 0.05) {
      return `first ${this.targetMs.toFixed(1)} ms, while the arrivals are learnt; ${spread}`;
    }
    const repair = this.repairMs > 0 ? ` + ${this.repairMs} ms for the repeated frame` : "";
    return `${spread} + ${MARGIN_MS.toFixed(1)} ms margin${repair}`;
  }
}

/** Samples as the listener counts them, from a depth. */
export const depthSamples = (ms: number): number => ms * SAMPLE_RATE / 1000;
