/**
 * The delays of the last five minutes as a graph (uPlot), for one seat or all, small in the dock and large over the page.
 * In: the history that this page has kept. Browser's main thread.
 */
import { COLOURS } from "./edit.js";
import { KEPT_MS } from "./history.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Overlay } from "./overlay.js";
import { FINE_MS, WATCH_MS } from "./quality.js";
import { LegTable, msText, statusOf } from "./seats.js";
import { number, t } from "./words.js";

/** As large as all the rest of the page: it comes when a graph is looked at for the first time. */
const plotter = () => import("/vendor/uplot.js").then((module) => module.default);

const SMALL_PX = 200;
/** A few milliseconds of room, however small the delays are. */
const LEAST_MS = 20;
/** A phone that stood still for a second must not flatten all others: what is above runs out at the top. */
const MOST_MS = 100;
const DASHES = [[], [8, 4], [2, 3]];

/** A seat's line: its colour on the desk, else one of eight; dashes tell lines of one colour apart. */
function lineOf(seats, i) {
  const palette = Object.values(COLOURS);
  return {
    stroke: seats[i].colour ?? palette[i % palette.length],
    dash: DASHES[Math.floor(i / palette.length) % DASHES.length],
  };
}

/** Where fine ends and act begins. */
const bounds = (colours) => ({
  hooks: {
    draw: [(plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.setLineDash([4, 4]);
      for (const [ms, colour] of [[FINE_MS, colours.fine], [WATCH_MS, colours.act]]) {
        const y = Math.round(plot.valToPos(ms, "y", true));
        if (y < bbox.top || y > bbox.top + bbox.height) continue;
        ctx.strokeStyle = colour;
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
      ctx.restore();
    }],
  },
});

function options(seats, width, height, style) {
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--dim"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  const clock = (seconds) =>
    new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [(Date.now() - KEPT_MS) / 1000, Date.now() / 1000] },
      y: { range: (_plot, _low, high) => [0, Math.min(MOST_MS, Math.max(LEAST_MS, (high ?? 0) * 1.1))] },
    },
    axes: [{ ...axis, values: (_plot, splits) => splits.map(clock), incrs: [60, 120, 300] }, {
      ...axis,
      size: 44,
      values: (_plot, splits) => splits.map((ms) => number(ms)),
    }],
    series: [
      {},
      ...seats.map((seat, i) => ({ label: seat.name, width: 2, points: { show: false }, ...lineOf(seats, i) })),
    ],
    plugins: [bounds({ fine: colour("--fine"), act: colour("--act") })],
  };
}

/** @param {{ desk: import("./desk.js").DeskParts, ids: string[], height: number | null }} props height null: all there is */
function Graph({ desk, ids, height }) {
  const box = useRef(null), plot = useRef(null);
  const seats = ids.map((id) => desk.state.seats[id]), data = desk.history.table(ids);
  // A line for each seat, in its colour: others make another graph.
  const lines = JSON.stringify(seats.map(({ name, colour }, i) => [ids[i], name, colour]));
  useEffect(() => {
    const size = () => ({
      width: Math.max(100, box.current.clientWidth),
      height: height ?? Math.max(160, box.current.clientHeight),
    });
    const resized = new ResizeObserver(() => plot.current?.setSize(size()));
    let gone = false;
    plotter().then((Plot) => {
      if (gone) return;
      const { width, height: high } = size(), style = getComputedStyle(box.current);
      plot.current = new Plot(options(seats, width, high, style), desk.history.table(ids), box.current);
      resized.observe(box.current);
    }, () => desk.say(t("live.offline"), true));
    return () => {
      gone = true;
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [lines, height]);
  const newest = data[0].at(-1) ?? 0;
  useEffect(() => plot.current?.setData(data), [newest]);
  const words = ids.map((id) => {
    const known = desk.history.of(id).map(({ totalMs }) => totalMs).filter((ms) => ms !== null);
    if (known.length === 0) return "";
    return t("con.graph.text", {
      name: desk.state.seats[id].name,
      now: msText(known.at(-1)),
      max: msText(Math.max(...known)),
    });
  }).filter(Boolean);
  return html`<div class="graph" ref=${box} role="img" aria-label=${`${t("con.graph")}. ${
    words.join(" ") || t("con.graph.none")
  }`}></div>`;
}

/** Which line is whose. */
const Key = ({ desk, ids }) => {
  const seats = ids.map((id) => desk.state.seats[id]);
  return html`<ul class="graph-key figures">${
    ids.map((id, i) => {
      const { stroke, dash } = lineOf(seats, i);
      return html`
        <li
          key=${id}><svg width="22" height="8" viewBox="0 0 22 8" aria-hidden="true"><path d="M0 4h22" stroke=${stroke} stroke-width="3"
              stroke-dasharray=${dash.join(" ")} /></svg>${seats[i].name}<b>${msText(
                statusOf(desk.status, id)?.latency.totalMs,
              )}</b></li>
      `;
    })
  }</ul>`;
};

const known = (desk) => desk.state.order.filter((id) => desk.state.seats[id] && desk.history.of(id).length > 0);

/** One seat, or all. */
function Choice({ desk, which, onChange }) {
  return html`<label class="line">${t("con.graph.which")}
    <select value=${which} onChange=${(event) => onChange(event.target.value)}>
      <option value="">${t("con.graph.all")}</option>
      ${known(desk).map((id) => html`<option key=${id} value=${id}>${desk.state.seats[id].name}</option>`)}
    </select>
  </label>`;
}

const shown = (desk, which) => desk.state.seats[which] ? [which] : known(desk);

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function DelayPanel({ desk }) {
  const [which, setWhich] = useState(desk.seat ?? ""), ids = shown(desk, which);
  const now = which === "" ? null : statusOf(desk.status, which);
  return html`<div class="block">
    <h3>${t("con.graph")}</h3>
    <div class="line"><${Choice} desk=${desk} which=${which} onChange=${setWhich} /><span class="spring"></span>
      <button type="button" onClick=${() => desk.overlay({ kind: "graph", which })}>${
    t("con.graph.large")
  }</button></div>
    <${Graph} desk=${desk} ids=${ids} height=${SMALL_PX} />
    ${now ? html`<${LegTable} latency=${now.latency} />` : html`<${Key} desk=${desk} ids=${ids} />`}
  </div>`;
}

/** @param {{ desk: import("./desk.js").DeskParts, onClose: () => void, first?: string }} props */
export function GraphOverlay({ desk, onClose, first = "" }) {
  const [which, setWhich] = useState(first), ids = shown(desk, which);
  return html`
    <${Overlay} title=${t("con.graph")} onClose=${onClose} troubles=${desk.troubles} class="graph-page">
      <${Choice} desk=${desk} which=${which} onChange=${setWhich} />
      <${Graph} desk=${desk} ids=${ids} height=${null} />
      <${Key} desk=${desk} ids=${ids} />
      </${Overlay}>
  `;
}
