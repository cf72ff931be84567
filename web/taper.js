// @ts-check
/**
 * Where on its track a control stands for a value, and what it says. A scale turns a value into a position (0 bottom or
 * left, 1 top or right) and back; pure functions, any thread.
 *
 * @typedef {object} Scale
 * @property {number} min
 * @property {number} max
 * @property {number} fresh what a double click puts back
 * @property {number} step an arrow key's
 * @property {number} leap a page key's
 * @property {readonly number[]} marks values with a line beside the track
 * @property {(value: number) => number} toPosition
 * @property {(position: number) => number} toValue
 * @property {(value: number) => string} text
 */
import { number, t } from "./words.js";

/** At and below it a gain is off. */
export const OFF_DB = -120;

const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(high, Math.max(low, value));
const half = (/** @type {number} */ value) => Math.round(value * 2) / 2;

/**
 * A console's fader in four straight pieces: +10 at the top, 0 dB at three quarters, −10 in the middle, −30, −60, and
 * off at the very bottom.
 * @param {number} db
 */
export function faderPosition(db) {
  if (db >= -10) return clamp((db + 30) / 40, 0, 1);
  if (db >= -30) return (db + 50) / 80;
  if (db >= -60) return (db + 70) / 160;
  return clamp((db + 90) / 480, 0, 1);
}

/** @param {number} position */
export function faderDb(position) {
  if (position <= 0) return OFF_DB;
  const db = position >= 0.5
    ? position * 40 - 30
    : position >= 0.25
    ? position * 80 - 50
    : position >= 0.0625
    ? position * 160 - 70
    : position * 480 - 90;
  return Math.min(10, Math.round(db * 10) / 10);
}

/** "−6.5", "−∞", "+3.0" @param {number} db */
export const dbText = (db) =>
  db <= -90
    ? "−∞"
    : `${db > 0 ? "+" : db < 0 ? "−" : ""}${number(Math.abs(db), db <= -99.95 || Number.isInteger(db) ? 0 : 1)}`;

/** For screen readers and labels: "−6.5 dB", "off". @param {number} db */
export const dbWords = (db) => db <= -90 ? t("off") : t("db", { value: dbText(db) });

/** A level in a mix. @type {Scale} */
export const GAIN = {
  min: OFF_DB,
  max: 10,
  fresh: 0,
  step: 0.5,
  leap: 3,
  marks: [10, 5, 0, -5, -10, -20, -30, -40, -60],
  toPosition: faderPosition,
  toValue: faderDb,
  text: dbWords,
};

/** A mix's master. @type {Scale} */
export const MASTER = { ...GAIN, fresh: -12 };

/**
 * Straight from one end to the other, in steps of half a dB.
 * @param {number} min @param {number} max @param {number} fresh @param {readonly number[]} marks
 * @returns {Scale}
 */
const straight = (min, max, fresh, marks) => ({
  min,
  max,
  fresh,
  step: 0.5,
  leap: 3,
  marks,
  toPosition: (db) => clamp((db - min) / (max - min), 0, 1),
  toValue: (position) => half(min + position * (max - min)),
  text: (db) => t("db", { value: dbText(db) }),
});

/**
 * An input's trim: half of the way is for −12 … +12, which is what engineers use.
 * @type {Scale}
 */
export const TRIM = {
  ...straight(-60, 20, 0, [-60, -30, -12, -6, 0, 6, 12, 20]),
  toPosition: (db) => clamp(db <= -12 ? 0.2 * (db + 60) / 48 : 0.2 + 0.8 * (db + 12) / 32, 0, 1),
  toValue: (position) => half(position <= 0.2 ? position / 0.2 * 48 - 60 : (position - 0.2) / 0.8 * 32 - 12),
};

/** A limiter's ceiling. @type {Scale} */
export const CEILING = straight(-20, 0, -1, [-20, -10, 0]);

/** −1 left … +1 right. @type {Scale} */
export const PAN = {
  min: -1,
  max: 1,
  fresh: 0,
  step: 0.05,
  leap: 0.25,
  marks: [0],
  toPosition: (pan) => clamp((pan + 1) / 2, 0, 1),
  toValue: (position) => {
    const pan = Math.round((position * 2 - 1) * 50) / 50;
    return Math.abs(pan) < 0.05 ? 0 : pan;
  },
  text: (pan) => panText(pan),
};

/** "L 50", "C", "R 100" @param {number} pan */
export const panText = (pan) =>
  Math.round(pan * 100) === 0
    ? t("pan.centre")
    : t(pan < 0 ? "pan.left" : "pan.right", { n: Math.round(Math.abs(pan) * 100) });
