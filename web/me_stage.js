/**
 * The musician's faders: mine first, then groups, then the rest; what is wrong above them, the master below. In: a
 * session's token. Out: moves on the line; nothing is shown that the server doesn't have. Browser's main thread.
 */
import { call, explain, Problem } from "./api.js";
import { ConfirmButton } from "./confirm.js";
import { html, names, useEffect, useEvents, useLayoutEffect, useRef, useState } from "./html.js";
import { Live } from "./live.js";
import { LanguageButton } from "./me_door.js";
import { Ears } from "./me_ears.js";
import { Head } from "./me_head.js";
import { keepPins, keptPins } from "./me_kept.js";
import { Master } from "./me_master.js";
import { Strip } from "./me_strip.js";
import { MeterRow } from "./meter.js";
import { language, t } from "./words.js";

const NOTICE_MS = 6000;
/** A canvas as high as 64 strips is more than some phones allow: one for so many, which fill 1, 2, 3 and 4 columns. */
const STRIPS_PER_ROW = 12;
const WRONG_SECRET = 4401;
/** Closing codes with a sentence of their own: full, slow, held off. */
const EXPLAINED = new Set([4409, 4413, 4429]);

const rowsOf = (list) =>
  Array.from(
    { length: Math.ceil(list.length / STRIPS_PER_ROW) },
    (_, i) => list.slice(i * STRIPS_PER_ROW, (i + 1) * STRIPS_PER_ROW),
  );

