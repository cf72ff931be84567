/**
 * What is decoded, and what stands in for it: the jitter buffer's frames in their order, repaired from repeated ones,
 * concealed where they are missing, stored for playing. In: payloads by their timestamps. Out: interleaved float32 frames in
 * a {@link Resampler}. The listener's audio thread; allocates only in the decoders.
 */
import { MAX_PACKET_SAMPLES, type StreamDecoders } from "./decoders.ts";
import { JitterStore } from "./jitter.ts";
import { Resampler } from "./resampler.ts";

/** Missing audio is made up for so long, fading from the middle on; then there is silence. */
const CONCEAL_SAMPLES = 4800;
/** Audio that returns after silence fades in over so long. */
const FADE_SAMPLES = 120;

/** What became of the frames, since the start. */
export class Counts {
  /** Frames played from a repeated copy; made up; packets that came after they were needed, that couldn't be decoded. */
  repaired = 0;
  concealed = 0;
  late = 0;
  broken = 0;
  /** Times that something had to be made up for, or was silent, in one go; and all of it, in samples. */
  gaps = 0;
  missingSamples = 0;
  /** Times that the buffer was set anew. */
  resyncs = 0;
}

export class FrameFeed {
  readonly counts = new Counts();
  readonly store = new JitterStore();
  resampler: Resampler;
  /** Unwrapped timestamp of the next frame to be decoded; what lies between the output and it is in the resampler. */
  edge = 0;
  /** Times that sound came back after silence. */
  returns = 0;
  decoders: StreamDecoders;
  /** Samples of the last frame decoded. */
  #frame: number;
  /** Samples made up since the last real one. */
  #gap = 0;

  /** `frame`: samples of a frame, as announced. */
  constructor(decoders: StreamDecoders, frame: number) {
    this.decoders = decoders;
    this.resampler = new Resampler(decoders.channels);
    this.#frame = frame;
  }

  /** What is fed now was sent, and isn't made up. */
  get whole(): boolean {
    return this.#gap === 0;
  }

  /** Other streams from now on, in the middle of playing or not. @returns the decoders so far. */
  redirect(decoders: StreamDecoders, playing: boolean): StreamDecoders {
    const before = this.decoders, ahead = Math.round(this.resampler.ahead);
    if (decoders.channels !== before.channels) {
      this.resampler = new Resampler(decoders.channels);
      // Silence as long as what was stored, so that the output stays where it is.
      this.resampler.commit(ahead);
    }
    this.decoders = decoders;
    this.store.clear();
    if (playing && this.#gap === 0) this.counts.gaps++;
    this.#gap = CONCEAL_SAMPLES;
    return before;
  }

  /** @hot Leaves out what lies before `edge`. */
  skipTo(edge: number): void {
    this.edge = edge;
    while (this.store.first < edge) this.store.drop();
  }

  /** The next frame, or what stands in for it; `newest`: a timestamp that came, for where frames begin. */
  produce(newest: number): void {
    const { store, resampler, counts } = this, stride = resampler.stride;
    while (store.first < this.edge) {
      counts.late++;
      store.drop();
    }
    const missing = store.first - this.edge;
    if (missing > 0) return this.#conceal(Math.min(missing, this.#toBoundary(newest)));
    const at = resampler.writeAt(), copy = store.firstIsCopy;
    const frames = this.decoders.decode(store.bytes, store.firstAt, store.firstLength, resampler.stored, at, stride);
    store.drop();
    if (frames <= 0 || frames > MAX_PACKET_SAMPLES) {
      counts.broken++;
      return this.#conceal(this.#frame);
    }
    if (copy) counts.repaired++;
    if (this.#gap >= CONCEAL_SAMPLES) {
      this.#fade(at, Math.min(frames, FADE_SAMPLES), 0, 1 / FADE_SAMPLES);
      this.returns++;
    }
    this.#gap = 0;
    this.#frame = frames;
    this.edge += frames;
    resampler.commit(frames);
  }

  /** @hot Samples from the edge to where the next frame should begin: 1 … a frame. */
  #toBoundary(newest: number): number {
    const past = (this.edge - newest) % this.#frame;
    return past < 0 ? -past : this.#frame - past;
  }

  /** `frames` frames that nobody sent, or that never came. */
  #conceal(frames: number): void {
    const { resampler, counts } = this, at = resampler.writeAt(), stride = resampler.stride;
    if (this.#gap === 0) counts.gaps++;
    if (this.#gap >= CONCEAL_SAMPLES) {
      resampler.stored.fill(0, at, at + frames * stride);
      // The speed is corrected when packets come: until then it would run on and on.
      resampler.speed = 1;
    } else {
      counts.concealed++;
      this.decoders.conceal(frames, resampler.stored, at, stride);
      const half = CONCEAL_SAMPLES / 2;
      if (this.#gap + frames > half) this.#fade(at, frames, 1 - (this.#gap - half) / half, -1 / half);
    }
    this.#gap += frames;
    counts.missingSamples += frames;
    this.edge += frames;
    resampler.commit(frames);
  }

  /** @hot Multiplies stored frames by a gain that begins at `gain` and changes by `step` each, within 0 … 1. */
  #fade(at: number, frames: number, gain: number, step: number): void {
    const { stored, stride } = this.resampler;
    for (let i = 0; i < frames; i++) {
      const factor = Math.max(0, Math.min(1, gain + i * step));
      for (let s = at + i * stride; s < at + (i + 1) * stride; s++) stored[s] *= factor;
    }
  }
}
