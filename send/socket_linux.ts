/**
 * UDP through libc: a non-blocking socket, `sendmmsg` over a table of headers made once, EAGAIN seen and counted, DSCP
 * set (RFC 2474; EF is 46). Dual-stack: an IPv6 socket takes IPv4 as mapped addresses. Nothing allocates per datagram.
 *
 * The kernel follows raw addresses that the garbage collector knows nothing of: everything the table points to is held by
 * the object, in ArrayBuffers of its own (small typed arrays live on the moving heap).
 */
import { now } from "../core/clock.ts";
import { type Endpoint, ENDPOINT_BYTES, endpointOf, isIPv4 } from "../core/endpoint.ts";
import type { Milliseconds } from "../core/units.ts";
import {
  BATCH,
  type MediaSocket,
  RECEIVE_BYTES,
  ROW_BYTES,
  SOCKET_BUFFER_BYTES,
  type SocketOptions,
} from "./socket.ts";

const SYMBOLS = {
  /** int socket(int domain, int type, int protocol) */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int bind(int fd, const struct sockaddr *addr, socklen_t len) */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int getsockname(int fd, struct sockaddr *addr, socklen_t *len) */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** int setsockopt(int fd, int level, int name, const void *value, socklen_t len) */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) */
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  /** ssize_t recvmsg(int fd, struct msghdr *message, int flags): its low half, because 64 bits would be made a bigint */
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** int clock_gettime(clockid_t clock, struct timespec *time) */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  /** int close(int fd) */
  close: { parameters: ["i32"], result: "i32" },
  /** int *__errno_location(void) */
  __errno_location: { parameters: [], result: "pointer" },
  /** char *strerror(int errnum) */
  strerror: { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_INET = 2, AF_INET6 = 10;
const SOCK_DGRAM = 2, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_TIMESTAMPNS = 35;
const IPPROTO_IP = 0, IP_TOS = 1, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26, IPV6_TCLASS = 67;
const MSG_DONTWAIT = 0x40;
const CLOCK_REALTIME = 0;
/** struct cmsghdr with a struct timespec, and room to spare. */
const CONTROL_BYTES = 64;
const EAGAIN = 11;
/** struct sockaddr_in6 is 28 bytes, sockaddr_in 16; rows of 32 keep them aligned. */
const SOCKADDR_BYTES = 32;
/** struct mmsghdr on 64-bit Linux: msghdr of 56, length of 4, padding of 4. */
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

const pointerTo = (buffer: ArrayBuffer): bigint =>
  Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer)));

function errorNumber(libc: Libc): number {
  const place = libc.symbols.__errno_location();
  return place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
}

function failure(libc: Libc, action: string): Error {
  const number = errorNumber(libc);
  const text = libc.symbols.strerror(number);
  return new Error(`${action}: ${text === null ? `error ${number}` : Deno.UnsafePointerView.getCString(text)}`);
}

/** Writes a sockaddr of `family` for an endpoint; IPv4 endpoints fit both families. @hot */
function writeSockaddr(out: Uint8Array, at: number, family: number, endpoint: Endpoint): void {
  out[at] = family;
  out[at + 1] = 0;
  out[at + 2] = endpoint[16];
  out[at + 3] = endpoint[17];
  if (family === AF_INET) { for (let i = 0; i < 4; i++) out[at + 4 + i] = endpoint[12 + i]; }
  else for (let i = 0; i < 16; i++) out[at + 8 + i] = endpoint[i];
}

