/** An evening on a stage, with a real server: prepared, played, disturbed, killed, and played on. */
import assert from "node:assert/strict";
import { WavWriter } from "../capture/wav_writer.ts";
import { amplitudeAt, decode, parseRtp, Phone } from "./phone.ts";
import { JOIN_CODE, restartServer, type Server, startServer } from "./server.ts";

const RISE_MS = 200;
const PHONES = 10, CHANNELS = 16, SECONDS = 1, FRAME_MS = 10;
/** So that sixteen tones together stay below the limiter. */
const MASTER_DB = -18;
const SOURCE_DBFS = -12;
/** What the codec leaves of a channel that is off: far below the others, at −33 and less. */
const SILENT_DBFS = -55;
/** Ten times the three seconds within which media has to be back. */
const BACK_MS = 30_000;

/** One for each channel, each in a band of the codec's own (RFC 6716 table 55), so that none hides another. */
const HERTZ = [300, 500, 700, 900, 1100, 1300, 1500, 1800, 2200, 2600, 3000, 3600, 4400, 5200, 6200, 7400];

/** A second of sixteen tones, which loops without a seam. */
function writeBand(file: string): void {
  using wav = new WavWriter(file, CHANNELS, 48_000);
  const samples = new Float32Array(48_000 * CHANNELS), peak = 10 ** (SOURCE_DBFS / 20);
  for (let i = 0; i < samples.length; i++) {
    const second = Math.floor(i / CHANNELS) / 48_000;
    samples[i] = peak * Math.sin(2 * Math.PI * HERTZ[i % CHANNELS] * second);
  }
  wav.write(samples, 48_000);
}

interface Musician {
  readonly device: string;
  seat: string;
  session: string;
  token: string;
  media: { port: number; username: string; password: string; ssrc: number };
  phone: Phone;
}

async function sit(server: Server, device: string, secret: string): Promise<Musician> {
  const body = { name: device, device, mode: "mix", frameMs: FRAME_MS, bitrate: 256_000 };
  const joined = await server.call("POST", "/api/v1/sessions", body, secret);
  assert.equal(joined.status, 201, JSON.stringify(joined.body));
  const { seat, session, token, media } = joined.body, phone = new Phone();
  await phone.hold(media.port, media.username, media.password);
  return { device, seat, session, token, media, phone };
}

/** What a phone hears from now on: decoded left and right. */
async function listen({ phone, media }: Musician): Promise<Float32Array[]> {
  const wanted = (SECONDS * 1000 + RISE_MS) / FRAME_MS, from = phone.rtp.length;
  await phone.until(() => phone.rtp.length >= from + wanted, BACK_MS);
  const heard = phone.rtp.slice(from, from + wanted);
  assert.ok(heard.every((datagram) => parseRtp(datagram).ssrc === media.ssrc));
  const [stereo] = await decode(heard, 1, 2);
  // It rises within 50 ms after a resume.
  const skipped = stereo.subarray(2 * 48 * RISE_MS);
  return [0, 1].map((side) => skipped.filter((_, i) => i % 2 === side));
}

// deno-lint-ignore no-explicit-any
function assertFaders([left, right]: Float32Array[], mix: any, who: string): void {
  const soloed = Object.values(mix.channels).some((strip) => (strip as { solo: boolean }).solo);
  for (let channel = 1; channel <= CHANNELS; channel++) {
    const { gainDb, pan, mute, solo } = mix.channels[channel];
    const angle = (pan + 1) * Math.PI / 4;
    for (const [side, audio, part] of [["left", left, Math.cos(angle)], ["right", right, Math.sin(angle)]] as const) {
      const dbfs = 20 * Math.log10(amplitudeAt(audio, HERTZ[channel - 1]));
      const silent = mute || gainDb === -120 || (soloed && !solo) || part < 0.01;
      const wanted = SOURCE_DBFS + gainDb + mix.master.gainDb + 20 * Math.log10(part);
      if (silent) assert.ok(dbfs < SILENT_DBFS, `${who}: channel ${channel} ${side} sounds with ${dbfs} dBFS`);
      else {assert.ok(
          Math.abs(dbfs - wanted) < 0.5,
          `${who}: channel ${channel} ${side}: ${dbfs} instead of ${wanted} dBFS`,
        );}
    }
  }
}

