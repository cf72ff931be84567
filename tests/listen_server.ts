/**
 * A server as small as a listener needs it: HTTP and media as docs/PROTOCOL.md has them, tones from memory, no audio of its
 * own. For tests of the listener alone, with faults that a real server doesn't make. It has one session at a time.
 */
import { now } from "../core/clock.ts";
import type { Frame } from "../core/units.ts";
import { rtpTimestamp, SAMPLE_RATE } from "../core/units.ts";
import { readRtcp, type RtcpPacket, writeBye, writeSenderReport } from "../send/rtcp.ts";
import { writeRedHeader } from "../send/red.ts";
import { kindOfDatagram, writeRtpHeader } from "../send/rtp.ts";
import { readStun, verifyStun, writeBindingSuccess } from "../send/stun.ts";
import { endpointOf } from "../core/endpoint.ts";
import { tonePackets } from "./listen_stage.ts";

export interface FakeOptions {
  readonly streams?: number;
  readonly frame?: Frame;
  readonly redundancy?: 0 | 1;
  /** Frames that are lost on their way. */
  readonly lose?: (frame: number) => boolean;
  /** Answers instead of the usual ones: to a join, to later requests. */
  readonly join?: () => Response | null;
  readonly later?: () => Response | null;
}

type Settled = FakeOptions & Required<Pick<FakeOptions, "streams" | "frame" | "redundancy">>;

const CODE = "JOIN";
const SSRC = 0x01020304, PASSWORD = "secret-password", USERNAME = "someone", TOKEN = "secret-token";
/** How far apart the timestamps and the sequence numbers of two sessions are, and of a session before and after a jump. */
const APART = 1_000_000_000, APART_PACKETS = 20_000;
const CNAME = new TextEncoder().encode("fake");

export class FakeServer implements AsyncDisposable {
  readonly url: string;
  readonly code = CODE;
  readonly requests: { method: string; path: string; body: unknown }[] = [];
  readonly rtcp: RtcpPacket[] = [];
  bindings = 0;
  /** Joins that were granted; the last one's session lives, unless it {@link forget}s it. */
  joins = 0;
  /** Stops sending audio, as a server does that was told BYE, or that was asked for nothing. */
  muted = false;
  readonly #http: Deno.HttpServer<Deno.NetAddr>;
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #packets: readonly Uint8Array[];
  readonly #options: Settled;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #out = new Uint8Array(3000);
  #to: Deno.NetAddr | null = null;
  #forgotten = false;
  #jumps = 0;
  #since = 0;
  #frame = 0;
  #reportAt = 0;

  private constructor(packets: readonly Uint8Array[], options: Settled) {
    this.#packets = packets;
    this.#options = options;
    this.#http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => this.#answer(request));
    this.url = `http://127.0.0.1:${this.#http.addr.port}`;
    this.#receive();
    this.#timer = setInterval(() => this.#send(), 2);
  }

  static async start(options: FakeOptions = {}): Promise<FakeServer> {
    const { streams = 2, frame = 240, redundancy = 0 } = options;
    return new FakeServer(await tonePackets(streams, frame, 128_000), { ...options, streams, frame, redundancy });
  }