class LinuxSocket implements MediaSocket {
  readonly descriptor: number;
  readonly port: number;
  readonly rows = new Uint8Array(new ArrayBuffer(BATCH * ROW_BYTES));
  readonly incoming = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  readonly from: Endpoint = new Uint8Array(new ArrayBuffer(ENDPOINT_BYTES));
  at = 0;
  count = 0;
  dropped = 0;
  readonly #libc: Libc;
  readonly #family: number;
  readonly #addresses = new Uint8Array(new ArrayBuffer(BATCH * SOCKADDR_BYTES));
  readonly #iovecs = new BigUint64Array(new ArrayBuffer(BATCH * IOVEC_BYTES));
  readonly #headers = new BigUint64Array(new ArrayBuffer(BATCH * MMSGHDR_BYTES));
  /** Pointer to the header of each row, for a batch that the kernel took in parts. */
  readonly #headerPointers: Deno.PointerValue[];
  readonly #lengths: Uint32Array;
  readonly #source = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
  /** struct msghdr of what is received, its iovec, and its control data: a struct cmsghdr and a struct timespec. */
  readonly #message = new BigUint64Array(new ArrayBuffer(MMSGHDR_BYTES));
  readonly #messageBytes = new Uint8Array(this.#message.buffer);
  readonly #lengthsIn = new Uint32Array(this.#message.buffer);
  readonly #iovecIn = new BigUint64Array(new ArrayBuffer(IOVEC_BYTES));
  readonly #control = new Int32Array(new ArrayBuffer(CONTROL_BYTES));
  /** struct timespec as 32-bit halves. */
  readonly #clock = new Uint32Array(new ArrayBuffer(16));
  readonly #clockBytes = new Uint8Array(this.#clock.buffer);
  arrivedAt = 0 as Milliseconds;

  constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.descriptor = descriptor;
    const own = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES)), length = new Uint32Array(new ArrayBuffer(8));
    length[0] = SOCKADDR_BYTES;
    if (libc.symbols.getsockname(descriptor, own, length) !== 0) throw failure(libc, "read the socket's address");
    this.#family = own[0] | own[1] << 8;
    this.port = own[2] << 8 | own[3];

    const rows = pointerTo(this.rows.buffer as ArrayBuffer), addresses = pointerTo(this.#addresses.buffer);
    const iovecs = pointerTo(this.#iovecs.buffer), headers = pointerTo(this.#headers.buffer);
    const addressBytes = this.#family === AF_INET ? 16 : 28;
    for (let i = 0; i < BATCH; i++) {
      this.#iovecs[2 * i] = rows + BigInt(i * ROW_BYTES);
      const header = i * MMSGHDR_BYTES / 8;
      this.#headers[header] = addresses + BigInt(i * SOCKADDR_BYTES);
      this.#headers[header + 1] = BigInt(addressBytes);
      this.#headers[header + 2] = iovecs + BigInt(i * IOVEC_BYTES);
      this.#headers[header + 3] = 1n;
    }
    this.#lengths = new Uint32Array(this.#iovecs.buffer);
    this.#iovecIn[0] = pointerTo(this.incoming.buffer as ArrayBuffer);
    this.#iovecIn[1] = BigInt(RECEIVE_BYTES);
    this.#message[0] = pointerTo(this.#source.buffer);
    this.#message[2] = pointerTo(this.#iovecIn.buffer);
    this.#message[3] = 1n;
    this.#message[4] = pointerTo(this.#control.buffer);
    this.#headerPointers = Array.from(
      { length: BATCH },
      (_, i) => Deno.UnsafePointer.create(headers + BigInt(i * MMSGHDR_BYTES)),
    );
  }

  /** @hot */
  push(bytes: number, to: Endpoint): void {
    const row = this.count;
    if (this.#family === AF_INET && !isIPv4(to)) {
      this.dropped++;
      return;
    }
    writeSockaddr(this.#addresses, row * SOCKADDR_BYTES, this.#family, to);
    this.#lengths[row * 4 + 2] = bytes; // iov_len, low half; the high half stays 0
    this.count = row + 1;
    this.at = this.count * ROW_BYTES;
    if (this.count === BATCH) this.flush();
  }

  /** @hot */
  flush(): void {
    let sent = 0;
    while (sent < this.count) {
      const taken = this.#libc.symbols.sendmmsg(
        this.descriptor,
        this.#headerPointers[sent],
        this.count - sent,
        MSG_DONTWAIT,
      );
      if (taken > 0) sent += taken;
      else if (errorNumber(this.#libc) === EAGAIN) {
        this.dropped += this.count - sent;
        break;
      } else {
        // The first of the rest can't be sent (no route, say): that one is lost, the others needn't be.
        this.dropped++;
        sent++;
      }
    }
    this.count = 0;
    this.at = 0;
  }

  /** @hot */
  receive(): number {
    this.#lengthsIn[2] = SOCKADDR_BYTES; // msg_namelen
    this.#lengthsIn[10] = CONTROL_BYTES; // msg_controllen, low half; the high half stays 0
    const length = this.#libc.symbols.recvmsg(this.descriptor, this.#messageBytes, MSG_DONTWAIT);
    if (length < 0) return -1;
    this.arrivedAt = (now() - this.#age()) as Milliseconds;
    const source = this.#source, from = this.from;
    if (this.#family === AF_INET) {
      for (let i = 0; i < 10; i++) from[i] = 0;
      from[10] = from[11] = 0xff;
      for (let i = 0; i < 4; i++) from[12 + i] = source[4 + i];
    } else for (let i = 0; i < 16; i++) from[i] = source[8 + i];
    from[16] = source[2];
    from[17] = source[3];
    return length;
  }

  /** @hot How long ago the datagram just received had arrived, in milliseconds: the kernel stamped it with its wall clock. */
  #age(): number {
    const control = this.#control, clock = this.#clock;
    if (this.#lengthsIn[10] === 0 || control[2] !== SOL_SOCKET || control[3] !== SO_TIMESTAMPNS) return 0;
    this.#libc.symbols.clock_gettime(CLOCK_REALTIME, this.#clockBytes);
    // Seconds differ by little: their low halves do.
    const age = ((clock[0] - control[4]) | 0) * 1000 + (clock[2] - control[6]) / 1e6;
    return age > 0 ? age : 0;
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.descriptor);
    this.#libc.close();
  }
}

