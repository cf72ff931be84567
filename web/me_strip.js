/**
 * One strip of the musician's mix, for a thumb: pin, name, level, mute, a wide fader; solo and pan behind a tap on the
 * name. In: the strip as the server has it. Out: moves. A strip that didn't change isn't drawn again. Browser's main
 * thread.
 */
import { Fader, Slider } from "./fader.js";
import { Component, html, names, useState } from "./html.js";
import { dbText, PAN, panText } from "./taper.js";
import { t } from "./words.js";

/** `Inner`, drawn again only when one of its props is another. */
const remembered = (Inner) =>
  class extends Component {
    shouldComponentUpdate(next) {
      const now = this.props;
      return Object.keys({ ...now, ...next }).some((name) => now[name] !== next[name]);
    }
    render(props) {
      return html`<${Inner} ...${props} />`;
    }
  };

const Star = () =>
  html`
    <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path d="M12 2.6l2.9 5.9 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.4l6.5-.9z" />
    </svg>
  `;

const Chevron = () =>
  html`
    <svg class="chevron" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d="M2 4l4 4 4-4" />
    </svg>
  `;

/** What stands in the way of hearing it, or of hearing anything else. */
const Tag = ({ soloed, atDesk }) =>
  soloed
    ? html`<span class="tag solo-tag">${t("solo")}</span>`
    : atDesk && html`<span class="tag">${t("me.desk.muted")}</span>`;

/** @param {{ name: string, on: boolean, still: boolean, onChange: (mute: boolean) => void }} props */
export function MuteButton({ name, on, still, onChange }) {
  const label = t("me.mute.of", { name }), press = () => onChange(!on);
  return html`
    <button type="button" class="mute" aria-pressed=${on} aria-label=${label} disabled=${still}
      onClick=${press}>${t("me.mute")}</button>
  `;
}

/** What is seldom touched: solo and pan. */
function Drawer({ id, name, send, still, onMove }) {
  const solo = t("me.solo.of", { name }), pan = t("me.pan.of", { name });
  const toPan = (value, gesture) => onMove({ pan: value }, gesture);
  return html`
    <div class="drawer" id=${id}>
      <button type="button" class="solo" aria-pressed=${send.solo} aria-label=${solo} disabled=${still}
        onClick=${() => onMove({ solo: !send.solo })}>${t("solo")}</button>
      <span class="pan-end" aria-hidden="true">${t("me.left")}</span>
      <${Slider} scale=${PAN} value=${send.pan} label=${pan} horizontal centred disabled=${still}
        onMove=${toPan} />
      <span class="pan-end" aria-hidden="true">${t("me.right")}</span>
      <output class="figures pan-value" aria-live="off">${panText(send.pan)}</output>
    </div>
  `;
}

/**
 * @param {object} props
 * @param {string} props.name
 * @param {string | undefined} props.colour
 * @param {any} props.send `{ gainDb, mute }`, and `pan` and `solo` of a channel
 * @param {number} props.max
 * @param {boolean} props.still faders can't be moved: offline, locked
 * @param {string} props.id of the channel or group, unlike any other on the page
 * @param {string} [props.meter] name of its meter
 * @param {boolean} [props.mine] pinned
 * @param {(id: string) => void} [props.onPin] without: it can't be pinned
 * @param {boolean} [props.atDesk] the engineer has muted the input
 * @param {string} props.language it is another drawing in another language
 * @param {(id: string, change: any, gesture?: string) => void} props.onMove
 */
function WholeStrip({ name, colour, send, max, still, id, meter, mine = false, onPin, atDesk = false, onMove }) {
  const [open, setOpen] = useState(false), drawer = `drawer-${id}`, hasPan = send.pan !== undefined;
  const move = (change, gesture) => onMove(id, change, gesture),
    toGain = (gainDb, gesture) => move({ gainDb }, gesture);
  const pin = t("me.pin.of", { name }), level = t("me.level.of", { name });
  const title =
    html`<span class="names"><span class="name">${name}</span><${Tag} soloed=${send.solo} atDesk=${atDesk} /></span>`;
  const look = { "--strip": colour ?? "var(--edge)" };
  return html`<li class=${names("strip", mine && "mine", send.mute && "muted")} data-strip=${id} style=${look}>
    <div class="strip-head">
      ${
    onPin && html`
      <button type="button" class="pin icon quiet" aria-pressed=${mine} aria-label=${pin}
        onClick=${() => onPin(id)}><${Star} /></button>
    `
  }
      ${
    hasPan
      ? html`
        <button type="button" class="title quiet" aria-expanded=${open} aria-controls=${drawer}
          onClick=${() => setOpen(!open)}>${title}<${Chevron} /></button>
      `
      : html`<span class="title">${title}</span>`
  }
      <output class="value figures" aria-live="off">${dbText(send.gainDb)}</output>
      <${MuteButton} name=${name} on=${send.mute} still=${still} onChange=${(mute) => move({ mute })} />
    </div>
    <${Fader} value=${send.gainDb} max=${max} label=${level} horizontal tone=${
    mine && "mine"
  } disabled=${still} onMove=${toGain} />
    ${meter !== undefined && html`<div class="meter" data-meter=${meter}></div>`}
    ${hasPan && open && html`<${Drawer} id=${drawer} name=${name} send=${send} still=${still} onMove=${move} />`}
  </li>`;
}

export const Strip = remembered(WholeStrip);
