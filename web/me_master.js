/**
 * The bottom of the musician's page, always there: master, the limiter's light, the level of the mix, undo. In: the seat's
 * mix. Out: moves. Browser's main thread.
 */
import { Fader } from "./fader.js";
import { html, useEffect, useRef } from "./html.js";
import { MuteButton } from "./me_strip.js";
import { MeterRow } from "./meter.js";
import { dbText, MASTER } from "./taper.js";
import { t } from "./words.js";

/** Below it nobody hears what the limiter takes. */
const LIMITING_DB = 0.5;
/** Meters come twenty times a second: a flash must be long enough to be seen. */
const LIT_METERS = 8;

/** Lit while the limiter works. It changes its element itself: nothing else is drawn again. */
function LimiterLight({ live, seat }) {
  const light = useRef(null);
  useEffect(() => {
    let left = 0;
    const look = () => {
      left = (live.seatLevel(seat)?.limiterDb ?? 0) > LIMITING_DB ? LIT_METERS : Math.max(0, left - 1);
      light.current.toggleAttribute("data-lit", left > 0);
    };
    live.addEventListener("meters", look);
    return () => live.removeEventListener("meters", look);
  }, [live, seat]);
  return html`
    <span class="limiter" ref=${light}
      title=${t("me.limiter.why")}><span class="unseen">${t("me.limiter.why")}</span><span aria-hidden="true">${t(
        "me.limiter",
      )}</span></span>
  `;
}

/**
 * @param {{ live: import("./live.js").Live, seat: string, mix: any, max: number, still: boolean, onUndo: () => void }} props
 */
export function Master({ live, seat, mix, max, still, onUndo }) {
  const { gainDb, mute } = mix.master, name = t("master"), level = () => live.seatLevel(seat)?.peakDb ?? null;
  const move = (master, gesture) => live.move(seat, { master }, gesture);
  const toGain = (db, gesture) => move({ gainDb: db }, gesture), label = t("me.level.of", { name });
  return html`
    <footer class="dock">
      <${MeterRow} live=${live} level=${level} horizontal class="dock-row">
        <div class="strip-head">
          <span class="title"><span class="name">${name}</span></span>
          <${LimiterLight} live=${live} seat=${seat} />
          <output class="value figures" aria-live="off">${dbText(gainDb)}</output>
          <${MuteButton} name=${name} on=${mute} still=${still} onChange=${(on) => move({ mute: on })} />
        </div>
        <div class="dock-fader">
          <${Fader} scale=${MASTER} value=${gainDb} max=${max} label=${label} horizontal tone="mine"
            disabled=${still} onMove=${toGain} />
          <button type="button" class="undo" disabled=${still} onClick=${onUndo}>${t("undo")}</button>
        </div>
        <div class="meter" data-meter="out"></div>
        <//>
        </footer>
  `;
}
