/**
 * A phone that joins a real server over HTTP and keeps its media open as the contract asks, with a binding each second,
 * until it is frozen. In: a server and a join's body. Out: what arrived, and whether anything was missing. Test runner's
 * main isolate; may allocate.
 */
import assert from "node:assert/strict";
import { readRtcp } from "../send/rtcp.ts";
import type { RtpPacket } from "../send/rtp.ts";
import { decode, type Heard, measureTone, parseRtp, Phone } from "./phone.ts";
import type { Server } from "./server.ts";

const BINDING_MS = 1000;
const PACE_MS = 20;
/** Nothing here takes a tenth of it. */
const GUARD_MS = 10_000;

let phones = 0;

/** Looks at something that nobody announces until it holds; rejects after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what = String(condition)): Promise<void> {
  const end = performance.now() + GUARD_MS;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`it never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
}

export interface Media {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly ssrc: number;
  readonly frameMs: number;
  readonly streams: number;
}

export class JoinedPhone implements Disposable {
  readonly server: Server;
  readonly session: string;
  readonly token: string;
  readonly media: Media;
  /** Its socket; another one takes its place with {@link move}. */
  radio = new Phone();
  #binding: ReturnType<typeof setInterval> | undefined;

  private constructor(server: Server, body: { session: string; token: string; media: Media }) {
    this.server = server;
    this.session = body.session;
    this.token = body.token;
    this.media = body.media;
  }

  /** Joined, bound, and hearing. Frames of 10 ms: its socket holds some seconds of them, should the test be slow to read. */
  static async join(server: Server, body: Record<string, unknown> = {}): Promise<JoinedPhone> {
    const number = ++phones;
    const device = `test-phone-${number}`;
    const { status, body: joined } = await server.join({ name: `Phone ${number}`, device, frameMs: 10, ...body });
    assert.equal(status, 201, JSON.stringify(joined));
    const phone = new JoinedPhone(server, joined);
    phone.thaw();
    await phone.radio.until(() => phone.radio.rtp.length > 0);
    return phone;
  }
  get heard(): readonly Heard[] {
    return this.radio.rtp;
  }
  /** What the status says of it. */
  async status(): Promise<{ paused: boolean; address: string | null; packets: number }> {
    const { body } = await this.server.call("GET", "/api/v1/status", undefined, this.token);
    return body.sessions[0];
  }
  bind(): Promise<number> {
    return this.radio.bind(this.media.port, this.media.username, this.media.password);
  }
  /** No more bindings. */
  freeze(): void {
    clearInterval(this.#binding);
    this.#binding = undefined;
  }
  /** A binding now, and each second. */
  thaw(): void {
    this.freeze();
    void this.bind();
    this.#binding = setInterval(() => void this.bind(), BINDING_MS);
  }
  /** Another network: a new socket, not yet bound. */
  move(): void {
    this.freeze();
    this.radio[Symbol.dispose]();
    this.radio = new Phone();
  }
  /** Resolves when `count` more packets have come. */
  async more(count: number): Promise<void> {
    const wanted = this.heard.length + count;
    await this.radio.until(() => this.heard.length >= wanted);
  }
  /** Index of the `n`-th packet with the marker bit, or −1. */
  marked(n: number): number {
    const at = this.heard.flatMap((one, i) => parseRtp(one).marker ? [i] : []);
    return at[n] ?? -1;
  }
  get saidBye(): boolean {
    return this.radio.rtcp.some(({ bytes }) => readRtcp(bytes, 0, bytes.length)?.byes.includes(this.media.ssrc));
  }
  [Symbol.dispose](): void {
    this.freeze();
    this.radio[Symbol.dispose]();
  }
}

/** Each packet follows the one before in sequence and time, without a marker, under one SSRC. */
export function assertUnbroken(phone: JoinedPhone, heard: readonly Heard[] = phone.heard): void {
  const packets: RtpPacket[] = heard.map(parseRtp), frame = phone.media.frameMs * 48;
  packets.forEach((packet, i) => {
    assert.equal(packet.ssrc, phone.media.ssrc);
    if (i === 0) return;
    assert.equal(packet.sequence, (packets[i - 1].sequence + 1) & 0xffff, `sequence of packet ${i}`);
    assert.equal(packet.timestamp, (packets[i - 1].timestamp + frame) >>> 0, `timestamp of packet ${i}`);
    assert.equal(packet.marker, false, `marker of packet ${i}`);
  });
}

/** The first stream of the last `count` packets is a sine of `hertz` at −12 dBFS. */
export async function assertTone(phone: JoinedPhone, hertz: number, count = 40): Promise<void> {
  const [audio] = await decode(phone.heard.slice(-count), phone.media.streams);
  const tone = measureTone(audio.subarray(audio.length >> 1), hertz);
  assert.ok(Math.abs(tone.hertz - hertz) < 1, `${tone.hertz} Hz, not ${hertz}`);
  assert.ok(Math.abs(tone.dbfs + 12) < 1, `${tone.dbfs} dBFS`);
}
