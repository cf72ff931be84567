/**
 * A phone as small as it gets, for tests of the sending half: one UDP socket, a STUN binding, and every datagram kept.
 * What it hears is taken apart with the project's own readers; tests from outside use other people's (see interop tests).
 */
import { createOpusDecoder } from "../wasm/opus.ts";
import { splitMultistream } from "../send/multistream.ts";
import { RtpPacket } from "../send/rtp.ts";
import { readStun, STUN_BINDING_SUCCESS, TRANSACTION_ID_BYTES, writeBindingRequest } from "../send/stun.ts";

/** 10 ms: half a percent of speed turns 1700 Hz by half a radian in it, which can be told from a gap. */
const TONE_WINDOW = 480;

export interface Heard {
  readonly bytes: Uint8Array;
  readonly at: number;
}

export class Phone implements Disposable {
  readonly socket: Deno.DatagramConn;
  /** RTP, RTCP and STUN datagrams in the order of arrival. */
  readonly rtp: Heard[] = [];
  readonly rtcp: Heard[] = [];
  readonly stun: Heard[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #reminders: ReturnType<typeof setInterval>[] = [];
  #closed = false;

  constructor(hostname = "127.0.0.1") {
    this.socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#listen();
  }
  get port(): number {
    return (this.socket.addr as Deno.NetAddr).port;
  }
  async #listen(): Promise<void> {
    while (!this.#closed) {
      const received = await this.socket.receive().catch(() => null);
      if (!received) return;
      const bytes = received[0].slice(), at = performance.timeOrigin + performance.now();
      const list = bytes[0] < 4 ? this.stun : bytes[1] >= 192 && bytes[1] <= 223 ? this.rtcp : this.rtp;
      list.push({ bytes, at });
      for (const wake of this.#waiting) wake();
    }
  }
  /** Resolves when `condition` holds; looked at after each datagram. Rejects after `ms`. */
  async until(condition: () => boolean, ms = 10_000): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => condition() && resolve();
    const guard = setTimeout(() => reject(new Error(`nothing came: ${condition}`)), ms);
    this.#waiting.add(look);
    try {
      await promise;
    } finally {
      clearTimeout(guard);
      this.#waiting.delete(look);
    }
  }
  send(bytes: Uint8Array, port: number, hostname = "127.0.0.1"): Promise<number> {
    return this.socket.send(bytes, { transport: "udp", hostname, port });
  }
  bind(
    port: number,
    username: string,
    password: string,
    id = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES)),
    hostname?: string,
  ): Promise<number> {
    const out = new Uint8Array(256);
    return this.send(out.subarray(0, writeBindingRequest(out, 0, id, username, password)), port, hostname);
  }
  /** Binds now and each second, as a client does that wants to go on. */
  async hold(port: number, username: string, password: string): Promise<void> {
    await this.bind(port, username, password);
    this.#reminders.push(setInterval(() => void this.bind(port, username, password), 1000));
  }
  /** Bindings that were answered. */
  get answers(): number {
    return this.stun.filter(({ bytes }) => readStun(bytes, 0, bytes.length)?.type === STUN_BINDING_SUCCESS).length;
  }
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#reminders.forEach(clearInterval);
    this.socket.close();
  }
}

export function parseRtp({ bytes }: Heard): RtpPacket {
  const packet = new RtpPacket();
  if (!packet.read(bytes, 0, bytes.length)) throw new Error("no RTP packet");
  return packet;
}

/** Decodes plain `channels` (or single-stream) packets in a row: one Float32Array for each stream. */
export async function decode(
  heard: readonly Heard[],
  streams: number,
  codecChannels: 1 | 2 = 1,
): Promise<Float32Array[]> {
  const decoders = await Promise.all(Array.from({ length: streams }, () => createOpusDecoder(codecChannels)));
  const parts: Float32Array[][] = decoders.map(() => []);
  const out = new Uint8Array(4096), offsets = new Int32Array(streams), lengths = new Int32Array(streams);
  for (const one of heard) {
    const packet = parseRtp(one);
    if (!splitMultistream(one.bytes, packet.payloadAt, packet.payloadBytes, streams, out, offsets, lengths)) {
      throw new Error("no multistream packet");
    }
    decoders.forEach((decoder, i) =>
      parts[i].push(decoder.decodeFloat(out.subarray(offsets[i], offsets[i] + lengths[i])))
    );
  }
  decoders.forEach((decoder) => decoder.free());
  return parts.map((list) => {
    const all = new Float32Array(list.reduce((sum, { length }) => sum + length, 0));
    list.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return all;
  });
}

/** Amplitude of the sine of exactly this frequency in `audio`, by projection under a Hann window. */
export function amplitudeAt(audio: Float32Array, hertz: number): number {
  let re = 0, im = 0, weight = 0;
  for (let i = 0; i < audio.length; i++) {
    const window = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / audio.length), turn = 2 * Math.PI * hertz * i / 48_000;
    re += audio[i] * Math.cos(turn) * window;
    im += audio[i] * Math.sin(turn) * window;
    weight += window;
  }
  return 2 * Math.hypot(re, im) / weight;
}

/** Level in dBFS (of a sine's peak) and frequency in Hz of a tone near `near`. */
export function measureTone(audio: Float32Array, near: number): { hertz: number; dbfs: number } {
  const power = (hertz: number) => amplitudeAt(audio, hertz);
  let hertz = near, step = 8;
  while (step > 0.01) {
    const [low, here, high] = [power(hertz - step), power(hertz), power(hertz + step)];
    if (low > here && low >= high) hertz -= step;
    else if (high > here) hertz += step;
    else step /= 2;
  }
  return { hertz, dbfs: 20 * Math.log10(power(hertz)) };
}

/**
 * Mean frequency in Hz and level in dBFS of a long tone within 50 Hz of `near`, by its phase in windows of 10 ms; the
 * largest step of that phase from one window to the next beyond the mean one, where a missing or doubled piece shows
 * unless it is whole turns long; and how far the quietest window lies below the mean, in dB, where a hole shows. A player
 * that adapts its depth plays up to half a percent faster or slower for a while ({@link bendOf}); the mean is what was
 * sent.
 */
export function followTone(
  audio: Float32Array,
  near: number,
): { hertz: number; dbfs: number; phaseStep: number; dip: number } {
  const turn = 2 * Math.PI * near / 48_000, phases: number[] = [], powers: number[] = [];
  for (let start = 0; start + TONE_WINDOW <= audio.length; start += TONE_WINDOW) {
    let re = 0, im = 0;
    for (let i = start; i < start + TONE_WINDOW; i++) {
      re += audio[i] * Math.cos(turn * i);
      im -= audio[i] * Math.sin(turn * i);
    }
    powers.push((re * re + im * im) / (TONE_WINDOW / 2) ** 2);
    phases.push(Math.atan2(im, re));
  }
  const steps = phases.slice(1).map((phase, i) => {
    const step = phase - phases[i];
    return step - 2 * Math.PI * Math.round(step / (2 * Math.PI));
  });
  const power = powers.reduce((sum, one) => sum + one, 0) / powers.length;
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  return {
    hertz: near + mean * 48_000 / TONE_WINDOW / (2 * Math.PI),
    dbfs: 10 * Math.log10(power),
    phaseStep: Math.max(...steps.map((step) => Math.abs(step - mean))),
    dip: 10 * Math.log10(power / Math.min(...powers)),
  };
}

/** The phase step of a tone whose player turns from half a percent too slow to half a percent too fast, or back. */
export const bendOf = (hertz: number): number => 2 * Math.PI * hertz * 0.01 * TONE_WINDOW / 48_000;
