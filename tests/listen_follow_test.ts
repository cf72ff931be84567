/** A listener follows what an engineer changes: a real server, a real listener. */
import assert from "node:assert/strict";
import { type Event, Listener, wavChannel } from "./listen_process.ts";
import { programTest } from "./require.ts";
import { JOIN_CODE, type Server, startServer } from "./server.ts";
import { CARD_NEEDS, startCard } from "./soundcard.ts";

const TONES = ["--source", "tones", "--channels", "4", "--pool-size", "1"];
/** Deep enough for a machine that does other things too. */
const DEEP = ["--json", "--buffer-ms", "60"];
/** Of each tone. */
const LEVEL_DB = -12;
/** 50 ms: a whole number of periods of each tone. */
const WINDOW = 2400;

const heard = ({ event, levelsDb }: Event) =>
  event === "stats" && levelsDb.every((level: number) => Math.abs(level - LEVEL_DB) < 1);
const changed = (wanted: Record<string, unknown>) => ({ event, media }: Event) =>
  event === "media" && Object.entries(wanted).every(([key, value]) => String(media[key]) === String(value));
const second = ({ event }: Event) => event === "stats";

async function patch(server: Server, session: string, body: Record<string, unknown>): Promise<void> {
  const answer = await server.call("PATCH", `/api/v1/sessions/${session}`, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

/** Amplitude of `hertz` in each window of a signal, in decibels. */
function levels(signal: Float32Array, hertz: number): number[] {
  return Array.from({ length: Math.floor(signal.length / WINDOW) }, (_, window) => {
    let re = 0, im = 0;
    for (let i = window * WINDOW; i < (window + 1) * WINDOW; i++) {
      re += signal[i] * Math.cos(2 * Math.PI * hertz * i / 48_000);
      im += signal[i] * Math.sin(2 * Math.PI * hertz * i / 48_000);
    }
    return 20 * Math.log10(2 * Math.hypot(re, im) / WINDOW + 1e-9);
  });
}
/** Windows in which the tone isn't there as it should be. */
const disturbed = (signal: Float32Array, hertz: number): number =>
  levels(signal, hertz).filter((level) => Math.abs(level - LEVEL_DB) > 1.5).length;
const peak = (signal: Float32Array): number => signal.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

Deno.test("frames of another length, repeated frames and another bitrate go on in the same file, and nothing is lost", async () => {
  await using server = await startServer({ args: TONES });
  const out = `${server.stateDir}/heard.wav`;
  await using listener = new Listener(server.url, JOIN_CODE, [...DEEP, "--channels", "2,4", "--out", out]);
  const { session } = await listener.event(({ event }) => event === "joined");
  const { startedAt } = await listener.event(({ event }) => event === "audible");
  await listener.event(heard);
  for (const change of [{ frameMs: 10 }, { frameMs: 2.5 }, { redundancy: 1 }, { bitrate: 192_000 }, { frameMs: 5 }]) {
    await patch(server, session, change);
    await listener.event(changed(change));
    await listener.event(second);
    await listener.event(second);
  }
  const asked = Date.now();
  listener.process.kill("SIGINT");
  const { code, errors } = await listener.ended();
  assert.equal(code, 0, errors);
  const end = JSON.parse(listener.lines.at(-1)!), length = end.audioFrames / 48;
  assert.equal(end.broken, 0);
  assert.equal(listener.lines.filter((line) => JSON.parse(line).event === "joined").length, 1);
  // As long as it was listened, whatever happened meanwhile.
  assert.ok(length > asked - startedAt - 1 && length < Date.now() - startedAt, `${length} ms`);
  for (const [channel, hertz] of [200, 400].entries()) {
    const signal = wavChannel(out, 2, channel);
    assert.equal(signal.length, end.audioFrames);
    // The first window, and one or two at each of the five changes: its phase is shifted, and the codec finds its feet.
    assert.ok(disturbed(signal, hertz) <= 11, `${levels(signal, hertz).map((level) => level.toFixed(1)).join(" ")}`);
  }
});

Deno.test("more channels, fewer, one, a mix: a listener without a file goes on, and never hears noise", async () => {
  await using server = await startServer({ args: TONES });
  await using listener = new Listener(server.url, JOIN_CODE, [...DEEP, "--channels", "1"]);
  const { session } = await listener.event(({ event }) => event === "joined");
  let { gapMs } = await listener.event(heard);
  const changes = [
    { body: { channels: [1, 2, 3] }, streams: 3, width: 3 },
    { body: { channels: [2, 4] }, streams: 2, width: 2 },
    { body: { mode: "mix", channels: [1] }, streams: 1, width: 2 },
    { body: { mode: "channels", channels: [3] }, streams: 1, width: 1 },
    { body: { channels: [4, 3, 2, 1], redundancy: 1, frameMs: 10 }, streams: 4, width: 4 },
  ];
  for (const { body, streams, width } of changes) {
    await patch(server, session, body);
    await listener.event(changed({ streams }));
    // The second in which it changed, and a whole one.
    await listener.event(second);
    const stats = await listener.event(({ event, levelsDb }) => event === "stats" && levelsDb.length === width);
    assert.ok(stats.gapMs - gapMs < 500, `${stats.gapMs - gapMs} ms were lost`);
    gapMs = stats.gapMs;
    await listener.event(({ event, second }) => event === "stats" && second.received > 0 && second.gapMs === 0);
  }
  listener.process.kill("SIGINT");
  assert.equal((await listener.ended()).code, 0);
  const events = listener.lines.map((line) => JSON.parse(line));
  for (const { levelsDb } of events.filter(second)) {
    // A mix is quieter by its master and its pan; noise would be louder.
    assert.ok(levelsDb.every((level: number) => level < LEVEL_DB + 2), `${levelsDb}`);
  }
  assert.equal(events.filter(({ event }) => event === "joined").length, 1);
});

programTest("what is played on a device goes on through every change, too", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 2, seconds: 1 });
  await using server = await startServer({ args: TONES });
  const args = [...DEEP, "--channels", "1", "--play", card.playback];
  await using listener = new Listener(server.url, JOIN_CODE, args, { ...card.env });
  const { session } = await listener.event(({ event }) => event === "joined");
  await listener.event(heard);
  for (const change of [{ channels: [1, 2, 3, 4] }, { mode: "mix", frameMs: 10 }, { mode: "channels" }]) {
    await patch(server, session, change);
    await listener.event(({ event }) => event === "media");
    await listener.event(second);
    await listener.event(({ event, second }) => event === "stats" && second.received > 0 && second.gapMs === 0);
  }
  const { outputMs, levelsDb } = await listener.event(heard);
  assert.ok(outputMs > 0);
  assert.equal(levelsDb.length, 4);
  listener.process.kill("SIGINT");
  assert.equal((await listener.ended()).code, 0);
});

