/**
 * Meters of a row of strips on one canvas: level, peak that is held, clip. In: where each meter is (elements with
 * `data-meter`, below the row) and a function that gives its level. It draws when new levels come, only the meters whose
 * picture changed, and nothing while the page is hidden or the row is out of sight. Browser's main thread.
 */
import { html, useEffect, useRef } from "./html.js";

const FLOOR_DB = -60;
const CLIP_DB = -0.1;
const HOLD_MS = 1500;
const FALL_DB_PER_S = 24;
/** Where the colour changes. */
const ZONES = [[-12, "--fine"], [-3, "--watch"], [Infinity, "--act"]];

/** 0 … 1 of a meter's height; straight in dB. */
export const meterPosition = (db) => Math.min(1, Math.max(0, (db - FLOOR_DB) / -FLOOR_DB));

/**
 * A meter that falls slowly, holds its peak and remembers a clip.
 * @param {{ shown: number, peak: number, at: number, time: number, clipped: boolean }} meter changed
 * @param {number} db
 * @param {number} time ms
 */
export function follow(meter, db, time) {
  const fallen = meter.shown - FALL_DB_PER_S * Math.max(0, time - meter.time) / 1000;
  meter.time = time;
  meter.shown = Math.max(db, fallen, FLOOR_DB);
  if (db >= meter.peak || time - meter.at > HOLD_MS) {
    meter.peak = Math.max(db, FLOOR_DB);
    meter.at = time;
  }
  if (db >= CLIP_DB) meter.clipped = true;
}

const freshMeter = () => ({ shown: FLOOR_DB, peak: FLOOR_DB, at: 0, time: 0, clipped: false, picture: "" });

/** Draws one meter; lengths in device pixels. `horizontal` grows to the right. */
function paint(context, { x, y, width, height }, meter, colours, horizontal) {
  context.clearRect(x, y, width, height);
  context.fillStyle = colours.well;
  context.fillRect(x, y, width, height);
  const length = horizontal ? width : height;
  const bar = (from, to, colour) => {
    const a = Math.round(from * length), b = Math.round(to * length);
    if (b <= a) return;
    context.fillStyle = colour;
    if (horizontal) context.fillRect(x + a, y, b - a, height);
    else context.fillRect(x, y + height - b, width, b - a);
  };
  let from = 0;
  const top = meterPosition(meter.shown);
  for (let i = 0; i < ZONES.length; i++) {
    const to = Math.min(top, meterPosition(ZONES[i][0]));
    bar(from, to, colours.zones[i]);
    from = to;
  }
  const peak = meterPosition(meter.peak), thin = 2 / length * colours.ratio;
  if (peak > 0) bar(Math.max(0, peak - thin), peak, meter.clipped ? colours.zones[2] : colours.peak);
}

/**
 * A row with meters: children are drawn as they are; each element with `data-meter="NAME"` below it becomes a meter. An
 * element with `data-clip="NAME"` gets the attribute `data-clipped` when the meter has clipped; a click on it forgets that.
 * @param {{ live: EventTarget, level: (name: string) => number | null, class?: string, children?: unknown,
 *   horizontal?: boolean }} props level: dBFS, null while nothing is known
 */
export function MeterRow({ live, level, class: className = "", horizontal = false, children }) {
  const row = useRef(null), canvas = useRef(null), source = useRef(level);
  source.current = level;
  useEffect(() => {
    const context = canvas.current.getContext("2d"), meters = new Map();
    let places = null, colours = null;
    const measure = () => {
      // It would hold the row as wide as it was.
      canvas.current.style.width = "0";
      const box = row.current.getBoundingClientRect(), ratio = Math.min(2, devicePixelRatio || 1);
      const style = getComputedStyle(row.current);
      const colour = (name) => style.getPropertyValue(name).trim();
      colours = { well: colour("--well"), peak: colour("--ink"), zones: ZONES.map(([, name]) => colour(name)), ratio };
      const width = Math.max(1, Math.round(row.current.scrollWidth * ratio));
      const height = Math.max(1, Math.round(row.current.clientHeight * ratio));
      // Setting them, even to what they are, wipes the canvas.
      canvas.current.width = width;
      canvas.current.height = height;
      canvas.current.style.width = `${width / ratio}px`;
      canvas.current.style.height = `${height / ratio}px`;
      places = [...row.current.querySelectorAll("[data-meter]")].map((element) => {
        const at = element.getBoundingClientRect();
        return {
          name: element.dataset.meter,
          x: Math.round((at.left - box.left + row.current.scrollLeft) * ratio),
          y: Math.round((at.top - box.top) * ratio),
          width: Math.round(at.width * ratio),
          height: Math.round(at.height * ratio),
        };
      });
      for (const meter of meters.values()) meter.picture = "";
    };
    const draw = () => {
      if (document.hidden) return;
      if (places === null) measure();
      const time = performance.now();
      for (const place of places) {
        const meter = meters.get(place.name) ?? freshMeter();
        meters.set(place.name, meter);
        follow(meter, source.current(place.name) ?? FLOOR_DB, time);
        const length = horizontal ? place.width : place.height;
        const picture = `${Math.round(meterPosition(meter.shown) * length)} ${
          Math.round(meterPosition(meter.peak) * length)
        } ${meter.clipped}`;
        if (picture === meter.picture) continue;
        meter.picture = picture;
        paint(context, place, meter, colours, horizontal);
        mark(place.name, meter.clipped);
      }
    };
    const mark = (name, clipped) => {
      const light = row.current.querySelector(`[data-clip="${CSS.escape(name)}"]`);
      light?.toggleAttribute("data-clipped", clipped);
    };
    const forget = (event) => {
      const name = event.target.closest?.("[data-clip]")?.dataset.clip;
      if (name === undefined || !meters.has(name)) return;
      meters.get(name).clipped = false;
      mark(name, false);
    };
    let planned = 0;
    const again = () => {
      planned ||= requestAnimationFrame(() => {
        planned = 0;
        places = null;
        draw();
      });
    };
    const sizes = new ResizeObserver(again),
      tree = new MutationObserver((changes) => {
        if (changes.some(({ target }) => target !== canvas.current && !target.closest?.(".slider"))) again();
      });
    sizes.observe(row.current);
    tree.observe(row.current, { childList: true, subtree: true, attributeFilter: ["data-meter"] });
    live.addEventListener("meters", draw);
    row.current.addEventListener("click", forget);
    const element = row.current;
    return () => {
      cancelAnimationFrame(planned);
      sizes.disconnect();
      tree.disconnect();
      live.removeEventListener("meters", draw);
      element.removeEventListener("click", forget);
    };
  }, [live, horizontal]);
  return html`<div class=${`meter-row ${className}`} ref=${row}>
    <canvas class="meters" ref=${canvas} aria-hidden="true"></canvas>${children}
  </div>`;
}
