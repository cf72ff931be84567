/**
 * A page over the page: it takes the focus, Escape and its button close it, and the focus goes back to where it was. Tab
 * stays inside. Browser's main thread.
 */
import { html, names, useLayoutEffect, useRef } from "./html.js";
import { t } from "./words.js";

const REACHABLE = 'button:not(:disabled), [href], input, select, [tabindex="0"]';

/** @param {{ title: string, onClose: () => void, children: unknown, troubles?: unknown, class?: string }} props */
export function Overlay({ title, onClose, children, troubles, class: className }) {
  const box = useRef(null), close = useRef(onClose);
  close.current = onClose;
  // Before the next frame, in which what lies below loses the focus.
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current.querySelector(".close").focus();
    // Wherever the focus is: what had it may have gone.
    const onEscape = (event) => event.key === "Escape" && close.current();
    document.addEventListener("keydown", onEscape);
    return () => {
      document.removeEventListener("keydown", onEscape);
      before?.focus?.();
    };
  }, []);
  const onKeyDown = (event) => {
    if (event.key !== "Tab") return;
    const all = [...box.current.querySelectorAll(REACHABLE)], first = all[0], last = all[all.length - 1];
    const from = document.activeElement;
    if (from !== (event.shiftKey ? first : last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  };
  return html`
    <div class=${names(
      "overlay",
      className,
    )} role="dialog" aria-modal="true" aria-label=${title} ref=${box} onKeyDown=${onKeyDown}>
      <header class="overlay-head">
        <h2>${title}</h2>
        <button type="button" class="close" onClick=${() => close.current()}>${t("close")}</button>
      </header>
      ${troubles}
      <div class="overlay-body">${children}</div>
    </div>
  `;
}