  get secrets(): string[] {
    return [PASSWORD, this.#token, this.#username];
  }
  get #token(): string {
    return `${TOKEN}-${this.joins}`;
  }
  get #username(): string {
    return `${USERNAME}-${this.joins}`;
  }
  get #ssrc(): number {
    return SSRC + this.joins;
  }

  /** As a server does that was started again: no session, no BYE. */
  forget(): void {
    this.#forgotten = true;
    this.#to = null;
  }

  /** As a server does that was started again and kept its sessions: numbers from elsewhere on, and the marker. */
  jump(): void {
    this.#jumps++;
    this.#frame = 0;
    this.#since = now();
  }

  async #answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname, text = await request.text();
    this.requests.push({ method: request.method, path, body: text === "" ? null : JSON.parse(text) });
    if (request.method === "POST" && path === "/api/v1/sessions") {
      const answer = this.#options.join?.();
      if (answer) return answer;
      if (request.headers.get("authorization") !== `Bearer ${CODE}`) return problem(401, "the join code is wrong");
      this.joins++;
      this.#forgotten = false;
      this.#to = null;
      this.#frame = 0;
      const joined = { session: `s_${this.joins}`, token: this.#token, resumed: this.joins > 1, ...this.#view() };
      return Response.json(joined, { status: 201 });
    }
    const later = this.#options.later?.();
    if (later) return later;
    const known = request.headers.get("authorization") === `Bearer ${this.#token}` && !this.#forgotten;
    if (!known) return problem(401, "no such token");
    if (path === "/api/v1/groups") return Response.json([]);
    return request.method === "GET" ? Response.json(this.#view()) : new Response(null, { status: 204 });
  }

  #view() {
    const { streams, frame, redundancy } = this.#options;
    const channels = Array.from({ length: streams }, (_, i) => i + 1);
    const media = {
      host: "127.0.0.1",
      port: (this.#socket.addr as Deno.NetAddr).port,
      username: this.#username,
      password: PASSWORD,
      ssrc: this.#ssrc,
      payloadType: redundancy ? 98 : 97,
      encoding: "multiopus",
      clockRate: 48000,
      frameMs: frame / 48,
      bitrate: 128000,
      redundancy,
      streams,
      coupledStreams: 0,
      channelMapping: channels.map((channel) => channel - 1),
      channels,
    };
    return { media, sdp: "v=0", mix: this.#mix() };
  }

  #mix() {
    const strip = { gainDb: 0, pan: 0, mute: false, solo: false };
    const strips = Array.from({ length: this.#options.streams }, (_, i) => [i + 1, strip]);
    const master = { gainDb: -12, mute: false };
    return { channels: Object.fromEntries(strips), groups: {}, master, limiter: { ceilingDb: -1 } };
  }

  async #receive(): Promise<void> {
    for await (const [bytes, from] of this.#socket) {
      const kind = kindOfDatagram(bytes[0], bytes[1]);
      if (kind === "rtcp") {
        const packet = readRtcp(bytes, 0, bytes.length);
        if (packet) this.rtcp.push(packet);
      }
      const message = kind === "stun" ? readStun(bytes, 0, bytes.length) : null;
      if (this.#forgotten || message?.username !== this.#username || !verifyStun(bytes, 0, message, PASSWORD)) continue;
      this.bindings++;
      const to = from as Deno.NetAddr, endpoint = endpointOf(to.hostname, to.port), answer = new Uint8Array(200);
      await this.#socket.send(
        answer.subarray(0, writeBindingSuccess(answer, 0, message.transactionId, endpoint, PASSWORD)),
        to,
      );
      if (this.#to === null) this.#since = now();
      this.#to = to;
    }
  }

  /** Everything that is due. */
  #send(): void {
    if (this.#to === null) return;
    const { frame, redundancy, lose } = this.#options, inner = 97, out = this.#out;
    const due = Math.floor((now() - this.#since) * SAMPLE_RATE / 1000 / frame);
    for (; this.#frame < due; this.#frame++) {
      const n = this.#frame, packet = this.#packets[n % this.#packets.length];
      const earlier = this.#packets[(n + this.#packets.length - 1) % this.#packets.length];
      if (this.muted || lose?.(n)) continue;
      let at = writeRtpHeader(out, 0, redundancy ? 98 : inner, n === 0, this.#sequence(n), this.#stamp(n), this.#ssrc);
      if (redundancy) {
        const earlierBytes = n === 0 ? 0 : earlier.length;
        at += writeRedHeader(out, at, inner, frame, earlierBytes);
        out.set(earlier.subarray(0, earlierBytes), at);
        at += earlierBytes;
      }
      out.set(packet, at);
      this.#socket.send(out.slice(0, at + packet.length), this.#to).catch(() => {});
    }
    if (now() < this.#reportAt) return;
    this.#reportAt = now() + 500;
    // Frame n is sent when its last sample is there: that is what makes it due.
    const time = now(), stamp = rtpTimestamp(this.#stamp(0) + Math.round((time - this.#since) * SAMPLE_RATE / 1000));
    this.#socket.send(out.slice(0, writeSenderReport(out, 0, this.#ssrc, time, stamp, due, 0, CNAME)), this.#to).catch(
      () => {},
    );
  }
  #sequence(n: number): number {
    return 65_500 + n - this.#jumps * APART_PACKETS;
  }
  #stamp(n: number): number {
    return rtpTimestamp(3_294_900_000 + (this.joins - this.#jumps) * APART + n * this.#options.frame);
  }

  /** As a server does whose engineer ends the session. */
  async dismiss(): Promise<void> {
    const out = new Uint8Array(200);
    await this.#socket.send(out.subarray(0, writeBye(out, 0, this.#ssrc, CNAME)), this.#to!);
    this.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#socket.close();
    await this.#http.shutdown();
  }
}

export const problem = (status: number, detail: string, headers: Record<string, string> = {}): Response =>
  Response.json({ type: "about:blank", title: "no", status, detail }, {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
