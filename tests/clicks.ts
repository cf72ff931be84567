/**
 * The delay from the source to ten listeners' outputs, measured with clicks in their recordings, beside the delay that
 * somebody shows meanwhile: the status, or a page. In: how to listen, where the shown delays are read. Out: asserts that
 * they agree, and prints both.
 */
import assert from "node:assert/strict";
import { now } from "../core/clock.ts";
import { rtpTimestamp } from "../core/units.ts";
import { timestampDistance } from "../core/wrap.ts";
import { WavWriter } from "../capture/wav.ts";
import { readRtcp } from "../send/rtcp.ts";
import { type Event, ListenerProcess, readWav } from "./listeners.ts";
import { decode, parseRtp, Phone } from "./phone.ts";
import { type Server, startServer } from "./server.ts";

export const LISTENERS = 10;
const CHANNELS = 16;
/** Listeners that write down what they hear; the others leave the machine to them. */
const RECORDED = 3;
/** Left out at the beginning of a recording: the first packets, and the depth being found. */
const SETTLED = 48_000;
/** Seconds after which starting up is forgotten. */
const STARTED = 12;
const PERIOD_MS = 100, PERIOD = 48 * PERIOD_MS;

export const range = (count: number) => Array.from({ length: count }, (_, i) => i);
export const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
export const statsOf = ({ events }: ListenerProcess) => events.filter(({ event }) => event === "stats");
/** A second in which nothing was made up for. */
export const steady = ({ second }: Event) => second.concealed === 0;
/** It hears, and has found its depth. */
export const calm = (listener: ListenerProcess) => {
  const last = statsOf(listener).slice(-2);
  return last.length === 2 && last.every(steady);
};

/** A second of clicks on every channel, as a WAV: 1 ms of 4 kHz under a window, which a frame of 2.5 ms keeps in its place. */
async function clickFile(): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".wav" });
  using clicks = new WavWriter(file, CHANNELS, 48_000);
  const second = new Float32Array(48_000 * CHANNELS);
  for (let start = 0; start < 48_000; start += PERIOD) {
    for (let i = 0; i < 48; i++) {
      const value = 0.8 * Math.sin(Math.PI * i / 48) ** 2 * Math.cos(2 * Math.PI * 4000 * (i - 24) / 48_000);
      second.fill(value, (start + i) * CHANNELS, (start + i + 1) * CHANNELS);
    }
  }
  clicks.write(second, 48_000);
  return file;
}

/** Samples at which clicks are, by their peak: at least half a period apart. */
function clicksOf(audio: Float32Array): number[] {
  const found: number[] = [], threshold = 0.4 * audio.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < audio.length; i++) {
    if (Math.abs(audio[i]) < threshold) continue;
    let peak = i;
    for (let k = i; k < Math.min(i + 240, audio.length); k++) if (Math.abs(audio[k]) > Math.abs(audio[peak])) peak = k;
    found.push(peak);
    i += PERIOD / 2;
  }
  return found;
}

/** When the clicks are captured, ms modulo their period: from the timestamps and sender reports that any client gets. */
async function capturePhase(server: Server): Promise<number> {
  using phone = new Phone();
  const { body } = await server.join({ device: "click-reference", mode: "channels", channels: [1], frameMs: 2.5 });
  await phone.bind(body.media.port, body.media.username, body.media.password);
  await phone.until(() => phone.rtp.length >= 400 && phone.rtcp.length >= 1);
  const report = readRtcp(phone.rtcp[0].bytes, 0, phone.rtcp[0].bytes.length)!.senderReports[0];
  const heard = phone.rtp.slice(0, 400), first = parseRtp(heard[0]).timestamp;
  const [audio] = await decode(heard, 1);
  return median(
    clicksOf(audio).slice(1).map((sample) => {
      // The decoder's output lags by the codec's lookahead.
      const since = timestampDistance(rtpTimestamp(first + sample - 120), report.rtpTimestamp) / 48;
      return (report.ntpMs + since) % PERIOD_MS;
    }),
  );
}

/** Shown delays by listener, ms; NaN where none is shown. */
export type Shown = (joined: readonly Event[]) => Promise<number[]>;

/**
 * Ten listeners at 2.5 ms, each with `args(i)`. `show` opens what shows delays, before they come. What is shown agrees
 * with the clicks within 2 ms; `seconds` of both are printed.
 */
export async function compareDelays(
  seconds: number,
  args: (i: number) => readonly string[],
  show: (server: Server) => Promise<Shown>,
): Promise<void> {
  const file = await clickFile();
  await using server = await startServer({ args: ["--source", `wav:${file}`, "--frame-ms", "2.5"] });
  const read = await show(server);
  const listeners = range(LISTENERS).map((i) => new ListenerProcess(server, i, args(i), i < RECORDED));
  const joined = await Promise.all(listeners.map((listener) => listener.event("joined")));
  const phase = await capturePhase(server);
  await Promise.all(listeners.map((listener) => listener.until(() => listener.seconds >= STARTED && calm(listener))));
  const seen: { readonly at: number; readonly totals: readonly number[] }[] = [], [clock] = listeners;
  for (let second = 0; second < seconds; second++) {
    const from = clock.seconds;
    await clock.until(() => clock.seconds > from);
    seen.push({ at: now(), totals: await read(joined) });
  }
  await Promise.all(listeners.map((listener) => listener.end()));
  const all: number[] = [];
  for (const [i, listener] of listeners.entries()) {
    const totals = seen.map(({ totals }) => totals[i]);
    assert.ok(totals.every((total) => total > 5 && total < 150), `listener ${i}: ${totals} ms are shown`);
    all.push(median(totals));
    if (i >= RECORDED) continue;
    const { startedAt } = await listener.event("audible"), [audio] = await readWav(listener.file);
    const clicks = clicksOf(audio.subarray(SETTLED)).map((sample) => {
      const at = startedAt + (sample + SETTLED) / 48, delay = (at - phase) % PERIOD_MS;
      return { at, delay: delay < 0 ? delay + PERIOD_MS : delay };
    });
    // What is shown belongs to the second or two before. A depth that is on the move shows late: the best second counts.
    const windows = seen.map(({ at }, k) => {
      const delays = clicks.filter((click) => click.at > at - 1500 && click.at < at).map(({ delay }) => delay);
      assert.ok(delays.length >= 10, `listener ${i} heard ${delays.length} clicks in 1.5 s`);
      return { total: totals[k], measured: median(delays) };
    });
    const off = ({ total, measured }: { total: number; measured: number }) => Math.abs(total - measured);
    const best = windows.reduce((a, b) => off(b) < off(a) ? b : a);
    const told = windows.map(({ total, measured }) => `${total.toFixed(1)} shown, ${measured.toFixed(1)} clicks`);
    console.log(`listener ${i}: ${told.join("; ")}`);
    assert.ok(off(best) <= 2, `listener ${i}: at best ${best.total} ms shown, ${best.measured} ms measured`);
  }
  console.log(`p50 of the ten: ${median(all).toFixed(1)} ms`);
  await Deno.remove(file);
}
