/**
 * The panel beside the strips: the chosen seat, delays, groups, scenes, the system. Browser's main thread.
 */
import { DelayPanel } from "./delay.js";
import { GroupsPanel } from "./groups.js";
import { html } from "./html.js";
import { ScenesPanel } from "./scenes.js";
import { SeatPanel } from "./seat.js";
import { SystemPanel } from "./system.js";
import { t } from "./words.js";

const PANELS = { seat: SeatPanel, delay: DelayPanel, groups: GroupsPanel, scenes: ScenesPanel, system: SystemPanel };

/** @param {{ desk: import("./desk.js").DeskParts, tab: string }} props */
export function Dock({ desk, tab }) {
  const Panel = PANELS[tab], tabs = Object.keys(PANELS);
  const onKeyDown = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
    desk.open(next);
    document.getElementById(`tab-${next}`).focus();
  };
  return html`
    <aside class="dock" aria-label=${t("con.dock")}>
      <div class="dock-tabs" role="tablist" onKeyDown=${onKeyDown}>
          ${tabs.map((name) =>
            html`
              <button key=${name} type="button" role="tab" id=${`tab-${name}`} aria-selected=${name ===
                tab} aria-controls="panel"
                tabindex=${name === tab ? 0 : -1} onClick=${() => desk.open(name)}>${t(`con.dock.${name}`)}</button>
            `
          )}
        </div>
      <div class="dock-panel" role="tabpanel" id="panel" aria-labelledby=${`tab-${tab}`} tabindex="0">
        <${Panel} key=${tab === "seat" ? desk.seat ?? "" : tab} desk=${desk} />
      </div>
    </aside>
  `;
}
