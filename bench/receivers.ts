/**
 * The benchmark's clients: one socket each, all in one thread that waits in `poll`, so that the measuring costs little.
 * They bind every second, count, and compare each frame's arrival with its capture, by the clock that the sender reports
 * carry (RFC 3550 section 6.4.1; one machine, one clock). Nothing is decoded.
 */
import { now } from "../core/clock.ts";
import { endpointOf } from "../core/endpoint.ts";
import { BUCKETS, record } from "../core/histogram.ts";
import { rtpTimestamp, sequenceNumber } from "../core/units.ts";
import { sequenceDistance, timestampDistance } from "../core/wrap.ts";
import { readRtcp } from "../send/rtcp.ts";
import { kindOfDatagram, RtpPacket } from "../send/rtp.ts";
import { openLinuxSocket } from "../send/socket_linux.ts";
import type { MediaSocket } from "../send/socket.ts";
import { TRANSACTION_ID_BYTES, writeBindingRequest } from "../send/stun.ts";
import { type BenchClient, type FromReceivers, Phase, type Received, type ToReceivers } from "./messages.ts";

declare const self: {
  onmessage: (event: MessageEvent<ToReceivers>) => void;
  postMessage(message: FromReceivers): void;
};

const POLLIN = 1;
const POLLFD_BYTES = 8;
const BIND_MS = 1000;
const WAIT_MS = 50;

class Client {
  readonly socket: MediaSocket;
  readonly #with: BenchClient;
  readonly #server: Uint8Array;
  highest = -1;
  extended = 0;
  total = 0;
  /** A pair of the sender report: unix time of an RTP timestamp. */
  reportMs = 0;
  reportTimestamp = 0;

  constructor(host: string, client: BenchClient) {
    this.#with = client;
    this.#server = endpointOf(host, client.port);
    this.socket = openLinuxSocket({ address: host.includes(":") ? "::" : "0.0.0.0", port: 0, descriptor: -1, dscp: 0 });
  }
  bind(): void {
    const { socket } = this, id = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
    socket.push(
      writeBindingRequest(socket.rows, socket.at, id, this.#with.username, this.#with.password),
      this.#server,
    );
    socket.flush();
  }
  /** Takes all that waits. */
  drain(packet: RtpPacket, counting: boolean, delays: Uint32Array): void {
    for (let bytes = this.socket.receive(); bytes >= 0; bytes = this.socket.receive()) {
      const arrived = this.socket.arrivedAt, data = this.socket.incoming, kind = kindOfDatagram(data[0], data[1]);
      if (kind === "rtcp") {
        const report = readRtcp(data, 0, bytes)?.senderReports[0];
        if (report) {
          this.reportMs = report.ntpMs;
          this.reportTimestamp = report.rtpTimestamp;
        }
      } else if (kind === "rtp" && packet.read(data, 0, bytes) && packet.ssrc === this.#with.ssrc) {
        this.#count(packet, arrived, counting, delays);
      }
    }
  }
  #count(packet: RtpPacket, arrived: number, counting: boolean, delays: Uint32Array): void {
    if (this.highest >= 0) {
      const step = sequenceDistance(sequenceNumber(packet.sequence), sequenceNumber(this.highest));
      if (step > 0) {
        this.highest = packet.sequence;
        this.extended += step;
      }
    } else this.highest = packet.sequence;
    this.total++;
    if (!counting || this.reportMs === 0) return;
    const last = timestampDistance(rtpTimestamp(packet.timestamp), rtpTimestamp(this.reportTimestamp)) +
      this.#with.frame;
    record(delays, arrived - (this.reportMs + last / 48));
  }
  /** Missing by sequence numbers, from the first datagram to the last. */
  get lost(): number {
    return this.highest < 0 ? 0 : this.extended + 1 - this.total;
  }
}

/** The kernel's drop counters of our sockets, by port (last column of /proc/net/udp). */
function socketDrops(ports: ReadonlySet<number>): number {
  let drops = 0;
  for (const file of ["/proc/net/udp", "/proc/net/udp6"]) {
    let text: string;
    try {
      text = Deno.readTextFileSync(file);
    } catch {
      continue;
    }
    for (const line of text.split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns.length > 2 && ports.has(parseInt(columns[1].split(":")[1], 16))) drops += Number(columns.at(-1));
    }
  }
  return drops;
}

function run(host: string, joined: readonly BenchClient[], phase: Int32Array): Received {
  const libc = Deno.dlopen("libc.so.6", {
    /** int poll(struct pollfd *fds, nfds_t count, int timeout) */
    poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  });
  const clients = joined.map((client) => new Client(host, client));
  const fds = new Uint8Array(new ArrayBuffer(clients.length * POLLFD_BYTES)), view = new DataView(fds.buffer);
  clients.forEach(({ socket }, i) => {
    view.setInt32(i * POLLFD_BYTES, socket.descriptor, true);
    view.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
  });
  const delays = new Uint32Array(BUCKETS), packet = new RtpPacket();
  let bound = -Infinity, hearing = false;
  for (let state = Phase.Warming; state !== Phase.Ended; state = Atomics.load(phase, 0)) {
    if (now() - bound >= (hearing ? BIND_MS : BIND_MS / 5)) {
      bound = now();
      clients.forEach((client) => client.bind());
    }
    libc.symbols.poll(fds, clients.length as unknown as bigint, WAIT_MS);
    for (let i = 0; i < clients.length; i++) {
      if (view.getInt16(i * POLLFD_BYTES + 6, true) !== 0) clients[i].drain(packet, state === Phase.Counting, delays);
    }
    if (!hearing && clients.every(({ reportMs, total }) => total > 0 && reportMs > 0)) {
      hearing = true;
      self.postMessage({ kind: "hearing" });
    }
  }
  const ports = new Set(clients.map(({ socket }) => socket.port));
  const result: Received = {
    received: clients.reduce((sum, { total }) => sum + total, 0),
    lost: clients.reduce((sum, { lost }) => sum + lost, 0),
    socketDrops: socketDrops(ports),
    heard: clients.filter(({ total }) => total > 0).length,
    captureToReceive: delays,
  };
  clients.forEach(({ socket }) => socket[Symbol.dispose]());
  libc.close();
  return result;
}

self.onmessage = ({ data }) => {
  try {
    self.postMessage({ kind: "done", result: run(data.host, data.clients, new Int32Array(data.stop)) });
  } catch (error) {
    self.postMessage({ kind: "failed", reason: (error as Error).message });
  }
};