Deno.test("two channels and a stereo mix are equally wide: the file goes on, silent for what is missing", async () => {
  await using server = await startServer({ args: TONES });
  const out = `${server.stateDir}/heard.wav`;
  await using listener = new Listener(server.url, JOIN_CODE, [...DEEP, "--channels", "1,2", "--out", out]);
  const { session } = await listener.event(({ event }) => event === "joined");
  await listener.event(heard);
  // Nothing but the first channel, as loud as it is.
  const mix = { channels: { 1: { pan: -1 }, 2: { mute: true } }, master: { gainDb: 0 } };
  assert.equal((await server.call("PATCH", `/api/v1/sessions/${session}/mix`, mix)).status, 200);
  await patch(server, session, { mode: "mix" });
  await listener.event(changed({ encoding: "opus" }));
  await listener.event(second);
  await listener.event(second);
  await patch(server, session, { mode: "channels" });
  await listener.event(changed({ encoding: "multiopus" }));
  await listener.event(second);
  await listener.event(second);
  listener.process.kill("SIGINT");
  const { code, errors } = await listener.ended();
  assert.equal(code, 0, errors);
  const left = wavChannel(out, 2, 0), right = wavChannel(out, 2, 1);
  assert.ok(peak(left) < 0.4 && peak(right) < 0.4, `a burst of ${peak(left)} and ${peak(right)}`);
  // Half a second at most, each time.
  assert.ok(disturbed(left, 100) <= 22, `${levels(left, 100).map((level) => level.toFixed(1)).join(" ")}`);
  assert.ok(levels(right, 200).some((level) => level < -60), "the right one never fell silent");
  assert.ok(Math.abs(levels(right, 200).at(-2)! - LEVEL_DB) < 1.5, "the right one didn't come back");
});

Deno.test("a file can't hold another width: it is ended with a line that says so, and is whole so far", async () => {
  await using server = await startServer({ args: TONES });
  const out = `${server.stateDir}/heard.wav`;
  await using listener = new Listener(server.url, JOIN_CODE, [...DEEP, "--channels", "1,2", "--out", out]);
  const { session } = await listener.event(({ event }) => event === "joined");
  await listener.event(heard);
  await listener.event(heard);
  await patch(server, session, { channels: [1, 2, 3] });
  const { code, errors } = await listener.ended();
  assert.equal(code, 1);
  assert.match(errors, /^listen: cannot go on writing .*heard\.wav: it has 2 channels, and the session now has 3\n$/);
  const signal = wavChannel(out, 2, 1);
  assert.ok(signal.length > 48_000 && peak(signal) < 0.4);
  assert.equal(signal.length, JSON.parse(listener.lines.at(-1)!).audioFrames);
});
