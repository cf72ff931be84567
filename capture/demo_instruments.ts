/**
 * The instruments of the demo band: each function plays one note into a bank of recorded samples, once, at start. In: a
 * pitch in Hz, a length. Out: where in the bank the note is. The capture worker, before the first block; allocates.
 */
import { SAMPLE_RATE } from "../core/units.ts";

/** A note in the bank: samples `at` to `at + length`. */
export interface Note {
  readonly at: number;
  readonly length: number;
}

/** Room for every note of the band: 29 MB. */
const BANK_SAMPLES = 150 * SAMPLE_RATE;
const TABLE = 2048;

/** One cycle of a sum of sines; `levels[k]` is the level of harmonic k + 1. */
function cycle(levels: readonly number[]): Float32Array {
  const table = new Float32Array(TABLE);
  levels.forEach((level, k) => {
    for (let i = 0; i < TABLE; i++) table[i] += level * sine[(i * (k + 1)) % TABLE];
  });
  return table;
}
const sine = Float32Array.from({ length: TABLE }, (_, i) => Math.sin(2 * Math.PI * i / TABLE));

/** Numbers that look random and are the same at each start (mulberry32), −1 to 1. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return (t ^ t >>> 14) / 0x8000_0000;
  };
}

/** How a table is played; times in seconds. */
interface Manner {
  readonly attack: number;
  /** Level falls from 1 to `floor` with this time constant. */
  readonly decay: number;
  readonly floor: number;
  /** Depth of the vibrato, as a part of the frequency. */
  readonly vibrato: number;
  /** Where the pitch begins, as a factor of the frequency. */
  readonly glide: number;
  readonly release: number;
}

export class Bank {
  readonly #room = new Float32Array(BANK_SAMPLES);
  #used = 0;

