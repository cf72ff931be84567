/** `--https`: the certificate that is made and kept, the one that is given, and the server that has it. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { networkInterfaces } from "node:os";
import { connect } from "node:tls";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { givenCertificate, ownCertificate, ownSubjects, type Subjects, subjectsOf } from "../control/certificate.ts";
import { FlagError } from "../control/flags.ts";
import { SERVER_LIMITS } from "../control/server.ts";
import { parseStart } from "../program/flags.ts";
import { type FakeHouse, fakeHouse, type FakeSettings } from "./control_fake.ts";
import { within } from "./live_desk.ts";
import { startServer } from "./server.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2027, 0, 15);
const SUBJECTS: Subjects = {
  names: ["localhost", "stage.local"],
  addresses: ["127.0.0.1", "192.0.2.7", "2001:db8::7"],
};

class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "foldback-https-" });
  readonly warnings: string[] = [];
  get file(): string {
    return `${this.path}/https.pem`;
  }
  certificate(subjects = SUBJECTS, time = NOW) {
    return ownCertificate(this.path, subjects, time, (text) => this.warnings.push(text));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("a certificate of our own stands for all names and addresses, and for serving alone", async () => {
  await using folder = new Folder();
  const { cert, key } = await folder.certificate();
  const read = new X509Certificate(cert);
  assert.deepEqual(subjectsOf(read).sort(), [...SUBJECTS.names, ...SUBJECTS.addresses].sort());
  assert.equal(read.ca, false);
  // id-kp-serverAuth, as DER has it (RFC 5280 section 4.2.1.12).
  assert.ok(read.raw.includes(new Uint8Array([0x2b, 6, 1, 5, 5, 7, 3, 1])));
  assert.ok(read.verify(read.publicKey), "signed by itself");
  assert.ok(Date.parse(read.validFrom) < NOW);
  const days = (Date.parse(read.validTo) - Date.parse(read.validFrom)) / DAY_MS;
  assert.ok(days > 365 && days <= 825, `${days} days`);
  assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
});

Deno.test("it is kept, for the owner alone, and the same at the next start", async () => {
  await using folder = new Folder();
  const made = await folder.certificate();
  assert.equal(Deno.statSync(folder.file).mode! & 0o777, 0o600);
  Deno.chmodSync(folder.file, 0o644);
  assert.deepEqual(await folder.certificate(), made);
  assert.equal(Deno.statSync(folder.file).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["https.pem"]);
  assert.deepEqual(folder.warnings, []);
});

Deno.test("a new IPv4 address or name, or a month before the end, makes a new one; a new IPv6 address doesn't", async () => {
  await using folder = new Folder();
  const first = await folder.certificate();
  const more = (addresses: string[], names: string[] = []): Subjects => ({
    names: [...SUBJECTS.names, ...names],
    addresses: [...SUBJECTS.addresses, ...addresses],
  });
  assert.deepEqual(await folder.certificate(more(["2001:db8::8"])), first);
  assert.deepEqual(await folder.certificate({ names: ["localhost"], addresses: ["127.0.0.1"] }), first, "fewer");
  const second = await folder.certificate(more(["192.0.2.8"]));
  assert.notDeepEqual(second, first);
  assert.ok(subjectsOf(new X509Certificate(second.cert)).includes("192.0.2.8"));
  const third = await folder.certificate(more(["192.0.2.8"], ["studio"]));
  assert.notDeepEqual(third, second);
  const end = Date.parse(new X509Certificate(third.cert).validTo);
  assert.deepEqual(await folder.certificate(SUBJECTS, end - 31 * DAY_MS), third);
  const fourth = await folder.certificate(SUBJECTS, end - 29 * DAY_MS);
  assert.ok(Date.parse(new X509Certificate(fourth.cert).validTo) > end);
});

Deno.test("a damaged file is replaced, and half of one, and one whose key is another's", async () => {
  await using folder = new Folder();
  const { cert } = await folder.certificate(), { key } = await ownCertificate(null, SUBJECTS, NOW, () => {});
  for (const damaged of ["", "nonsense", cert, cert + key, cert.slice(0, 300)]) {
    Deno.writeTextFileSync(folder.file, damaged);
    const made = await folder.certificate();
    assert.deepEqual(await folder.certificate(), made);
  }
});

Deno.test("where it can't be kept it serves all the same, with a warning", async () => {
  await using folder = new Folder();
  const warnings: string[] = [];
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  const { cert } = await ownCertificate(`${folder.path}/file/below`, SUBJECTS, NOW, (text) => warnings.push(text));
  assert.ok(new X509Certificate(cert).verify(new X509Certificate(cert).publicKey));
  assert.equal(warnings.length, 1);
});

Deno.test("this machine is called by its addresses, its name, foldback.local and localhost", () => {
  const { names, addresses } = ownSubjects("mix.example", "Studio.lan");
  for (const name of ["localhost", "foldback.local", "mix.example", "studio.lan", "studio", "studio.local"]) {
    assert.ok(names.includes(name), name);
  }
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  for (const { address, family } of own) if (family === "IPv4") assert.ok(addresses.includes(address), address);
  assert.ok(addresses.every((address) => !/^fe80/i.test(address)));
  assert.ok(ownSubjects("192.0.2.99", null).addresses.includes("192.0.2.99"));
});

Deno.test("--cert and --key are read and must be a pair", async () => {
  await using folder = new Folder();
  const one = await ownCertificate(null, SUBJECTS, NOW, () => {}),
    two = await ownCertificate(null, SUBJECTS, NOW, () => {});
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text);
    return `${folder.path}/${name}`;
  };
  const cert = file("cert", one.cert), key = file("key", one.key), other = file("other", two.key);
  assert.deepEqual(givenCertificate(cert, key), one);
  const refused = (certFile: string, keyFile: string, message: RegExp) =>
    assert.throws(() => givenCertificate(certFile, keyFile), (error: Error) => {
      assert.ok(error instanceof FlagError);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  refused(`${folder.path}/none`, key, /^--cert cannot be read/);
  refused(cert, `${folder.path}/none`, /^--key cannot be read/);
  refused(key, key, /^--cert must be a certificate in PEM/);
  refused(cert, cert, /^--key must be a private key in PEM/);
  refused(cert, other, /^--key must be the key of --cert/);
});

Deno.test("--https takes a port with or without an address; --cert and --key come together, and with it", () => {
  const parse = (...args: string[]) => {
    const options = parseStart([...args, "--state-dir", "/tmp"], () => undefined, 2);
    assert.ok(options !== "help");
    return options.https;
  };
  assert.equal(parse(), null);
  assert.deepEqual(parse("--https", "5443"), { address: "::", port: 5443, files: null });
  assert.deepEqual(parse("--https", ":5443"), { address: "::", port: 5443, files: null });
  assert.deepEqual(parse("--https", "192.0.2.7:443", "--cert", "a", "--key", "b"), {
    address: "192.0.2.7",
    port: 443,
    files: { cert: "a", key: "b" },
  });
  for (
    const wrong of [
      ["--https", "host:1"],
      ["--https", "70000"],
      ["--https", "5443", "--cert", "a"],
      ["--https", "5443", "--key", "a"],
      ["--cert", "a", "--key", "b"],
    ]
  ) assert.throws(() => parse(...wrong), FlagError, wrong.join(" "));
});

const secureHouse = (settings: FakeSettings = {}): Promise<FakeHouse> =>
  fakeHouse({
    ...settings,
    options: { https: { address: "127.0.0.1", port: 0, given: null }, ...settings.options },
  });

/** The certificate that a new connection sees. */
async function seen(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate().fingerprint256);
    socket.destroy();
  });
  socket.on("error", reject);
  return await within("the certificate", promise);
}

