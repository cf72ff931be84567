/** The whole stage, on real input and with real listeners: what the project exists for. */
import assert from "node:assert/strict";
import { now } from "../core/clock.ts";
import { rtpTimestamp } from "../core/units.ts";
import { timestampDistance } from "../core/wrap.ts";
import { readRtcp } from "../send/rtcp.ts";
import { WavWriter } from "../capture/wav.ts";
import { type Event, ListenerProcess, readWav } from "./listeners.ts";
import { decode, followTone, parseRtp, Phone } from "./phone.ts";
import { programTest } from "./require.ts";
import { startServer } from "./server.ts";
import { CARD_NEEDS, startCard } from "./soundcard.ts";

/** Of sound, after everybody hears; 30 shows what a short run can't. */
const SECONDS = Number(Deno.env.get("STAGE_SECONDS") ?? 6);
/** Ten listeners that decode 16 channels of 2.5 ms frames take both cores of a small machine to themselves. */
const FRAME_MS = Deno.env.get("STAGE_FRAME_MS") ?? "5";
const LISTENERS = 10;
const CHANNELS = 16;
/** Left out at the beginning of a recording: the first packets, and the depth being found. */
const SETTLED = 48_000;

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** The largest step between neighbours beyond what a sine of this frequency and level makes: a gap or a click shows. */
function roughness(audio: Float32Array, hertz: number, amplitude: number): number {
  const steepest = amplitude * 2 * Math.PI * hertz / 48_000;
  let worst = 0;
  for (let i = 1; i < audio.length; i++) worst = Math.max(worst, Math.abs(audio[i] - audio[i - 1]) - steepest);
  return worst / amplitude;
}

const statsOf = ({ events }: ListenerProcess) => events.filter(({ event }) => event === "stats");
/** A second in which nothing was made up for. */
const steady = ({ second }: Event) => second.concealed === 0;
/** It hears, and has found its depth. */
const calm = (listener: ListenerProcess) => {
  const last = statsOf(listener).slice(-2);
  return last.length === 2 && last.every(steady);
};

/** A machine that is shared stops now and then for longer than any buffer; a stretch without that comes soon. */
const TRIES = 8;

/** Waits until everybody has heard SECONDS of steady sound in a row; they are the last ones heard. */
async function hearing(listeners: readonly ListenerProcess[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.until(() => calm(listener))));
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const from = listeners.map((listener) => listener.seconds);
    await Promise.all(listeners.map((listener, i) => listener.until(() => listener.seconds >= from[i] + SECONDS)));
    if (listeners.every((listener, i) => statsOf(listener).slice(from[i]).every(steady))) return;
  }
  throw new Error(`no ${SECONDS} steady seconds in ${TRIES} tries`);
}

programTest(
  "ten listeners hear each of a card's sixteen inputs: right tone, right level, no gap, no lost datagram",
  CARD_NEEDS,
  async () => {
    await using card = await startCard({ channels: CHANNELS, seconds: SECONDS + 90 });
    await using server = await startServer({
      args: ["--source", card.source, "--channels", String(CHANNELS), "--frame-ms", FRAME_MS],
      env: card.env,
    });
    const listeners = range(LISTENERS).map((i) =>
      // Deep enough for what a shared machine does to a server.
      new ListenerProcess(server, i, ["--mode", "channels", "--buffer-ms", "60"])
    );
    await hearing(listeners);
    const ends = await Promise.all(listeners.map((listener) => listener.end()));
    ends.forEach((end, i) => assert.equal(end.lost, 0, `listener ${i}: ${JSON.stringify(end)}`));
    const amplitude = 10 ** (-12 / 20);
    for (const listener of listeners) {
      const audio = await readWav(listener.file);
      assert.equal(audio.length, CHANNELS);
      // While it finds its depth a listener plays up to half a percent faster or slower, all channels alike.
      const speed = median(audio.map((channel, c) => {
        const hertz = 200 + 100 * c;
        return followTone(channel.subarray(-48_000 * SECONDS, -4800), hertz).hertz / hertz;
      }));
      assert.ok(Math.abs(speed - 1) < 0.005, `played at ${speed} of the speed`);
      audio.forEach((channel, c) => {
        const hertz = 200 + 100 * c, settled = channel.subarray(-48_000 * SECONDS, -4800);
        assert.ok(settled.length > 48_000 * (SECONDS - 1), `channel ${c + 1}: ${settled.length} samples`);
        const tone = followTone(settled, hertz);
        assert.ok(
          Math.abs(tone.hertz / speed - hertz) < 1,
          `channel ${c + 1}: ${tone.hertz / speed} Hz instead of ${hertz}`,
        );
        assert.ok(Math.abs(tone.dbfs + 12) < 1, `channel ${c + 1}: ${tone.dbfs} dBFS`);
        // Half a percent faster or slower, and a margin.
        const allowed = 0.3 + 2 * Math.PI * hertz * 0.05 * 0.006;
        assert.ok(tone.phaseStep < allowed, `channel ${c + 1}: its phase jumps by ${tone.phaseStep}`);
        assert.ok(roughness(settled, hertz, amplitude) < 0.3, `channel ${c + 1} has a gap or a click`);
      });
    }
    const { body } = await server.call("GET", "/api/v1/status");
    assert.equal(body.dropped.sendBuffer, 0);
  },
);

