// @ts-check
/** What the page says about listening: English, Spanish. Browser's main thread. */
import { addWords } from "./words.js";

addWords({
  "listen.start": ["Listen here", "Escuchar aquí"],
  "listen.stop": ["Stop listening", "Dejar de escuchar"],
  "listen.volume": ["Volume here", "Volumen aquí"],
  "listen.state.off": ["Not listening on this device", "No se escucha en este dispositivo"],
  "listen.state.starting": ["Starting …", "Iniciando …"],
  "listen.state.waiting": ["Connected, waiting for sound", "Conectado, esperando sonido"],
  "listen.state.playing": ["Listening", "Escuchando"],
  "listen.state.lost": ["Connection lost, trying again", "Conexión perdida, reintentando"],
  "listen.state.ended": [
    "This place was ended or taken by another phone. Join again.",
    "Este puesto se ha cerrado o lo usa otro teléfono. Vuelva a entrar.",
  ],
  "listen.state.taken": [
    "Another tab or device listens to this place now.",
    "Otra pestaña u otro dispositivo escucha ahora este puesto.",
  ],
  "listen.state.failed": ["Listening failed", "No se ha podido escuchar"],
  "listen.cannot.https": [
    "This browser only plays over a secure connection (HTTPS). Faders work here all the same; sound plays in the secure page.",
    "Este navegador solo reproduce con conexión segura (HTTPS). Los faders funcionan aquí igual; el sonido, en la página segura.",
  ],
  "listen.cannot.browser": [
    "This browser is too old to listen. Faders work all the same; a current Chrome, Firefox or Safari plays.",
    "Este navegador es demasiado antiguo para escuchar. Los faders funcionan igual; un Chrome, Firefox o Safari actual reproduce.",
  ],
  "listen.cannot.noserver": [
    "The engineer can switch it on: start Foldback with --https 5443.",
    "El técnico puede activarla: inicie Foldback con --https 5443.",
  ],
  "listen.secure": ["Open the secure page", "Abrir la página segura"],
  "listen.warning": [
    "Your phone will warn that it doesn't know the certificate: tap “Advanced” or “Show details”, then “Proceed” or “visit this website”.",
    "El teléfono avisará de que no conoce el certificado: toque «Avanzado» o «Mostrar detalles» y luego «Continuar» o «visitar este sitio web».",
  ],
  "listen.delay": ["{ms} ms from stage to ear", "{ms} ms del escenario al oído"],
});