Deno.test("a certificate that is due is replaced while the server runs, for connections from then on", async () => {
  await using house = await secureHouse();
  const secure = house.control.secure!, before = await seen(secure.port);
  // Without a state directory each look makes a new one.
  await secure.renewIfDue(Date.now());
  assert.notEqual(await seen(secure.port), before);
});

Deno.test("a certificate that was given stays, whatever the time", async () => {
  const given = await ownCertificate(null, SUBJECTS, NOW, () => {});
  await using house = await secureHouse({ options: { https: { address: "127.0.0.1", port: 0, given } } });
  const { secure } = house.control;
  await secure!.renewIfDue(NOW + 5000 * DAY_MS);
  assert.equal(await seen(secure!.port), new X509Certificate(given.cert).fingerprint256);
});

Deno.test("whoever connects and doesn't begin with TLS is cut off, and others aren't held up", async () => {
  await using house = await secureHouse({ limits: { ...SERVER_LIMITS, headersMs: 200, checkMs: 50 } });
  const { port } = house.control.secure!, rest = new Uint8Array(1024);
  const silent = await Deno.connect({ port, hostname: "127.0.0.1" });
  const plain = await Deno.connect({ port, hostname: "127.0.0.1" });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  await seen(port);
  const end = async (connection: Deno.Conn) => {
    // An alert may come first (RFC 8446 section 6).
    while ((await connection.read(rest).catch(() => null)) !== null);
    connection.close();
  };
  await within("the end of who says nothing", end(silent));
  await within("the end of who speaks plain HTTP", end(plain));
});

