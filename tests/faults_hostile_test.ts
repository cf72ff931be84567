/** What strangers may throw at the ports: counted or refused, while a phone that listens loses nothing. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { assertUnbroken, JoinedPhone, until } from "./faults_phone.ts";
import { Phone } from "./phone.ts";
import { ENGINEER_KEY, JOIN_CODE, type Server, startServer } from "./server.ts";
import { TRANSACTION_ID_BYTES, writeBindingRequest } from "../send/stun.ts";

/** A server with one phone that listens; it must not have lost a datagram when `body` has ended. */
function hostileTest(name: string, body: (server: Server, phone: JoinedPhone) => Promise<void>): void {
  Deno.test(name, async () => {
    await using server = await startServer({ args: ["--source", "tones", "--pool-size", "1"] });
    using phone = await JoinedPhone.join(server, { channels: [1, 2] });
    try {
      await body(server, phone);
      await phone.more(20);
      assertUnbroken(phone);
      const { status, body: health } = await server.call("GET", "/healthz", undefined, null);
      assert.equal(status, 200, JSON.stringify(health));
    } catch (error) {
      console.log(server.output.join("\n"));
      throw error;
    }
  });
}

interface Dropped {
  readonly stun: number;
  readonly rtcp: number;
  readonly other: number;
}
const dropped = async (server: Server): Promise<Dropped> => (await server.call("GET", "/api/v1/status")).body.dropped;

/** Sends all of them, and waits until as many more are counted; never more at once than the server's socket holds. */
async function sendCounted(server: Server, from: Phone, port: number, datagrams: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < datagrams.length; at += 50) {
    const part = datagrams.slice(at, at + 50), before = await dropped(server);
    for (const bytes of part) await from.send(bytes, port);
    const counted = ({ stun, rtcp, other }: Dropped) => stun + rtcp + other;
    await until(async () => counted(await dropped(server)) >= counted(before) + part.length);
    assert.equal(counted(await dropped(server)), counted(before) + part.length);
  }
}

const request = (username: string, password: string): Uint8Array => {
  const out = new Uint8Array(256), id = crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
  return out.slice(0, writeBindingRequest(out, 0, id, username, password));
};

hostileTest(
  "a binding with a wrong password, name or fingerprint, or cut anywhere, is counted and not answered",
  async (server, phone) => {
    using stranger = new Phone();
    const { username, password, port } = phone.media, { address } = await phone.status();
    const good = request(username, password);
    const flipped = Array.from(good, (_, i) => good.with(i, good[i] ^ 0x40));
    const before = await dropped(server);
    await sendCounted(server, stranger, port, [
      request(username, `${password}x`),
      request(username, password.toUpperCase() + "."),
      request(`${username}x`, password),
      request("", ""),
    ]);
    await sendCounted(server, stranger, port, Array.from(good, (_, length) => good.slice(0, length)));
    await sendCounted(server, stranger, port, flipped);
    assert.equal(stranger.stun.length, 0, "nobody answered");
    assert.equal(stranger.rtp.length, 0);
    assert.equal((await phone.status()).address, address, "nothing moved");
    assert.ok((await dropped(server)).stun >= before.stun + 4 + good.length - 2);
    await stranger.send(good, port);
    await stranger.until(() => stranger.answers === 1);
    phone.thaw(); // it takes its stream back
    await until(async () => (await phone.status()).address === address);
    phone.radio.rtp.length = 0; // what came while it was away isn't asked for
  },
);

hostileTest(
  "two thousand random datagrams, from a stranger and from the phone itself, are counted",
  async (server, phone) => {
    using stranger = new Phone();
    const first = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x80, 0x81, 0xbf));
    const second = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(1, 96, 200, 201, 202, 203, 223));
    const datagram = fc.tuple(first, second, fc.uint8Array({ maxLength: 1400 })).map(([a, b, rest]) =>
      Uint8Array.of(a, b, ...rest)
    );
    const seed = crypto.getRandomValues(new Int32Array(1))[0];
    try {
      const all = fc.sample(datagram, { numRuns: 2000, seed });
      await sendCounted(server, stranger, phone.media.port, all.slice(0, 1500));
      await sendCounted(server, phone.radio, phone.media.port, all.slice(1500));
      await sendCounted(server, stranger, phone.media.port, [new Uint8Array(0), new Uint8Array(60_000)]);
    } catch (error) {
      console.log(`seed ${seed}`);
      throw error;
    }
    assert.equal(stranger.stun.length + stranger.rtp.length + stranger.rtcp.length, 0, "nobody answered");
  },
);

hostileTest("a flood that nobody could read costs no listening phone a datagram", async (server, phone) => {
  using stranger = new Phone();
  const junk = crypto.getRandomValues(new Uint8Array(200)), { port } = phone.media;
  const from = await dropped(server);
  for (let i = 0; i < 20_000; i++) {
    junk[0] = i & 255;
    await stranger.send(junk, port);
  }
  await until(async () => {
    const { stun, rtcp, other } = await dropped(server);
    return stun + rtcp + other > from.stun + from.rtcp + from.other + 1000;
  });
});

