/**
 * Other people's programs as receivers: ffmpeg by our SDP, GStreamer by caps made of it. In: a description, how long to
 * listen. Out: what was decoded, and when each frame was due. Each program has a limit and is ended by its own handle.
 * Main isolate of the test runner; may allocate.
 */
import assert from "node:assert/strict";
import type { Needs } from "./require.ts";
import { readLines } from "./server.ts";

export const FFMPEG: Needs = { ffmpeg: "ffmpeg" };
export const GSTREAMER: Needs = {
  "gst-launch-1.0": "gstreamer1.0-tools",
  "libgstrtp.so": "gstreamer1.0-plugins-good",
  "libgstrtpmanager.so": "gstreamer1.0-plugins-good",
  "libgstudp.so": "gstreamer1.0-plugins-good",
  "libgstdebug.so": "gstreamer1.0-plugins-good",
  "libgstmatroska.so": "gstreamer1.0-plugins-good",
};

const RATE = 48_000;
/** A program that hears nothing would wait for ever. */
const PROGRAM_MS = 20_000;
/** Asked of the kernel for a receiver: half a second of a busy machine must not lose a packet. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch { /* it has ended by itself */ }
}

/** Runs a program to its end; what it said on stderr. @throws Error if it fails, or doesn't end in time. */
export async function runProgram(name: string, args: readonly string[], ms = PROGRAM_MS): Promise<string> {
  const child = new Deno.Command(name, { args: [...args], stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const guard = setTimeout(() => end(child), ms);
  const { code, signal, stderr } = await child.output();
  clearTimeout(guard);
  const said = new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`${name} ${signal ? `was ended by ${signal} after ${ms} ms` : `failed`}:\n${said}`);
  return said;
}

/** A program that runs until it is disposed of. `said`: what it has said on stderr so far, line by line. */
export interface Running extends AsyncDisposable {
  readonly said: readonly string[];
}

export function startProgram(name: string, args: readonly string[]): Running {
  const child = new Deno.Command(name, { args: [...args], stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const said: string[] = [];
  const read = readLines(child.stderr, (line) => said.push(line));
  return {
    said,
    async [Symbol.asyncDispose]() {
      end(child);
      await Promise.all([child.status, read]);
    },
  };
}

/** An even port with `count` − 1 free ones behind it, for UDP on `hostname`. */
export function freePorts(count: number, hostname = "127.0.0.1"): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const sockets: Deno.DatagramConn[] = [];
    try {
      sockets.push(Deno.listenDatagram({ transport: "udp", hostname, port: 0 }));
      const { port } = sockets[0].addr as Deno.NetAddr;
      if (port % 2 !== 0) continue;
      for (let i = 1; i < count; i++) {
        sockets.push(Deno.listenDatagram({ transport: "udp", hostname, port: port + i }));
      }
      return port;
    } catch {
      /* one of them is taken */
    } finally {
      for (const socket of sockets) socket.close();
    }
  }
  throw new Error(`find ${count} free UDP ports on ${hostname}: there were none in 100 attempts`);
}

/** One media section as ffmpeg decoded it. */
export interface Played {
  /** Left and right. */
  readonly audio: readonly [Float32Array, Float32Array];
  /** Each frame's place by its RTP timestamp, and its length; in samples. */
  readonly frames: readonly { readonly at: number; readonly samples: number }[];
  /** What ffmpeg said of packets that never came. */
  readonly complaints: readonly string[];
}

/** Interleaved float32 in a file → one array for each channel. */
export function readInterleaved(path: string, channels: number): Float32Array[] {
  const all = new Float32Array(Deno.readFileSync(path).buffer);
  return Array.from(
    { length: channels },
    (_, channel) => Float32Array.from({ length: all.length / channels }, (_, i) => all[i * channels + channel]),
  );
}

/** Plays a description with ffmpeg for so many seconds: one result for each media section. */
export async function playSdp(sdp: string, seconds: number, options: readonly string[] = []): Promise<Played[]> {
  const folder = await Deno.makeTempDir({ prefix: "foldback-sdp-" });
  try {
    await Deno.writeTextFile(`${folder}/target.sdp`, sdp);
    const sections = Array.from(sdp.matchAll(/^m=audio /gm), (_, i) => i);
    const said = await runProgram("ffmpeg", [
      ..."-hide_banner -nostats -protocol_whitelist file,udp,rtp -buffer_size".split(" "),
      `${RECEIVE_BUFFER_BYTES}`,
      ...options,
      ...["-i", `${folder}/target.sdp`],
      ...["-filter_complex", sections.map((i) => `[0:${i}]ashowinfo@${i}[out${i}]`).join(";")],
      ...sections.flatMap((i) => ["-map", `[out${i}]`, "-t", `${seconds}`, "-f", "f32le", `${folder}/${i}.raw`]),
    ]);
    return sections.map((i) => {
      const [left, right] = readInterleaved(`${folder}/${i}.raw`, 2);
      const lines = said.matchAll(new RegExp(`^\\[ashowinfo@${i} .*\\bpts:(\\d+) .*\\bnb_samples:(\\d+)`, "gm"));
      return {
        audio: [left, right],
        frames: Array.from(lines, ([, at, samples]) => ({ at: Number(at), samples: Number(samples) })),
        complaints: said.split("\n").filter((line) => /missed|dropping|max delay reached/i.test(line)),
      };
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Nothing was lost, of a description with one section: by RTP timestamps each frame begins where the one before ended, and has the length asked for. */
export function assertGapless({ frames, complaints, audio: [left] }: Played, frameMs: number, seconds: number): void {
  assert.deepEqual(complaints, []);
  // Its output ends at the time that was asked for; what it says of the last frames may be cut off.
  assert.ok(frames.length * frameMs >= 0.9 * seconds * 1000, `only ${frames.length} frames`);
  frames.forEach(({ at, samples }, i) => {
    assert.equal(samples, frameMs * RATE / 1000);
    if (i > 0) assert.equal(at, frames[i - 1].at + frames[i - 1].samples, `frame ${i} of ${frames.length}`);
  });
  assert.equal(left.length, seconds * RATE);
}

/** What follows `a=NAME:PAYLOADTYPE ` in the only media section of a description. */
function attribute(sdp: string, name: string): string {
  const value = new RegExp(`^a=${name}:\\d+ (.*?)\\r?$`, "m").exec(sdp)?.[1];
  if (value === undefined) throw new Error(`as the description must have a=${name}:\n${sdp}`);
  return value;
}

/** The only media section as GStreamer's caps: encoding, clock rate and each format parameter, by GStreamer's own rules. */
export function capsOf(sdp: string): string {
  const payloadType = /^m=audio \d+ RTP\/AVP (\d+)/m.exec(sdp)?.[1];
  const [encoding, clockRate, channels] = attribute(sdp, "rtpmap").split("/");
  return [
    "application/x-rtp,media=(string)audio",
    `payload=(int)${payloadType}`,
    `clock-rate=(int)${clockRate}`,
    `encoding-name=(string)${encoding.toUpperCase()}`,
    `encoding-params=(string)${channels}`,
    ...attribute(sdp, "fmtp").split(";").map((parameter) => parameter.replace(/^([^=]+)=(.*)$/, '$1=(string)"$2"')),
  ].join(",");
}

/** A `udpsrc` of GStreamer. */
export const udpSource = (port: number, ...properties: readonly string[]): string[] => [
  "udpsrc",
  "address=127.0.0.1",
  `port=${port}`,
  `buffer-size=${RECEIVE_BUFFER_BYTES}`,
  ...properties,
];

/** Lowest and highest power in dB of 10 ms stretches, of which every tone of 100·n Hz fills whole periods; full sine = 0. */
export function levelRange(audio: Float32Array): { low: number; high: number } {
  const stretch = RATE / 100;
  let low = Infinity, high = -Infinity;
  for (let at = 0; at + stretch <= audio.length; at += stretch) {
    let power = 0;
    for (let i = at; i < at + stretch; i++) power += audio[i] ** 2;
    const level = 10 * Math.log10(2 * power / stretch);
    low = Math.min(low, level);
    high = Math.max(high, level);
  }
  return { low, high };
}
