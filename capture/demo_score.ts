/**
 * What the demo band plays: 32 bars at 112.5 beats a minute (68 s), verse, chorus, verse, bridge, then again from the
 * top. A beat is 25,600 samples, 200 blocks. In: nothing. Out: recorded notes, and when each is played on which
 * channel. The capture worker, before the first block; allocates.
 */
import { Bank, type Note } from "./demo_instruments.ts";

/** Name and gain in dB of each channel; the index is its number less 1. The gains bring the peaks to −11 … −4 dBFS. */
export const BAND = [
  ["Kick", -7.2],
  ["Snare", -6.7],
  ["Hats", -20.2],
  ["Toms", -10.3],
  ["Bass", -13.5],
  ["Guitar L", -16.0],
  ["Guitar R", -7.9],
  ["Keys L", -16.4],
  ["Keys R", -15.8],
  ["Pads", -29.1],
  ["Voice 1", -4.2],
  ["Voice 2", -12.1],
  ["Voice 3", -16.1],
  ["Click", -9.0],
  ["Talkback", -13.5],
  ["Ambience", -14.7],
] as const;
const [KICK, SNARE, HATS, TOMS, BASS, GUITAR_L, GUITAR_R, KEYS_L, KEYS_R, PADS, VOICE_1, VOICE_2, VOICE_3, CLICK] = BAND
  .keys();
const TALKBACK = 14, AMBIENCE = 15;

export const BEAT = 25_600;
export const BARS = 32;

/** One note of one channel; `start` in samples from the top. */
export interface Event {
  readonly channel: number;
  readonly start: number;
  readonly note: Note;
  readonly gain: number;
}

/** One chord a bar; the last of each line leads on. */
const CHORDS = `Am F C G  Am F C G
  F G Am C  F G C G
  Am F C G  Am F C E
  Dm Am F C Dm Am E E`.split(/\s+/);
/** MIDI numbers: root of the bass, and the chord in the middle of the keyboard. */
const NOTES: Record<string, { bass: number; chord: readonly [number, number, number] }> = {
  Am: { bass: 33, chord: [57, 60, 64] },
  C: { bass: 36, chord: [55, 60, 64] },
  Dm: { bass: 38, chord: [57, 62, 65] },
  E: { bass: 40, chord: [56, 59, 64] },
  F: { bass: 41, chord: [57, 60, 65] },
  G: { bass: 43, chord: [55, 59, 62] },
};
/** The tune, eight bars each: "pitch:beats" one after the other, "-" rests. */
const VERSE = "69:1.5 67:.5 69:1 72:1  69:3 -:1  67:1.5 64:.5 67:1 69:1  67:2 -:1 67:.5 67:.5 " +
  "69:1 69:.5 71:.5 72:1 74:1  72:2 69:1 -:1  67:1 67:.5 69:.5 67:1 64:1  62:3 -:1";
const CHORUS = "72:2 69:1 72:1  74:2 71:1 74:1  76:1.5 74:.5 72:1 69:1  67:3 -:1 " +
  "72:1 72:.5 74:.5 72:1 69:1  71:1 71:.5 72:.5 74:1 71:1  72:3.5 -:.5  74:1 71:1 67:2";
const BRIDGE =
  "74:3 72:1  72:3 -:1  69:1.5 72:.5 69:1 65:1  64:3 -:1  74:3 77:1  76:3 -:1  71:1 72:1 74:1 76:1  76:3 -:1";
const AH = [730, 1090, 2440], OH = [450, 800, 2830], EE = [300, 2200, 2950];

const hertz = (midi: number) => 440 * 2 ** ((midi - 69) / 12);