export function openLinuxSocket({ address, port, descriptor, dscp }: SocketOptions): MediaSocket {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    return new LinuxSocket(libc, descriptor >= 0 ? descriptor : bindSocket(libc, address, port, dscp));
  } catch (error) {
    libc.close();
    throw error;
  }
}

function bindSocket(libc: Libc, address: string, port: number, dscp: number): number {
  const option = (fd: number, level: number, name: number, value: number) =>
    libc.symbols.setsockopt(fd, level, name, new Uint8Array(new Int32Array([value]).buffer), 4);
  const wanted = address === "::" ? [AF_INET6, AF_INET] : [isIPv4(endpointOf(address, port)) ? AF_INET : AF_INET6];
  let error = new Error(`open UDP ${address}:${port}: no address family`);
  for (const family of wanted) {
    const fd = libc.symbols.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = failure(libc, `open UDP ${address}:${port}`);
      continue; // a kernel without IPv6
    }
    if (family === AF_INET6 && address === "::") option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    // On a dual-stack socket each family has its own field.
    option(fd, IPPROTO_IP, IP_TOS, dscp << 2);
    if (family === AF_INET6) option(fd, IPPROTO_IPV6, IPV6_TCLASS, dscp << 2);
    option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const sockaddr = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
    const any = address === "::" && family === AF_INET ? "0.0.0.0" : address;
    writeSockaddr(sockaddr, 0, family, endpointOf(any, port));
    if (libc.symbols.bind(fd, sockaddr, family === AF_INET ? 16 : 28) === 0) return fd;
    error = failure(libc, `bind UDP ${address.includes(":") ? `[${address}]` : address}:${port} (--media-port)`);
    libc.symbols.close(fd);
    if (family === AF_INET6 && address === "::") continue;
  }
  throw error;
}
