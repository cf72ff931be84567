/**
 * The engineer's page. In: the key from the address (`#key=…`), kept for this tab and taken out of the address bar. Out:
 * the console, or a form that asks for the key. Browser's main thread.
 */
import "./words_console.js";
import { Desk } from "./desk.js";
import { html, render, useEffect, useEvents, useState } from "./html.js";
import { languageEvents, t } from "./words.js";
import { LanguageButton } from "./head.js";

const KEPT = "foldback.key";

function kept() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
function keep(key) {
  try {
    if (key === null) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, key);
  } catch { /* then only as long as the page is open */ }
}

/** The key in an address, or the text itself. */
export function keyIn(text) {
  const found = /#(?:.*&)?key=([^&]*)/.exec(text);
  try {
    return decodeURIComponent(found?.[1] ?? encodeURIComponent(text)).trim();
  } catch {
    return found[1]; // a sign of percent that was meant so
  }
}

/** The key of the address bar, which forgets it; else the one that this tab has. */
function firstKey() {
  if (!location.hash.startsWith("#key=")) return kept();
  const key = keyIn(location.hash);
  history.replaceState(null, "", location.pathname);
  keep(key);
  return key;
}

/** @param {{ why: string | null, onKey: (key: string) => void }} props */
function KeyForm({ why, onKey }) {
  const [text, setText] = useState(""), [missing, setMissing] = useState(false);
  const submit = (event) => {
    event.preventDefault();
    const key = keyIn(text);
    setMissing(key === "");
    if (key !== "") onKey(key);
  };
  return html`
    <main class="door">
      <form class="door-form" onSubmit=${submit}>
          <img src="/web/icon.svg" alt="" width="48" height="48" />
          <h1>${t("con.key.title")}</h1>
          <p class="dim">${t("con.key.what")}</p>
          ${(why ?? missing) && html`<p class="notice bad" role="alert">${missing ? t("con.key.missing") : why}</p>`}
          <label for="key">${t("con.key.label")}</label>
          <input id="key" type="password" autocomplete="off" value=${text} onInput=${(event) =>
            setText(event.target.value)} />
          <button class="main">${t("con.key.open")}</button>
          <p class="door-foot"><a href="/me">${t("con.key.musician")}</a><${LanguageButton} /></p>
        </form>
    </main>
  `;
}

function App() {
  useEvents(languageEvents, "change");
  const [key, setKey] = useState(firstKey), [why, setWhy] = useState(null), [isNew, setNew] = useState(false);
  const take = (wanted, fresh = false) => {
    keep(wanted);
    setKey(wanted);
    setWhy(null);
    setNew(fresh);
  };
  const refuse = (code) => {
    keep(null);
    setKey(null);
    setWhy(`con.key.${code}`);
  };
  useEffect(() => {
    const look = () => location.hash.startsWith("#key=") && take(firstKey());
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  document.title = t("con.title");
  if (!key) return html`<${KeyForm} why=${why && t(why)} onKey=${take} />`;
  return html`<${Desk} key=${key} secret=${key} onRefused=${refuse} onKey=${(wanted) =>
    take(wanted, true)} isNew=${isNew} />`;
}

render(html`<${App} />`, document.getElementById("page"));
