/**
 * Groups of channels: made, named, coloured, filled and deleted. Browser's main thread.
 */
import { ConfirmButton } from "./confirm.js";
import { ChannelPicker, ChannelSetting, NameButton } from "./edit.js";
import { html, useState, useSubmit } from "./html.js";
import { t } from "./words.js";

function Group({ desk, id }) {
  const { state, offline } = desk, { name, colour, channels } = state.groups[id], [open, setOpen] = useState(false);
  const set = (change) => desk.ask("PATCH", `/groups/${id}`, change);
  return html`
    <li class="item" style=${{ "--strip": colour ?? "var(--edge)" }} data-group=${id}>
      <div class="line">
        <${NameButton} name=${name} colour=${colour} disabled=${offline} onChange=${set} />
        <span class="spring"></span>
        <button type="button" class="toggle" aria-expanded=${open} aria-pressed=${open} aria-label=${`${
          t("con.group.count", { n: channels.length })
        }: ${name}`}
          onClick=${() => setOpen(!open)}>${t("con.group.count", { n: channels.length })}</button>
        <${ConfirmButton} disabled=${offline} label=${t("con.delete.of", { name })} onConfirm=${() =>
          desk.ask("DELETE", `/groups/${id}`)}>${t("con.delete")}</${ConfirmButton}>
        </div>
        ${open &&
          html`<${ChannelSetting} channels=${state.channels} chosen=${channels} label=${
            t("con.group.channels", { name })
          } send=${(chosen) => set({ channels: chosen })} />`}
      </li>
  `;
}

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function GroupsPanel({ desk }) {
  const { state, offline } = desk, [name, setName] = useState(""), [chosen, setChosen] = useState([]);
  const ids = Object.keys(state.groups);
  const submit = useSubmit(async () => {
    if (name.trim() === "" || chosen.length === 0) return;
    if (await desk.ask("POST", "/groups", { name: name.trim(), channels: chosen }) === undefined) return;
    setName("");
    setChosen([]);
  });
  return html`
    <ul class="items">${ids.map((id) => html`<${Group} key=${id} desk=${desk} id=${id} />`)}</ul>
        ${ids.length === 0 && html`<p class="block dim">${t("con.group.none")}</p>`}
        <form class="block" onSubmit=${submit}>
      <div class="line"><input aria-label=${t("con.group.new")} placeholder=${t(
        "con.group.new",
      )} maxlength="64" value=${name}
            onInput=${(event) => setName(event.target.value)} /><button disabled=${offline || chosen.length === 0 ||
              name.trim() === ""}>${t("con.add")}</button></div>
      <${ChannelPicker} channels=${state.channels} chosen=${chosen} label=${t(
        "con.group.pick",
      )} onChange=${setChosen} />
    </form>
  `;
}
