// @ts-check
/**
 * The line that says how the sound gets here, in a musician's words: "Good, 14 ms". Pure.
 */
import { qualityOf } from "./quality.js";
import { number, t } from "./words.js";

/** More than this in the headphones' own way is Bluetooth, mostly. */
const SLOW_OUTPUT_MS = 40;
/** With more jitter than this it is the buffer that is long, because of the network. */
const CALM_JITTER_MS = 5;
/** So long a buffer where jitter is small comes of stalls, the phone's own or rare ones of the network. */
const LONG_BUFFER_MS = 20;
const HIGH_LOSS_PERCENT = 0.1;

/** States of listening in this page that say more than the figures. */
const TELLING = new Set(["starting", "waiting", "lost", "ended", "taken", "failed"]);

/** @type {Record<string, import("./quality.js").Quality>} */
const WRONG = { lost: "act", failed: "act", ended: "act", taken: "watch" };

/** @param {number} percent */
const lossText = (percent) => number(percent, percent < 1 ? 1 : 0);

/**
 * Whose part of a long way it is that something can be done about.
 * @param {{ clientMs: number | null, jitterMs: number | null }} latency
 * @param {number | null} outputMs what this page knows of its own output; an app tells the server only its whole leg
 * @returns {"headphones" | "phone" | "network"}
 */
function slowPart({ clientMs, jitterMs }, outputMs) {
  const calm = (jitterMs ?? 0) < CALM_JITTER_MS, client = clientMs ?? 0;
  if (outputMs === null) return client > SLOW_OUTPUT_MS && calm ? "headphones" : "network";
  if (outputMs > SLOW_OUTPUT_MS) return "headphones";
  return client - outputMs > LONG_BUFFER_MS && calm ? "phone" : "network";
}

/**
 * @param {object} now
 * @param {boolean} now.connected
 * @param {any} now.session this session in the status, null before the first
 * @param {boolean} now.own this browser's session; false: an app's
 * @param {string} now.listening state of listening here, "off" without
 * @param {number | null} [now.outputMs] what this page's own output takes, if it plays
 * @returns {{ quality: import("./quality.js").Quality, text: string }}
 */
export function lineOf({ connected, session, own, listening, outputMs = null }) {
  if (!connected) return { quality: "act", text: t("me.line.offline") };
  if (TELLING.has(listening)) {
    const { [listening]: quality = "waiting" } = WRONG;
    return { quality, text: t(`listen.state.${listening}`) };
  }
  const quality = qualityOf(session);
  if (quality === "off") return { quality, text: t(own ? "me.line.silent" : "me.line.paused") };
  if (quality === "waiting") return { quality, text: t("me.line.measuring") };
  const { totalMs, lossPercent } = session.latency;
  const words = { ms: number(totalMs), loss: lossText(lossPercent ?? 0) };
  if (quality === "fine") return { quality, text: t("me.line.fine", words) };
  const lossy = (lossPercent ?? 0) >= HIGH_LOSS_PERCENT;
  if (quality === "watch") return { quality, text: t(lossy ? "me.line.watch.loss" : "me.line.watch", words) };
  if (lossy && lossPercent >= 1) return { quality, text: t("me.line.act.loss", words) };
  return { quality, text: t(`me.line.act.${slowPart(session.latency, outputMs)}`, words) };
}
