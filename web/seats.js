/**
 * Who listens, and how late: one card a seat, its delay readable across the stage, the legs on hover, focus or tap. Seats
 * without a phone are small, at the end. Browser's main thread.
 */
import { html, names, useState } from "./html.js";
import { Tip } from "./popover.js";
import { CUE_DEVICE } from "./cue.js";
import { barsOf, qualityOf } from "./quality.js";
import { number, t } from "./words.js";

/** A delay as it is printed: tenths, or null. @param {number | null | undefined} ms */
export const msText = (ms) => ms === null || ms === undefined ? "–" : number(ms, 1);
/** @param {number | null} percent */
export const lossText = (percent) => number(percent ?? 0, (percent ?? 0) < 10 ? 1 : 0);

/** The session of a seat in the status: it knows no more than once a second. */
export const statusOf = (status, seat) => status?.sessions.find((session) => session.seat === seat) ?? null;

/** Bars as on a phone; said in words too. @param {{ n: number }} props */
export const Bars = ({ n }) =>
  html`<svg class="bars" viewBox="0 0 22 16" width="22" height="16" role="img" aria-label=${t("con.seat.bars", { n })}>
    ${
    [0, 1, 2, 3].map((i) =>
      html`<rect key=${i} x=${i * 6} y=${12 - i * 4} width="4" height=${4 + i * 4} rx="1" class=${
        i < n ? "on" : "off"
      } />`
    )
  }
  </svg>`;

const LEGS = ["server", "network", "client"];

/** The legs with their medians and tails. @param {{ latency: any }} props */
export const LegTable = ({ latency }) =>
  html`
    <table class="legs figures">
      <caption class="unseen">${t("con.legs")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("con.leg")}</th>
          <th scope="col">${t("con.leg.p50")}</th>
          <th scope="col">${t("con.leg.p99")}</th>
          <th scope="col">${t("con.leg.max")}</th>
        </tr>
      </thead>
      <tbody>
          ${[...LEGS, "total"].map((leg) => {
            const spread = latency.last10s[leg];
            return html`
              <tr key=${leg} class=${leg}>
                <th scope="row"><i class=${`leg-${leg}`}></i>${t(`con.leg.${leg}`)}</th>
                <td>${msText(leg === "total" ? latency.totalMs : spread?.p50)}</td>
                <td>${msText(spread?.p99)}</td>
                <td>${msText(spread?.max)}</td>
              </tr>
            `;
          })}
        </tbody>
    </table>
    <p class="dim small">${t("con.legs.note")}</p>
  `;

/** What each leg takes of the whole, as a line. */
function LegBar({ latency }) {
  const parts = [latency.serverMs, latency.networkMs, latency.clientMs];
  return html`<span class="legbar" aria-hidden="true">
    ${parts.map((ms, i) => html`<i key=${i} class=${`leg-${LEGS[i]}`} style=${{ flexGrow: ms ?? 0 }}></i>`)}
  </span>`;
}

/** 14.2 with its tenths smaller: the whole milliseconds are what is read from afar. */
function Delay({ ms }) {
  if (ms === null) {
    return html`<span class="delay none"><span aria-hidden="true">–</span><span class="unseen">${
      t("con.seat.nodelay")
    }</span></span>`;
  }
  const [whole, tenths] = number(ms, 1).split(/(?=[.,])/);
  return html`<span class="delay figures">${whole}<small>${ms < 100 ? tenths : ""}</small><em>ms</em></span>`;
}

/** @param {{ desk: import("./desk.js").DeskParts, id: string }} props */
function Card({ desk, id }) {
  const { state, status, seat: chosen } = desk, seat = state.seats[id], session = statusOf(status, id);
  const [tip, setTip] = useState(null);
  const quality = session === null ? "waiting" : qualityOf(session), latency = session?.latency ?? null;
  const total = quality === "off" ? null : latency?.totalMs ?? null;
  const lost = html`${t("con.percent", { value: lossText(latency?.lossPercent ?? null) })} <small>${
    t("con.seat.lost")
  }</small>`;
  const show = ({ currentTarget }) => setTip(currentTarget);
  const hide = () => setTip(null);
  return html`<li class=${names("card", `q-${quality}`, chosen === id && "chosen")} style=${{
    "--strip": seat.colour ?? "var(--edge)",
  }}>
    <button
      type="button"
      class="card-pick"
      aria-pressed=${chosen === id}
      aria-describedby=${tip ? `legs-${id}` : undefined}
      data-seat=${id}
      onClick=${() => (hide(), desk.choose(chosen === id ? null : id))}
      onPointerEnter=${show} onPointerLeave=${hide} onFocus=${show} onBlur=${hide}
    >
      <span class="card-top"><span class="card-name">${seat.name}</span><span class="quality">${
    t(`quality.${quality}`)
  }</span></span>
      <span class="card-middle">
        <${Delay} ms=${total} />
        <span class="card-side figures">
          <${Bars} n=${latency === null || quality === "off" ? 0 : barsOf(latency)} />
          <span class="card-wide">${lost}</span>
        </span>
      </span>
      ${
    latency !== null && quality !== "off" ? html`<${LegBar} latency=${latency} />` : html`<span class="legbar"></span>`
  }
      <span class="card-foot dim figures"><span class="card-wide">${
    session?.address ?? t("con.seat.noaddress")
  }</span><span class="card-narrow">${lost}</span><span>${
    t("con.seat.jitter", { value: msText(latency?.jitterMs) })
  }</span></span>
    </button>
    ${
    tip !== null && latency !== null && html`
      <${Tip} anchor=${tip} id=${`legs-${id}`}>
        <p><b>${seat.name}</b></p>
        <p class=${`quality q-${quality}`}>${t(`quality.${quality}.why`)}</p>
        <${LegTable} latency=${latency} />
        </${Tip}>
    `
  }
  </li>`;
}

/** Is there, and is a musician's: not where a console listens. */
export const isPlace = (seat) => seat !== undefined && !seat.device?.startsWith(CUE_DEVICE);

/** Seats in their order: those with a phone, and those without. @returns {{ taken: string[], empty: string[] }} */
export function placesOf({ order, seats }) {
  const places = order.filter((id) => isPlace(seats[id]));
  return { taken: places.filter((id) => seats[id].session), empty: places.filter((id) => !seats[id].session) };
}

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function Seats({ desk }) {
  const { state, seat: chosen } = desk, { taken, empty } = placesOf(state);
  return html`<section class="seats" aria-label=${t("con.seats")}>
    ${taken.length + empty.length === 0 && html`<p class="seats-none dim">${t("con.seats.none")}</p>`}
    <ul class="cards">${taken.map((id) => html`<${Card} key=${id} desk=${desk} id=${id} />`)}</ul>
    ${
    empty.length > 0 && html`
      <div class="empties">
        <h2 class="dim">${t("con.seats.empty")}</h2>
        <ul>${empty.map((id) =>
          html`
            <li key=${id}>
              <button type="button" class="toggle" aria-pressed=${chosen === id} data-seat=${id}
                onClick=${() => desk.choose(chosen === id ? null : id)}>${state.seats[id].name}</button>
            </li>
          `
        )}</ul>
      </div>
    `
  }
  </section>`;
}
