/**
 * The demo band as a source: sixteen channels of music made on this machine, the same at each start and at each
 * position. In: a position. Out: interleaved float32. Notes are recorded at start; playing only adds up those that
 * sound. Capture worker; `render` allocates nothing.
 */
import { BLOCK, dbToGain } from "../core/units.ts";
import { BAND, BARS, BEAT, type Event, score } from "./demo_score.ts";

/** Samples until it starts again from the top: a whole number of blocks. */
export const DEMO_LENGTH = BARS * 4 * BEAT;
const BLOCKS = DEMO_LENGTH / BLOCK;

/** Beyond 16 the band is there again: "Kick (2)". */
export const demoNames = (channels: number): string[] =>
  Array.from({ length: channels }, (_, i) => {
    const name = BAND[i % BAND.length][0], copy = Math.floor(i / BAND.length) + 1;
    return copy === 1 ? name : `${name} (${copy})`;
  });

export class Demo {
  readonly #channels: number;
  /** Of the band that are rendered; further channels are copies. */
  readonly #own: number;
  readonly #samples: Float32Array;
  /** Events, one index each: */
  readonly #start: Int32Array;
  readonly #at: Int32Array;
  readonly #length: Int32Array;
  readonly #channel: Uint8Array;
  readonly #gain: Float32Array;
  /** The events that sound in block b are `#sounding[#first[b]]` … `#sounding[#first[b + 1] − 1]`. */
  readonly #first: Int32Array;
  readonly #sounding: Int32Array;

  constructor(channels: number) {
    const { samples, events } = score();
    this.#channels = channels;
    this.#own = Math.min(channels, BAND.length);
    this.#samples = samples;
    this.#start = Int32Array.from(events, ({ start }) => (start + DEMO_LENGTH) % DEMO_LENGTH);
    this.#at = Int32Array.from(events, ({ note }) => note.at);
    this.#length = Int32Array.from(events, ({ note }) => note.length);
    this.#channel = Uint8Array.from(events, ({ channel }) => channel);
    this.#gain = Float32Array.from(events, ({ channel, gain }) => gain * dbToGain(BAND[channel][1]));
    this.#first = new Int32Array(BLOCKS + 1);
    this.#sounding = this.#index(events);
  }

  /** Which events sound in which block, those that run over the end into the top too. */
  #index(events: readonly Event[]): Int32Array {
    const eachBlock = (event: number, visit: (block: number) => void) => {
      const from = Math.floor(this.#start[event] / BLOCK);
      const to = Math.floor((this.#start[event] + this.#length[event] - 1) / BLOCK);
      for (let block = from; block <= to; block++) visit(block % BLOCKS);
    };
    events.forEach((_, event) => eachBlock(event, (block) => this.#first[block + 1]++));
    for (let block = 0; block < BLOCKS; block++) this.#first[block + 1] += this.#first[block];
    const sounding = new Int32Array(this.#first[BLOCKS]), next = this.#first.slice();
    events.forEach((_, event) => eachBlock(event, (block) => sounding[next[block]++] = event));
    return sounding;
  }

  /** @hot Writes the block from sample `position`, a multiple of BLOCK, on, interleaved, into `out` at `at`. */
  render(position: number, out: Float32Array, at: number, frames: number): void {
    const channels = this.#channels, block = Math.floor(position / BLOCK) % BLOCKS, top = block * BLOCK;
    for (let i = 0; i < frames * channels; i++) out[at + i] = 0;
    for (let k = this.#first[block]; k < this.#first[block + 1]; k++) {
      const event = this.#sounding[k], channel = this.#channel[event];
      if (channel >= this.#own) continue;
      // How far into the note the block begins; negative when the note begins within the block.
      let into = top - this.#start[event];
      if (into <= -BLOCK) into += DEMO_LENGTH;
      this.#add(this.#at[event], into, this.#length[event], this.#gain[event], out, at + channel, frames);
    }
    for (let channel = this.#own; channel < channels; channel++) {
      const from = at + channel % BAND.length, to = at + channel;
      for (let i = 0; i < frames; i++) out[to + i * channels] = out[from + i * channels];
    }
  }

  /** @hot Adds a piece of one note to one channel. */
  #add(note: number, into: number, length: number, gain: number, out: Float32Array, at: number, frames: number): void {
    const begin = into < 0 ? -into : 0, end = length - into < frames ? length - into : frames;
    const samples = this.#samples, channels = this.#channels;
    for (let i = begin; i < end; i++) out[at + i * channels] += gain * samples[note + into + i];
  }
}
