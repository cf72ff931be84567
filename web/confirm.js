/**
 * Things that can't be taken back ask once, in place: the first press arms the button, the second does it. In: what to do.
 * It disarms when it loses the focus, on Escape, and after a while. Browser's main thread.
 */
import { html, names, useEffect, useRef, useState } from "./html.js";
import { t } from "./words.js";

const ARMED_MS = 4000;
/** A double click is one intention. */
const DELIBERATE_MS = 250;

/** @param {{ onConfirm: () => void, children: unknown, label?: string, class?: string, disabled?: boolean }} props */
export function ConfirmButton({ onConfirm, children, label, class: className, disabled = false }) {
  const [armed, setArmed] = useState(false);
  const at = useRef(0);
  useEffect(() => {
    if (!armed) return;
    const timer = setTimeout(() => setArmed(false), ARMED_MS);
    return () => clearTimeout(timer);
  }, [armed]);
  const press = () => {
    if (!armed) {
      at.current = performance.now();
      return setArmed(true);
    }
    if (performance.now() - at.current < DELIBERATE_MS) return;
    setArmed(false);
    onConfirm();
  };
  const onKeyDown = (event) => {
    if (!armed || event.key !== "Escape") return;
    event.stopPropagation();
    setArmed(false);
  };
  return html`
    <button
      type="button"
      class=${names("danger", armed && "armed", className)}
      disabled=${disabled}
      aria-label=${armed ? `${t("sure")} ${label ?? ""}`.trim() : label}
      onClick=${press}
      onBlur=${() => setArmed(false)}
      onKeyDown=${onKeyDown}
    >${armed ? t("sure") : children}</button>
  `;
}