Deno.test("the state tells where the secure page is; without --https it doesn't", async () => {
  for (const make of [fakeHouse, secureHouse]) {
    await using house = await make();
    const { token } = await house.join(), live = new globalThis.WebSocket(`ws://127.0.0.1:${house.port}/api/v1/live`);
    const { promise, resolve } = Promise.withResolvers<string>();
    live.onmessage = ({ data }) => resolve(data);
    live.onopen = () => live.send(JSON.stringify({ type: "hello", secret: token }));
    const { state } = JSON.parse(await within("a snapshot", promise));
    assert.equal(state.httpsPort, house.control.secure?.port);
    live.close();
  }
});

Deno.test("a server with --https serves the same over TLS, to who trusts its certificate, WebSockets too", async () => {
  await using server = await startServer({ args: ["--source", "tones", "--channels", "2", "--https", "127.0.0.1:0"] });
  const url = /https:\S+[^/\s]/.exec(await server.line(/^ {2}secure /))![0];
  assert.equal((await server.call("GET", "/api/v1/secrets")).body.url, `${url}/`, "what codes lead phones to");
  const pem = await Deno.readTextFile(`${server.stateDir}/https.pem`);
  const cert = /[^]*-----END CERTIFICATE-----\n/.exec(pem)![0];
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const health = await fetch(`${url}/healthz`, { client });
  assert.equal(health.status, 200);
  await health.body?.cancel();
  const page = await fetch(`${url}/`, { client });
  assert.match(await page.text(), /<!DOCTYPE html>/);
  assert.equal(page.headers.get("cross-origin-embedder-policy"), "require-corp");
  const { body: joined } = await server.join({ mode: "mix" });
  const socket = new WebSocket(`${url.replace("https", "wss")}/api/v1/audio`, { ca: cert });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on("open", () => socket.send(JSON.stringify({ type: "hello", secret: joined.token })));
  socket.on("message", (_data, binary) => binary && resolve());
  socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
  socket.on("error", reject);
  await within("audio over TLS", promise);
  socket.close();
});

Deno.test("a server whose --key isn't the key of --cert doesn't start, and says so in one line", async () => {
  await using folder = new Folder();
  const one = await ownCertificate(null, SUBJECTS, NOW, () => {}),
    two = await ownCertificate(null, SUBJECTS, NOW, () => {});
  Deno.writeTextFileSync(`${folder.path}/cert`, one.cert);
  Deno.writeTextFileSync(`${folder.path}/key`, two.key);
  const args = [
    "--source",
    "tones",
    "--https",
    "127.0.0.1:0",
    "--cert",
    `${folder.path}/cert`,
    "--key",
    `${folder.path}/key`,
  ];
  await assert.rejects(startServer({ args }), /foldback: --key must be the key of --cert/);
});
