/** The whole stage, on real input and with real listeners: what the project exists for. */
import assert from "node:assert/strict";
import { calm, compareDelays, LISTENERS, median, range, statsOf, steady } from "./clicks.ts";
import { ListenerProcess, readWav } from "./listeners.ts";
import { bendOf, followTone } from "./phone.ts";
import { programTest } from "./require.ts";
import { startServer } from "./server.ts";
import { CARD_NEEDS, startCard, tones } from "./soundcard.ts";

/** STAGE_SECONDS=30 shows what a short run can't: then nothing is spared. */
const WHOLE = Deno.env.has("STAGE_SECONDS");
/** Of sound, after everybody hears. */
const SECONDS = Number(Deno.env.get("STAGE_SECONDS") ?? 6);
/** Ten listeners that decode 16 channels of 2.5 ms frames take both cores of a small machine to themselves. */
const FRAME_MS = Deno.env.get("STAGE_FRAME_MS") ?? (WHOLE ? "5" : "10");
const CHANNELS = 16;
/** Channel n is a tone of 133 + 100 n Hz: no whole number of turns fits in a frame, so one that is missing shows. */
const LOWEST = 233;

/** The largest step between neighbours beyond what a sine of this frequency and level makes: a gap or a click shows. */
function roughness(audio: Float32Array, hertz: number, amplitude: number): number {
  const steepest = amplitude * 2 * Math.PI * hertz / 48_000;
  let worst = 0;
  for (let i = 1; i < audio.length; i++) worst = Math.max(worst, Math.abs(audio[i] - audio[i - 1]) - steepest);
  return worst / amplitude;
}

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
    await using card = await startCard({ channels: CHANNELS, seconds: 300, signal: tones(CHANNELS, LOWEST) });
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
        const hertz = LOWEST + 100 * c;
        return followTone(channel.subarray(-48_000 * SECONDS, -4800), hertz).hertz / hertz;
      }));
      assert.ok(Math.abs(speed - 1) < 0.006, `played at ${speed} of the speed`);
      audio.forEach((channel, c) => {
        const hertz = LOWEST + 100 * c, settled = channel.subarray(-48_000 * SECONDS, -4800);
        assert.ok(settled.length > 48_000 * (SECONDS - 1), `channel ${c + 1}: ${settled.length} samples`);
        const tone = followTone(settled, hertz);
        assert.ok(
          Math.abs(tone.hertz / speed - hertz) < 1,
          `channel ${c + 1}: ${tone.hertz / speed} Hz instead of ${hertz}`,
        );
        assert.ok(Math.abs(tone.dbfs + 12) < 1, `channel ${c + 1}: ${tone.dbfs} dBFS`);
        assert.ok(tone.phaseStep < 0.3 + bendOf(hertz), `channel ${c + 1}: its phase jumps by ${tone.phaseStep}`);
        assert.ok(roughness(settled, hertz, amplitude) < 0.3, `channel ${c + 1} has a gap or a click`);
      });
    }
    const { body } = await server.call("GET", "/api/v1/status");
    assert.equal(body.dropped.sendBuffer, 0);
  },
);

Deno.test("the delay that the status shows for ten listeners is the delay of clicks from the source to their outputs", async () => {
  // Sixteen channels each fill two cores: the short run has them where it measures.
  const args = (i: number) => ["--mode", "channels", ...(WHOLE || i === 0 ? [] : ["--channels", "1-4"])];
  await compareDelays(SECONDS, args, (server) =>
    Promise.resolve(async (joined) => {
      const { body: { sessions } } = await server.call("GET", "/api/v1/status");
      // deno-lint-ignore no-explicit-any
      const shown = new Map<string, any>(sessions.map(({ session, latency }: any) => [session, latency.totalMs]));
      return joined.map(({ session }) => shown.get(session) ?? NaN);
    }));
});
