// @ts-check
/**
 * Every word that the page says, in English and Spanish: one table {key: [en, es]}, of which each page brings its part
 * (`addWords`). `t("key", { n: 3 })` gives the text with its {n} filled in. The language is the browser's until somebody
 * switches it; then it is kept. Browser's main thread.
 */

/** @type {Record<string, readonly [en: string, es: string]>} */
export const WORDS = {};
/** @typedef {"en" | "es"} Language */
/** @type {readonly Language[]} */
export const LANGUAGES = ["en", "es"];
const KEPT = "foldback.language";

/** Says "change" when the language was switched. */
export const languageEvents = new EventTarget();

const storage = () => {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
};

/** @returns {Language} */
function firstLanguage() {
  const kept = storage()?.getItem(KEPT);
  if (kept === "en" || kept === "es") return kept;
  const wished = globalThis.navigator?.languages ?? ["en"];
  for (const language of wished) {
    if (language.startsWith("es")) return "es";
    if (language.startsWith("en")) return "en";
  }
  return "en";
}

/** The page's root element; none in a test without a browser. */
const root = () => /** @type {any} */ (globalThis).document?.documentElement ?? {};

/** @type {Language} */
let current = firstLanguage();
root().lang = current;

/** @returns {Language} */
export const language = () => current;

/** @param {Language} wanted */
export function setLanguage(wanted) {
  current = wanted;
  storage()?.setItem(KEPT, wanted);
  root().lang = wanted;
  languageEvents.dispatchEvent(new Event("change"));
}

/**
 * @param {Record<string, readonly [en: string, es: string]>} words
 * @throws {Error} for a key that is there already: two pages would say each other's words
 */
export function addWords(words) {
  for (const [key, texts] of Object.entries(words)) {
    if (Object.hasOwn(WORDS, key)) throw new Error(`add words: the key ${key} is there already`);
    WORDS[key] = texts;
  }
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for `{name}` in the text
 * @returns {string} the key itself if the table lacks it
 */
export function t(key, values = {}) {
  const text = WORDS[key]?.[current === "es" ? 1 : 0] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => Object.hasOwn(values, name) ? String(values[name]) : whole);
}

/**
 * A number as this language writes it: "14.2", "14,2".
 * @param {number} value
 * @param {number} [digits] behind the point
 */
export const number = (value, digits = 0) =>
  value.toLocaleString(current, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });

addWords({
  "off": ["off", "apagado"],
  "db": ["{value} dB", "{value} dB"],
  "ms": ["{value} ms", "{value} ms"],
  "pan.left": ["L {n}", "I {n}"],
  "pan.right": ["R {n}", "D {n}"],
  "pan.centre": ["C", "C"],
  "language": ["Language", "Idioma"],
  "language.other": ["Español", "English"],
  "channel.n": ["Channel {n}", "Canal {n}"],
  "mute": ["Mute", "Silenciar"],
  "solo": ["Solo", "Solo"],
  "pan": ["Pan", "Panorama"],
  "master": ["Master", "General"],
  "undo": ["Undo", "Deshacer"],
  "reset": ["Reset", "Restablecer"],
  "close": ["Close", "Cerrar"],
  "cancel": ["Cancel", "Cancelar"],
  "sure": ["Sure?", "¿Seguro?"],
  "quality.fine": ["Fine", "Bien"],
  "quality.watch": ["Watch", "Atención"],
  "quality.act": ["Act", "Actuar"],
  "quality.off": ["Paused", "En pausa"],
  "quality.waiting": ["Measuring", "Midiendo"],
  "quality.fine.why": [
    "Fine: at most 15 ms and less than 0.1 % lost.",
    "Bien: como mucho 15 ms y menos de 0,1 % perdido.",
  ],
  "quality.watch.why": [
    "Watch: more than 15 ms or 0.1 % lost. Not more than 25 ms, and less than 1 % lost.",
    "Atención: más de 15 ms o 0,1 % perdido. No más de 25 ms y menos de 1 % perdido.",
  ],
  "quality.act.why": [
    "Act: more than 25 ms or 1 % lost and more. Network: move the phone nearer to the access point, or free its channel. Phone: wired headphones, and no other apps.",
    "Actuar: más de 25 ms o 1 % perdido o más. Red: acerque el teléfono al punto de acceso o libere su canal. Teléfono: auriculares con cable y ninguna otra aplicación.",
  ],
  "quality.off.why": [
    "Paused: the phone doesn't ask for audio. Open the app on it, or press Listen in its page (browsers want HTTPS for that), or look at its WiFi.",
    "En pausa: el teléfono no pide audio. Abra la aplicación en él, pulse Escuchar en su página (los navegadores piden HTTPS) o revise su WiFi.",
  ],
  "quality.waiting.why": [
    "Measuring: the phone hasn't reported its delay yet.",
    "Midiendo: el teléfono todavía no ha informado de su retardo.",
  ],
  "live.offline": [
    "Offline: no connection to the server. Faders wait until it is back. Check the WiFi and that Foldback runs.",
    "Sin conexión con el servidor. Los faders esperan hasta que vuelva. Revise el WiFi y que Foldback esté en marcha.",
  ],
  "live.connecting": ["Connecting…", "Conectando…"],
  "live.4401": [
    "This key is no longer valid: it was changed. Open the console from the address that the server prints.",
    "Esta clave ya no es válida: se ha cambiado. Abra la consola desde la dirección que muestra el servidor.",
  ],
  "live.4403": ["This key doesn't open this page.", "Esta clave no abre esta página."],
  "live.4409": [
    "Full: too many pages are open. Close one that nobody looks at; this one tries again by itself.",
    "Lleno: hay demasiadas páginas abiertas. Cierre una que nadie mire; esta lo vuelve a intentar sola.",
  ],
  "live.4413": [
    "The network is too slow for this page. It connects again by itself.",
    "La red es demasiado lenta para esta página. Se vuelve a conectar sola.",
  ],
  "live.4429": [
    "Held off after wrong keys. It tries again by itself within a minute.",
    "Bloqueado tras claves erróneas. Lo vuelve a intentar solo en un minuto.",
  ],
  "problem.0": [
    "The server can't be reached. Check the WiFi and that Foldback runs.",
    "No se alcanza el servidor. Revise el WiFi y que Foldback esté en marcha.",
  ],
  "problem.401": [
    "The key isn't valid here, or was changed. Open the page from the address that the server prints.",
    "La clave no es válida aquí o se ha cambiado. Abra la página desde la dirección que muestra el servidor.",
  ],
  "problem.403": ["Not allowed: {detail}.", "No permitido: {detail}."],
  "problem.404": ["It is gone: somebody removed it.", "Ya no existe: alguien lo ha quitado."],
  "problem.409": ["Not possible now: {detail}.", "Ahora no es posible: {detail}."],
  "problem.413": ["Too large: {detail}.", "Demasiado grande: {detail}."],
  "problem.423": [
    "The engineer has locked this mix. Ask them to move it or to unlock it.",
    "El técnico ha bloqueado esta mezcla. Pídale que la cambie o la desbloquee.",
  ],
  "problem.429": [
    "Too many wrong keys from here. Wait a minute, then try again.",
    "Demasiadas claves erróneas desde aquí. Espere un minuto y vuelva a intentarlo.",
  ],
  "problem.503": ["Full or busy: {detail}. Try again in a moment.", "Lleno u ocupado: {detail}. Vuelva a intentarlo."],
  "problem.other": ["It didn't work: {detail}.", "No ha funcionado: {detail}."],
});
