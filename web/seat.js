/**
 * The chosen seat: who sits there and how late, what the engineer may set, and what can be done with its mix. Browser's
 * main thread.
 */
import { ConfirmButton } from "./confirm.js";
import { ChannelSetting, NameButton } from "./edit.js";
import { Slider } from "./fader.js";
import { html, useAsked, useState, useSubmit } from "./html.js";
import { qualityOf } from "./quality.js";
import { isPlace, LegTable, lossText, msText, placesOf, statusOf } from "./seats.js";
import { CueButton, CueLine, LimiterBar } from "./seat_sound.js";
import { CEILING, dbText, GAIN } from "./taper.js";
import { number, t } from "./words.js";

/** A seat for somebody who isn't here yet. */
function Prepare({ desk }) {
  const [name, setName] = useState("");
  const submit = useSubmit(async () => {
    if (name.trim() === "") return;
    const made = await desk.ask("POST", "/seats", { name: name.trim() });
    if (!made) return;
    setName("");
    desk.choose(made.seat);
  });
  return html`
    <form class="block" onSubmit=${submit}>
      <h3>${t("con.seat.prepare")}</h3>
      <p class="dim small">${t("con.seat.prepare.why")}</p>
      <div class="line"><input aria-label=${t("con.name")} placeholder=${t("con.name")} maxlength="64" value=${name}
          onInput=${(event) => setName(event.target.value)} /><button disabled=${desk.offline}>${t(
            "con.add",
          )}</button></div>
    </form>
  `;
}

/** What is streamed, in a line. */
function streamText({ mode, channels, frameMs, bitrate }) {
  const words = { n: channels.length, frame: number(frameMs, frameMs % 1 ? 1 : 0), rate: number(bitrate / 1000) };
  return t(`con.stream.${mode}`, words);
}

function Phone({ desk, id }) {
  const { state, status } = desk, session = state.sessions[state.seats[id].session], now = statusOf(status, id);
  if (!session) return html`<p class="block dim">${t("con.seats.empty")}</p>`;
  const quality = now === null ? "waiting" : qualityOf(now);
  return html`<div class=${`block q-${quality}`}>
    <p class="quality">${t(`quality.${quality}.why`)}</p>
    <dl class="facts figures">
      <dt>${t("con.device")}</dt><dd>${now?.address ?? t("con.seat.noaddress")}</dd>
      <dt>${t("con.stream")}</dt><dd>${streamText(session)}</dd>
      <dt>${t("con.loss")}</dt><dd>${t("con.percent", { value: lossText(now?.latency.lossPercent ?? null) })}</dd>
      <dt>${t("con.jitter")}</dt><dd>${t("ms", { value: msText(now?.latency.jitterMs) })}</dd>
      <dt>${t("con.packets")}</dt><dd>${number(now?.packets ?? 0)}</dd>
    </dl>
    ${now && html`<${LegTable} latency=${now.latency} />`}
  </div>`;
}

function Rules({ desk, id }) {
  const { live, offline } = desk, seat = desk.state.seats[id];
  const set = (change) => desk.ask("PATCH", `/seats/${id}`, change);
  // Each value that a finger passes would bring faders down for good.
  const [maxGainDb, show, flush] = useAsked(seat.maxGainDb, (wanted) => set({ maxGainDb: wanted }));
  const toggle = (field, word) =>
    html`
      <button type="button" class="toggle" aria-pressed=${seat[field]} disabled=${offline} title=${t(`${word}.why`)}
        onClick=${() => set({ [field]: !seat[field] })}>${t(word)}</button>
    `;
  return html`
    <div class="block">
      <div class="line">${toggle("locked", "con.lock")}${toggle("recallSafe", "con.safe")}</div>
      <div class="setting"><span>${t("con.maxgain")}</span><output class="figures" aria-live="off">${t("db", {
        value: dbText(maxGainDb),
      })}</output>
          <${Slider} scale=${{ ...GAIN, fresh: 10 }} value=${maxGainDb} label=${t(
            "con.maxgain",
          )} horizontal disabled=${offline} onMove=${show} onEnd=${flush} />
        </div>
      <div class="setting"><span>${t("con.ceiling")}</span><output class="figures" aria-live="off">${t("db", {
        value: dbText(seat.mix.limiter.ceilingDb),
      })}</output>
          <${Slider} scale=${CEILING} value=${seat.mix.limiter.ceilingDb} label=${t(
            "con.ceiling",
          )} horizontal disabled=${offline}
            onMove=${(ceilingDb, gesture) => live.move(id, { limiter: { ceilingDb } }, gesture)} />
        </div>
      <${LimiterBar} live=${live} seat=${id} />
    </div>
  `;
}

/** Other seats to tick, and what to do with them. */
function CopyTo({ desk, id, onDone }) {
  const [to, setTo] = useState([]), { order, seats } = desk.state;
  const toggle = (seat) => setTo(to.includes(seat) ? to.filter((one) => one !== seat) : [...to, seat]);
  const copy = async () => {
    if (await desk.ask("POST", `/seats/${id}/mix/copy`, { to }) === undefined) return;
    desk.say(t("con.copy.done"));
    onDone();
  };
  return html`
    <div class="block" role="group" aria-label=${t("con.copy")}>
      <div class="picker">${order.filter((seat) => seat !== id && isPlace(seats[seat])).map((seat) =>
        html`
          <label key=${seat}
            class="tick"><input type="checkbox" checked=${to.includes(seat)} onChange=${() =>
              toggle(seat)} /><span>${seats[seat].name}</span></label>
        `
      )}</div>
      <button type="button" class="main" disabled=${to.length === 0 || desk.offline} onClick=${copy}>${t(
        "con.copy.do",
        { n: to.length },
      )}</button>
    </div>
  `;
}