Deno.test("an evening: prepared, played, a phone lost and one replaced, the server killed, and every mix is there again", async () => {
  const band = await Deno.makeTempFile({ suffix: ".wav" });
  writeBand(band);
  const args = ["--source", `wav:${band}`];
  await using server = await startServer({ args });
  const engineer = async (method: string, path: string, body?: unknown) => {
    const answer = await server.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  // The engineer prepares channels, two seats and a scene.
  await engineer("PATCH", "/api/v1/channels/1", { name: "Kick", colour: "#aa2200" });
  await engineer("PATCH", "/api/v1/channels/9", { link: true });
  const prepared = [];
  for (const name of ["Ana, keys", "Ben, bass"]) {
    prepared.push(await engineer("POST", "/api/v1/seats", { name, maxGainDb: 0 }));
  }
  const { scene } = await engineer("POST", "/api/v1/scenes", { name: "Soundcheck" });

  // Ten phones join, two of them by an invite, and everybody makes a mix.
  const musicians: Musician[] = [];
  try {
    for (let i = 0; i < PHONES; i++) {
      musicians.push(await sit(server, `phone-number-${i}`, prepared[i]?.invite ?? JOIN_CODE));
    }
    assert.deepEqual(musicians.slice(0, 2).map(({ seat }) => seat), prepared.map(({ seat }) => seat));
    const move = async (who: Musician, patch: unknown) => {
      const { status, body } = await server.call("PATCH", `/api/v1/seats/${who.seat}/mix`, patch, who.token);
      assert.equal(status, 200, JSON.stringify(body));
      return body;
    };
    for (const [i, who] of musicians.entries()) {
      const channel = (offset: number) => String((i + offset) % CHANNELS + 1);
      await move(who, {
        master: { gainDb: MASTER_DB },
        channels: {
          // The codec spreads its bits: a few tones are exact within 0.1 dB, sixteen aren't.
          ...Object.fromEntries(HERTZ.map((_, i) => [i + 1, { gainDb: -120 }])),
          [channel(0)]: { gainDb: 0, pan: 0 },
          [channel(3)]: { gainDb: -5, pan: -0.25 },
          [channel(6)]: { gainDb: -3, pan: 0.5 },
          [channel(12)]: { gainDb: 0, mute: true },
        },
      });
    }
    await move(musicians[3], { channels: { 4: { solo: true }, 7: { solo: true } } });
    const mixOf = async (who: Musician, of: Server = server) =>
      (await of.call("GET", `/api/v1/seats/${who.seat}/mix`, undefined, who.token)).body;
    assertFaders(await listen(musicians[0]), await mixOf(musicians[0]), "before");

    // One phone vanishes; the server notices; it returns from another address, without a new join.
    const lost = musicians[4];
    lost.phone[Symbol.dispose]();
    const pausedAt = performance.now();
    for (;;) {
      const { sessions } = await engineer("GET", "/api/v1/status");
      if (sessions.find(({ session }: { session: string }) => session === lost.session).paused) break;
      assert.ok(performance.now() - pausedAt < BACK_MS, "the lost phone was never noticed");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    lost.phone = new Phone();
    await lost.phone.hold(lost.media.port, lost.media.username, lost.media.password);
    assertFaders(await listen(lost), await mixOf(lost), "returned");

    // One phone breaks: its owner takes the seat with another one, by the seat's invite.
    const broken = musicians[5], before = await mixOf(broken);
    const { invite } = await engineer("GET", `/api/v1/seats/${broken.seat}`);
    broken.phone[Symbol.dispose]();
    musicians[5] = await sit(server, "a-borrowed-phone", invite);
    assert.equal(musicians[5].seat, broken.seat);
    assert.deepEqual(await mixOf(musicians[5]), before, "the mix is the seat's");
    assertFaders(await listen(musicians[5]), before, "replaced");

    // The engineer recalls the scene for everybody but one, and somebody takes it back.
    await engineer("PATCH", `/api/v1/seats/${musicians[0].seat}`, { recallSafe: true });
    const safe = await mixOf(musicians[0]);
    const own = await mixOf(musicians[1]);
    await engineer("POST", `/api/v1/scenes/${scene}/recall`, { fadeMs: 300 });
    assert.deepEqual(await mixOf(musicians[0]), safe);
    assert.notDeepEqual(await mixOf(musicians[1]), own, "it was prepared before the mixes were made");
    await server.call("POST", `/api/v1/seats/${musicians[1].seat}/mix/undo`, undefined, musicians[1].token);
    assert.deepEqual(await mixOf(musicians[1]), own);

    // Everybody's mix is settled for over a second; one goes on moving, and in the middle of that the power goes.
    const settled = await Promise.all(musicians.map((who) => mixOf(who)));
    const restless = musicians[2], acknowledged: { gainDb: number; at: number }[] = [];
    const began = performance.now();
    let killed: Promise<Server> | null = null, gainDb = -40;
    while (killed === null) {
      gainDb += 0.25;
      const moved = await server.call(
        "PATCH",
        `/api/v1/seats/${restless.seat}/mix`,
        { channels: { 12: { gainDb } } },
        restless.token,
      );
      assert.equal(moved.status, 200);
      acknowledged.push({ gainDb, at: performance.now() });
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (performance.now() - began < 2500) continue;
      // Under way while it is killed.
      void server.call("PATCH", `/api/v1/seats/${restless.seat}/mix`, { channels: { 12: { gainDb: gainDb + 0.25 } } })
        .catch(() => {});
      killed = restartServer(server, restless.media.port, { args });
    }
    const killedAt = performance.now();
    await using again = await killed;

    // The phones only go on binding: the audio is back, with the same tokens, and the mixes are the last ones.
    for (const who of musicians) who.phone.rtp.length = 0;
    await Promise.all(musicians.map(({ phone }) => phone.until(() => phone.rtp.length > 0, BACK_MS)));
    for (const [i, who] of musicians.entries()) {
      const mix = await mixOf(who, again);
      if (who !== restless) assert.deepEqual(mix, settled[i], who.device);
      else {
        const kept = acknowledged.filter(({ at }) => at < killedAt - 1000).at(-1)!.gainDb;
        const now = mix.channels["12"].gainDb;
        assert.ok(now >= kept && now <= gainDb + 0.25, `${now} is older than ${kept}`);
      }
      assertFaders(await listen(who), mix, `${who.device} after the restart`);
    }
    const channels = (await again.call("GET", "/api/v1/channels")).body;
    assert.deepEqual([channels[0].name, channels[0].colour, channels[8].link], ["Kick", "#aa2200", true]);
    assert.equal((await again.call("GET", "/api/v1/scenes")).body.length, 1);
  } finally {
    for (const { phone } of musicians) phone[Symbol.dispose]();
    await Deno.remove(band);
  }
});
