/**
 * Name and colour of an input, a seat or a group, changed where they stand: a button with the name opens a small panel.
 * Browser's main thread.
 */
import { html, names, useAsked, useRef, useState } from "./html.js";
import { Popover } from "./popover.js";
import { t } from "./words.js";

/** Apart from each other on a dark ground, for colour-blind eyes too, and at 3:1 and more against it. */
export const COLOURS = {
  red: "#e5534b",
  orange: "#f0883e",
  yellow: "#e3c341",
  green: "#57ab5a",
  cyan: "#39c5cf",
  blue: "#539bf5",
  violet: "#a281f0",
  pink: "#e275ad",
};

/**
 * @param {{ name: string, colour?: string, onChange: (change: { name?: string, colour?: string | null }) => void,
 *   onClose: () => void, anchor: Element }} props
 */
function Editor({ name, colour, onChange, onClose, anchor }) {
  const [text, setText] = useState(name);
  const submit = (event) => {
    event.preventDefault();
    const wanted = text.trim();
    if (wanted !== "" && wanted !== name) onChange({ name: wanted });
    onClose();
    anchor.focus();
  };
  const swatch = (value, word) =>
    html`
      <button
        type="button"
        key=${word}
        class=${names("swatch", value === null && "none")}
        style=${{ "--swatch": value ?? "transparent" }}
        aria-label=${t(`con.colour.${word}`)}
        aria-pressed=${(colour ?? null) === value}
        onClick=${() => onChange({ colour: value })}
      ></button>
    `;
  return html`
    <${Popover} anchor=${anchor} label=${t("con.edit.of", { name })} onClose=${onClose}>
      <form class="editor" onSubmit=${submit}>
        <label>${t("con.name")}
            <input value=${text} maxlength="64" onInput=${(event) => setText(event.target.value)} autocomplete="off" />
          </label>
        <div class="swatches" role="group" aria-label=${t("con.colour")}>
            ${Object.entries(COLOURS).map(([word, value]) => swatch(value, word))}${swatch(null, "none")}
          </div>
        <button class="main">${t("con.save")}</button>
      </form>
      </${Popover}>
  `;
}

/**
 * @param {{ name: string, colour?: string, disabled?: boolean, class?: string,
 *   onChange: (change: { name?: string, colour?: string | null }) => void }} props
 */
export function NameButton({ name, colour, disabled = false, class: className, onChange }) {
  const [open, setOpen] = useState(false), button = useRef(null);
  return html`
    <button
      type="button"
      ref=${button}
      class=${names("name", className)}
      title=${name}
      disabled=${disabled}
      aria-label=${t("con.edit.of", { name })}
      aria-expanded=${open}
      onClick=${() => setOpen(!open)}
    ><span>${name}</span></button>
        ${open &&
          html`<${Editor} ...${{ name, colour, onChange, anchor: button.current }} onClose=${() => setOpen(false)} />`}
  `;
}

/**
 * {@link ChannelPicker} for what the server has: shown as it is wanted until the answer. @param {{ channels: Record<string, any>, chosen: readonly number[],
 *   send: (chosen: number[]) => Promise<unknown>, label: string }} props
 */
export function ChannelSetting({ channels, chosen, send, label }) {
  const [shown, show, flush] = useAsked(chosen, send);
  const onChange = (wanted) => {
    show(wanted);
    void flush();
  };
  return html`<${ChannelPicker} ...${{ channels, chosen: shown, onChange, label }} />`;
}

/** Channels as boxes to tick. @param {{ channels: Record<string, any>, chosen: readonly number[],
 *   onChange: (chosen: number[]) => void, label: string }} props */
export function ChannelPicker({ channels, chosen, onChange, label }) {
  const toggle = (channel) =>
    onChange(
      (chosen.includes(channel) ? chosen.filter((one) => one !== channel) : [...chosen, channel]).sort((a, b) => a - b),
    );
  return html`<div class="picker" role="group" aria-label=${label}>
    ${
    Object.entries(channels).map(([key, { name }]) => {
      const channel = Number(key);
      return html`
        <label key=${key} class="tick">
          <input type="checkbox" checked=${chosen.includes(channel)} onChange=${() => toggle(channel)} />
          <span><b class="figures">${key}</b> ${name}</span>
        </label>
      `;
    })
  }
  </div>`;
}
