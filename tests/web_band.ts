/**
 * Phones for tests of the page: each joins, opens its media, answers every sender report with a receiver report and says
 * a delay of its own, so that the console has something to show. What they hear is thrown away.
 */
import { writeReceiverReport } from "../send/rtcp.ts";
import { ntpMiddle, readRtcp } from "../send/rtcp.ts";
import { Phone } from "./phone.ts";
import { ENGINEER_KEY, JOIN_CODE } from "./server.ts";

const REPORT_MS = 500;

export interface BandPhone {
  readonly name: string;
  /** The seat's invite; else the join code. */
  readonly invite?: string;
  readonly mode?: "mix" | "channels";
  readonly frameMs?: number;
  readonly bufferMs?: number;
  readonly outputMs?: number;
  readonly lossPercent?: number;
  readonly jitterMs?: number;
}

export interface Joined {
  readonly session: string;
  readonly seat: string;
  readonly token: string;
}

async function post(url: string, secret: string, body: unknown): Promise<Response> {
  return await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** One phone that plays until it is disposed of. */
export class Listener implements Disposable {
  readonly joined: Joined;
  readonly #phone = new Phone();
  readonly #timer: ReturnType<typeof setInterval>;
  #seen = 0;

  private constructor(url: string, with_: BandPhone, joined: Joined, media: { port: number; ssrc: number }) {
    this.joined = joined;
    const out = new Uint8Array(512), cname = new TextEncoder().encode(with_.name);
    const { bufferMs = 2.5, outputMs = 3, lossPercent = 0, jitterMs = 0.4 } = with_;
    this.#timer = setInterval(() => {
      const phone = this.#phone, last = phone.rtcp.at(-1);
      const report = last && readRtcp(last.bytes, 0, last.bytes.length)?.senderReports[0];
      this.#seen += phone.rtp.length;
      phone.rtp.length = phone.stun.length = 0;
      if (report && last) {
        const bytes = writeReceiverReport(out, 0, 1, cname, {
          ssrc: media.ssrc,
          fractionLost: Math.round(lossPercent * 2.56),
          cumulativeLost: 0,
          highestSequence: this.#seen,
          jitter: Math.round(jitterMs * 48),
          lastSr: report.ntpMiddle,
          delaySinceLastSr: (ntpMiddle(performance.timeOrigin + performance.now()) - ntpMiddle(last.at)) >>> 0,
        });
        void phone.send(out.subarray(0, bytes), media.port).catch(() => {});
      }
      void post(`${url}/api/v1/sessions/${joined.session}/report`, joined.token, { bufferMs, outputMs })
        .then((response) => response.body?.cancel()).catch(() => {});
    }, REPORT_MS);
  }

  /** Resolves when audio comes. */
  static async join(url: string, with_: BandPhone): Promise<Listener> {
    const { name, invite = JOIN_CODE, mode = "mix", frameMs = 2.5 } = with_;
    const device = `phone-${name.toLowerCase().replace(/[^a-z0-9]/g, "-")}`;
    const response = await post(`${url}/api/v1/sessions`, invite, { name, device, mode, frameMs });
    const answer = await response.json();
    if (response.status !== 201) throw new Error(`join as ${name}: ${response.status} ${JSON.stringify(answer)}`);
    const listener = new Listener(url, with_, answer, answer.media);
    await listener.#phone.hold(answer.media.port, answer.media.username, answer.media.password);
    await listener.#phone.until(() => listener.#phone.rtp.length + listener.#seen > 0);
    return listener;
  }

  /** Packets so far. */
  get packets(): number {
    return this.#seen + this.#phone.rtp.length;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#phone[Symbol.dispose]();
  }
}

/** An API call that must succeed. */
export async function call(url: string, method: string, path: string, body?: unknown, secret = ENGINEER_KEY) {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** Ten musicians as on a real evening: most are fine, one is far from the access point, one has a slow phone. */
export const TEN: readonly BandPhone[] = [
  { name: "Ana, voice" },
  { name: "Bo, drums", bufferMs: 2.5, outputMs: 2.5 },
  { name: "Cleo, keys", mode: "channels" },
  { name: "Dario, bass", outputMs: 4 },
  { name: "Eva, guitar", bufferMs: 4 },
  { name: "Finn, guitar 2", bufferMs: 7.5, outputMs: 6, lossPercent: 0.4, jitterMs: 2.8 },
  { name: "Gloria, choir 1" },
  { name: "Hugo, choir 2", outputMs: 4.2 },
  { name: "Ines, trumpet", bufferMs: 20, outputMs: 9, lossPercent: 2.7, jitterMs: 9.5 },
  { name: "Jon, sax", bufferMs: 3.5 },
];
