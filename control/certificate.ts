/**
 * The certificate that the page is served with over HTTPS: one that was given, or one of our own, signed by itself, made
 * for the machine's addresses and names and kept in the state directory. In: files, addresses, names, the time. Out: PEM.
 * The main isolate at start (what is given) and the control worker; allocates.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { endpointOf, ipOf } from "../core/endpoint.ts";
import { doorNames, machineName } from "./doors.ts";
import { replaceFile } from "./durable.ts";
import { FlagError } from "./flags.ts";
import type { Certificate } from "./server.ts";

const DAY_MS = 86_400_000;
/** Each new one makes every phone warn again; browsers on Apple's systems take none that lasts longer than 825 days. */
const LASTS_MS = 800 * DAY_MS;
/** A clock that is a little behind must not find it in the future. */
const BEFORE_MS = DAY_MS;
const RENEWED_BEFORE_END_MS = 30 * DAY_MS;
/** Certificate and key in one file, so that there is never one without the other. */
const FILE = "https.pem";

/** What a certificate stands for. */
export interface Subjects {
  readonly names: readonly string[];
  /** Without zones, as RFC 5952 spells them. */
  readonly addresses: readonly string[];
}

const plainIp = (address: string): string => ipOf(endpointOf(address, 0));

/** What phones may call this machine. Link-local IPv6 addresses aren't there: no browser takes them. */
export function ownSubjects(publicHost: string | null, machine: string | null = machineName()): Subjects {
  const names = new Set(["localhost"]), addresses = new Set(["127.0.0.1", "::1"]);
  for (const name of doorNames(publicHost, machine)) {
    if (isIP(name)) addresses.add(plainIp(name));
    else names.add(name);
  }
  const may = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" }).state === "granted";
  for (const { address } of may ? Object.values(networkInterfaces()).flatMap((list) => list ?? []) : []) {
    if (!/^fe[89ab]/i.test(address)) addresses.add(plainIp(address.replace(/%.*$/, "")));
  }
  return { names: [...names], addresses: [...addresses] };
}

/** Names and addresses of a certificate (RFC 5280 section 4.2.1.6), in one list. */
export const subjectsOf = ({ subjectAltName }: X509Certificate): string[] =>
  (subjectAltName ?? "").split(", ").flatMap((entry) => {
    const [, kind, value] = /^(DNS|IP Address):(.*)$/.exec(entry) ?? [];
    return kind === undefined ? [] : [kind === "DNS" ? value.toLowerCase() : plainIp(value)];
  });

/**
 * Does it stand for all of them, with a month to go? IPv6 addresses are made for when it is made, but don't end it: many
 * machines have a new one each day.
 */
function serves(cert: X509Certificate, { names, addresses }: Subjects, time: number): boolean {
  const from = Date.parse(cert.validFrom), to = Date.parse(cert.validTo), has = new Set(subjectsOf(cert));
  const needed = [...names, ...addresses.filter((address) => isIP(address) === 4)];
  return from <= time && time < to - RENEWED_BEFORE_END_MS && needed.every((name) => has.has(name));
}

/** Signed by itself: P-256, which every phone knows. */
async function makeCertificate({ names, addresses }: Subjects, time: number): Promise<Certificate> {
  // Takes half a second to load, once in two years. Its classes need the first one to be there.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Positive, and never the same twice (RFC 5280 section 4.1.2.2).
    serialNumber: `01${crypto.randomUUID().replaceAll("-", "")}`,
    name: "CN=Foldback",
    notBefore: new Date(time - BEFORE_MS),
    notAfter: new Date(time - BEFORE_MS + LASTS_MS),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: "dns" as const, value })),
        ...addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { cert: `${certificate.toString("pem")}\n`, key: `${key}\n` };
}

/** Is it a pair? @throws Error of the reader's, if one of them is something else. */
const fits = ({ cert, key }: Certificate): boolean => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));

/** What the state directory has, if it is to be used; else null. */
async function keptCertificate(file: string, subjects: Subjects, time: number): Promise<Certificate | null> {
  try {
    const text = await Deno.readTextFile(file);
    const [cert, key] = [/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----\n/, /-----BEGIN PRIVATE KEY[^]*/]
      .map((part) => part.exec(text)?.[0] ?? "");
    await Deno.chmod(file, 0o600);
    return fits({ cert, key }) && serves(new X509Certificate(cert), subjects, time) ? { cert, key } : null;
  } catch {
    return null; // not there, or damaged: a new one takes its place
  }
}

/**
 * The one that is kept in `directory`, as long as it serves; else a new one, which is kept from then on. `directory` null:
 * nowhere. `warn` hears why it can't be kept; it serves all the same.
 */
export async function ownCertificate(
  directory: string | null,
  subjects: Subjects,
  time: number,
  warn: (text: string) => void,
): Promise<Certificate> {
  const file = `${directory}/${FILE}`;
  const kept = directory === null ? null : await keptCertificate(file, subjects, time);
  if (kept !== null) return kept;
  const made = await makeCertificate(subjects, time);
  try {
    if (directory !== null) await replaceFile(file, new TextEncoder().encode(made.cert + made.key));
  } catch (error) {
    warn(`cannot keep the certificate, phones will warn anew after a restart: ${(error as Error).message}`);
  }
  return made;
}

function readGiven(flag: string, file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw new FlagError(`--${flag} cannot be read: ${(error as Error).message}`);
  }
}

/** What `--cert` and `--key` name. @throws FlagError if they can't be read, are something else, or aren't a pair. */
export function givenCertificate(certFile: string, keyFile: string): Certificate {
  const cert = readGiven("cert", certFile), key = readGiven("key", keyFile);
  try {
    new X509Certificate(cert);
  } catch {
    throw new FlagError(`--cert must be a certificate in PEM: ${certFile} is none`);
  }
  try {
    createPrivateKey(key);
  } catch {
    throw new FlagError(`--key must be a private key in PEM, without a password: ${keyFile} is none`);
  }
  if (fits({ cert, key })) return { cert, key };
  throw new FlagError(`--key must be the key of --cert: ${keyFile} doesn't belong to ${certFile}`);
}
