/** A page that listens, for tests: a send worker's end of the media, and a WebSocket's other end. Test runner's main isolate. */
import { type FakeHouse, fakeHouse, type FakeSettings } from "./control_fake.ts";
import { type Any, within } from "./live_desk.ts";

export const PATH = "/api/v1/audio";

/** Stands in for the send worker: keeps what comes, and where from. */
export class Media implements Disposable {
  readonly socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly stun: Uint8Array[] = [];
  readonly rtcp: Uint8Array[] = [];
  /** Port of the last binding. */
  from = 0;
  #waiting: { met: () => boolean; resolve: () => void }[] = [];

  constructor() {
    void this.#listen();
  }
  get port(): number {
    return (this.socket.addr as Deno.NetAddr).port;
  }
  async #listen(): Promise<void> {
    for await (const [bytes, from] of this.socket) {
      if (bytes[0] < 4) this.from = (from as Deno.NetAddr).port;
      (bytes[0] < 4 ? this.stun : this.rtcp).push(bytes.slice());
      this.#waiting = this.#waiting.filter(({ met, resolve }) => !met() || resolve());
    }
  }
  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ met, resolve });
    return within(`${met}`, promise);
  }
  send(bytes: Uint8Array, port: number): Promise<number> {
    return this.socket.send(bytes, { transport: "udp", hostname: "127.0.0.1", port });
  }
  [Symbol.dispose](): void {
    this.socket.close();
  }
}

export interface Stage extends AsyncDisposable {
  readonly house: FakeHouse;
  readonly media: Media;
}

export async function stage(settings: FakeSettings = {}): Promise<Stage> {
  const media = new Media();
  const options = { mediaPorts: [media.port], ...settings.options };
  const house = await fakeHouse({ ...settings, workers: 1, options });
  return {
    house,
    media,
    [Symbol.asyncDispose]: async () => {
      await house[Symbol.asyncDispose]();
      media[Symbol.dispose]();
    },
  };
}

/** A page: everything that comes, in order. */
export class Page {
  readonly socket: WebSocket;
  readonly datagrams: Uint8Array[] = [];
  readonly texts: Any[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: { met: () => boolean; resolve: () => void }[] = [];

  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.texts.push(JSON.parse(data));
      else this.datagrams.push(new Uint8Array(data));
      this.#waiting = this.#waiting.filter(({ met, resolve }) => !met() || resolve());
    };
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.socket.onclose = ({ code, reason }) => resolve({ code, reason });
    this.closed = within("the end", promise);
  }
  /** Has said hello. */
  static async open(house: FakeHouse, secret: string): Promise<Page> {
    const page = new Page(house.port);
    await page.say({ type: "hello", secret });
    return page;
  }
  async say(message: Any): Promise<void> {
    const { socket } = this;
    if (socket.readyState === WebSocket.CONNECTING) await new Promise((resolve) => socket.onopen = resolve);
    socket.send(message instanceof Uint8Array ? message as Uint8Array<ArrayBuffer> : JSON.stringify(message));
  }
  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ met, resolve });
    return within(`${met}`, promise);
  }
  /** What was said before has been read. */
  async heard(): Promise<void> {
    const time = Math.random();
    await this.say({ type: "ping", time });
    await this.until(() => this.texts.some((text) => text.time === time));
  }
}

/** How a page ends that says this. */
export async function ends(house: FakeHouse, ...messages: Any[]): Promise<number> {
  const page = new Page(house.port);
  for (const message of messages) await page.say(message);
  return (await page.closed).code;
}
export const hello = (secret: string) => ({ type: "hello", secret });

/** The place that the page's phone is bound from, after its `count`th binding. */
export async function bound({ media }: Stage, count = 1): Promise<number> {
  await media.until(() => media.stun.length >= count);
  return media.from;
}

/** An RTP packet with something in it. */
export function rtp(sequence: number, bytes = 100): Uint8Array {
  const packet = new Uint8Array(bytes).fill(sequence & 0xff);
  packet.set([0x80, 96, sequence >> 8, sequence & 0xff]);
  return packet;
}
