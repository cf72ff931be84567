/**
 * A control on a track: `Fader` for gains, `Slider` for any scale (taper.js). In: the value as the server has it, and what
 * to do with a new one. It keeps no value of its own. Grabbing anywhere moves by what the finger moves and never jumps;
 * Shift is fine. Arrows ±step, Page ±leap, Home and End, double click, two taps of a finger or Delete put the fresh value back. Browser's main
 * thread.
 *
 * @typedef {object} SliderProps
 * @property {import("./taper.js").Scale} scale
 * @property {number} value
 * @property {(value: number, gesture: string) => void} onMove
 * @property {string} label accessible name
 * @property {boolean} [disabled]
 * @property {boolean} [horizontal]
 * @property {number} [max] lower than the scale's: drawn as a stop
 * @property {boolean} [marks] lines and figures beside the track
 * @property {boolean} [centred] the fill begins at `scale.fresh`
 * @property {() => void} [onEnd] after the last move of a gesture
 * @property {string} [tone] a class: "mine", "group", "master"
 * @property {string} [id]
 */
import { html, names, useRef } from "./html.js";
import { dbText, GAIN, OFF_DB } from "./taper.js";

let gestures = 0;
/** Of this page and this time: nobody else's moves are undone with ours. */
const page = Math.random().toString(36).slice(2, 10);
export const newGesture = () => `g-${page}-${++gestures}`;

/** A finger that comes down trembles, a mouse hardly: what moves less than this is a tap, and moves nothing. */
const SLOP_PX = 6, MOUSE_SLOP_PX = 2;
/** Two taps of a finger this close are a double tap: not every browser makes a double click of them. */
const DOUBLE_TAP_MS = 350;
const FINE = 0.2;
/** Key presses and wheel steps that follow each other this closely are undone together. */
const SAME_GESTURE_MS = 800;

