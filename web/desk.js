/**
 * The console as a whole: the line to the server, what is chosen and open, notices, and the parts around. What it is
 * shown by: `desk`, one object for all parts. Browser's main thread.
 *
 * @typedef {object} DeskParts
 * @property {Live} live
 * @property {any} state docs/PROTOCOL.md, Snapshot
 * @property {any} status
 * @property {boolean} offline nothing can be moved
 * @property {History} history
 * @property {Pulse} pulse
 * @property {string | null} seat the chosen one
 * @property {(seat: string | null) => void} choose
 * @property {(tab: string) => void} open a tab of the dock
 * @property {(overlay: any) => void} overlay
 * @property {(method: string, path: string, body?: unknown) => Promise<any>} ask an API call below /api/v1; a refusal is
 *   shown, and answers undefined
 * @property {(text: string, bad?: boolean) => void} say a notice
 * @property {any} troubles what is wrong, and notices: also over what covers the desk
 * @property {(key: string) => void} rekey the engineer's new key
 * @property {Cue} cue
 */
import { call, explain, Problem } from "./api.js";
import { Cue } from "./cue.js";
import { Dock } from "./dock.js";
import { Head } from "./head.js";
import { History } from "./history.js";
import { html, useEffect, useEvents, useLayoutEffect, useState } from "./html.js";
import { Live } from "./live.js";
import { JoinOverlay } from "./join.js";
import { Pulse } from "./pulse.js";
import { Seats } from "./seats.js";
import { Strips } from "./strips.js";
import { t } from "./words.js";
import { GraphOverlay } from "./delay.js";

const NOTICE_MS = 8000;

/** Asks the server for what it shows of the meters: all inputs, and the chosen seat. */
function useMeters(live, state, seat) {
  const inputs = state?.inputs ?? 0;
  useEffect(() => {
    live.meters(Array.from({ length: inputs }, (_, i) => i + 1), seat === null ? [] : [seat]);
  }, [live, inputs, seat]);
}

function useNotices() {
  const [notices, setNotices] = useState([]);
  const drop = (notice) => setNotices((all) => all.filter((one) => one !== notice));
  const say = (text, bad = false) => {
    const notice = { text, bad };
    setNotices((all) => [...all.filter((one) => one.text !== text), notice].slice(-3));
    setTimeout(() => drop(notice), NOTICE_MS);
  };
  return { notices, say, drop };
}

/** What is wrong with the house, as long as it is. */
function Troubles({ live, status }) {
  const { problem } = live, lines = [];
  if (problem !== null) {
    const known = t(`live.${problem.code}`);
    lines.push(known === `live.${problem.code}` ? t("live.offline") : known);
  }
  if (status && problem === null) {
    const { source, storage } = status;
    if (!source.live) lines.push(t("con.source.gone.why", { name: source.name }));
    if (storage.problem !== null) lines.push(t("con.storage.problem", { detail: storage.problem }));
  }
  return lines.map((line) => html`<p key=${line} class="notice bad" role="alert">${line}</p>`);
}

/**
 * @param {{ secret: string, onRefused: (code: number) => void, onKey: (key: string) => void, isNew: boolean }} props
 *   isNew: the key was made here a moment ago
 */
export function Desk({ secret, onRefused, onKey, isNew }) {
  const { notices, say, drop } = useNotices();
  const [{ live, history, pulse, cue }] = useState(() => {
    const line = new Live(secret);
    return { live: line, history: new History(), pulse: new Pulse(secret), cue: new Cue(secret, line, say) };
  });
  const [chosen, setChosen] = useState(null), [tab, setTab] = useState("seat"), [overlay, setOverlay] = useState(null);
  useEvents(live, "change", "status", "events", "closed");
  useEvents(pulse, "change");
  useLayoutEffect(() => {
    const onClosed = ({ detail }) => (detail.code === 4401 || detail.code === 4403) && onRefused(detail.code);
    // Until then the key may be a wrong one, which needn't be tried twice.
    const onStatus = () => {
      pulse.start();
      history.add(live.status, Date.now());
    };
    const onMoveRefused = ({ detail }) => say(explain(new Problem(detail.status, detail.detail, detail.errors)), true);
    if (isNew) say(t("con.key.changed", { address: `${location.origin}/#key=${encodeURIComponent(secret)}` }));
    live.addEventListener("closed", onClosed);
    live.addEventListener("status", onStatus);
    live.addEventListener("refused", onMoveRefused);
    return () => {
      void cue.stop();
      live.close();
      pulse.close();
    };
  }, []);
  const { state, status } = live;
  // It may be gone.
  const seat = chosen !== null && state?.seats[chosen] ? chosen : null;
  useMeters(live, state, seat);
  // Its sound would be another's, and nothing there to end it.
  const mute = state !== null && cue.seat !== null && !state.seats[cue.seat];
  useEffect(() => {
    if (mute) void cue.stop();
  }, [mute]);
  if (state === null) {
    return html`<main class="door"><h1 class="unseen">Foldback</h1>
      ${
      live.problem === null
        ? html`<p class="dim" role="status">${t("live.connecting")}</p>`
        : html`<${Troubles} live=${live} />`
    }
    </main>`;
  }
  const ask = async (method, path, body) => {
    try {
      return await call(method, `/api/v1${path}`, body, secret);
    } catch (error) {
      say(explain(error), true);
      return undefined;
    }
  };
  const choose = (wanted) => {
    setChosen(wanted);
    if (wanted !== null) setTab("seat");
  };
  const troubles = html`
    <div class="troubles">
          <${Troubles} live=${live} status=${status} />
          ${notices.map((notice) =>
            html`
              <p key=${notice.text} class=${notice.bad ? "notice bad" : "notice"} role=${notice.bad
                ? "alert"
                : "status"}>
                <span>${notice.text}</span>
                <button type="button" class="quiet" onClick=${() => drop(notice)}>${t("close")}</button>
              </p>
            `
          )}
        </div>
  `;
  const desk = {
    live,
    state,
    status,
    offline: !live.connected,
    history,
    pulse,
    seat,
    choose,
    open: setTab,
    overlay: setOverlay,
    ask,
    say,
    troubles,
    rekey: onKey,
    cue,
  };
  return html`
    <div class="desk" aria-hidden=${overlay ? "true" : undefined} inert=${overlay !== null}>
      <${Head} desk=${desk} />
      ${troubles}
      <${Seats} desk=${desk} />
      <main class="work">
        <${Strips} desk=${desk} />
      </main>
      <${Dock} desk=${desk} tab=${tab} />
    </div>
        ${overlay?.kind === "join" &&
          html`<${JoinOverlay} desk=${desk} seat=${overlay.seat ?? null} onClose=${() => setOverlay(null)} />`}
        ${overlay?.kind === "graph" &&
          html`<${GraphOverlay} desk=${desk} first=${overlay.which} onClose=${() => setOverlay(null)} />`}
  `;
}
