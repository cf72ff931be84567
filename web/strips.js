/**
 * The row of strips: inputs with their trims, or, with a seat chosen, that seat's sends on the faders, its groups and its
 * master. In: the state. Out: moves. Browser's main thread.
 */
import { NameButton } from "./edit.js";
import { Fader, Slider } from "./fader.js";
import { html, names } from "./html.js";
import { MeterRow } from "./meter.js";
import { dbText, MASTER, PAN, panText, TRIM } from "./taper.js";
import { t } from "./words.js";

const MASTER_METER = "master";

/** A button that is on or off. @param {{ on: boolean, label: string, children: unknown, class: string,
 *   disabled: boolean, onClick: () => void }} props */
const Toggle = ({ on, label, children, class: className, disabled, onClick }) =>
  html`
    <button type="button" class=${className} aria-pressed=${on} aria-label=${label} title=${label}
      disabled=${disabled} onClick=${onClick}>${children}</button>
  `;

/** Seen by musicians, or not. @param {{ shut: boolean }} props */
const Eye = ({ shut }) =>
  html`<svg width="20" height="14" viewBox="0 0 20 14" fill="none" stroke="currentColor" stroke-width="1.8" aria-hidden="true">
    <path d="M1 7c4-7 14-7 18 0-4 7-14 7-18 0z" /><circle cx="10" cy="7" r="2.6" />${
    shut && html`<path d="M3 13L17 1" stroke-width="2.2" />`
  }
  </svg>`;

/** Number, name and colour of an input, changed in place, and its clip light. */
function InputHead({ desk, channel }) {
  const { live, offline } = desk, { name, colour } = desk.state.channels[channel];
  return html`
    <div class="strip-head">
      <span class="strip-number figures">${channel}</span>
      <button type="button" class="clip" data-clip=${channel} aria-label=${t("con.clip.of", { name })} title=${t(
        "con.clip.of",
        { name },
      )}></button>
      <${NameButton} name=${name} colour=${colour} disabled=${offline} onChange=${(change) =>
        live.channel(channel, change)} />
    </div>
  `;
}

/** @param {{ desk: import("./desk.js").DeskParts, channel: number, after: any }} props */
function InputStrip({ desk, channel }) {
  const { live, state, offline } = desk, { name, colour, trimDb, mute, link, hidden } = state.channels[channel];
  const linked = link || state.channels[channel - 1]?.link;
  return html`
    <li class=${names(
      "strip",
      mute && "muted",
      hidden && "hidden-input",
      link && "linked-next",
      !link && linked && "linked-last",
    )}
      data-channel=${channel} style=${{ "--strip": colour ?? "var(--edge)" }}>
      <${InputHead} desk=${desk} channel=${channel} />
      <div class="strip-body">
        <${Slider} scale=${TRIM} value=${trimDb} label=${t("con.trim.of", { name })} disabled=${offline} marks centred
          onMove=${(db) => live.channel(channel, { trimDb: db })} />
        <div class="meter" data-meter=${channel}></div>
      </div>
      <output class="value figures" aria-live="off">${dbText(trimDb)}</output>
      <div class="strip-keys">
        <${Toggle} class="mute" on=${mute} label=${t("con.mute.of", { name })} disabled=${offline}
          onClick=${() => live.channel(channel, { mute: !mute })}>M</${Toggle}>
          <${Toggle} class="toggle" on=${hidden} label=${t("con.hide.of", { name })} disabled=${offline}
            onClick=${() => live.channel(channel, { hidden: !hidden })}><${Eye} shut=${hidden} /></${Toggle}>
          <${Toggle} class="toggle link" on=${link} label=${t("con.link.of", { name })}
            disabled=${offline || channel === state.inputs || (!link && (linked || state.channels[channel + 1]?.link))}
            onClick=${() => live.channel(channel, { link: !link })}>${t("con.link")}</${Toggle}>
        </div>
      </li>
  `;
}

/** One input in the chosen seat's mix. */
function SendStrip({ desk, channel }) {
  const { live, state, seat: id, offline } = desk, seat = state.seats[id], { name, colour } = state.channels[channel];
  const send = seat.mix.channels[channel], may = seat.channels?.includes(channel) ?? true;
  const move = (change, gesture) => live.move(id, { channels: { [channel]: change } }, gesture);
  const words = { name, seat: seat.name };
  return html`
    <li class=${names("strip send", send.mute && "muted", !may && "not-heard")} data-channel=${channel} style=${{
      "--strip": colour ?? "var(--edge)",
    }}>
      <${InputHead} desk=${desk} channel=${channel} />
      <div class="strip-pan">
        <${Slider} scale=${PAN} value=${send.pan} label=${t("con.pan.of", {
          name,
        })} horizontal centred disabled=${offline || !may}
          onMove=${(pan, gesture) => move({ pan }, gesture)} />
        <span class="figures" aria-hidden="true">${panText(send.pan)}</span>
      </div>
      <div class="strip-body">
        <${Fader} value=${send.gainDb} label=${t("con.send.of", words)} max=${seat
          .maxGainDb} marks tone="mine" disabled=${offline || !may}
          onMove=${(gainDb, gesture) => move({ gainDb }, gesture)} />
        <div class="meter" data-meter=${channel}></div>
      </div>
      <output class="value figures" aria-live="off">${may ? dbText(send.gainDb) : "–"}</output>
      <div class="strip-keys">
        <${Toggle} class="mute" on=${send.mute} label=${t("con.mute.of", { name })} disabled=${offline ||
          !may} onClick=${() => move({ mute: !send.mute })}>M</${Toggle}>
          <${Toggle} class="solo" on=${send.solo} label=${t("con.solo.of", { name })} disabled=${offline ||
            !may} onClick=${() => move({ solo: !send.solo })}>S</${Toggle}>
        </div>
        ${!may && html`<span class="small dim not-heard-why">${t("con.notheard")}</span>`}
      </li>
  `;
}

