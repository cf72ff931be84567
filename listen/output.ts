/**
 * Where the sound goes, and whose clock it follows. A device's: what it has room for is rendered. Nobody's: a virtual
 * output without any delay of its own renders what was due until now, as a real one would have heard it. Either may be
 * recorded too. In: a {@link Playout}. Out: sound, chunks for a file. The listener's audio thread; allocates only the
 * chunks that it gives away.
 */
import { BLOCK, gainToDb, MAX_CHANNELS, SAMPLE_RATE } from "../core/units.ts";
import type { PlaybackStream } from "../capture/portaudio.ts";
import { Fill } from "./fill.ts";
import type { Mixdown } from "./mixdown.ts";
import type { Playout } from "./playout.ts";

const PER_MS = SAMPLE_RATE / 1000;
/** The most that is rendered at a time. */
const PIECE = 480;
/** The least that is written to a device at a time; less than its period, since the fill moves meanwhile. */
const LEAST = BLOCK / 2;
/** Frames of a chunk for the file: 100 ms. */
const CHUNK = 4800;

/** Collects rendered samples: peaks, and chunks for a file. */
export class Tap {
  /** Of what is rendered; may change as long as nobody records. */
  channels: number;
  readonly #peaks = new Float32Array(MAX_CHANNELS);
  readonly #give: ((samples: Float32Array<ArrayBuffer>, frames: number) => void) | null;
  #chunk: Float32Array<ArrayBuffer>;
  #frames = 0;

  /** `give`: takes ownership of a chunk; null: nobody records. */
  constructor(channels: number, give: ((samples: Float32Array<ArrayBuffer>, frames: number) => void) | null) {
    this.channels = channels;
    this.#give = give;
    this.#chunk = new Float32Array(give === null ? 0 : CHUNK * channels);
  }

  /** `frames` (at most {@link PIECE}) interleaved frames have been rendered. */
  take(samples: Float32Array, frames: number): void {
    this.#measure(samples, frames);
    if (this.#give === null) return;
    if (this.#frames + frames > CHUNK) this.flush();
    const at = this.#frames * this.channels;
    for (let i = 0; i < frames * this.channels; i++) this.#chunk[at + i] = samples[i];
    this.#frames += frames;
  }

  /** @hot */
  #measure(samples: Float32Array, frames: number): void {
    const channels = this.channels, peaks = this.#peaks;
    for (let channel = 0; channel < channels; channel++) {
      let peak = peaks[channel];
      for (let i = 0, s = channel; i < frames; i++, s += channels) {
        const level = Math.abs(samples[s]);
        if (level > peak) peak = level;
      }
      peaks[channel] = peak;
    }
  }

  /** Gives away what is collected. */
  flush(): void {
    if (this.#give === null || this.#frames === 0) return;
    this.#give(this.#chunk, this.#frames);
    this.#chunk = new Float32Array(CHUNK * this.channels);
    this.#frames = 0;
  }

  /** Peak of each channel since the last call, in decibels. */
  levelsDb(): number[] {
    const peaks = this.#peaks.subarray(0, this.channels);
    const levels = Array.from(peaks, (peak) => Math.round(gainToDb(peak) * 10) / 10);
    this.#peaks.fill(0);
    return levels;
  }
}

export interface Output {
  /** Delay from a sample being rendered to its sounding, in milliseconds. */
  readonly outputMs: number;
  readonly underflows: number;
  /** Longest time to wait before the next {@link advance}, in whole milliseconds. */
  readonly patience: number;
  /** Renders everything that is due at `time`. @throws Error when the device is gone. */
  advance(time: number): void;
}

/** Follows the machine's clock, without delay. */
export class VirtualOutput implements Output {
  readonly outputMs = 0;
  readonly underflows = 0;
  readonly patience = 10;
  readonly #playout: Playout;
  readonly #tap: Tap;
  readonly #piece = new Float32Array(PIECE * MAX_CHANNELS);
  #rendered = 0;

  constructor(playout: Playout, tap: Tap) {
    this.#playout = playout;
    this.#tap = tap;
  }

  /** @hot */
  advance(time: number): void {
    const playout = this.#playout, startAt = playout.startAt;
    let due = Math.floor((time - startAt) * PER_MS) - this.#rendered;
    while (due > 0) {
      const frames = Math.min(due, PIECE);
      const heardAt = startAt + this.#rendered / PER_MS;
      this.#rendered += frames;
      playout.render(this.#piece, frames, heardAt, heardAt + frames / PER_MS);
      this.#tap.take(this.#piece, frames);
      due -= frames;
    }
  }
}

/** Follows an output device: keeps as much in its buffer as it needs. */
export class DeviceOutput implements Output {
  readonly patience = 1;
  readonly #playout: Playout;
  readonly #tap: Tap;
  readonly #device: PlaybackStream;
  readonly #mixdown: Mixdown;
  readonly #fill: Fill;
  readonly #piece = new Float32Array(PIECE * MAX_CHANNELS);
  readonly #stereo = new Float32Array(2 * PIECE);
  #returns = 0;

  /** `mixdown`: makes stereo of the channels, unless they are stereo. */
  constructor(playout: Playout, tap: Tap, device: PlaybackStream, mixdown: Mixdown) {
    this.#playout = playout;
    this.#tap = tap;
    this.#device = device;
    this.#mixdown = mixdown;
    this.#fill = new Fill(device.capacity);
  }

  get outputMs(): number {
    // PortAudio's figure is of a full buffer; where it knows of more behind it, that counts.
    const { capacity, latencyMs } = this.#device;
    return this.#fill.frames / PER_MS + Math.max(0, latencyMs - capacity / PER_MS);
  }
  get underflows(): number {
    return this.#device.underflows;
  }

  advance(time: number): void {
    const device = this.#device, playout = this.#playout, fill = this.#fill;
    const writable = device.writable();
    if (writable < 0) throw new Error(`cannot play on ${device.name}: the device is gone (PortAudio ${writable})`);
    const left = device.capacity - writable;
    fill.see(time, left);
    playout.depth.pull = fill.pull;
    // With less room than a period PortAudio would wait.
    if (writable < BLOCK) return;
    for (let due = fill.frames - left; due >= LEAST;) {
      const frames = Math.min(due, PIECE);
      due -= frames;
      // As if the buffer were filled up at each moment: what it lacks is due already.
      const dueAt = time - due / PER_MS;
      const heard = Number.isFinite(playout.startAt) && time >= playout.startAt;
      if (heard) {
        playout.render(this.#piece, frames, dueAt - frames / PER_MS + this.outputMs, dueAt);
        this.#tap.take(this.#piece, frames);
      } else this.#piece.fill(0);
      let sound = this.#piece;
      if (!playout.stereo) {
        if (playout.returns !== this.#returns) this.#mixdown.rise();
        this.#returns = playout.returns;
        this.#mixdown.apply(sound, playout.channels, frames, this.#stereo);
        sound = this.#stereo;
      }
      const code = device.write(sound, frames);
      if (code < 0) throw new Error(`cannot play on ${device.name}: PortAudio ${code}`);
    }
  }
}
