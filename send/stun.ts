/**
 * STUN (RFC 8489) as far as a binding with short-term credentials goes: reads any message, checks its integrity, writes
 * the Binding Request and the Binding Success. Written in place; a message a second for each client, so it may allocate.
 * Pure; any thread.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |0 0|     STUN message type     |  bytes after these 20         |
 * |                  magic cookie 0x2112A442                      |
 * |                 transaction id (96 bits)                      |
 * | attributes: type (16), length (16), value, padded to 32 bits  |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { type Endpoint, ENDPOINT_BYTES, isIPv4, portOf } from "../core/endpoint.ts";
import { get16, get32, put16, put32 } from "./bigendian.ts";
import { crc32 } from "./crc32.ts";
import { HmacSha1, SHA1_BYTES } from "./hmac_sha1.ts";

/** Message type: Binding, class request (RFC 8489 section 5). */
export const STUN_BINDING_REQUEST = 0x0001;
/** Message type: Binding, class success response (RFC 8489 section 5). */
export const STUN_BINDING_SUCCESS = 0x0101;
/** 96 bits (RFC 8489 section 5). */
export const TRANSACTION_ID_BYTES = 12;
/** Longer messages aren't read: they wouldn't come through a network in one piece, and hashing them costs. */
export const STUN_MAX_BYTES = 1500;
/** RFC 8489 section 14.3: less than 509 bytes. */
const MAX_USERNAME_BYTES = 508;

const HEADER_BYTES = 20;
const COOKIE = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;
const INTEGRITY_BYTES = 4 + SHA1_BYTES;
const FINGERPRINT_BYTES = 8;

const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const XOR_MAPPED_ADDRESS = 0x0020;
const FINGERPRINT = 0x8028;
/**
 * Comprehension-required attributes that change nothing for us: MAPPED-ADDRESS, ERROR-CODE, UNKNOWN-ATTRIBUTES, and
 * PRIORITY and USE-CANDIDATE, which ICE stacks add to their checks (RFC 8445 section 16.1).
 */
const HARMLESS = [0x0001, 0x0009, 0x000a, 0x0024, 0x0025];

/** What {@link readStun} found in a message; its integrity is still to be verified. */
export interface StunMessage {
  /** {@link STUN_BINDING_REQUEST}, {@link STUN_BINDING_SUCCESS} or another one. */
  readonly type: number;
  /** A copy, 12 bytes. */
  readonly transactionId: Uint8Array;
  /** USERNAME, decoded from UTF-8; null: there is none. */
  readonly username: string | null;
  /** Where the attribute begins, counted from the message's first byte; −1: there is none. */
  readonly integrityAt: number;
  /** As `integrityAt`; its value has been checked. */
  readonly fingerprintAt: number;
  /** XOR-MAPPED-ADDRESS. */
  readonly mapped: Endpoint | null;
  /** A comprehension-required attribute that we don't know: a request with one must not be obeyed (RFC 8489 section 6.3.1). */
  readonly unknownRequired: boolean;
}

const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textEncoder = new TextEncoder();

/** The address is masked with the cookie and the transaction id, which follow each other in the header; the port with the cookie. */
function readMapped(packet: Uint8Array, at: number, valueAt: number, bytes: number): Endpoint | null {
  const addressBytes = bytes - 4;
  const family = packet[valueAt + 1];
  if (!(family === 1 && addressBytes === 4) && !(family === 2 && addressBytes === 16)) return null;
  const endpoint = new Uint8Array(ENDPOINT_BYTES);
  if (family === 1) endpoint[10] = endpoint[11] = 0xff;
  for (let i = 0; i < addressBytes; i++) {
    endpoint[16 - addressBytes + i] = packet[valueAt + 4 + i] ^ packet[at + 4 + i];
  }
  put16(endpoint, 16, get16(packet, valueAt + 2) ^ COOKIE >>> 16);
  return endpoint;
}

const fingerprintOf = (packet: Uint8Array, at: number, bytes: number): number =>
  (crc32(packet, at, bytes) ^ FINGERPRINT_XOR) >>> 0;

/**
 * Reads the message that fills `packet[at … at + length)`. Null if it isn't one, if an attribute doesn't fit, if
 * FINGERPRINT is wrong or not last. Of an attribute that comes twice the first counts; after MESSAGE-INTEGRITY nothing
 * counts but FINGERPRINT. The integrity isn't checked here: see {@link verifyStun}.
 */
export function readStun(packet: Uint8Array, at: number, length: number): StunMessage | null {
  if (length < HEADER_BYTES || length > STUN_MAX_BYTES || length % 4 !== 0 || packet[at] > 3) return null;
  if (get32(packet, at + 4) !== COOKIE || get16(packet, at + 2) !== length - HEADER_BYTES) return null;
  let username: string | null = null, mapped: Endpoint | null = null;
  let integrityAt = -1, fingerprintAt = -1, unknownRequired = false;

  // The length is a multiple of 4 and so is each step: where a byte is left, four are.
  for (let i = HEADER_BYTES; i < length;) {
    const type = get16(packet, at + i), bytes = get16(packet, at + i + 2);
    const next = i + 4 + ((bytes + 3) & ~3);
    if (next > length) return null;
    const valueAt = at + i + 4;
    if (type === FINGERPRINT) {
      if (bytes !== 4 || next !== length || get32(packet, valueAt) !== fingerprintOf(packet, at, i)) return null;
      fingerprintAt = i;
    } else if (integrityAt < 0) {
      if (type === MESSAGE_INTEGRITY) {
        if (bytes !== INTEGRITY_BYTES - 4) return null;
        integrityAt = i;
      } else if (type === USERNAME) {
        if (bytes > MAX_USERNAME_BYTES) return null;
        username ??= textDecoder.decode(packet.subarray(valueAt, valueAt + bytes));
      } else if (type === XOR_MAPPED_ADDRESS) {
        const endpoint = readMapped(packet, at, valueAt, bytes);
        if (endpoint === null) return null;
        mapped ??= endpoint;
      } else if (type < 0x8000 && !HARMLESS.includes(type)) {
        unknownRequired = true;
      }
    }
    i = next;
  }
  const transactionId = packet.slice(at + 8, at + HEADER_BYTES);
  return { type: get16(packet, at), transactionId, username, integrityAt, fingerprintAt, mapped, unknownRequired };
}

