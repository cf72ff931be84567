/**
 * The line of a page that listens (docs/PROTOCOL.md, Audio for browsers): a WebSocket that brings the datagrams of a phone's
 * media socket. Connects again by itself. In: a session's token. Out: datagrams, what state the line is in, and the
 * server's clock. The page's audio worker; allocates.
 */

const WAITS_MS = [250, 500, 1000, 2000, 4000, 5000];
/** Too many, or held off: trying sooner makes it worse. */
const LONG_WAIT_MS = 10_000;
const SLOW = new Set([4409, 4413, 4429]);
/** Codes after which trying again can't help: what the page makes of each. */
const FINAL = new Map([[4400, "failed"], [4401, "ended"], [4403, "failed"], [4410, "taken"]]);
/** The server answers a ping each second: a network that went away says nothing, and doesn't close either. */
const PING_MS = 1000, SILENCE_MS = 4000;
/** Of so many pings the quickest says how the server's clock is off. */
const PINGS = 16;

export class Line {
  #url;
  #token;
  /** @type {(bytes: Uint8Array) => void} */
  #datagram;
  /** @type {(state: string, reason: string) => void} */
  #say;
  /** @type {WebSocket | null} */
  #socket = null;
  #failures = 0;
  #retry = 0;
  #ping = 0;
  #heardAt = 0;
  #closed = false;
  /** Round trip and offset of the last pings. @type {{ round: number, offset: number }[]} */
  #pings = [];

  /**
   * @param {string} url @param {string} token @param {(bytes: Uint8Array) => void} datagram
   * @param {(state: string, reason: string) => void} say "waiting", "lost", "ended", "taken", "failed"
   */
  constructor(url, token, datagram, say) {
    this.#url = url;
    this.#token = token;
    this.#datagram = datagram;
    this.#say = say;
    this.#connect();
  }

  /** Milliseconds to add to our clock to have the server's; null: not known yet. */
  get offset() {
    const quickest = this.#pings.reduce((a, b) => a === null || b.round < a.round ? b : a, /** @type {any} */ (null));
    return quickest?.offset ?? null;
  }
  /** Half the quickest round trip of late, in milliseconds; null: not known yet. */
  get networkMs() {
    return this.#pings.length === 0 ? null : Math.min(...this.#pings.map(({ round }) => round)) / 2;
  }

  /** @param {Uint8Array} bytes RTCP */
  send(bytes) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** Tries at once, as when the page was woken up. */
  hurry() {
    if (this.#socket !== null || this.#closed) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    this.#drop();
  }

  #connect() {
    this.#drop();
    const socket = this.#socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#heardAt = performance.now();
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: "hello", secret: this.#token }));
      this.#failures = 0;
      this.#pings = [];
      this.#askTime();
      this.#say("waiting", "");
    };
    socket.onmessage = ({ data }) => {
      this.#heardAt = performance.now();
      if (typeof data === "string") this.#answered(JSON.parse(data));
      else this.#datagram(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    clearInterval(this.#ping);
    this.#ping = setInterval(() => {
      if (performance.now() - this.#heardAt > SILENCE_MS) this.#lost(1006, "silence");
      else this.#askTime();
    }, PING_MS);
  }

  #drop() {
    if (this.#socket === null) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    clearInterval(this.#ping);
    this.#drop();
    const final = FINAL.get(code);
    this.#say(final ?? "lost", reason);
    if (final !== undefined || this.#closed) return;
    const wait = SLOW.has(code) ? LONG_WAIT_MS : WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)];
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #askTime() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify({ type: "ping", time: performance.now() }));
  }

  /** @param {{ type: string, time: number, serverTime: number }} message */
  #answered({ type, time, serverTime }) {
    if (type !== "pong") return;
    const now = performance.now(), round = now - time;
    this.#pings.push({ round, offset: serverTime + round / 2 - now });
    if (this.#pings.length > PINGS) this.#pings.shift();
    // The first ones quickly: it takes some to know.
    else if (this.#pings.length < 8) this.#askTime();
  }
}
