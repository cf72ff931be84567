/**
 * The way in, large enough for a stage: QR code, address and code for everybody, or the invite of one seat. Browser's main
 * thread.
 */
import { ConfirmButton } from "./confirm.js";
import { html } from "./html.js";
import { Overlay } from "./overlay.js";
import { Qr } from "./qr.js";
import { t } from "./words.js";

/**
 * What a phone opens: the musician's page with the code in the fragment, which no server sees, and who sits there, so that
 * nobody is asked.
 * @param {string} url @param {string} code @param {string} [name]
 */
export function joinAddress(url, code, name) {
  const address = new URL("me", url);
  address.hash = `join=${encodeURIComponent(code)}${name === undefined ? "" : `&name=${encodeURIComponent(name)}`}`;
  return address.href;
}

/** @param {{ desk: import("./desk.js").DeskParts, seat: string | null, onClose: () => void }} props */
export function JoinOverlay({ desk, seat: id, onClose }) {
  const { state, offline } = desk, seat = id === null ? null : state.seats[id];
  const code = seat?.invite ?? state.joinCode, address = joinAddress(state.url, code, seat?.name);
  const title = seat ? t("con.invite.of", { name: seat.name }) : t("con.join.title");
  const renew = () => seat ? desk.ask("POST", `/seats/${id}/invite`) : desk.ask("POST", "/secrets/join-code", {});
  return html`
    <${Overlay} title=${title} onClose=${onClose} troubles=${desk.troubles} class="join-page">
      <div class="join-qr">
        <${Qr} text=${address} label=${t("con.qr.label", { text: address })} />
      </div>
      <div class="join-words">
          ${seat && html`<p class="join-name">${seat.name}</p>`}
          <p>${t(seat ? "con.invite.what" : "con.join.what")}</p>
          <p class="join-address">${new URL("me", state.url).href.replace(/^http:\/\//, "")}</p>
          <p>${t("con.join.code")}</p>
          <p class="join-code">${code}</p>
          ${state.url.startsWith("http:") && html`<p class="join-note dim">${t("con.join.plain")}</p>`}
          <${ConfirmButton} disabled=${offline} onConfirm=${renew} label=${t(
            seat ? "con.invite.new" : "con.join.new",
          )}>${t(seat ? "con.invite.new" : "con.join.new")}</${ConfirmButton}>
        </div>
      </${Overlay}>
  `;
}
