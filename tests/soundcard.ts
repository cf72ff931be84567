/**
 * A sound card out of nothing: jackd on its dummy driver (48 kHz, 128 frames, a real clock) and ALSA PCMs on top of it
 * that play a known signal as "card" and take sound as "out". In: channels, a signal. Out: the environment that a
 * process needs to see the card. Its jackd can be killed and started again. Used by tests; may allocate.
 */
import { tmpdir } from "node:os";
import type { Needs } from "./require.ts";

/** What a test with a card needs, for programTest. */
export const CARD_NEEDS: Needs = {
  jackd: "jackd2",
  jack_wait: "jack-tools",
  jack_lsp: "jackd2",
  "libportaudio.so.2": "libportaudio2",
  "libasound_module_pcm_jack.so": "libasound2-plugins",
};

const RATE = 48_000;

export interface CardOptions {
  /** Default 16. */
  readonly channels?: number;
  /** One second of every channel, interleaved float32; default {@link tones}. Repeated. */
  readonly signal?: Float32Array<ArrayBuffer>;
  /** Frames of a period, default 128. With 256 PortAudio lists the PCMs as devices too. */
  readonly period?: number;
  /** How long the signal lasts after each opening; silence follows. Default 30. */
  readonly seconds?: number;
}

/** One second, interleaved: channel n is a sine of `base + step·(n − 1)` Hz at −12 dBFS. */
export function tones(channels: number, base = 200, step = 100): Float32Array<ArrayBuffer> {
  const signal = new Float32Array(RATE * channels), level = 10 ** (-12 / 20);
  for (let channel = 0; channel < channels; channel++) {
    const hertz = base + step * channel;
    for (let i = 0; i < RATE; i++) signal[i * channels + channel] = level * Math.sin(2 * Math.PI * hertz * i / RATE);
  }
  return signal;
}

/** One second, interleaved: a click of one sample at half of full scale each `periodMs`, on every channel. */
export function clicks(channels: number, periodMs: number): Float32Array<ArrayBuffer> {
  const signal = new Float32Array(RATE * channels), period = Math.round(periodMs * RATE / 1000);
  if (RATE % period !== 0) throw new RangeError(`cannot make clicks: period must divide a second: is ${periodMs} ms`);
  for (let i = 0; i < RATE; i += period) signal.fill(0.5, i * channels, (i + 1) * channels);
  return signal;
}

export interface Card extends AsyncDisposable {
  /** For the environment of the process that opens it. */
  readonly env: Readonly<Record<string, string>>;
  readonly channels: number;
  /** What `--source` takes. */
  readonly source: "alsa:card";
  /** What `--play` takes; two channels. */
  readonly playback: "alsa:out";
  /** Process id of jackd, while it runs. */
  readonly pid: number;
  /** Ends jackd. SIGKILL: as it dies when it crashes. */
  kill(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts jackd again. */
  restart(): Promise<void>;
}

let cards = 0;

async function waitForJack(server: string, jackd: Deno.ChildProcess, channels: number): Promise<void> {
  let ended: Deno.CommandStatus | undefined;
  jackd.status.then((status) => ended = status);
  const env = { JACK_DEFAULT_SERVER: server, JACK_NO_START_SERVER: "1" };
  await new Deno.Command("jack_wait", { args: ["-s", server, "-w", "-t", "10"], env, stdout: "null", stderr: "null" })
    .output();
  const { stdout, stderr } = await new Deno.Command("jack_lsp", { args: ["-s", server], env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (ended || !text(stdout).split("\n").includes(`system:capture_${channels}`)) {
    const full = "if its server slots are full: rm -r /dev/shm/jack* while no jackd runs";
    const why = ended
      ? `jackd ended with code ${ended.code} (${full})`
      : `jackd has no ports: ${text(stdout)}${text(stderr)}`;
    throw new Error(`cannot start the sound card: ${why}`);
  }
}

/** JACK's registry of servers breaks when two of them come or go at once: one at a time on this machine. */
async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
  using lock = await Deno.open(`${tmpdir()}/foldback-soundcard.lock`, { create: true, write: true });
  await lock.lock(true);
  return await work();
}

/** @returns whether it ended well. */
async function endJack(jackd: Deno.ChildProcess, signal: Deno.Signal): Promise<boolean> {
  try {
    jackd.kill(signal);
  } catch {
    // It died by itself.
  }
  return (await jackd.status).success;
}

async function startJack(server: string, channels: number, period: number): Promise<Deno.ChildProcess> {
  const jackd = new Deno.Command("jackd", {
    args: `-R -P 60 -n ${server} -d dummy -r ${RATE} -p ${period} -C ${channels} -P 2`.split(" "),
    env: { JACK_NO_AUDIO_RESERVATION: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await waitForJack(server, jackd, channels);
    return jackd;
  } catch (error) {
    await endJack(jackd, "SIGTERM");
    throw error;
  }
}

/** Ready in about a second. */
export async function startCard(options: CardOptions = {}): Promise<Card> {
  const { channels = 16, signal = tones(channels), period = 128, seconds = 30 } = options;
  if (signal.length !== RATE * channels) throw new RangeError("cannot start the sound card: signal must be one second");
  const folder = await Deno.makeTempDir({ prefix: "soundcard-" });
  const server = `card${Deno.pid}-${++cards}`;
  const config = `${folder}/asound.conf`;
  {
    using raw = await Deno.open(`${folder}/signal.raw`, { write: true, create: true });
    const bytes = new Uint8Array(signal.buffer);
    for (let second = 0; second < seconds; second++) {
      for (let at = 0; at < bytes.length;) at += await raw.write(bytes.subarray(at));
    }
  }
  const ports = Array.from({ length: channels }, (_, i) => `${i} system:capture_${i + 1}`).join(" ");
  await Deno.writeTextFile(
    config,
    [
      // PortAudio 19.6 aborts when every PCM of a configuration opens.
      "pcm.none { type hw card 99 }",
      `pcm.clock { type jack name "card" capture_ports { ${ports} } playback_ports { } }`,
      `pcm.card { type file slave.pcm clock file /dev/null infile "${folder}/signal.raw" format raw }`,
      'pcm.out { type jack name "card" playback_ports { 0 system:playback_1 1 system:playback_2 } capture_ports { } }',
      "",
    ].join("\n"),
  );
  const start = () => alone(() => startJack(server, channels, period));
  let jackd: Deno.ChildProcess | undefined, unclean = false;
  const kill = async (signal: "SIGTERM" | "SIGKILL" = "SIGTERM") => {
    const running = jackd;
    jackd = undefined;
    if (!running) return;
    unclean = !await alone(() => endJack(running, signal));
  };
  const end = async () => {
    await kill();
    // A jackd that didn't end well keeps one of the machine's eight server slots until the next of its name does.
    if (unclean) {
      jackd = await start();
      await kill();
    }
    await Deno.remove(folder, { recursive: true });
  };
  try {
    jackd = await start();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    env: { ALSA_CONFIG_PATH: config, JACK_DEFAULT_SERVER: server, JACK_NO_START_SERVER: "1" },
    channels,
    source: "alsa:card",
    playback: "alsa:out",
    get pid() {
      if (!jackd) throw new Error("cannot tell the sound card's process: it is not running");
      return jackd.pid;
    },
    kill,
    async restart() {
      await kill();
      jackd = await start();
    },
    [Symbol.asyncDispose]: end,
  };
}