/** A group's fader in the chosen seat's mix. */
function GroupStrip({ desk, group }) {
  const { live, state, seat: id, offline } = desk, seat = state.seats[id], { name, colour } = state.groups[group];
  const send = seat.mix.groups[group];
  const move = (change, gesture) => live.move(id, { groups: { [group]: change } }, gesture);
  return html`
    <li class=${names("strip send group", send.mute && "muted")} data-group=${group} style=${{
      "--strip": colour ?? "var(--edge)",
    }}>
      <div class="strip-head"><span class="strip-number">${t("con.group")}</span>
          <${NameButton} name=${name} colour=${colour} disabled=${offline} onChange=${(change) =>
            desk.ask("PATCH", `/groups/${group}`, change)} />
        </div>
      <div class="strip-pan"></div>
      <div class="strip-body">
        <${Fader} value=${send.gainDb} label=${t("con.group.of", { name, seat: seat.name })} max=${seat
          .maxGainDb} marks tone="mine" disabled=${offline}
          onMove=${(gainDb, gesture) => move({ gainDb }, gesture)} />
      </div>
      <output class="value figures" aria-live="off">${dbText(send.gainDb)}</output>
      <div class="strip-keys">
        <${Toggle} class="mute" on=${send.mute} label=${t("con.mute.of", { name })} disabled=${offline} onClick=${() =>
          move({ mute: !send.mute })}>M</${Toggle}>
        </div>
      </li>
  `;
}

/** Dead quiet when nothing is taken away. */
function LimiterLamp({ live, seat }) {
  const level = live.seatLevel(seat)?.limiterDb ?? 0;
  return html`<span class=${names("limiter-lamp", level > 0 && "on")} title=${
    t("con.limiter.of", { value: dbText(level) })
  }>${t("con.limiter.lamp")}</span>`;
}

function MasterStrip({ desk }) {
  const { live, state, seat: id, offline } = desk, seat = state.seats[id], { gainDb, mute } = seat.mix.master;
  const move = (change, gesture) => live.move(id, { master: change }, gesture);
  return html`
    <li class=${names("strip send master", mute && "muted")} style=${{ "--strip": "var(--ink)" }}>
      <div class="strip-head"><span class="strip-number"></span>
          <button type="button" class="clip" data-clip=${MASTER_METER} aria-label=${t("con.clip.of", {
            name: t("master"),
          })}></button>
          <b class="name">${t("master")}</b>
        </div>
      <div class="strip-pan">
        <${LimiterLamp} live=${live} seat=${id} />
      </div>
      <div class="strip-body">
        <${Fader} scale=${MASTER} value=${gainDb} label=${t("con.master.of", { name: seat.name })} max=${seat
          .maxGainDb} marks tone="mine"
          disabled=${offline}
          onMove=${(db, gesture) => move({ gainDb: db }, gesture)} />
        <div class="meter" data-meter=${MASTER_METER}></div>
      </div>
      <output class="value figures" aria-live="off">${dbText(gainDb)}</output>
      <div class="strip-keys">
        <${Toggle} class="mute" on=${mute} label=${t("con.mute.of", {
          name: t("master"),
        })} disabled=${offline} onClick=${() => move({ mute: !mute })}>M</${Toggle}>
        </div>
      </li>
  `;
}

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function Strips({ desk }) {
  const { live, state, seat } = desk, channels = Object.keys(state.channels).map(Number);
  const level = (name) => (name === MASTER_METER ? live.seatLevel(seat) : live.level(Number(name)))?.peakDb ?? null;
  const title = seat === null ? t("con.inputs") : t("con.mixof", { name: state.seats[seat].name });
  return html`
    <section class=${names("strips", seat !== null && "of-seat")} aria-label=${title}>
      <header class="strips-head">
          <h2>${title}</h2>
          <p class="dim small">${t(seat === null ? "con.inputs.hint" : "con.mix.hint")}</p>
          ${seat !== null &&
            html`<button type="button" onClick=${() => desk.choose(null)}>${t("con.inputs.back")}</button>`}
        </header>
      <${MeterRow} live=${live} level=${level} class="strip-row" key=${seat ?? ""}>
        <ul class="strip-list">
            ${channels.map((channel) =>
              seat === null
                ? html`<${InputStrip} key=${channel} desk=${desk} channel=${channel} />`
                : html`<${SendStrip} key=${channel} desk=${desk} channel=${channel} />`
            )}
            ${seat !== null &&
              Object.keys(state.groups).map((group) =>
                html`<${GroupStrip} key=${group} desk=${desk} group=${group} />`
              )}
            ${seat !== null && html`<${MasterStrip} desk=${desk} />`}
          </ul>
        </${MeterRow}>
        </section>
  `;
}