  get samples(): Float32Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#used);
  }

  #take(seconds: number): Note {
    const note = { at: this.#used, length: Math.round(seconds * SAMPLE_RATE) };
    this.#used += note.length;
    if (this.#used > BANK_SAMPLES) throw new RangeError(`cannot record the band: the bank's ${BANK_SAMPLES} are full`);
    return note;
  }

  /** Ends without a click. */
  #release(note: Note, seconds = 0.01): Note {
    const count = Math.round(seconds * SAMPLE_RATE), end = note.at + note.length;
    for (let i = 1; i <= count; i++) this.#room[end - i] *= i / count;
    return note;
  }

  /** A falling sine with a snap of noise: kick and toms. Hz and seconds. */
  drum(from: number, to: number, fall: number, seconds: number, snap: number): Note {
    const note = this.#take(seconds), random = noise(from);
    let phase = 0;
    for (let i = 0; i < note.length; i++) {
      const t = i / SAMPLE_RATE;
      phase = (phase + (to + (from - to) * Math.exp(-t / fall)) / SAMPLE_RATE) % 1;
      this.#room[note.at + i] = sine[phase * TABLE | 0] * Math.exp(-3.5 * t / seconds) +
        snap * random() * Math.exp(-t / 0.004);
    }
    return this.#release(note);
  }

  snare(): Note {
    const note = this.#take(0.3), random = noise(7);
    let last = 0;
    for (let i = 0; i < note.length; i++) {
      const t = i / SAMPLE_RATE, white = random(), bright = white - 0.4 * last;
      last = white;
      const shell = Math.sin(2 * Math.PI * 185 * t) + 0.6 * Math.sin(2 * Math.PI * 331 * t);
      this.#room[note.at + i] = 0.55 * bright * Math.exp(-t / 0.075) + 0.5 * shell * Math.exp(-t / 0.045);
    }
    return this.#release(note);
  }

  /** Noise without its lows. */
  hat(seconds: number): Note {
    const note = this.#take(seconds), random = noise(11);
    let a = 0, b = 0;
    for (let i = 0; i < note.length; i++) {
      const white = random(), once = white - a;
      this.#room[note.at + i] = (once - b) * Math.exp(-4 * i / note.length);
      a = white;
      b = once;
    }
    return this.#release(note);
  }

  beep(hertz: number): Note {
    const note = this.#take(0.03);
    for (let i = 0; i < note.length; i++) this.#room[note.at + i] = Math.sin(2 * Math.PI * hertz * i / SAMPLE_RATE);
    return this.#release(note);
  }

  #play(table: Float32Array, hertz: number, seconds: number, manner: Manner): Note {
    const note = this.#take(seconds), { attack, floor, vibrato, glide, release } = manner;
    const step = hertz / SAMPLE_RATE * TABLE, wobble = 5.4 / SAMPLE_RATE * TABLE;
    const decay = Math.exp(-1 / (manner.decay * SAMPLE_RATE)), settle = Math.exp(-1 / (0.04 * SAMPLE_RATE));
    let phase = 0, slow = 0, fall = 1 - floor, bend = 1 - glide;
    for (let i = 0; i < note.length; i++) {
      const rise = Math.min(1, i / (attack * SAMPLE_RATE)), deep = Math.min(1, i / (0.4 * SAMPLE_RATE));
      phase += step * (1 + vibrato * deep * sine[slow | 0] - bend);
      if (phase >= TABLE) phase -= TABLE;
      slow += wobble;
      if (slow >= TABLE) slow -= TABLE;
      const whole = phase | 0, next = whole + 1 < TABLE ? whole + 1 : 0;
      this.#room[note.at + i] = rise * (floor + fall) * (table[whole] + (phase - whole) * (table[next] - table[whole]));
      fall *= decay;
      bend *= settle;
    }
    return this.#release(note, release);
  }

  bass(hertz: number, seconds: number): Note {
    const manner = { attack: 0.006, decay: 0.25, floor: 0.26, vibrato: 0, glide: 1, release: 0.03 };
    return this.#play(cycle([1, 0.6, 0.35, 0.2, 0.1, 0.05]), hertz, seconds, manner);
  }

  /** A plucked string (Karplus and Strong, 1983). `dull`: 0 bright to 1. */
  string(hertz: number, seconds: number, dull: number): Note {
    const note = this.#take(seconds), random = noise(Math.round(hertz * 16)), period = SAMPLE_RATE / hertz - 0.5;
    const size = Math.floor(period), part = period - size;
    const line = new Float32Array(size + 1);
    let smooth = 0, at = 0, last = 0;
    for (let i = 0; i <= size; i++) line[i] = smooth += (1 - dull) * (random() - smooth);
    for (let i = 0; i < note.length; i++) {
      const next = at === size ? 0 : at + 1;
      const out = line[next] + part * (line[at] - line[next]);
      line[at] = 0.4985 * (out + last);
      last = out;
      at = next;
      this.#room[note.at + i] = out;
    }
    return this.#release(note, 0.08);
  }

  /** An electric piano: one sine bends the phase of another. */
  piano(hertz: number, seconds: number): Note {
    const note = this.#take(seconds), step = hertz / SAMPLE_RATE * TABLE;
    const bright = Math.exp(-1 / (0.12 * SAMPLE_RATE)), decay = Math.exp(-1 / (0.7 * SAMPLE_RATE));
    let carrier = 0, tine = 0, level = 1, depth = 0.18 * TABLE;
    for (let i = 0; i < note.length; i++) {
      carrier = (carrier + step) % TABLE;
      tine = (tine + 7 * step) % TABLE;
      const bent = carrier + TABLE + depth * sine[tine | 0] + 0.12 * TABLE * sine[carrier | 0];
      this.#room[note.at + i] = level * Math.min(1, i / 144) * sine[(bent | 0) & (TABLE - 1)];
      level *= decay;
      depth *= bright;
    }
    return this.#release(note, 0.06);
  }

  /** Three detuned saws with a slow rise. */
  pad(hertz: number, seconds: number): Note {
    const note = this.#take(seconds), step = hertz / SAMPLE_RATE * TABLE;
    const harmonics = Math.min(24, Math.floor(6000 / hertz));
    const table = cycle(Array.from({ length: harmonics }, (_, k) => 1 / (k + 1) / (1 + (hertz * (k + 1) / 900) ** 2)));
    let a = 0, b = TABLE / 3, c = TABLE / 2;
    for (let i = 0; i < note.length; i++) {
      a = (a + step) % TABLE;
      b = (b + step * 1.004) % TABLE;
      c = (c + step * 0.9965) % TABLE;
      this.#room[note.at + i] = (table[a | 0] + table[b | 0] + table[c | 0]) * Math.min(1, i / (0.45 * SAMPLE_RATE));
    }
    return this.#release(note, 0.5);
  }

  /** A sung vowel: harmonics weighted by three formants (centres in Hz), with vibrato; `glide` bends the start. */
  voice(hertz: number, seconds: number, formants: readonly number[], glide = 0.97): Note {
    const levels = Array.from({ length: Math.min(40, Math.floor(5000 / hertz)) }, (_, k) => {
      const f = hertz * (k + 1);
      return formants.reduce((sum, centre, i) => sum + 0.6 ** i / (1 + ((f - centre) / (70 + 30 * i)) ** 2), 0.04) /
        (1 + k * 0.12);
    });
    const attack = Math.min(0.07, seconds / 5), release = Math.min(0.12, seconds / 3);
    return this.#play(cycle(levels), hertz, seconds, { attack, decay: 1, floor: 1, vibrato: 0.008, glide, release });
  }

  /** A room: noise that darkens, with a rise and a fall in seconds; for applause, murmur and the drums' echo. */
  room(seconds: number, dark: number, rise: number, fall: number, seed: number): Note {
    const note = this.#take(seconds), random = noise(seed), decay = Math.exp(-1 / (fall * SAMPLE_RATE));
    let one = 0, two = 0, level = 1 / dark;
    for (let i = 0; i < note.length; i++) {
      one += dark * (random() - one);
      two += dark * (one - two);
      this.#room[note.at + i] = two * level * Math.min(1, i / (rise * SAMPLE_RATE));
      level *= decay;
    }
    return this.#release(note, Math.min(1, seconds / 3));
  }
}
