/**
 * The top of the musician's page: whose mix it is, how the sound gets here, the button to listen. Browser's main thread.
 */
import { html, names, useEffect, useState } from "./html.js";
import { addressFor, keptSession } from "./me_kept.js";
import { safeAddress } from "./me_ears.js";
import { lineOf } from "./me_quality.js";
import { Overlay } from "./overlay.js";
import { t } from "./words.js";

/** This page where it can play; null: nowhere, or here. @returns {string | null} */
function useSafeAddress(cannot, port) {
  const [address, setAddress] = useState(null), session = keptSession();
  useEffect(() => {
    if (cannot === "https" && session !== null) void safeAddress(port, addressFor(session)).then(setAddress);
  }, [cannot, port]);
  return address;
}

/** Why this page can't play, in a sentence, before anybody asks. */
function CannotNotice({ cannot, address }) {
  if (cannot === "browser") return html`<p class="notice cannot-play">${t("me.cannot.browser")}</p>`;
  return html`<p class="notice cannot-play">${t(address ? "me.cannot.https" : "me.cannot.noserver")} ${
    address && html`<a href=${address}>${t("listen.secure")}</a>`
  }</p>`;
}

/** What to tap, and what the phone will say to it. */
function CannotOverlay({ cannot, isOff, address, onClose }) {
  return html`<${Overlay} title=${t("me.listen")} onClose=${onClose} class="cannot">
    <p>${t(`listen.cannot.${cannot}`)}</p>
    ${isOff && html`<p>${t("listen.cannot.noserver")}</p>`}
    ${
    address &&
    html`<p class="notice">${t("listen.warning")}</p><a class="button main" href=${address}>${t("listen.secure")}</a>`
  }
  <//>`;
}

/** Starts and stops, or says why not. Only a session of this browser's own can be heard here. */
function ListenButton({ ears, connected, onCannot }) {
  if (!ears.ready) return null;
  const press = () => ears.cannot === null ? ears.toggle() : onCannot();
  const still = !connected && !ears.on, word = t(ears.on ? "me.listen.stop" : "me.listen");
  return html`<button type="button" class=${
    names("listen", !ears.on && "main")
  } disabled=${still} onClick=${press}>${word}</button>`;
}

/**
 * @param {{ live: import("./live.js").Live, ears: import("./me_ears.js").Ears | null, own: boolean, name: string,
 *   colour: string | undefined }} props
 */
export function Head({ live, ears, own, name, colour }) {
  const [explained, setExplained] = useState(false), { connected, status } = live;
  const session = connected ? status?.sessions[0] ?? null : null;
  const line = lineOf({ connected, session, own, listening: ears?.state ?? "off", outputMs: ears?.outputMs });
  const cannot = ears?.cannot ?? null, port = live.state?.httpsPort, address = useSafeAddress(cannot, port);
  const isOff = cannot === "https" && port === undefined;
  const failed = ears?.state === "failed" ? ears.problem : null;
  return html`<header class=${names("top", `q-${line.quality}`)} style=${{ "--strip": colour ?? "transparent" }}>
    <div class="whose">
      <h1>${name}</h1>
      <p class="line"><span class="quality figures" data-quality=${line.quality}>${line.text}</span></p>
    </div>
    ${!own && html`<span class="elsewhere">${t("me.in.app")}</span>`}
    ${ears && html`<${ListenButton} ears=${ears} connected=${connected} onCannot=${() => setExplained(true)} />`}
  </header>
  ${failed && html`<p class="notice bad" role="alert">${failed}</p>`}
  ${cannot && (isOff || cannot === "browser" || address) && html`<${CannotNotice} ...${{ cannot, address }} />`}
  ${
    explained && cannot &&
    html`<${CannotOverlay} ...${{ cannot, isOff, address }} onClose=${() => setExplained(false)} />`
  }`;
}