function MoveTo({ desk, id, onDone }) {
  const { sessions, seats } = desk.state;
  const others = Object.entries(sessions).filter(([, { seat, cue, pfl }]) =>
    seat !== id && seats[seat] && !cue && !pfl
  );
  const move = async (session) => {
    if (await desk.ask("POST", `/seats/${id}/move`, { session }) === undefined) return;
    desk.say(t("con.move.done"));
    onDone();
  };
  return html`<div class="block choices" role="group" aria-label=${t("con.move")}>
    ${others.length === 0 && html`<p class="dim">${t("con.move.none")}</p>`}
    ${
    others.map(([session, { seat }]) =>
      html`<${ConfirmButton} key=${session} onConfirm=${() => move(session)} label=${seats[seat].name}>${
        seats[seat].name
      }</${ConfirmButton}>`
    )
  }
  </div>`;
}

function Hears({ desk, id }) {
  const { channels } = desk.state, { channels: may } = desk.state.seats[id];
  const all = Object.keys(channels).map(Number);
  const set = (chosen) => desk.ask("PATCH", `/seats/${id}`, { channels: chosen });
  return html`<div class="block">
    <button type="button" class="toggle" aria-pressed=${may === undefined} onClick=${() =>
    set(may === undefined ? all : null)}>${t("con.hears.all")}</button>
    ${
    may !== undefined &&
    html`
      <p class="dim small">${t("con.hears.some", { n: may.length, all: all.length })}</p>
      <${ChannelSetting} channels=${channels} chosen=${may} label=${t("con.hears")} send=${set} />
    `
  }
  </div>`;
}

const DRAWERS = { copy: CopyTo, move: MoveTo, hears: Hears };

/** What can be done: most of it opens a drawer below. */
function Deeds({ desk, id }) {
  const { state, offline } = desk, { name } = state.seats[id];
  const [order, show, flush] = useAsked(state.order, (wanted) => desk.ask("PUT", "/seats/order", { order: wanted }));
  // Among those that stand beside it: with a phone, or without.
  const beside = Object.values(placesOf({ ...state, order })).find((list) => list.includes(id)) ?? [],
    at = beside.indexOf(id);
  const [drawer, setDrawer] = useState(null), Drawer = drawer && DRAWERS[drawer];
  const open = (which, word) =>
    html`
      <button type="button" class="toggle" aria-expanded=${drawer === which} aria-pressed=${drawer ===
        which} disabled=${offline}
        onClick=${() => setDrawer(drawer === which ? null : which)}>${t(word)}</button>
    `;
  const shift = (by) => {
    const place = order.indexOf(beside[at + by]), others = order.filter((one) => one !== id);
    others.splice(place, 0, id);
    show(others);
    void flush();
  };
  const drop = async () => {
    if (await desk.ask("DELETE", `/seats/${id}`) !== undefined) desk.choose(null);
  };
  return html`
    <div class="block deeds">
      <div class="line">
        <button type="button" disabled=${offline} aria-label=${t("con.undo.of", { name })} onClick=${() =>
          desk.ask("POST", `/seats/${id}/mix/undo`)}>${t("undo")}</button>
        <${ConfirmButton} disabled=${offline} label=${t("con.reset.of", { name })} onConfirm=${() =>
          desk.ask("POST", `/seats/${id}/mix/reset`)}>${t("reset")}</${ConfirmButton}>
          <${CueButton} desk=${desk} seat=${id} />
        </div>
    <${CueLine} desk=${desk} seat=${id} />
        <div class="line">${open("copy", "con.copy")}${open("move", "con.move")}${open("hears", "con.hears")}</div>
        ${Drawer && html`<${Drawer} key=${id} desk=${desk} id=${id} onDone=${() => setDrawer(null)} />`}
        <div class="line">
          <button type="button" onClick=${() => desk.overlay({ kind: "join", seat: id })}>${t("con.invite")}</button>
          <button type="button" class="icon" disabled=${offline || at <= 0} aria-label=${t("con.earlier", {
            name,
          })} onClick=${() => shift(-1)}>◀</button>
          <button type="button" class="icon" disabled=${offline || at >= beside.length - 1} aria-label=${t(
            "con.later",
            { name },
          )} onClick=${() => shift(1)}>▶</button>
          <span class="spring"></span>
          <${ConfirmButton} disabled=${offline} label=${t("con.delete.of", { name })} onConfirm=${drop}>${t(
            "con.delete",
          )}</${ConfirmButton}>
        </div>
      </div>
  `;
}

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function SeatPanel({ desk }) {
  const { state, seat: id, offline } = desk;
  if (id === null) {
    return html`
      <p class="block dim">${t("con.seat.choose")}</p>
      <${Prepare} desk=${desk} />
    `;
  }
  const seat = state.seats[id];
  return html`
    <div class="block seat-title" style=${{ "--strip": seat.colour ?? "var(--edge)" }}>
      <${NameButton} name=${seat.name} colour=${seat.colour} disabled=${offline} onChange=${(change) =>
        desk.ask("PATCH", `/seats/${id}`, change)} />
    </div>
    <${Deeds} desk=${desk} id=${id} />
    <${Rules} key=${id} desk=${desk} id=${id} />
    <${Phone} desk=${desk} id=${id} />
  `;
}
