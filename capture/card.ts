/**
 * A sound card into the ring: polled, with its position kept by what it delivers and what it lost. In: an open stream.
 * Out: blocks, each with the time at which its last sample had arrived. Capture worker; `pump` allocates nothing.
 */
import { now } from "../core/clock.ts";
import { RING_BLOCKS, type RingWriter, Word } from "../core/ring.ts";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";
import { type CaptureStream, INPUT_OVERFLOWED } from "./portaudio.ts";
import type { Pulse } from "./pulse.ts";

const SAMPLE_MS = 1000 / SAMPLE_RATE, BLOCK_MS = BLOCK * SAMPLE_MS;
/** Between two looks at the card: a fifth of a block. Nothing is looked for long before it is due. */
const POLL_MS = 0.5;
/** A card that gives nothing for so long is gone; one that was just opened may take its time. */
const WATCHDOG_MS = 500, FIRST_WATCHDOG_MS = 3000;
/** Blocks that are later than this against the card's own pace mean lost samples, whether it says so or not. */
const JUMP_MS = 20;
/** How fast the card's pace is followed: crystals differ by some 0.01 %, a poll by a third of a block. */
const FOLLOW = 0.01;

/** Why a pump ended: a PaErrorCode when negative. */
export const STOPPED = 0, SILENT = 1;

/** What stays when a card goes and comes back: the position, and the time. */
export class CardCapture {
  readonly #ring: RingWriter;
  readonly #pulse: Pulse;
  readonly #first: () => void;
  /** Of each slot of the ring. */
  readonly #addresses: Deno.PointerValue[];
  readonly #frames = BigInt(BLOCK);
  #position = 0;
  /** When the last sample of the latest block had arrived by the card's pace. */
  #due = 0;
  #began = false;
  #rejoining = false;

  /** `first` is called after the first block. */
  constructor(ring: RingWriter, pulse: Pulse, first: () => void) {
    this.#ring = ring;
    this.#pulse = pulse;
    this.#first = first;
    this.#addresses = Array.from(
      { length: RING_BLOCKS },
      (_, slot) => Deno.UnsafePointer.of(ring.samples.subarray(slot * ring.blockSamples) as Float32Array<ArrayBuffer>),
    );
  }

  /** Whether a card has ever delivered. */
  get began(): boolean {
    return this.#began;
  }

  /** @hot Delivers until told to stop or until the card is gone. @returns STOPPED, SILENT or a PaErrorCode. */
  pump(stream: CaptureStream): number {
    const ring = this.#ring;
    let heard = now();
    while (!ring.stopped) {
      const frames = stream.available();
      if (frames < BLOCK) {
        if (frames < 0 && frames !== INPUT_OVERFLOWED) return frames;
        if (now() - heard > (this.#began ? WATCHDOG_MS : FIRST_WATCHDOG_MS)) return SILENT;
        const ms = this.#due + BLOCK_MS - POLL_MS - now();
        Atomics.wait(ring.words, Word.Stop, 0, ms > POLL_MS && ms < BLOCK_MS ? ms : POLL_MS);
        continue;
      }
      heard = now();
      const at = ring.offset();
      const code = stream.read(this.#addresses[at / ring.blockSamples], this.#frames);
      if (code < 0 && code !== INPUT_OVERFLOWED) return code;
      // Frames that still wait came after this block.
      const arrived = heard - (frames - BLOCK) * SAMPLE_MS;
      this.#follow(arrived, code === INPUT_OVERFLOWED);
      ring.commit(this.#position, arrived);
      this.#position += BLOCK;
      if (!this.#began) this.#first();
      this.#began = true;
      this.#pulse.beat();
    }
    return STOPPED;
  }

  /** @hot Moves the position over samples that were lost before the block that arrived now. */
  #follow(arrived: number, overflowed: boolean): void {
    this.#due += BLOCK_MS;
    const late = arrived - this.#due;
    if (this.#rejoining || !this.#began) {
      // By the clock; what a card that was away didn't give is no overrun.
      if (this.#rejoining && late > 0) this.#position += Math.round(late / SAMPLE_MS);
      this.#due = arrived;
      this.#rejoining = false;
      Atomics.store(this.#ring.words, Word.Live, 1);
    } else if (overflowed || late > JUMP_MS || late < -JUMP_MS) {
      const lost = late > 0 ? Math.round(late / SAMPLE_MS) : 0;
      this.#position += lost;
      Atomics.add(this.#ring.words, Word.Overruns, lost);
      this.#due = arrived;
    } else this.#due += FOLLOW * late;
  }

  /**
   * Delivers silence at the clock's pace until `work` is done or the ring says stop: what may hang when a card dies runs
   * on a thread of its own, and the server goes on. @returns false if it was stopped first.
   */
  async standIn(work: Promise<unknown>): Promise<boolean> {
    const ring = this.#ring;
    let done = false;
    const end = () => void (done = true);
    work.then(end, end);
    this.#rejoining = true;
    Atomics.store(ring.words, Word.Live, 0);
    while (!ring.stopped) {
      const behind = now() - this.#due;
      // Beginning, or after a stall: the position goes on with the clock.
      if (behind > RING_BLOCKS * BLOCK_MS) {
        const missed = Math.floor(behind / BLOCK_MS) * BLOCK;
        this.#position += missed;
        this.#due += missed * SAMPLE_MS;
      }
      while (this.#due + BLOCK_MS <= now()) this.#silence();
      if (done) return true;
      const wait = Atomics.waitAsync(ring.words, Word.Stop, 0, Math.max(1, this.#due + BLOCK_MS - now()));
      if (wait.async) await wait.value;
    }
    return false;
  }

  /** @hot */
  #silence(): void {
    const ring = this.#ring, at = ring.offset();
    ring.samples.fill(0, at, at + ring.blockSamples);
    this.#due += BLOCK_MS;
    ring.commit(this.#position, this.#due);
    this.#position += BLOCK;
    this.#pulse.beat();
  }
}
