import assert from "node:assert/strict";
import fc from "fast-check";
import { channelList, parseListenArgs, UsageError } from "../listen/options.ts";
import { CEILING, LIMITER_DELAY } from "../core/limiter.ts";
import { dbToGain } from "../core/units.ts";
import { type Group, Mixdown, mixdownGains, type MixState } from "../listen/mixdown.ts";
import { listen } from "../listen/command.ts";

const NEEDED = ["--server", "http://192.0.2.7:5100/", "--join-code", "ABC"];

Deno.test("the shortest command line joins for all channels under a device name of its own, with the server's defaults", () => {
  const options = parseListenArgs(NEEDED)!;
  assert.equal(options.server, "http://192.0.2.7:5100");
  const { device, ...join } = JSON.parse(JSON.stringify(options.join));
  assert.deepEqual(join, { name: "listener", mode: "channels" });
  assert.match(device, /^[A-Za-z0-9._-]{8,64}$/);
  assert.notEqual(parseListenArgs(NEEDED)!.join.device, device);
  assert.deepEqual([options.bufferMs, options.out, options.play, options.seconds, options.json], [
    null,
    null,
    null,
    null,
    false,
  ]);
});

Deno.test("every flag lands where it belongs", () => {
  const flags =
    "--mode mix --channels 1-3,7 --frame-ms 2.5 --bitrate 96000 --redundancy 1 --name Ana --device 3f2b9c1e " +
    "--buffer-ms 7.5 --out a.wav --play alsa:default --seconds 3 --json";
  const options = parseListenArgs([...NEEDED, ...flags.split(" ")])!;
  assert.deepEqual(options.join, {
    name: "Ana",
    device: "3f2b9c1e",
    mode: "mix",
    channels: [1, 2, 3, 7],
    frameMs: 2.5,
    bitrate: 96000,
    redundancy: 1,
  });
  const { bufferMs, out, play, seconds, json } = options;
  assert.deepEqual({ bufferMs, out, play, seconds, json }, {
    bufferMs: 7.5,
    out: "a.wav",
    play: { target: "alsa:default" },
    seconds: 3,
    json: true,
  });
});

Deno.test("--play may stand alone, last or before another flag", () => {
  assert.deepEqual(parseListenArgs([...NEEDED, "--play"])!.play, { target: null });
  assert.deepEqual(parseListenArgs([...NEEDED, "--play", "--json"])!.play, { target: null });
  assert.deepEqual(parseListenArgs([...NEEDED, "--play", "3"])!.play, { target: "3" });
});

Deno.test("a wrong command line is one line that names the flag", () => {
  const wrong: [string[], RegExp][] = [
    [[], /--server/],
    [["--server", "http://x"], /--join-code/],
    [["--server", "ftp://x", "--join-code", "A"], /--server/],
    [["--server", "x:5100", "--join-code", "A"], /--server/],
    [[...NEEDED, "--wrong"], /--wrong/],
    [[...NEEDED, "extra"], /extra/],
    [[...NEEDED, "--mode", "mono"], /--mode/],
    [[...NEEDED, "--channels", "0-3"], /--channels/],
    [[...NEEDED, "--channels", "3-1"], /--channels/],
    [[...NEEDED, "--channels", "1,1"], /--channels/],
    [[...NEEDED, "--channels", "65"], /--channels/],
    [[...NEEDED, "--frame-ms", "20"], /--frame-ms/],
    [[...NEEDED, "--bitrate", "15999"], /--bitrate/],
    [[...NEEDED, "--bitrate", "96000.5"], /--bitrate/],
    [[...NEEDED, "--redundancy", "2"], /--redundancy/],
    [[...NEEDED, "--redundancy", "toString"], /--redundancy/],
    [[...NEEDED, "--buffer-ms", "x"], /--buffer-ms/],
    [[...NEEDED, "--seconds", ""], /--seconds/],
    [[...NEEDED, "--name", ""], /--name/],
    [[...NEEDED, "--name", "a\u0007b"], /--name/],
    [[...NEEDED, "--device", "short"], /--device/],
  ];
  for (const [args, names] of wrong) {
    assert.throws(() => parseListenArgs(args), (error) => {
      assert.ok(error instanceof UsageError, `${args}: ${error}`);
      assert.match(error.message, names);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    }, args.join(" "));
  }
});

Deno.test("the exit code is 0 for --help and 2 for a wrong command line", async () => {
  assert.equal(await listen(["--help"]), 0);
  assert.equal(await listen(["--server", "nonsense"]), 2);
});

Deno.test("a list of channels is read as it is written", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 64 }), { minLength: 1 }), (channels) => {
    assert.deepEqual(channelList(channels.join(",")), channels);
  }));
  assert.deepEqual(channelList("1-16"), Array.from({ length: 16 }, (_, i) => i + 1));
});

const strip = { gainDb: 0, pan: 0, mute: false, solo: false };
const fresh = { groups: {}, limiter: { ceilingDb: -1 } };
const gainsOf = (mix: Partial<MixState>, channels: number[], groups: Group[] = []): number[] => {
  const gains = new Float32Array(2 * channels.length + 1);
  mixdownGains({ channels: {}, master: { gainDb: 0, mute: false }, ...fresh, ...mix }, groups, channels, gains);
  return Array.from(gains.subarray(0, -1), (gain) => Math.round(gain * 1e4) / 1e4);
};