/** A text for some seconds; a later one takes its place. */
function useNotice() {
  const [notice, setNotice] = useState(null);
  useEffect(() => {
    if (notice === null) return;
    const timer = setTimeout(() => setNotice(null), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return [notice, (text, bad = false) => setNotice({ text, bad })];
}

/** Channels that are pinned in this seat; whoever moves them keeps the focus. */
function usePins(seat) {
  const [pins, setPins] = useState({ seat, channels: keptPins(seat) }), moved = useRef(null);
  if (pins.seat !== seat) setPins({ seat, channels: keptPins(seat) });
  useLayoutEffect(() => {
    const id = moved.current;
    moved.current = null;
    if (id !== null) document.querySelector(`[data-strip="${id}"] .pin`)?.focus({ preventScroll: true });
  }, [pins]);
  const toggle = (id) => {
    const channel = Number(id.slice(1)), { channels } = pins;
    const next = channels.includes(channel) ? channels.filter((one) => one !== channel) : [...channels, channel];
    keepPins(seat, next);
    moved.current = id;
    setPins({ seat, channels: next });
  };
  return { mine: pins.seat === seat ? pins.channels : [], toggle };
}

/** Strips under a heading, with their meters. @param {{ title: string, hint?: string, live: any, strips: any[] }} props */
function Section({ title, hint, live, strips }) {
  const level = (name) => live.level(Number(name))?.peakDb ?? null;
  const row = (list, i) =>
    html`
      <${MeterRow} key=${i} live=${live} level=${level} horizontal>
        <ul class="grid">${list}</ul>
        <//>
    `;
  return html`<section class="strips" aria-label=${title}>
    <h2>${title}${hint && html`<span class="hint">${hint}</span>`}</h2>
    ${rowsOf(strips).map(row)}
  </section>`;
}

/** What stands in the way: no line, locked, solo. */
function Warnings({ live, seat, mix, channels, still }) {
  const { problem, connected } = live;
  // As the server counts them: one that is hidden sounds, and silences the others, all the same.
  const sounding = live.state.sessions[live.state.session]?.channels ?? Object.keys(channels);
  const soloed = sounding.filter((channel) => mix.channels[channel]?.solo);
  const endSolo = () =>
    live.move(seat, { channels: Object.fromEntries(soloed.map((channel) => [channel, { solo: false }])) });
  return html`
    ${!connected &&
      html`<p class="notice bad offline-notice" role="alert"><strong>${t("me.offline.title")}</strong> <span>${
        EXPLAINED.has(problem?.code) ? t(`live.${problem.code}`) : t("me.offline")
      }</span></p>`}
    ${connected && live.state.seats[seat].locked &&
      html`<p class="notice" role="status"><strong>${t("me.locked.title")}</strong> <span>${t("me.locked")}</span></p>`}
    ${connected && soloed.length > 0 && html`<p class="notice" role="status">
      <span class="grow">${
      t("me.soloed", { names: soloed.map((channel) => channels[channel]?.name ?? channel).join(", ") })
    }</span>
      <button type="button" disabled=${still} onClick=${endSolo}>${t("me.solo.end")}</button></p>`}
  `;
}

/** What is seldom wanted: reset, language, leaving; and what this page is. */
function Foot({ own, name, still, onReset, onLeave }) {
  const reset = t("me.reset"), leave = t("me.leave");
  return html`
    <div class="foot">
      <p class="dim">${t(own ? "me.is.own" : "me.is.app", { name })}</p>
      <${ConfirmButton} disabled=${still} label=${reset} onConfirm=${onReset}>${reset}<//>
        <div class="foot-keys">
          <${LanguageButton} />
          <${ConfirmButton} class="quiet" label=${leave} onConfirm=${onLeave}>${leave}<//>
        </div>
      </div>
  `;
}

/** Events of the line that aren't drawn but acted on. */
function useLine(live, ears, entrance, step, say) {
  useLayoutEffect(() => {
    // Who was away may have an old token. Who hasn't been has been sent away.
    let away = !step.sure;
    const onClosed = ({ detail }) => {
      if (!detail.final) away = true;
      else if (away && detail.code === WRONG_SECRET) entrance.stale();
      else entrance.lost();
    };
    const onRefused = ({ detail }) => say(explain(new Problem(detail.status, detail.detail, detail.errors)), true);
    const onChange = () => {
      if (!live.connected) return;
      away = false;
      void ears?.prepare();
    };
    live.addEventListener("closed", onClosed);
    live.addEventListener("refused", onRefused);
    live.addEventListener("change", onChange);
    return () => {
      ears?.close();
      live.close();
    };
  }, []);
}

/**
 * @param {{ entrance: import("./me_entrance.js").Entrance,
 *   step: { token: string, own: boolean, sure: boolean } }} props
 */
export function Stage({ entrance, step }) {
  const { token, own } = step, [notice, say] = useNotice();
  const [{ live, ears }] = useState(() => {
    const line = new Live(token);
    return { live: line, ears: own ? new Ears(token, line) : null };
  });
  useEvents(live, "change", "status", "closed");
  useEvents(ears, "change");
  useLine(live, ears, entrance, step, say);
  const { state } = live, seat = state?.seat ?? null;
  if (seat === null) {
    return html`<main class="door" role="status">
      <img src="/web/icon.svg" alt="Foldback" width="56" height="56" />
      ${
      live.problem === null
        ? html`<p class="dim">${t("live.connecting")}</p>`
        : html`<p class="notice bad" role="alert">${
          EXPLAINED.has(live.problem.code) ? t(`live.${live.problem.code}`) : t("me.unreachable")
        }</p>`
    }
    </main>`;
  }
  return html`<${Mixer} key=${seat} ...${{ live, ears, own, seat, notice, say, token, entrance }} />`;
}

function Mixer({ live, ears, own, seat, notice, say, token, entrance }) {
  const { state, connected } = live,
    { channels, groups } = state,
    { name, colour, locked, maxGainDb, mix } = state.seats[seat];
  const { mine, toggle } = usePins(seat), still = !connected || locked;
  const numbers = Object.keys(channels).map(Number), shown = numbers.join(" ");
  useEffect(() => live.meters(numbers, [seat]), [live, shown, seat]);
  // Strips keep their handlers, so that they aren't drawn again.
  const now = useRef(null);
  now.current = { toggle };
  const [handlers] = useState(() => ({
    onPin: (id) => now.current.toggle(id),
    onChannel: (id, change, gesture) => live.move(seat, { channels: { [id.slice(1)]: change } }, gesture),
    onGroup: (id, change, gesture) => live.move(seat, { groups: { [id]: change } }, gesture),
  }));
  const ask = async (what) => {
    try {
      await call("POST", `/api/v1/seats/${seat}/mix/${what}`, undefined, token);
    } catch (error) {
      const nothing = error instanceof Problem && error.status === 409 && what === "undo";
      say(nothing ? t("me.undo.none") : explain(error), !nothing);
    }
  };
  const common = { max: maxGainDb, still, language: language() };
  const channelStrip = (n) =>
    html`
      <${Strip} key=${`c${n}`} id=${`c${n}`} name=${channels[n].name} colour=${channels[n].colour} atDesk=${channels[n]
        .mute} send=${mix.channels[n]}
        meter=${String(n)} mine=${mine.includes(n)} onPin=${handlers.onPin} onMove=${handlers.onChannel} ...${common} />
    `;
  const groupStrip = ([id, group]) =>
    html`
      <${Strip} key=${id} id=${id} name=${group.name} colour=${group.colour} send=${mix.groups[id]} onMove=${handlers
        .onGroup}
        ...${common} />
    `;
  const first = mine.filter((n) => channels[n]), rest = numbers.filter((n) => !mine.includes(n));
  const sections = [
    ["me.mine", first.map(channelStrip)],
    ["me.groups", Object.entries(groups).filter(([, { channels: of }]) => of.some((n) => channels[n])).map(groupStrip)],
    [first.length > 0 ? "me.others" : "me.channels", rest.map(channelStrip), first.length === 0 && t("me.pin.hint")],
  ].filter(([, strips]) => strips.length > 0);
  return html`
    <div class=${names("me", !connected && "offline", locked && "locked")}>
      <div class="head-stack">
          <${Head} live=${live} ears=${ears} own=${own} name=${name} colour=${colour} />
          <${Warnings} live=${live} seat=${seat} mix=${mix} channels=${channels} still=${still} />
          ${notice &&
            html`<p class=${names("notice", notice.bad && "bad")} role=${
              notice.bad ? "alert" : "status"
            }>${notice.text}</p>`}
        </div>
      <main>
          ${numbers.length === 0 && html`<p class="dim empty">${t("me.empty")}</p>`}
          ${sections.map(([title, strips, hint]) =>
            html`<${Section} key=${title === "me.others" ? "me.channels" : title} title=${
              t(title)
            } hint=${hint} live=${live} strips=${strips} />`
          )}
          <${Foot} own=${own} name=${name} still=${still} onReset=${() => ask("reset")} onLeave=${() =>
            entrance.leave(state.session)} />
        </main>
      <${Master} live=${live} seat=${seat} mix=${mix} max=${maxGainDb} still=${still} onUndo=${() => ask("undo")} />
    </div>
  `;
}
