/** ffmpeg plays targets by the very SDP that the API answered: right tones, levels, nothing missing. */
import assert from "node:assert/strict";
import { measureTone } from "./phone.ts";
import { assertGapless, FFMPEG, freePorts, levelRange, type Played, playSdp } from "./programs.ts";
import { programTest } from "./require.ts";
import { type Server, startServer } from "./server.ts";

const RATE = 48_000;
const SECONDS = 2;
/** Joining in the middle of a stream, a decoder is right after a few frames. */
const SETTLE = RATE / 10;
/** Long enough to tell 100 Hz from 200 Hz, short enough to be measured often. */
const MEASURED = RATE / 2;
/** Channel n of the tones source is 100·n Hz at this level. */
const TONE_DBFS = -12;
/** Constant power: a channel in the middle is so much softer on each side. */
const CENTRE_DB = 20 * Math.log10(Math.SQRT1_2);
/** A fresh mix has its master here. */
const MASTER_DB = -12;

const near = (actual: number, expected: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected} ± ${tolerance}`);

const powerSum = (levels: readonly number[]) => 10 * Math.log10(levels.reduce((sum, db) => sum + 10 ** (db / 10), 0));

async function createTarget(server: Server, body: Record<string, unknown>): Promise<string> {
  const answer = await server.call("POST", "/api/v1/targets", body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body.sdp;
}

/** Every tone within 1 Hz and 1 dB of `dbfs`; nothing else sounds, and it never stops. */
function assertTones(audio: Float32Array, channels: readonly number[], dbfs: number): void {
  const settled = audio.subarray(SETTLE);
  for (const channel of channels) {
    const tone = measureTone(settled.subarray(0, MEASURED), 100 * channel);
    near(tone.hertz, 100 * channel, 1, `hertz of channel ${channel}`);
    near(tone.dbfs, dbfs, 1, `dBFS of channel ${channel}`);
  }
  const { low, high } = levelRange(settled), all = powerSum(channels.map(() => dbfs));
  near(low, all, 1, "dB of the softest 10 ms");
  near(high, all, 1, "dB of the loudest 10 ms");
}

function assertSides(played: Played, sides: readonly (readonly number[])[], frameMs: number, dbfs: number): void {
  assertGapless(played, frameMs, SECONDS);
  played.audio.forEach((audio, side) => assertTones(audio, sides[side], dbfs));
}

for (const frameMs of [2.5, 5]) {
  programTest(`ffmpeg plays a stereo mix target by our SDP, ${frameMs} ms frames`, FFMPEG, async () => {
    await using server = await startServer({ args: ["--source", "tones", "--channels", "4"] });
    const sdp = await createTarget(server, { address: "127.0.0.1", port: freePorts(2), mode: "mix", frameMs });
    const [played] = await playSdp(sdp, SECONDS);
    const all = [1, 2, 3, 4];
    assertSides(played, [all, all], frameMs, TONE_DBFS + CENTRE_DB + MASTER_DB);
  });

  programTest(`ffmpeg plays a mono target of one channel by our SDP, ${frameMs} ms frames`, FFMPEG, async () => {
    await using server = await startServer({ args: ["--source", "tones"] });
    const sdp = await createTarget(server, {
      address: "127.0.0.1",
      port: freePorts(2),
      mode: "mono",
      channels: [7],
      frameMs,
    });
    const sections = await playSdp(sdp, SECONDS);
    assert.equal(sections.length, 1);
    assertSides(sections[0], [[7], [7]], frameMs, TONE_DBFS);
  });

  programTest(`each section of a mono target has its own channel's tone, ${frameMs} ms frames`, FFMPEG, async () => {
    await using server = await startServer({ args: ["--source", "tones"] });
    const channels = [16, 1, 9, 4];
    const port = freePorts(2 * channels.length);
    const sdp = await createTarget(server, { address: "127.0.0.1", port, mode: "mono", channels, frameMs });
    const sections = await playSdp(sdp, SECONDS);
    assert.equal(sections.length, channels.length);
    sections.forEach(({ complaints, audio }, i) => {
      // ffmpeg shifts the times of several sections against each other by RTCP: gaps are what it says it missed.
      assert.deepEqual(complaints, []);
      for (const side of audio) {
        assert.ok(Math.abs(side.length - SECONDS * RATE) <= 480, `${side.length} samples`);
        assertTones(side, [channels[i]], TONE_DBFS);
      }
    });
  });
}

programTest("a target of a session's mix sounds as that session's faders and pans say", FFMPEG, async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  const { session } = (await server.join({ mode: "mix", channels: [3, 5, 8] })).body;
  const patched = await server.call("PATCH", `/api/v1/sessions/${session}/mix`, {
    channels: { 3: { pan: -1, gainDb: -6 }, 5: { pan: 1, gainDb: -6 }, 8: { mute: true } },
    master: { gainDb: 0 },
  });
  assert.equal(patched.status, 200, JSON.stringify(patched.body));
  const sdp = await createTarget(server, {
    address: "127.0.0.1",
    port: freePorts(2),
    mode: "mix",
    session,
    frameMs: 5,
  });
  const [played] = await playSdp(sdp, SECONDS);
  assertSides(played, [[3], [5]], 5, TONE_DBFS - 6);
});

programTest("ffmpeg plays an IPv6 target by our SDP", FFMPEG, async () => {
  await using server = await startServer({ address: "::1", args: ["--source", "tones"] });
  const sdp = await createTarget(server, {
    address: "::1",
    port: freePorts(2, "::1"),
    mode: "mono",
    channels: [11],
    frameMs: 5,
  });
  const [played] = await playSdp(sdp, SECONDS);
  assertSides(played, [[11], [11]], 5, TONE_DBFS);
});

programTest("ffmpeg joins the group of a multicast target by our SDP", FFMPEG, async () => {
  await using server = await startServer({ args: ["--source", "tones"] });
  const sdp = await createTarget(server, {
    address: "239.255.77.7",
    port: freePorts(2),
    mode: "mono",
    channels: [13],
    frameMs: 5,
  });
  // The server sends from 127.0.0.1, so the group is to be heard on the loopback interface.
  const [played] = await playSdp(sdp, SECONDS, ["-localaddr", "127.0.0.1"]);
  assertSides(played, [[13], [13]], 5, TONE_DBFS);
});
