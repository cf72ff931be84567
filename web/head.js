/**
 * The console's top line: what it listens to, how the machine is, the join code, the language. Browser's main thread.
 */
import { html, names } from "./html.js";
import { language, number, setLanguage, t } from "./words.js";

/** Above it the sound has little room on the machine: of one core. */
const BUSY_PERCENT = 80;

export function LanguageButton() {
  const other = language() === "en" ? "es" : "en";
  return html`<button type="button" class="quiet" lang=${other} onClick=${() => setLanguage(other)}>${
    t("language.other")
  }</button>`;
}

/** A figure with its name; `level` "fine", "watch", "act". */
const Figure = ({ name, value, why, level }) =>
  html`
    <div class=${names("figure", `q-${level}`)} title=${why}>
      <dt>${name}</dt>
      <dd class="figures quality">${value}</dd>
    </div>
  `;

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function Head({ desk }) {
  const { state, status, history, pulse, offline } = desk, late = history.late.grown, overruns = history.overruns.grown;
  const cpu = pulse.cpuPercent;
  return html`
    <header class="head">
      <h1><img src="/web/icon.svg" alt="" width="28" height="28" /><span>Foldback</span></h1>
      <p class="head-source"><span class=${`quality ${status?.source.live === false ? "q-act" : "q-fine"}`}>${state
        .source}</span></p>
      <dl class="head-figures">
        <${Figure} name=${t("con.cpu")} why=${t("con.cpu.why")} level=${cpu === null
          ? "off"
          : cpu > BUSY_PERCENT
          ? "watch"
          : "fine"}
          value=${cpu === null ? "–" : t("con.percent", { value: number(cpu) })} />
        <${Figure} name=${t("con.overruns")} why=${t("con.overruns.why")} level=${overruns > 0
          ? "watch"
          : "fine"} value=${number(overruns)} />
        <${Figure} name=${t("con.late")} why=${t("con.late.why")} level=${late > 0 ? "watch" : "fine"} value=${number(
          late,
        )} />
      </dl>
      <span class=${names("line-state quality", offline ? "q-act" : "q-fine")} role="status">${t(
        offline ? "con.offline" : "con.online",
      )}</span>
      <${LanguageButton} />
      <button type="button" class="main" onClick=${() => desk.overlay({ kind: "join" })}>${t("con.join")}</button>
    </header>
  `;
}
