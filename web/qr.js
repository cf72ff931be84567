/**
 * A QR code as SVG, drawn here: the network needs no internet. In: the text. Browser's main thread.
 */
import { encode } from "/vendor/uqr.js";
import { html, useMemo } from "./html.js";

/** One path for all dark modules, in units of a module. */
export function qrPath(text) {
  const { data, size } = encode(text, { ecc: "M", border: 3 });
  let path = "";
  data.forEach((row, y) => row.forEach((dark, x) => dark && (path += `M${x} ${y}h1v1h-1z`)));
  return { path, size };
}

/** @param {{ text: string, label: string }} props */
export function Qr({ text, label }) {
  const { path, size } = useMemo(() => qrPath(text), [text]);
  return html`
    <svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${label} shape-rendering="crispEdges">
      <path d=${path} fill="#000" />
    </svg>
  `;
}
