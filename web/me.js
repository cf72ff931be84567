/**
 * The musician's page: the door until there is a session, then the faders. In: the address (`/me#join=CODE` from a QR
 * code, `/me#token=…` from an app). Browser's main thread.
 */
import "./me_words.js";
import { html, render, useEffect, useEvents, useState } from "./html.js";
import { Door } from "./me_door.js";
import { Entrance } from "./me_entrance.js";
import { Stage } from "./me_stage.js";
import { languageEvents, t } from "./words.js";

function App() {
  const [entrance] = useState(() => new Entrance());
  useEvents(languageEvents, "change");
  useEvents(entrance, "change");
  useEffect(() => {
    const begin = () => entrance.start();
    begin();
    addEventListener("hashchange", begin);
    return () => removeEventListener("hashchange", begin);
  }, [entrance]);
  const { step } = entrance;
  document.title = t("me.title");
  if (step.kind !== "in") return html`<${Door} entrance=${entrance} />`;
  return html`<${Stage} key=${step.token} entrance=${entrance} step=${step} />`;
}

render(html`<${App} />`, document.getElementById("page"));