/** Samples at which clicks are, by their peak: at least half a period apart. */
function clicksOf(audio: Float32Array, threshold: number, apart: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < audio.length; i++) {
    if (Math.abs(audio[i]) < threshold) continue;
    let peak = i;
    for (let k = i; k < Math.min(i + 240, audio.length); k++) if (Math.abs(audio[k]) > Math.abs(audio[peak])) peak = k;
    found.push(peak);
    i += apart;
  }
  return found;
}

/** Listeners that write down what they hear; the others leave the machine to them. */
const RECORDED = 3;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

Deno.test("the delay that the status shows for ten listeners is the delay of clicks from the source to their outputs", async () => {
  const periodMs = 100, period = 48 * periodMs;
  const file = await Deno.makeTempFile({ suffix: ".wav" });
  {
    using clicks = new WavWriter(file, CHANNELS, 48_000);
    const second = new Float32Array(48_000 * CHANNELS);
    // One millisecond of 4 kHz under a window: a click that a codec of 2.5 ms frames keeps in its place.
    for (let start = 0; start < 48_000; start += period) {
      for (let i = 0; i < 48; i++) {
        const value = 0.8 * Math.sin(Math.PI * i / 48) ** 2 * Math.cos(2 * Math.PI * 4000 * (i - 24) / 48_000);
        for (let c = 0; c < CHANNELS; c++) second[(start + i) * CHANNELS + c] = value;
      }
    }
    clicks.write(second, 48_000);
  }
  await using server = await startServer({ args: ["--source", `wav:${file}`, "--frame-ms", "2.5"] });
  const listeners = range(LISTENERS).map((i) => new ListenerProcess(server, i, ["--mode", "channels"], i < RECORDED));

  // A phone of our own reads off when the clicks were captured, from the timestamps and the sender reports.
  using phone = new Phone();
  const { body: joined } = await server.join({
    device: "click-reference",
    mode: "channels",
    channels: [1],
    frameMs: 2.5,
  });
  await phone.bind(joined.media.port, joined.media.username, joined.media.password);
  await phone.until(() => phone.rtp.length >= 400 && phone.rtcp.length >= 1);
  const report = readRtcp(phone.rtcp[0].bytes, 0, phone.rtcp[0].bytes.length)!.senderReports[0];
  const heard = phone.rtp.slice(0, 400), first = parseRtp(heard[0]).timestamp;
  const [reference] = await decode(heard, 1);
  const capturedMs = clicksOf(reference, 0.3, period / 2).slice(1).map((sample) =>
    // The decoder's output lags by the codec's lookahead.
    report.ntpMs + (timestampDistance(rtpTimestamp(first + sample - 120), report.rtpTimestamp)) / 48
  );
  const phase = median(capturedMs.map((ms) => ms % periodMs));

  // Each second what the status shows, and when; the first report after a while, when starting up is forgotten.
  const seen: { readonly at: number; readonly totals: ReadonlyMap<string, number | null> }[] = [];
  await Promise.all(listeners.map((listener) => listener.until(() => listener.seconds >= 12 && calm(listener))));
  for (let second = 0; second < SECONDS; second++) {
    const [first] = listeners, from = first.seconds;
    await first.until(() => first.seconds > from);
    const { body } = await server.call("GET", "/api/v1/status");
    // deno-lint-ignore no-explicit-any
    const totals = body.sessions.map(({ session, latency }: any) => [session, latency.totalMs]);
    seen.push({ at: now(), totals: new Map(totals) });
  }
  await Promise.all(listeners.map((listener) => listener.end()));
  const shown: number[] = [];
  for (const [i, listener] of listeners.entries()) {
    const { session } = await listener.event("joined");
    const totals = seen.map(({ totals }) => totals.get(session)!);
    assert.ok(totals.every((total) => total > 5 && total < 150), `listener ${i}: the status shows ${totals} ms`);
    shown.push(median(totals));
    if (i >= RECORDED) continue;
    const { startedAt } = await listener.event("audible"), [audio] = await readWav(listener.file);
    const clicks = clicksOf(audio.subarray(SETTLED), 0.3, period / 2).map((sample) => {
      const at = startedAt + (sample + SETTLED) / 48, delay = (at - phase) % periodMs;
      return { at, delay: delay < 0 ? delay + periodMs : delay };
    });
    // What is shown belongs to the second or two before. A depth that is on the move shows late: the best second counts.
    const windows = seen.map(({ at }, k) => {
      const delays = clicks.filter((click) => click.at > at - 1500 && click.at < at).map(({ delay }) => delay);
      assert.ok(delays.length >= 10, `listener ${i} heard ${delays.length} clicks in 1.5 s`);
      return { total: totals[k], measured: median(delays) };
    });
    const off = ({ total, measured }: { total: number; measured: number }) => Math.abs(total - measured);
    const best = windows.reduce((a, b) => off(b) < off(a) ? b : a);
    console.log(
      `listener ${i}: ${
        windows.map(({ total, measured }) => `${total.toFixed(1)} shown, ${measured.toFixed(1)} clicks`).join("; ")
      }`,
    );
    assert.ok(off(best) <= 2, `listener ${i}: at best ${best.total} ms shown, ${best.measured} ms measured`);
  }
  console.log(`p50 of the ten: ${median(shown).toFixed(1)} ms`);
  await Deno.remove(file);
});
