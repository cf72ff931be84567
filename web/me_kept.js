// @ts-check
/**
 * What a phone keeps of its musician: the name, its own device id, the last session, the channels that are "mine"; and
 * what the page's address says (`#join=CODE`, `#token=…`). Storage may be forbidden: then it lasts as long as the page.
 * Browser's main thread.
 */

const NAME = "foldback.name", DEVICE = "foldback.device", SESSION = "foldback.session", REMOTE = "foldback.remote";
const PINS = "foldback.mine.";
/** What the server takes as a device. */
const DEVICE_SHAPE = /^[A-Za-z0-9._-]{8,64}$/;
const MAX_NAME = 64;

/** Stands in where the browser keeps nothing for us. @type {Map<string, string>} */
const memory = new Map();

/** @param {"localStorage" | "sessionStorage"} which @param {string} key @returns {string | null} */
function read(which, key) {
  try {
    return globalThis[which].getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** @param {"localStorage" | "sessionStorage"} which @param {string} key @param {string | null} value */
function write(which, key, value) {
  if (value === null) memory.delete(key);
  else memory.set(key, value);
  try {
    if (value === null) globalThis[which].removeItem(key);
    else globalThis[which].setItem(key, value);
  } catch { /* kept in the page */ }
}

/** What JSON a key has; null for none, or for what we can't read. @param {string} key */
function readJson(key) {
  try {
    return JSON.parse(read("localStorage", key) ?? "null");
  } catch {
    return null;
  }
}

/** @returns {string} */
export const keptName = () => read("localStorage", NAME) ?? "";
/** @param {string} name */
export const keepName = (name) => write("localStorage", NAME, name);

/** A name as the server takes it: no control characters, at most 64 code points. @param {string} text */
export const cleanName = (text) =>
  [...text.replace(/\p{Cc}/gu, " ").replace(/\s+/g, " ").trim()].slice(0, MAX_NAME).join("").trim();

/** This browser's own id, made once. `crypto.randomUUID` needs HTTPS. @returns {string} */
export function device() {
  const kept = read("localStorage", DEVICE);
  if (kept !== null && DEVICE_SHAPE.test(kept)) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  write("localStorage", DEVICE, made);
  return made;
}

/** @typedef {{ code: string, token: string }} KeptSession */

/** The session that this browser joined last. @returns {KeptSession | null} */
export function keptSession() {
  const kept = readJson(SESSION);
  return typeof kept?.code === "string" && typeof kept?.token === "string" ? kept : null;
}
/** @param {KeptSession | null} session */
export const keepSession = (session) =>
  write("localStorage", SESSION, session === null ? null : JSON.stringify(session));

/** The token of another program's session, which this tab shows. @returns {string | null} */
export const keptRemote = () => read("sessionStorage", REMOTE);
/** @param {string | null} token */
export const keepRemote = (token) => write("sessionStorage", REMOTE, token);

/** Channels that are pinned in a seat. @param {string} seat @returns {number[]} */
export function keptPins(seat) {
  const kept = readJson(PINS + seat);
  return Array.isArray(kept) ? kept.filter((channel) => Number.isInteger(channel)) : [];
}
/** @param {string} seat @param {readonly number[]} channels */
export const keepPins = (seat, channels) =>
  write("localStorage", PINS + seat, channels.length === 0 ? null : JSON.stringify(channels));

/** The code in what somebody typed or pasted: it may be the whole address. @param {string} text */
export function codeIn(text) {
  const at = text.indexOf("#");
  const named = at < 0 ? null : new URLSearchParams(text.slice(at + 1)).get("join");
  return (named ?? text).replace(/\s/g, "").toUpperCase();
}

/**
 * What the address says. With both, the token is that of this browser's own session, on its way to HTTPS.
 * @param {string} hash
 * @returns {{ join: string | null, token: string | null }}
 */
export function readAddress(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const join = words.get("join"), token = words.get("token");
  const ours = join !== null && token !== null;
  const name = words.get("name"), id = words.get("device");
  // An invite knows who sits there; who has said a name already keeps it.
  const named = ours || (join !== null && keptName() === "");
  if (named && name !== null && cleanName(name) !== "") keepName(cleanName(name));
  if (ours && id !== null && DEVICE_SHAPE.test(id)) write("localStorage", DEVICE, id);
  return { join: join === null ? null : codeIn(join), token: token === "" ? null : token };
}

/** The same session at another origin, which has none of what is kept here. @param {KeptSession} session */
export const addressFor = ({ code, token }) =>
  `#${new URLSearchParams({ join: code, token, name: keptName(), device: device() })}`;