/** @param {SliderProps} props */
export function Slider(props) {
  const { scale, value, label, disabled = false, horizontal = false, marks = false, centred = false, tone, id } = props;
  const max = Math.min(props.max ?? scale.max, scale.max);
  const drag = useRef(null), tapped = useRef(-Infinity), still = useRef(0);
  const pressed = useRef({ gesture: "", at: -Infinity });
  // Handlers outlive a drawing: they look here.
  const now = useRef(props);
  now.current = props;
  // What was asked for since the last drawing, which comes once a frame: keys may be faster.
  const asked = useRef(null);
  asked.current = null;
  const latest = () => asked.current ?? now.current.value;

  const set = (wanted, gesture) => {
    const next = Math.min(max, Math.max(scale.min, Math.round(wanted * 100) / 100));
    if (now.current.disabled || next === latest()) return;
    asked.current = next;
    now.current.onMove(next, gesture);
  };
  const keyGesture = () => {
    const time = performance.now(), last = pressed.current;
    const gesture = time - last.at < SAME_GESTURE_MS ? last.gesture : newGesture();
    pressed.current = { gesture, at: time };
    return gesture;
  };
  const fresh = () => set(scale.fresh, newGesture());
  const step = (by) => {
    // Off is far below: the first step up from it is to where the track begins to tell.
    const from = latest() <= -90 && scale.min === OFF_DB && by > 0 ? -60 - by : latest();
    set(from + by, keyGesture());
  };

  const onPointerDown = (event) => {
    if (disabled || event.button > 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    event.currentTarget.focus({ preventScroll: true });
    const track = event.currentTarget.querySelector(".track").getBoundingClientRect();
    drag.current = {
      pointer: event.pointerId,
      last: horizontal ? event.clientX : event.clientY,
      length: Math.max(1, horizontal ? track.width : track.height),
      position: scale.toPosition(value),
      shown: value,
      gesture: newGesture(),
      frame: 0,
      touch: event.pointerType === "touch",
      moved: false,
    };
  };
  const onPointerMove = (event) => {
    const held = drag.current;
    if (held === null || held.pointer !== event.pointerId) return;
    const at = horizontal ? event.clientX : event.clientY;
    if (!held.moved) {
      if (Math.abs(at - held.last) < (held.touch ? SLOP_PX : MOUSE_SLOP_PX)) return;
      held.moved = true;
      // What a mouse has moved counts.
      if (held.touch) held.last = at;
    }
    // Somebody else has moved it meanwhile: from there on, not back.
    if (latest() !== held.shown) held.position = scale.toPosition(held.shown = latest());
    const by = (horizontal ? at - held.last : held.last - at) / held.length * (event.shiftKey ? FINE : 1);
    held.last = at;
    held.position = Math.min(scale.toPosition(max), Math.max(0, held.position + by));
    held.frame ||= requestAnimationFrame(() => {
      held.frame = 0;
      set(scale.toValue(held.position), held.gesture);
      held.shown = latest();
    });
  };
  const onPointerUp = (event) => {
    const held = drag.current;
    if (held === null || held.pointer !== event.pointerId) return;
    drag.current = null;
    if (held.frame !== 0) {
      cancelAnimationFrame(held.frame);
      set(scale.toValue(held.position), held.gesture);
    }
    const tap = !held.moved && event.type === "pointerup";
    still.current = tap ? still.current + 1 : 0;
    const again = tap && held.touch && event.timeStamp - tapped.current < DOUBLE_TAP_MS;
    tapped.current = tap && !again ? event.timeStamp : -Infinity;
    if (again) fresh();
    now.current.onEnd?.();
  };
  // A browser makes one of two short moves, too.
  const onDblClick = () => {
    if (disabled || still.current < 2) return;
    fresh();
    now.current.onEnd?.();
  };
  const onKeyDown = (event) => {
    if (disabled || event.ctrlKey || event.metaKey || event.altKey) return;
    const fine = event.shiftKey ? FINE : 1;
    switch (event.key) {
      case "ArrowUp":
      case "ArrowRight":
        step(scale.step * fine);
        break;
      case "ArrowDown":
      case "ArrowLeft":
        step(-scale.step * fine);
        break;
      case "PageUp":
        step(scale.leap);
        break;
      case "PageDown":
        step(-scale.leap);
        break;
      case "Home":
        set(scale.min, keyGesture());
        break;
      case "End":
        set(max, keyGesture());
        break;
      case "Delete":
      case "Backspace":
        fresh();
        break;
      default:
        return;
    }
    event.preventDefault();
    now.current.onEnd?.();
  };
  const at = scale.toPosition(value), zero = centred ? scale.toPosition(scale.fresh) : 0;
  const place = {
    "--at": at,
    "--from": Math.min(at, zero),
    "--to": Math.max(at, zero),
    "--stop": scale.toPosition(max),
  };
  return html`
    <div
      class=${names("slider", horizontal ? "horizontal" : "vertical", tone, disabled && "disabled")}
      id=${id}
      role="slider"
      tabindex=${disabled ? -1 : 0}
      aria-label=${label}
      aria-orientation=${horizontal ? "horizontal" : "vertical"}
      aria-valuemin=${scale.min}
      aria-valuemax=${max}
      aria-valuenow=${value}
      aria-valuetext=${scale.text(value)}
      aria-disabled=${disabled ? "true" : undefined}
      style=${place}
      onPointerDown=${onPointerDown}
      onPointerMove=${onPointerMove}
      onPointerUp=${onPointerUp}
      onPointerCancel=${onPointerUp}
      onLostPointerCapture=${onPointerUp}
      onKeyDown=${onKeyDown}
      onDblClick=${onDblClick}
    >
        ${marks && html`<div class="marks" aria-hidden="true">
      ${
          scale.marks.map((mark) =>
            html`
              <i key=${mark} class=${mark === scale.fresh && "fresh"} style=${{ "--mark": scale.toPosition(mark) }}>
                <span>${dbText(mark)}</span>
              </i>
            `
          )
        }
    </div>`}
        <div class="track">
          <div class="fill"></div>
          ${max < scale.max && html`<div class="stop"></div>`}
          <div class="cap"></div>
        </div>
      </div>
  `;
}

/** A gain in a mix: −∞ … +10 dB. @param {Omit<SliderProps, "scale"> & { scale?: import("./taper.js").Scale }} props */
export const Fader = (props) => html`<${Slider} scale=${GAIN} ...${props} />`;
