/**
 * What is heard and seen of one mix here: the limiter's work, and listening to it. Browser's main thread.
 */
import "./listen_words.js";
import { Slider } from "./fader.js";
import { html, useEvents } from "./html.js";
import { dbText } from "./taper.js";
import { number, t } from "./words.js";

/** Gain reduction that fills the bar. */
const WHOLE_DB = 12;

/** @param {{ live: import("./live.js").Live, seat: string }} props */
export function LimiterBar({ live, seat }) {
  useEvents(live, "meters");
  const taken = live.seatLevel(seat)?.limiterDb ?? 0;
  return html`<div class="setting">
    <span>${t("con.limiter")}</span><output class="figures" aria-live="off">${
    t("db", { value: dbText(-taken) })
  }</output>
    <div class="limiter" role="img" aria-label=${t("con.limiter.of", { value: dbText(taken) })}><i style=${{
    "--taken": Math.min(1, taken / WHOLE_DB),
  }}></i></div>
  </div>`;
}

/** The player's own loudness, which nobody else hears. @type {import("./taper.js").Scale} */
const VOLUME = {
  min: 0,
  max: 1,
  fresh: 1,
  step: 0.05,
  leap: 0.2,
  marks: [],
  toPosition: (volume) => volume,
  toValue: (position) => Math.round(position * 100) / 100,
  text: (volume) => t("con.percent", { value: number(volume * 100) }),
};

/** @param {{ desk: import("./desk.js").DeskParts, seat: string }} props */
export function CueButton({ desk, seat }) {
  const { cue } = desk, here = cue.seat === seat;
  useEvents(cue, "change");
  return html`
    <button type="button" class="toggle" aria-pressed=${here} aria-busy=${cue.busy} disabled=${desk.offline && !here}
      onClick=${() => cue.toggle(seat)}>${t(here ? "listen.stop" : "listen.start")}</button>
  `;
}

/** How listening goes, while it does. @param {{ desk: import("./desk.js").DeskParts, seat: string }} props */
export function CueLine({ desk, seat }) {
  const { cue } = desk;
  useEvents(cue, "change");
  if (cue.seat !== seat) return null;
  const delay = cue.delayMs === null ? cue.text : t("listen.delay", { ms: number(cue.delayMs) });
  return html`<div class="setting">
    <span>${t("listen.volume")}</span><output class="figures dim" role="status">${delay}</output>
    <${Slider} scale=${VOLUME} value=${cue.volume} label=${t("listen.volume")} horizontal onMove=${(volume) =>
    cue.turn(volume)} />
  </div>`;
}