/** The band's whole piece. */
export function score(): { readonly samples: Float32Array<ArrayBuffer>; readonly events: readonly Event[] } {
  const bank = new Bank(), events: Event[] = [], recorded = new Map<string, Note>();
  /** Plays at `beat` of `bar`; a note that was recorded before is not recorded again. */
  const play = (channel: number, bar: number, beat: number, key: string, record: () => Note, gain = 1) => {
    const note = recorded.get(key) ?? record();
    recorded.set(key, note);
    events.push({ channel, start: Math.round((4 * bar + beat) * BEAT), note, gain });
  };
  for (let bar = 0; bar < BARS; bar++) {
    const section = bar >> 3, { bass, chord } = NOTES[CHORDS[bar]];
    const loud = section === 1 || section === 3, fill = bar % 4 === 3;
    drums(play, bank, bar, loud, fill);
    // Bass: root, octave, fifth.
    const line = loud ? [0, 0, 12, 0, 7, 0, 12, 7] : [0, null, null, 0, 7, null, 0, null];
    line.forEach((step, i) => {
      if (step !== null) play(BASS, bar, i / 2, `b${bass + step}`, () => bank.bass(hertz(bass + step), 0.5));
    });
    // Guitar left strums, a string every 12 ms; guitar right picks.
    const strums = loud ? [0, 1, 1.5, 2.5, 3, 3.5] : [0, 1.5, 2.5];
    strums.forEach((beat, stroke) =>
      [chord[0] - 12, ...chord].forEach((midi, string) =>
        play(
          GUITAR_L,
          bar,
          beat + 0.022 * (stroke % 2 ? 3 - string : string),
          `g${midi}`,
          () => bank.string(hertz(midi), 1.2, 0.35),
          stroke % 2 ? 0.7 : 1,
        )
      )
    );
    [0, 2, 1, 2, 0, 2, 1, 2].forEach((i, eighth) =>
      play(
        GUITAR_R,
        bar,
        eighth / 2,
        `p${chord[i] + 12}`,
        () => bank.string(hertz(chord[i] + 12), 1.5, 0.15),
        eighth % 4 ? 0.75 : 1,
      )
    );
    // Keys: a stereo piano, low notes to the left.
    chord.forEach((midi, i) => {
      for (const beat of loud ? [0, 1.5, 3] : [0, 2.5]) {
        const note = () => bank.piano(hertz(midi), 1.6);
        play(KEYS_L, bar, beat, `k${midi}`, note, 0.9 - 0.3 * i);
        play(KEYS_R, bar, beat, `k${midi}`, note, 0.3 + 0.3 * i);
      }
      play(PADS, bar, 0, `w${midi}`, () => bank.pad(hertz(midi), 2.6));
    });
    for (let beat = 0; beat < 4; beat++) {
      play(CLICK, bar, beat, beat ? "low" : "high", () => bank.beep(beat ? 1000 : 1500), beat ? 0.7 : 1);
    }
    // The singers behind hold the chord; in the loud parts they answer on two and four.
    for (const beat of loud ? [1, 3] : [0]) {
      const length = loud ? 0.8 : 1.9, vowel = loud ? AH : OH;
      play(VOICE_2, bar, beat, `2${chord[2]}${loud}`, () => bank.voice(hertz(chord[2]), length, vowel));
      play(VOICE_3, bar, beat, `3${chord[1]}${loud}`, () => bank.voice(hertz(chord[1]), length, vowel));
    }
  }
  [VERSE, CHORUS, VERSE, BRIDGE].forEach((tune, section) => {
    let beat = 0;
    for (const [pitch, beats] of tune.trim().split(/\s+/).map((note) => note.split(":"))) {
      const midi = Number(pitch), length = Number(beats);
      if (pitch !== "-") {
        const vowel = length >= 2 ? AH : midi % 2 ? EE : OH;
        play(VOICE_1, 8 * section, beat, `1${midi}/${length}`, () => bank.voice(hertz(midi), length * 0.5, vowel));
      }
      beat += length;
    }
  });
  return { samples: bank.samples, events };
}

type Play = (channel: number, bar: number, beat: number, key: string, record: () => Note, gain?: number) => void;

/** The drums, what the room makes of them, and the engineer who talks over it all. */
function drums(play: Play, bank: Bank, bar: number, loud: boolean, fill: boolean): void {
  for (const beat of loud ? [0, 1.5, 2, 3.5] : [0, 2, 2.5]) {
    play(KICK, bar, beat, "kick", () => bank.drum(130, 46, 0.035, 0.35, 0.4));
  }
  for (const [beat, gain] of [[1, 1], [2.75, 0.25], [3, 1]]) {
    play(SNARE, bar, beat, "snare", () => bank.snare(), gain);
    play(AMBIENCE, bar, beat, "echo", () => bank.room(1.2, 0.3, 0.02, 0.25, 5), 0.8 * gain);
  }
  for (let i = 0; i < 8; i++) {
    const open = loud && i % 2 === 1;
    play(HATS, bar, i / 2, open ? "open" : "closed", () => bank.hat(open ? 0.3 : 0.07), i % 2 ? 0.6 : 1);
  }
  const roll = fill ? [[2, 0], [2.25, 0], [2.5, 1], [2.75, 1], [3, 2], [3.5, 2]] : [[3.5, 0], [3.75, 2]];
  for (const [beat, tom] of roll) {
    play(
      TOMS,
      bar,
      beat,
      `tom${tom}`,
      () => bank.drum(220 - 50 * tom, 150 - 35 * tom, 0.06, 0.55, 0.15),
      fill ? 1 : 0.6,
    );
  }
  // Not words, but the tune of speech: short falling syllables.
  if (bar % 2 === 0) {
    const phrase: [number, number, number[]][] = [[0.1, 150, AH], [0.5, 170, EE], [0.85, 140, OH], [1.3, 125, AH]];
    phrase.forEach(([beat, pitch, vowel], i) => {
      play(TALKBACK, bar, beat, `t${i}`, () => bank.voice(pitch, 0.17, vowel, 1.12));
      play(TALKBACK, bar, beat - 0.06, "s", () => bank.hat(0.05), 0.12);
    });
  }
  play(AMBIENCE, bar, 0, "murmur", () => bank.room(3.2, 0.12, 1, 9, 3), 0.25);
  if (bar % 8 === 7) play(AMBIENCE, bar, 2, "applause", () => bank.room(4, 0.6, 0.8, 2, 9), 0.7);
}