Deno.test("the phone's own mix: pan has constant power, mute wins over solo, solo silences the others", () => {
  const master = { gainDb: 0, mute: false };
  assert.deepEqual(gainsOf({ channels: { 1: strip }, master }, [1]), [0.7071, 0.7071]);
  assert.deepEqual(gainsOf({ channels: { 1: { ...strip, pan: -1 } }, master }, [1]), [1, 0]);
  assert.deepEqual(gainsOf({ channels: { 1: { ...strip, gainDb: -120 } }, master }, [1]), [0, 0]);
  assert.deepEqual(gainsOf({ channels: { 1: { ...strip, solo: true, mute: true }, 2: strip }, master }, [1, 2]), [
    0,
    0,
    0,
    0,
  ]);
  assert.deepEqual(gainsOf({ channels: { 1: strip, 2: { ...strip, solo: true } }, master }, [2, 1]), [
    0.7071,
    0.7071,
    0,
    0,
  ]);
  assert.deepEqual(gainsOf({ channels: { 1: strip }, master: { gainDb: -6, mute: false } }, [1]), [0.3544, 0.3544]);
  assert.deepEqual(gainsOf({ channels: { 1: strip }, master: { gainDb: 0, mute: true } }, [1]), [0, 0]);
});

Deno.test("the phone's own mix: groups add up, and silence what is in them", () => {
  const groups = [{ group: "g", channels: [1, 2] }, { group: "h", channels: [2] }, { group: "new", channels: [1] }];
  const faders = (g: object, h: object) =>
    gainsOf(
      {
        channels: { 1: strip, 2: strip, 3: strip },
        groups: { g: { gainDb: 0, mute: false, ...g }, h: { gainDb: 0, mute: false, ...h } },
      },
      [1, 2, 3],
      groups,
    ).filter((_, i) => i % 2 === 0);
  assert.deepEqual(faders({}, {}), [0.7071, 0.7071, 0.7071]);
  assert.deepEqual(faders({ gainDb: -6 }, { gainDb: -6 }), [0.3544, 0.1776, 0.7071]);
  assert.deepEqual(faders({}, { mute: true }), [0.7071, 0, 0.7071]);
  assert.deepEqual(faders({ gainDb: -120 }, { gainDb: 10 }), [0, 0, 0.7071]);
});

Deno.test("the phone's own mix keeps below the ceiling of its limiter", () => {
  const wanted = new Float32Array(3),
    mix = { channels: { 1: { ...strip, pan: -1 } }, master: { gainDb: 0, mute: false } };
  mixdownGains({ ...mix, ...fresh, limiter: { ceilingDb: -12 } }, [], [1], wanted);
  const mixdown = new Mixdown(wanted), loudest = Math.max(...times(20, () => leftOf(mixdown)));
  assert.ok(Math.abs(loudest - dbToGain(-12)) < 1e-3, `${loudest}`);
});

/** One channel at half of full scale, and what a mixdown makes of 10 ms of it on the left. */
const half = new Float32Array(480).fill(0.5);
function leftOf(mixdown: Mixdown, piece = half): number[] {
  const out = new Float32Array(960);
  mixdown.apply(piece, 1, 480, out);
  return Array.from({ length: 480 }, (_, i) => out[2 * i]);
}
const times = (count: number, what: () => number[]) => Array.from({ length: count }, what).flat();

Deno.test("a change of the mix glides", () => {
  const wanted = Float32Array.of(1, 0, CEILING), mixdown = new Mixdown(wanted);
  times(6, () => leftOf(mixdown));
  assert.ok(leftOf(mixdown).every((sample) => sample === 0.5));
  wanted[0] = 0;
  const falling = times(10, () => leftOf(mixdown));
  assert.ok(
    falling.every((sample, i) => i === 0 || (sample < falling[i - 1] + 1e-7 && falling[i - 1] - sample < 0.0025)),
  );
  assert.ok(falling[4799] < 1e-4);
});

Deno.test("what the phone hears first comes up from silence over 50 ms, however long it waited for it", () => {
  const mixdown = new Mixdown(Float32Array.of(1, 1, CEILING)), silence = new Float32Array(480);
  assert.ok(times(20, () => leftOf(mixdown, silence)).every((sample) => sample === 0));
  const rising = times(6, () => leftOf(mixdown));
  assert.ok(rising.every((sample, i) => i === 0 || (sample >= rising[i - 1] && sample - rising[i - 1] < 0.001)));
  assert.ok(Math.abs(rising[1200 + LIMITER_DELAY] - 0.25) < 0.01);
  assert.ok(rising.slice(2400 + LIMITER_DELAY).every((sample) => sample === 0.5));
  // Only the first sound: what begins after a silence in the music keeps its attack.
  times(100, () => leftOf(mixdown, silence));
  assert.equal(leftOf(mixdown)[LIMITER_DELAY], 0.5);
  // And what comes back after the line was down.
  mixdown.rise();
  times(10, () => leftOf(mixdown, silence));
  assert.ok(Math.abs(times(6, () => leftOf(mixdown))[1200 + LIMITER_DELAY] - 0.25) < 0.01);
});

Deno.test("the phone's own mix stays below -1 dBFS, however far its faders are up", () => {
  const mixdown = new Mixdown(Float32Array.of(8, 8, CEILING));
  const loud = times(20, () => leftOf(mixdown));
  assert.ok(loud.every((sample) => sample <= CEILING * 1.0001));
  assert.ok(Math.abs(loud.at(-1)! - CEILING) < 1e-4);
});
