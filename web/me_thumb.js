/**
 * A fader for a thumb: a touch that hardly moves is a tap, one that goes up or down scrolls the page, and neither moves
 * the fader; two taps put the fresh value back. Browsers
 * differ in both (some send moves at once, some never a double click), so it is done here, around the slider. Browser's
 * main thread.
 */
import { newGesture, Slider } from "./fader.js";
import { html, useRef } from "./html.js";
import { GAIN } from "./taper.js";

/** What a thumb that means to stay moves. */
const STILL_PX = 6;
const DOUBLE_MS = 350;

/** @param {Omit<import("./fader.js").SliderProps, "scale"> & { scale?: import("./taper.js").Scale }} props */
export function Thumb(props) {
  const { scale = GAIN, disabled = false, max, value, onMove } = props;
  const touch = useRef({ id: -1, x: 0, y: 0, kind: "tap", tappedAt: -Infinity });
  const onDown = (event) => {
    const held = touch.current;
    if (event.pointerType !== "touch") return void (held.id = -1);
    Object.assign(held, { id: event.pointerId, x: event.clientX, y: event.clientY, kind: "tap" });
  };
  const onPointerMove = (event) => {
    const held = touch.current;
    if (event.pointerId !== held.id) return;
    const x = Math.abs(event.clientX - held.x), y = Math.abs(event.clientY - held.y);
    if (held.kind === "tap" && Math.max(x, y) > STILL_PX) held.kind = x > y ? "drag" : "scroll";
    if (held.kind !== "drag") event.stopPropagation();
  };
  const onUp = (event) => {
    const held = touch.current;
    if (event.pointerId !== held.id) return;
    // When the thumb did it, not when a busy page hears of it.
    const time = event.timeStamp, isSecond = time - held.tappedAt < DOUBLE_MS;
    held.tappedAt = held.kind !== "tap" || isSecond ? -Infinity : time;
    const fresh = Math.min(scale.fresh, max ?? scale.max);
    if (isSecond && held.kind === "tap" && !disabled && value !== fresh) onMove(fresh, newGesture());
  };
  const onDouble = (event) => touch.current.id >= 0 && event.stopPropagation();
  return html`
    <div class="thumb" onPointerDownCapture=${onDown} onPointerMoveCapture=${onPointerMove} onPointerUpCapture=${onUp}
      onPointerCancelCapture=${() => (touch.current.kind = "scroll")} onDblClickCapture=${onDouble}>
      <${Slider} ...${props} scale=${scale} horizontal />
    </div>
  `;
}
