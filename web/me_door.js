/**
 * Before there is a session: name and code, and what is wrong and what to do. In: the entrance. Browser's main thread.
 */
import { html, useEffect, useRef, useState } from "./html.js";
import { keptName } from "./me_kept.js";
import { language, setLanguage, t } from "./words.js";

const SECOND_MS = 1000;

/** Switches to the other language. */
export function LanguageButton() {
  const other = language() === "en" ? "es" : "en";
  return html`<button type="button" class="quiet" lang=${other} onClick=${() => setLanguage(other)}>${
    t("language.other")
  }</button>`;
}

/** Seconds that are left, counted down. @param {{ until: number }} props performance.now() */
function Countdown({ until }) {
  const left = () => Math.max(0, Math.ceil((until - performance.now()) / SECOND_MS));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(left()), SECOND_MS / 2);
    setSeconds(left());
    return () => clearInterval(timer);
  }, [until]);
  return html`<p class="figures" data-countdown=${seconds}>${t("me.again.in", { n: seconds })}</p>`;
}

/** @param {{ entrance: import("./me_entrance.js").Entrance, problem: (() => string) | null }} props */
function JoinForm({ entrance, problem }) {
  const [name, setName] = useState(keptName), [code, setCode] = useState(entrance.code);
  const form = useRef(null);
  // The first thing that is missing.
  useEffect(() => form.current.querySelector(name === "" ? "#name" : "#code").focus(), []);
  const submit = (event) => {
    event.preventDefault();
    entrance.submit(name, code);
  };
  return html`<form class="door-form" ref=${form} onSubmit=${submit} novalidate>
    <h1>${t("me.join.title")}</h1>
    <p class="dim">${t("me.join.what")}</p>
    ${problem && html`<p class="notice bad" role="alert">${problem()}</p>`}
    <label for="name">${t("me.name")}</label>
    <input id="name" autocomplete="nickname" maxlength="64" enterkeyhint="next" value=${name}
      onInput=${({ target }) => setName(target.value)} />
    <label for="code">${t("me.code")}</label>
    <input id="code" class="figures" autocomplete="off" autocapitalize="characters" spellcheck="false" enterkeyhint="go" value=${code}
      onInput=${({ target }) => setCode(target.value)} />
    <button class="main">${t("me.join")}</button>
  </form>`;
}

/** @param {{ entrance: import("./me_entrance.js").Entrance }} props */
function Step({ entrance }) {
  const { step } = entrance;
  switch (step.kind) {
    case "ask":
      return html`<${JoinForm} entrance=${entrance} problem=${step.problem} />`;
    case "joining":
      return html`<p class="dim" role="status">${t("me.joining")}</p>`;
    case "waiting":
      return html`
        <div class="door-form">
          <p class="notice bad" role="alert">${step.problem()}</p>
          <${Countdown} until=${step.until} />
          <button type="button" class="main" onClick=${() => entrance.join()}>${t("me.again.now")}</button>
          <button type="button" onClick=${() => entrance.ask()}>${t("me.code.other")}</button>
        </div>
      `;
    case "ended":
      return html`<div class="door-form">
        <h1>${t("me.ended.title")}</h1>
        <p class="notice bad" role="alert">${t(step.own ? "me.ended.own" : "me.ended.app")}</p>
        ${
        step.own && entrance.code !== "" && html`<button type="button" class="main" onClick=${() =>
          entrance.again()}>${t("me.ended.again")}</button>`
      }
        <button type="button" onClick=${() => entrance.ask()}>${t("me.code.other")}</button>
      </div>`;
    default:
      return null;
  }
}

/** @param {{ entrance: import("./me_entrance.js").Entrance }} props */
export function Door({ entrance }) {
  return html`
    <main class="door">
      <img src="/web/icon.svg" alt="Foldback" width="56" height="56" />
      <${Step} entrance=${entrance} />
      <p class="door-foot">
        <${LanguageButton} />
      </p>
    </main>
  `;
}