hostileTest(
  "a flood that takes the place of its bindings pauses no phone, and one that is gone is paused after it",
  async (_, phone) => {
    using stranger = new Phone();
    const junk = crypto.getRandomValues(new Uint8Array(20)), { port } = phone.media;
    phone.freeze(); // none of its bindings comes through
    // For two times the three seconds after which it would be paused.
    for (let packets = 0; packets < 600; packets += 20) {
      for (let i = 0; i < 200; i++) await stranger.send(junk, port);
      await phone.more(20);
    }
    assertUnbroken(phone);
    await until(async () => (await phone.status()).paused);
    phone.thaw();
    await phone.radio.until(() => phone.marked(1) > 0);
    phone.radio.rtp.length = 0;
  },
);

/** Resident memory of the server in MB. */
const memory = (server: Server): number =>
  Number(/VmRSS:\s*(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${server.pid}/status`))![1]) / 1024;

const MEGABYTE = new Uint8Array(1 << 20).fill(0x20);

function megabytes(count: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = count;
  return new ReadableStream({
    pull: (controller) => left-- > 0 ? controller.enqueue(MEGABYTE) : controller.close(),
  });
}

/** Writes `head` and as much of `count` MB as the server takes, and returns what it says until it closes. */
async function talk(server: Server, head: string | Uint8Array, count = 0): Promise<string> {
  const { hostname, port } = new URL(server.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const answer = async () => {
    const text: string[] = [], chunk = new Uint8Array(4096);
    try {
      for (let bytes; (bytes = await connection.read(chunk)) !== null;) {
        text.push(new TextDecoder().decode(chunk.subarray(0, bytes)));
      }
    } catch { /* cut off, with what we sent unread */ }
    return text.join("");
  };
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  };
  const send = async () => {
    await write(typeof head === "string" ? new TextEncoder().encode(head) : head);
    for (let i = 0; i < count; i++) await write(MEGABYTE);
  };
  const [said] = await Promise.all([answer(), send().catch(() => {})]); // it may have heard enough
  return said;
}

Deno.test("a join of ten megabytes is refused, with and without its length, and takes no memory", async () => {
  if (Deno.build.os !== "linux") return;
  await using server = await startServer({ args: ["--source", "tones", "--pool-size", "1"] });
  using phone = await JoinedPhone.join(server, { channels: [1] });
  const headers = { authorization: `Bearer ${JOIN_CODE}`, "content-type": "application/json" };
  const url = `${server.url}/api/v1/sessions`;
  let before = 0;
  const head =
    `POST /api/v1/sessions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${JOIN_CODE}\r\ncontent-type: application/json\r\n`;
  for (let i = 0; i < 5; i++) {
    assert.match(await talk(server, `${head}content-length: ${10 << 20}\r\n\r\n`, 10), /^HTTP\/1\.1 413 /);
    assert.match(await talk(server, `${head}transfer-encoding: chunked\r\n\r\nA00000\r\n`, 10), /^HTTP\/1\.1 413 /);
    const streamed = await fetch(url, { method: "POST", headers, body: megabytes(10) }).then(
      async (response) => (await response.body?.cancel(), response.status),
      () => 413, // cut off while it still sent
    );
    assert.equal(streamed, 413);
    // The first of each kind also pays for compiled code.
    if (i === 0) before = memory(server);
  }
  const grown = memory(server) - before;
  console.log(`120 MB of joins: ${grown.toFixed(1)} MB more memory`);
  assert.ok(grown < 64, `${grown} MB more memory`);
  const { status } = await server.join({ device: "after-the-flood" });
  assert.equal(status, 201);
  await phone.more(20);
  assertUnbroken(phone);
});

hostileTest("what is no HTTP is refused and closed", async (server) => {
  const long = "x".repeat(100_000);
  for (
    const [what, status] of [
      [crypto.getRandomValues(new Uint8Array(4096)).fill(0xff, 0, 1), 400],
      ["GET /healthz\r\n\r\n", 400],
      ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
      ["POST /api/v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: minus\r\n\r\n", 400],
      [
        "POST /api/v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
      ],
      [`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: ${long}\r\n\r\n`, 431],
      [`GET /${long} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 431],
    ] as const
  ) {
    const answer = await talk(server, what);
    assert.match(
      answer,
      new RegExp(`^HTTP/1\\.1 ${status} `),
      `${JSON.stringify(String(what)).slice(0, 60)}: ${answer}`,
    );
  }
  for (
    const path of ["/api/v1/sessions/%00", "/api/v1/sessions/../../etc/passwd", "/%ff", "//", "/api/v1/channels/1e9"]
  ) {
    const { status } = await server.call("PATCH", path, {}, ENGINEER_KEY);
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
  }
});
