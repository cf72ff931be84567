/**
 * Scenes: how the desk stood, kept, recalled with a fade, exported to a file and imported from one. Browser's main thread.
 */
import { ConfirmButton } from "./confirm.js";
import { html, useRef, useState, useSubmit } from "./html.js";
import { language, number, t } from "./words.js";

const FADES_MS = [0, 500, 1000, 2000, 5000, 10_000, 30_000];
const USUAL_MS = 1000;

/** Kept while the page is open, as a console's fade time is. */
let fadeMs = USUAL_MS;

const timeText = (time) =>
  new Date(time).toLocaleString(language(), { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Gives a file to whoever sits here. */
function download(name, value) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
  link.download = `${name.replace(/[^\p{L}\p{N} _-]+/gu, "_")}.foldback.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}

function Rename({ name, onName }) {
  const [text, setText] = useState(name);
  const submit = (event) => {
    event.preventDefault();
    if (text.trim() !== "") onName(text.trim());
  };
  return html`<form class="line" onSubmit=${submit}>
    <input aria-label=${t("con.name")} maxlength="64" value=${text} onInput=${(event) =>
    setText(event.target.value)} /><button>${t("con.save")}</button>
  </form>`;
}

function Scene({ desk, id, onRecall }) {
  const { name, savedAt } = desk.state.scenes[id], { offline } = desk;
  const [open, setOpen] = useState(false), [renaming, setRenaming] = useState(false);
  const path = `/scenes/${id}`;
  const exported = async () => {
    const scene = await desk.ask("GET", path);
    if (scene) download(name, scene);
  };
  return html`<li class="item" data-scene=${id}>
    <div class="line">
      <button type="button" class="main" disabled=${offline} aria-label=${
    t("con.scene.recall.of", { name })
  } onClick=${() => onRecall(id, name)}>${t("con.scene.recall")}</button>
      <span class="item-name"><b>${name}</b><small class="dim">${timeText(savedAt)}</small></span>
      <span class="spring"></span>
      <button type="button" class="icon" aria-expanded=${open} aria-label=${
    t("con.scene.more", { name })
  } onClick=${() => setOpen(!open)}>⋯</button>
    </div>
    ${
    open && html`
      <div class="line">
        <${ConfirmButton} disabled=${offline} label=${t("con.scene.overwrite.of", { name })} onConfirm=${() =>
          desk.ask("PUT", path)}>${t("con.scene.overwrite")}</${ConfirmButton}>
            <button type="button" disabled=${offline} aria-expanded=${renaming} aria-label=${t("con.scene.rename.of", {
              name,
            })} onClick=${() => setRenaming(!renaming)}>${t("con.scene.rename")}</button>
            <button type="button" disabled=${offline} aria-label=${t("con.scene.export.of", {
              name,
            })} onClick=${exported}>${t("con.scene.export")}</button>
            <${ConfirmButton} disabled=${offline} label=${t("con.delete.of", { name })} onConfirm=${() =>
              desk.ask("DELETE", path)}>${t("con.delete")}</${ConfirmButton}>
          </div>
    `
  }
    ${
    open && renaming && html`<${Rename} name=${name} onName=${async (wanted) => {
      if (await desk.ask("PATCH", path, { name: wanted }) !== undefined) setRenaming(false);
    }} />`
  }
  </li>`;
}

function Import({ desk }) {
  const file = useRef(null);
  const take = async ({ target }) => {
    const [chosen] = target.files;
    target.value = "";
    if (!chosen) return;
    let scene;
    try {
      const { savedAt: _, ...rest } = JSON.parse(await chosen.text());
      scene = rest;
    } catch {
      return desk.say(t("con.scene.notone", { file: chosen.name }), true);
    }
    const made = await desk.ask("POST", "/scenes/import", scene);
    if (made) desk.say(t("con.scene.imported", { name: made.name }));
  };
  return html`
    <input type="file" class="unseen" tabindex="-1" accept=".json,application/json" aria-label=${t(
      "con.scene.import",
    )} ref=${file}
      onChange=${take} />
    <button type="button" disabled=${desk.offline} onClick=${() => file.current.click()}>${t(
      "con.scene.import",
    )}</button>
  `;
}

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function ScenesPanel({ desk }) {
  const { state, offline } = desk, [name, setName] = useState(""), [fade, setFade] = useState(fadeMs);
  const ids = Object.keys(state.scenes);
  const save = useSubmit(async () => {
    if (name.trim() === "") return;
    if (await desk.ask("POST", "/scenes", { name: name.trim() }) !== undefined) setName("");
  });
  const recall = async (id, called) => {
    if (await desk.ask("POST", `/scenes/${id}/recall`, { fadeMs: fade }) === undefined) return;
    desk.say(t("con.scene.recalled", { name: called }));
  };
  const choose = (event) => setFade(fadeMs = Number(event.target.value));
  return html`
    <form class="block" onSubmit=${save}>
      <div class="line"><input aria-label=${t("con.scene.new")} placeholder=${t(
        "con.scene.new",
      )} maxlength="64" value=${name}
            onInput=${(event) => setName(event.target.value)} /><button disabled=${offline || name.trim() === ""}>${t(
              "con.scene.save",
            )}</button></div>
    </form>
        <div class="block line">
          <label class="line">${t("con.scene.fade")} <select value=${String(fade)} onChange=${choose}>
            ${FADES_MS.map((ms) =>
              html`<option key=${ms} value=${String(ms)}>${
                t("con.scene.fade.s", { n: number(ms / 1000, ms % 1000 ? 1 : 0) })
              }</option>`
            )}
          </select></label>
          <span class="spring"></span><${Import} desk=${desk} />
        </div>
        ${ids.length === 0 && html`<p class="block dim">${t("con.scene.none")}</p>`}
        <ul class="items">${ids.map((id) => html`<${Scene} key=${id} desk=${desk} id=${id} onRecall=${recall} />`)}</ul>
  `;
}
