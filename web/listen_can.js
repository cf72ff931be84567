/**
 * Can this page play sound? Shared memory is given to isolated pages only, and pages are isolated that come over HTTPS or
 * from localhost. Out: what is missing, and where the same page is that has it. Browser's main thread.
 */

/** @returns {"https" | "browser" | null} null: it can */
export function canListen() {
  const { isSecureContext, crossOriginIsolated, AudioWorkletNode, SharedArrayBuffer, WebAssembly, Worker } = globalThis;
  if (isSecureContext === false) return "https";
  const has = crossOriginIsolated && AudioWorkletNode && SharedArrayBuffer && WebAssembly && Worker;
  return has ? null : "browser";
}

/**
 * This page over HTTPS.
 * @param {number} port the state's `httpsPort`
 * @param {string} fragment what it needs to go on: it is another origin, which keeps nothing of ours
 */
export function secureAddress(port, fragment = location.hash.slice(1)) {
  const url = new URL(location.href);
  url.protocol = "https:";
  url.port = String(port);
  url.hash = fragment;
  return url.href;
}
