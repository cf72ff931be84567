/**
 * An IP address and a UDP port as 18 bytes (16 of IPv6, IPv4 mapped as RFC 4291 section 2.5.5.2; 2 of port, big-endian),
 * so that a socket, a session table and a comparison need no strings. Any thread; parsing and printing allocate.
 */
import { isIP } from "node:net";

/** 16 of address and 2 of port. */
export const ENDPOINT_BYTES = 18;
/** {@link ENDPOINT_BYTES} bytes: the address, IPv4 mapped, then the port, both big-endian. */
export type Endpoint = Uint8Array;

/**
 * `ip` in any spelling of IPv4 or IPv6, without brackets or zone; `port` 0 … 65535. Makes a new array.
 * @throws RangeError if `ip` is no IP address or the port is out of range.
 */
export function endpointOf(ip: string, port: number): Endpoint {
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new RangeError(`port must be 0 to 65535: is ${port}`);
  const bytes = new Uint8Array(ENDPOINT_BYTES);
  const family = isIP(ip);
  if (family === 0 || ip.includes("%")) throw new RangeError(`not an IP address: ${JSON.stringify(ip)}`);
  if (family === 4) {
    bytes[10] = bytes[11] = 0xff;
    ip.split(".").forEach((part, i) => bytes[12 + i] = Number(part));
  } else {
    // The URL parser normalises every spelling, embedded IPv4 too, to hexadecimal groups.
    const [head, tail] = new URL(`http://[${ip}]/`).hostname.slice(1, -1).split("::");
    const groups = (text: string | undefined) => text ? text.split(":").map((group) => parseInt(group, 16)) : [];
    const left = groups(head), right = groups(tail);
    left.forEach((group, i) => bytes.set([group >> 8, group & 255], 2 * i));
    right.forEach((group, i) => bytes.set([group >> 8, group & 255], 16 - 2 * (right.length - i)));
  }
  bytes[16] = port >> 8;
  bytes[17] = port & 255;
  return bytes;
}

/** Only this machine gets there. `host`: an address, with brackets or without, or a name. */
export const isLoopback = (host: string): boolean => /^(localhost|127\..*|\[?::1\]?)$/.test(host);

/** 0 … 65535. */
export const portOf = (endpoint: Endpoint): number => endpoint[16] << 8 | endpoint[17];

/** True for ::ffff:a.b.c.d. */
export function isIPv4(endpoint: Endpoint): boolean {
  for (let i = 0; i < 10; i++) if (endpoint[i] !== 0) return false;
  return endpoint[10] === 0xff && endpoint[11] === 0xff;
}

/** The address alone: "192.0.2.7" if it is mapped, else IPv6 as RFC 5952 section 4 has it, without brackets. */
export function ipOf(endpoint: Endpoint): string {
  if (isIPv4(endpoint)) return endpoint.subarray(12, 16).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => (endpoint[2 * i] << 8 | endpoint[2 * i + 1]).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

/** "192.0.2.7:5101", "[2001:db8::7]:5101". */
export const endpointText = (endpoint: Endpoint): string =>
  isIPv4(endpoint) ? `${ipOf(endpoint)}:${portOf(endpoint)}` : `[${ipOf(endpoint)}]:${portOf(endpoint)}`;

/** Are address and port the same? */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  for (let i = 0; i < ENDPOINT_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Is the address, whatever the port, the same? */
export function sameHost(a: Endpoint, b: Endpoint): boolean {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return false;
  return true;
}
