// @ts-check
/**
 * What a listener's delay and loss mean, in a word and a colour that the engineer and the musician both see. Pure.
 */

/** @typedef {"fine" | "watch" | "act" | "off" | "waiting"} Quality */

export const FINE_MS = 15;
export const WATCH_MS = 25;
const FINE_LOSS_PERCENT = 0.1;
const WATCH_LOSS_PERCENT = 1;

/**
 * @param {{ paused: boolean, latency: { totalMs: number | null, lossPercent: number | null } } | null | undefined} session
 *   of the status; nothing: nobody is there
 * @returns {Quality}
 */
export function qualityOf(session) {
  if (!session || session.paused) return "off";
  const { totalMs, lossPercent } = session.latency;
  if (totalMs === null) return "waiting";
  const loss = lossPercent ?? 0;
  if (totalMs <= FINE_MS && loss < FINE_LOSS_PERCENT) return "fine";
  return totalMs <= WATCH_MS && loss < WATCH_LOSS_PERCENT ? "watch" : "act";
}

/**
 * Bars of network quality, 0 … 4, from loss, jitter and the way there.
 * @param {{ networkMs: number | null, lossPercent: number | null, jitterMs: number | null }} latency
 */
export function barsOf({ networkMs, lossPercent, jitterMs }) {
  if (networkMs === null && lossPercent === null) return 0;
  const loss = lossPercent ?? 0, jitter = jitterMs ?? 0, network = networkMs ?? 0;
  if (loss < 0.1 && jitter < 2 && network < 4) return 4;
  if (loss < 0.5 && jitter < 5 && network < 8) return 3;
  if (loss < 2 && jitter < 12 && network < 20) return 2;
  return 1;
}
