/**
 * A small panel beside what opened it, inside the window. In: the element beside which it stands. `Popover` takes the
 * focus, and goes on Escape or a press elsewhere; `Tip` only shows. Browser's main thread.
 */
import { html, names, useEffect, useLayoutEffect, useRef } from "./html.js";

const APART_PX = 6;

/** Puts `box` below `anchor`, above it if there is no room, within the window. */
function place(box, anchor) {
  const at = anchor.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = box;
  const below = at.bottom + APART_PX, fits = below + height <= innerHeight - APART_PX;
  const top = fits ? below : Math.max(APART_PX, Math.min(at.top - height - APART_PX, innerHeight - height - APART_PX));
  box.style.top = `${top}px`;
  box.style.left = `${Math.max(APART_PX, Math.min(at.left, innerWidth - width - APART_PX))}px`;
}

/** @param {{ anchor: Element, label: string, onClose: () => void, children: unknown, class?: string }} props */
export function Popover({ anchor, label, onClose, children, class: className }) {
  const box = useRef(null), close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => place(box.current, anchor));
  useEffect(() => {
    box.current.querySelector("input, button, [tabindex]")?.focus();
    const elsewhere = (event) => {
      if (!box.current?.contains(event.target) && !anchor.contains(event.target)) close.current();
    };
    document.addEventListener("pointerdown", elsewhere, true);
    return () => {
      document.removeEventListener("pointerdown", elsewhere, true);
      if (document.activeElement === document.body || document.activeElement === null) anchor.focus?.();
    };
  }, []);
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close.current();
    anchor.focus?.();
  };
  const onFocusOut = ({ relatedTarget }) => {
    if (relatedTarget !== null && !box.current.contains(relatedTarget)) close.current();
  };
  return html`
    <div class=${names("popover", className)} role="dialog" aria-label=${label} ref=${box} onKeyDown=${onKeyDown}
      onfocusout=${onFocusOut}>
        ${children}
      </div>
  `;
}

/** @param {{ anchor: Element, id: string, children: unknown }} props */
export function Tip({ anchor, id, children }) {
  const box = useRef(null);
  useLayoutEffect(() => place(box.current, anchor));
  return html`<div class="popover tip" role="tooltip" id=${id} ref=${box}>${children}</div>`;
}