/** A password, or its key made once; the latter spares making it for each message. */
export type StunKey = HmacSha1 | Uint8Array | string;
const keyOf = (key: StunKey): HmacSha1 => key instanceof HmacSha1 ? key : new HmacSha1(key);

/** MESSAGE-INTEGRITY is taken with the length field counting that attribute as the last (RFC 8489 section 14.5). */
const putSignedLength = (packet: Uint8Array, at: number, integrityAt: number) =>
  put16(packet, at + 2, integrityAt + INTEGRITY_BYTES - HEADER_BYTES);

/**
 * Does the MESSAGE-INTEGRITY of a message that {@link readStun} read from `packet` at `at` fit the key? The key is the
 * password in UTF-8. Compares in constant time; false if the message has none. The length field is another one meanwhile.
 */
export function verifyStun(packet: Uint8Array, at: number, message: StunMessage, key: StunKey): boolean {
  const { integrityAt } = message;
  if (integrityAt < 0) return false;
  const length = get16(packet, at + 2);
  putSignedLength(packet, at, integrityAt);
  const fits = keyOf(key).verify(packet, at, integrityAt, packet, at + integrityAt + 4);
  put16(packet, at + 2, length);
  return fits;
}

function writeHeader(out: Uint8Array, at: number, type: number, transactionId: Uint8Array): void {
  put16(out, at, type);
  put32(out, at + 4, COOKIE);
  out.set(transactionId, at + 8);
}

/** Ends a message that has `bytes` bytes so far with MESSAGE-INTEGRITY and FINGERPRINT. Returns all its bytes. */
function seal(out: Uint8Array, at: number, bytes: number, key: StunKey): number {
  putSignedLength(out, at, bytes);
  keyOf(key).sign(out, at, bytes, out, at + bytes + 4);
  put16(out, at + bytes, MESSAGE_INTEGRITY);
  put16(out, at + bytes + 2, SHA1_BYTES);
  const sealed = bytes + INTEGRITY_BYTES;
  put16(out, at + 2, sealed + FINGERPRINT_BYTES - HEADER_BYTES);
  put16(out, at + sealed, FINGERPRINT);
  put16(out, at + sealed + 2, 4);
  put32(out, at + sealed + 4, fingerprintOf(out, at, sealed));
  return sealed + FINGERPRINT_BYTES;
}

/**
 * Writes a Binding Request with USERNAME, MESSAGE-INTEGRITY and FINGERPRINT. `transactionId` has 12 bytes. Returns the
 * bytes written: 56 and the username, padded.
 * @throws RangeError if the username is longer than 508 bytes.
 */
export function writeBindingRequest(
  out: Uint8Array,
  at: number,
  transactionId: Uint8Array,
  username: string,
  password: StunKey,
): number {
  const name = textEncoder.encode(username);
  if (name.length > MAX_USERNAME_BYTES) {
    throw new RangeError(`as a STUN username has at most ${MAX_USERNAME_BYTES} bytes: this one has ${name.length}`);
  }
  const padded = (name.length + 3) & ~3;
  writeHeader(out, at, STUN_BINDING_REQUEST, transactionId);
  put16(out, at + HEADER_BYTES, USERNAME);
  put16(out, at + HEADER_BYTES + 2, name.length);
  out.fill(0, at + HEADER_BYTES + 4, at + HEADER_BYTES + 4 + padded);
  out.set(name, at + HEADER_BYTES + 4);
  return seal(out, at, HEADER_BYTES + 4 + padded, password);
}

/**
 * Writes a Binding Success with XOR-MAPPED-ADDRESS (IPv4 for a mapped address), MESSAGE-INTEGRITY and FINGERPRINT.
 * Returns the bytes written: 64, or 76 with IPv6.
 */
export function writeBindingSuccess(
  out: Uint8Array,
  at: number,
  transactionId: Uint8Array,
  endpoint: Endpoint,
  password: StunKey,
): number {
  writeHeader(out, at, STUN_BINDING_SUCCESS, transactionId);
  const addressBytes = isIPv4(endpoint) ? 4 : 16;
  put16(out, at + HEADER_BYTES, XOR_MAPPED_ADDRESS);
  put16(out, at + HEADER_BYTES + 2, 4 + addressBytes);
  put16(out, at + HEADER_BYTES + 4, addressBytes === 4 ? 1 : 2);
  put16(out, at + HEADER_BYTES + 6, portOf(endpoint) ^ COOKIE >>> 16);
  for (let i = 0; i < addressBytes; i++) {
    out[at + HEADER_BYTES + 8 + i] = endpoint[16 - addressBytes + i] ^ out[at + 4 + i];
  }
  return seal(out, at, HEADER_BYTES + 8 + addressBytes, password);
}
