/**
 * The machine: source, processor, workers, what was lost; the secrets; what happened lately. Browser's main thread.
 */
import { ConfirmButton } from "./confirm.js";
import { html } from "./html.js";
import { language, number, t } from "./words.js";

const uptimeText = (seconds) => {
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds) % 60} s`;
};

function Facts({ desk }) {
  const { state, status, pulse } = desk, { dropped } = status;
  const rows = [
    ["con.version", state.version],
    ["con.uptime", uptimeText(status.uptimeSeconds)],
    [
      "con.source",
      `${t("con.source.of", { name: status.source.name, n: state.inputs })}, ${
        t(status.source.live ? "con.source.live" : "con.source.gone")
      }`,
    ],
    ["con.cpu", pulse.cpuPercent === null ? "–" : t("con.cpu.of", { value: number(pulse.cpuPercent) })],
    ["con.memory", pulse.rssBytes === null ? "–" : t("con.memory.mb", { value: number(pulse.rssBytes / 1e6) })],
    ["con.overruns", number(status.source.overruns)],
    ["con.withheld", number(pulse.withheld ?? 0)],
    ["con.dropped", number(dropped.sendBuffer)],
  ];
  return html`<dl class="facts figures">${
    rows.map(([word, value]) =>
      html`
        <dt key=${word}>${t(word)}</dt>
        <dd>${value}</dd>
      `
    )
  }</dl>`;
}

const WORKER_COLUMNS = [
  "con.worker",
  "con.worker.clients",
  "con.worker.encoders",
  "con.worker.busy",
  "con.late",
  "con.restarts",
];

const Workers = ({ workers }) =>
  html`
    <h3>${t("con.workers")}</h3>
    <table class="figures workers">
      <thead>
        <tr>${WORKER_COLUMNS.map((word) => html`<th key=${word} scope="col">${t(word)}</th>`)}</tr>
      </thead>
      <tbody>${workers.map(({ clients, encoders, busyPercent, full, lateFrames, restarts }, i) =>
        html`
          <tr key=${i}>
            <th scope="row">${i}</th>
            <td>${clients}</td>
            <td>${encoders}</td>
            <td>${t(full ? "con.worker.full" : "con.percent", { value: number(busyPercent) })}</td>
            <td>${lateFrames}</td>
            <td>${restarts}</td>
          </tr>
        `
      )}</tbody>
    </table>
  `;

function Secrets({ desk }) {
  const renew = async () => {
    const answer = await desk.ask("POST", "/secrets/engineer-key");
    if (answer) desk.rekey(answer.engineerKey);
  };
  return html`
    <h3>${t("con.secrets")}</h3>
    <div class="line"><button type="button" onClick=${() => desk.overlay({ kind: "join" })}>${t("con.join")}</button>
          <${ConfirmButton} disabled=${desk.offline} onConfirm=${renew} label=${t("con.key.new")}>${t(
            "con.key.new",
          )}</${ConfirmButton}></div>
        <p class="dim small">${t("con.key.new.why")}</p>
  `;
}

const Log = ({ events }) =>
  html`<h3>${t("con.log")}</h3>
  ${events.length === 0 && html`<p class="dim">${t("con.log.none")}</p>`}
  <ol class="log figures">${
    [...events].reverse().map(({ time, kind, text }, i) =>
      html`<li key=${events.length - i} class=${`event ${kind}`}><time>${
        new Date(time).toLocaleTimeString(language())
      }</time><span>${text}</span></li>`
    )
  }</ol>`;

/** @param {{ desk: import("./desk.js").DeskParts }} props */
export function SystemPanel({ desk }) {
  const { live, status } = desk;
  return html`
    <div class="block">${status && html`<${Facts} desk=${desk} />`}</div>
    <div class="block">${status && html`<${Workers} workers=${status.workers} />`}</div>
    <div class="block">
      <${Secrets} desk=${desk} />
    </div>
    <div class="block">
      <${Log} events=${live.events} />
    </div>
  `;
}
