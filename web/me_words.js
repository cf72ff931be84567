// @ts-check
/**
 * The musician's words, in English and Spanish (words.js).
 */
import { addWords } from "./words.js";

addWords({
  "me.title": ["My mix · Foldback", "Mi mezcla · Foldback"],
  "me.join.title": ["Your mix on this phone", "Su mezcla en este teléfono"],
  "me.join.what": [
    "Tell the engineer who you are. The code is below the QR code on stage.",
    "Diga al técnico quién es. El código está debajo del código QR del escenario.",
  ],
  "me.name": ["Your name", "Su nombre"],
  "me.name.missing": [
    "Type your name: the engineer sees it on the desk.",
    "Escriba su nombre: el técnico lo ve en la mesa.",
  ],
  "me.code": ["Code", "Código"],
  "me.code.missing": [
    "Type the code that is below the QR code on stage.",
    "Escriba el código que está debajo del código QR del escenario.",
  ],
  "me.code.wrong": [
    "The code {code} isn't valid here: it is mistyped, or it was changed. Scan the QR code again, or ask the engineer for the new one.",
    "El código {code} no es válido aquí: está mal escrito o se ha cambiado. Escanee de nuevo el código QR o pida el nuevo al técnico.",
  ],
  "me.code.notone": [
    "That isn't a code to join with. Scan the QR code on stage.",
    "Ese no es un código para entrar. Escanee el código QR del escenario.",
  ],
  "me.code.other": ["Use another code", "Usar otro código"],
  "me.join": ["Open my mix", "Abrir mi mezcla"],
  "me.joining": ["Joining…", "Entrando…"],
  "me.unreachable": [
    "The server can't be reached. Is this phone on the stage's WiFi? It tries again by itself.",
    "No se alcanza el servidor. ¿Está este teléfono en el WiFi del escenario? Lo vuelve a intentar solo.",
  ],
  "me.full": [
    "All places are taken. Ask the engineer to free one; this page tries again by itself.",
    "Todos los puestos están ocupados. Pida al técnico que libere uno; esta página lo vuelve a intentar sola.",
  ],
  "me.overloaded": [
    "The server is at its limit: one phone more would spoil the sound of the others. Ask the engineer for longer frames or fewer channels; this page tries again by itself.",
    "El servidor está al límite: un teléfono más estropearía el sonido de los demás. Pida al técnico tramas más largas o menos canales; esta página lo vuelve a intentar sola.",
  ],
  "me.heldoff": [
    "Too many wrong codes came from this phone, so it has to wait. Meanwhile ask the engineer for the right code.",
    "Han llegado demasiados códigos erróneos desde este teléfono, así que debe esperar. Mientras, pida al técnico el código correcto.",
  ],
  "me.again.in": ["Tries again in {n} s.", "Lo vuelve a intentar en {n} s."],
  "me.again.now": ["Try now", "Intentar ahora"],
  "me.ended.title": ["This mix is no longer open here", "Esta mezcla ya no está abierta aquí"],
  "me.ended.own": [
    "Another phone has taken your place, or the engineer has ended it. Your mix is kept. If it is still yours, open it again: the other phone then loses it.",
    "Otro teléfono ha ocupado su puesto, o el técnico lo ha cerrado. Su mezcla se conserva. Si sigue siendo suya, ábrala de nuevo: el otro teléfono la pierde entonces.",
  ],
  "me.ended.app": [
    "The app has joined anew or was ended, so this page's address is no longer valid. Open the page again from the app.",
    "La aplicación ha vuelto a entrar o se ha cerrado, así que la dirección de esta página ya no es válida. Ábrala de nuevo desde la aplicación.",
  ],
  "me.ended.again": ["Open my mix again", "Abrir mi mezcla de nuevo"],
  "me.line.offline": ["Offline", "Sin conexión"],
  "me.line.silent": ["No sound on this phone", "Sin sonido en este teléfono"],
  "me.line.paused": ["The app is paused", "La aplicación está en pausa"],
  "me.line.measuring": ["Playing, measuring…", "Suena, midiendo…"],
  "me.line.fine": ["Good, {ms} ms", "Bien, {ms} ms"],
  "me.line.watch": ["Fair, {ms} ms", "Aceptable, {ms} ms"],
  "me.line.watch.loss": ["Fair, {ms} ms, loss {loss} %", "Aceptable, {ms} ms, pérdida {loss} %"],
  "me.line.act.loss": [
    "Loss {loss} %: move nearer to the access point",
    "Pérdida {loss} %: acérquese al punto de acceso",
  ],
  "me.line.act.network": [
    "Slow, {ms} ms: move nearer to the access point",
    "Lento, {ms} ms: acérquese al punto de acceso",
  ],
  "me.line.act.phone": [
    "Slow, {ms} ms: close other apps, or move nearer to the access point",
    "Lento, {ms} ms: cierre otras aplicaciones o acérquese al punto de acceso",
  ],
  "me.line.act.headphones": ["Slow, {ms} ms: use wired headphones", "Lento, {ms} ms: use auriculares con cable"],
  "me.cannot.https": [
    "Browsers play sound only over HTTPS:",
    "Los navegadores solo reproducen sonido por HTTPS:",
  ],
  "me.cannot.noserver": [
    "Browsers play sound only over HTTPS, which is off: the engineer starts Foldback with --https 5443.",
    "Los navegadores solo reproducen sonido por HTTPS, que está apagado: el técnico inicia Foldback con --https 5443.",
  ],
  "me.cannot.browser": [
    "This browser is too old to play sound; a current Chrome, Firefox or Safari does.",
    "Este navegador es demasiado antiguo para reproducir sonido; un Chrome, Firefox o Safari actual sí puede.",
  ],
  "me.in.app": ["sound is in the app", "suena en la aplicación"],
  "me.listen": ["Listen", "Escuchar"],
  "me.listen.stop": ["Stop", "Parar"],
  "me.offline.title": ["Offline.", "Sin conexión."],
  "me.offline": [
    "The faders wait until the server is back. Stay on the stage's WiFi: it connects by itself.",
    "Los faders esperan hasta que vuelva el servidor. Siga en el WiFi del escenario: la página se conecta sola.",
  ],
  "me.locked.title": ["Locked.", "Bloqueada."],
  "me.locked": [
    "The engineer moves this mix. Ask them to change it or to unlock it.",
    "El técnico lleva esta mezcla. Pídale que la cambie o la desbloquee.",
  ],
  "me.soloed": ["Solo: you hear only {names}.", "Solo: únicamente oye {names}."],
  "me.solo.end": ["End solo", "Quitar solo"],
  "me.mine": ["Mine", "Míos"],
  "me.groups": ["Groups", "Grupos"],
  "me.others": ["The others", "Los demás"],
  "me.channels": ["Channels", "Canales"],
  "me.pin.hint": ["Tap ☆ to keep yours on top", "Toque ☆ para tener los suyos arriba"],
  "me.pin.of": ["Keep {name} on top", "Tener {name} arriba"],
  "me.level.of": ["Level of {name}", "Nivel de {name}"],
  "me.mute.of": ["Mute {name}", "Mute de {name}"],
  "me.solo.of": ["Solo {name}", "Solo de {name}"],
  "me.pan.of": ["Pan of {name}", "Panorama de {name}"],
  "me.mute": ["Mute", "Mute"],
  "me.left": ["L", "I"],
  "me.right": ["R", "D"],
  "me.desk.muted": ["off at the desk", "cerrado en la mesa"],
  "me.limiter": ["LIMIT", "LÍMITE"],
  "me.limiter.why": [
    "Lights while the limiter protects your ears: turn the loudest down.",
    "Se enciende mientras el limitador protege sus oídos: baje lo más fuerte.",
  ],
  "me.undo.none": ["There is nothing to undo.", "No hay nada que deshacer."],
  "me.reset": ["Reset my mix", "Restablecer mi mezcla"],
  "me.leave": ["Leave", "Salir"],
  "me.is.own": [
    "This browser is a phone of its own, with the mix of {name}.",
    "Este navegador es un teléfono propio, con la mezcla de {name}.",
  ],
  "me.is.app": [
    "These are the faders of the app that opened this page, with the mix of {name}. The sound is in the app.",
    "Estos son los faders de la aplicación que abrió esta página, con la mezcla de {name}. El sonido está en la aplicación.",
  ],
  "me.empty": [
    "The engineer hasn't opened any channel for you yet.",
    "El técnico todavía no le ha abierto ningún canal.",
  ],
});
