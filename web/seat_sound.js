/**
 * What is heard and seen of one mix here: the limiter's work, and listening to it. Browser's main thread.
 */
import { html, useEvents } from "./html.js";
import { dbText } from "./taper.js";
import { t } from "./words.js";

/** Gain reduction that fills the bar. */
const WHOLE_DB = 12;

/** @param {{ live: import("./live.js").Live, seat: string }} props */
export function LimiterBar({ live, seat }) {
  useEvents(live, "meters");
  const taken = live.seatLevel(seat)?.limiterDb ?? 0;
  return html`<div class="setting">
    <span>${t("con.limiter")}</span><output class="figures">${t("db", { value: dbText(-taken) })}</output>
    <div class="limiter" role="img" aria-label=${t("con.limiter.of", { value: dbText(taken) })}><i style=${{
    "--taken": Math.min(1, taken / WHOLE_DB),
  }}></i></div>
  </div>`;
}

/** @param {{ desk: import("./desk.js").DeskParts, seat: string }} props */
export function CueButton({ desk, seat }) {
  const { cue } = desk, here = cue.seat === seat;
  useEvents(cue, "change");
  return html`
    <button type="button" class="toggle" aria-pressed=${here} aria-busy=${cue.busy} disabled=${desk.offline && !here}
      title=${here ? cue.text : ""} onClick=${() => cue.toggle(seat)}>${t(here ? "con.cue.stop" : "con.cue")}</button>
  `;
}
