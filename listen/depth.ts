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
/** The depth follows its target at these speeds: deeper at 0.4 %, shallower at 0.2 %. */
const GROW_MS_PER_S = 4, SHRINK_MS_PER_S = 2;
/** The target must be so far away before the depth moves. */
const GROW_FROM_MS = 0.1, SHRINK_FROM_MS = 0.4;
/** The most that the speed differs from 1: 9 cents. */
const MAX_CHANGE = 0.005;
/**
 * The loop: part of the error made up for in each second, and the drift learnt from it (critically damped), until the
 * arrivals have told the drift.
 */
const PROPORTIONAL = 1, INTEGRAL = PROPORTIONAL ** 2 / 4;
/** No sound card is farther off. */
const MAX_DRIFT = 0.0005;
/** The error is averaged over about so long: a device takes its audio in blocks. */
const SMOOTH_MS = 150;
/** Errors beyond this teach nothing about the drift. */
const LEARN_FROM_MS = 1;
/** Below these the speed rests at exactly 1; the outer error wakes it. */
const REST_DRIFT = 4e-6, REST_ERROR_MS = 0.08, WAKE_ERROR_MS = 0.25;

export class DepthControl {
  readonly #arrivals: ArrivalWindow;
  readonly #fixedMs: number | null;
  readonly #repairMs: number;
  /** Where the depth is to go. */
  targetMs: number;
  /** Where it is meant to be now, on its way there. */
  depthMs: number;
  #moving = false;
  #spreadMs = 0;
  #error = 0;
  #drift = 0;
  #resting = true;
  #updatedAt = 0;
  speed = 1;

  /** `fixedMs`: mean time in the buffer, or null to adapt. `repairMs`: how much later than a frame its copy comes. */
  constructor(arrivals: ArrivalWindow, fixedMs: number | null, repairMs: number) {
    this.#arrivals = arrivals;
    this.#fixedMs = fixedMs;
    this.#repairMs = repairMs;
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
    const error = this.#error, seconds = passed / 1000;
    if (this.#arrivals.driftPpm !== null) this.#learn(this.#arrivals.driftPpm / 1e6);
    const wake = Math.abs(error) > WAKE_ERROR_MS || Math.abs(this.#drift) > REST_DRIFT || step !== 0;
    if (this.#resting ? !wake : !wake && Math.abs(error) < REST_ERROR_MS) {
      this.#resting = true;
      this.speed = 1;
      return;
    }
    this.#resting = false;
    if (this.#arrivals.driftPpm === null && Math.abs(error) < LEARN_FROM_MS) {
      this.#learn(this.#drift + INTEGRAL * error / 1000 * seconds);
    }
    const change = this.#drift + PROPORTIONAL * error / 1000 - step / passed;
    this.speed = 1 + Math.max(-MAX_CHANGE, Math.min(MAX_CHANGE, change));
  }

  /** @hot */
  #aim(time: number): void {
    const arrivals = this.#arrivals;
    this.#spreadMs = arrivals.spread();
    if (this.#fixedMs !== null) {
      this.targetMs = this.#fixedMs + arrivals.meanLag();
      return;
    }
    const wanted = Math.min(MAX_DEPTH_MS, this.#spreadMs + MARGIN_MS + this.#repairMs);
    const learning = time - arrivals.since < LEARN_MS;
    this.targetMs = learning ? Math.max(wanted, this.targetMs) : wanted;
  }

  /** @hot */
  #learn(drift: number): void {
    this.#drift = Math.max(-MAX_DRIFT, Math.min(MAX_DRIFT, drift));
  }

  /** @hot Moves the depth towards its target; by how much. */
  #move(passed: number): number {
    const distance = this.targetMs - this.depthMs;
    if (!this.#moving && distance < GROW_FROM_MS && distance > -SHRINK_FROM_MS) return 0;
    const step = Math.max(-SHRINK_MS_PER_S * passed / 1000, Math.min(GROW_MS_PER_S * passed / 1000, distance));
    this.depthMs += step;
    this.#moving = step !== distance;
    return step;
  }

  /** How much faster than ours the sender's clock runs, in parts per million. */
  get driftPpm(): number {
    return this.#drift * 1e6;
  }

  /** Why the target is what it is, for people. */
  get reason(): string {
    const spread = `p99.9 arrival jitter ${this.#spreadMs.toFixed(1)} ms`;
    if (this.#fixedMs !== null) return `fixed at ${this.#fixedMs} ms; ${spread}`;
    if (this.targetMs > this.#spreadMs + MARGIN_MS + this.#repairMs + 0.05) {
      return `first ${this.targetMs.toFixed(1)} ms, while the arrivals are learnt; ${spread}`;
    }
    const repair = this.#repairMs > 0 ? ` + ${this.#repairMs} ms for the repeated frame` : "";
    return `${spread} + ${MARGIN_MS.toFixed(1)} ms margin${repair}`;
  }
}

/** Samples as the listener counts them, from a depth. */
export const depthSamples = (ms: number): number => ms * SAMPLE_RATE / 1000;
