/**
 * What the system really does with a media socket: how its datagrams are marked as they arrive, and how large its buffers
 * are. In: a socket opened as the server does. Out: numbers. Through libc, Linux alone. Main isolate; allocates; waits in
 * the system call for up to a second.
 */
import { endpointOf } from "../core/endpoint.ts";
import type { MediaSocket } from "../send/socket.ts";

const SYMBOLS = {
  /** int socket(int domain, int type, int protocol) */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int bind(int fd, const struct sockaddr *addr, socklen_t len) */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int getsockname(int fd, struct sockaddr *addr, socklen_t *len) */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** int setsockopt(int fd, int level, int name, const void *value, socklen_t len) */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** int getsockopt(int fd, int level, int name, void *value, socklen_t *len) */
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  /** ssize_t recvmsg(int fd, struct msghdr *msg, int flags) */
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  /** int close(int fd) */
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_INET = 2, AF_INET6 = 10, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_RCVTIMEO = 20;
const IPPROTO_IP = 0, IP_TOS = 1, IP_RECVTOS = 13;
const IPPROTO_IPV6 = 41, IPV6_RECVTCLASS = 66, IPV6_TCLASS = 67;
/** Loopback needs microseconds. */
const PATIENCE_SECONDS = 1;
const DATA_BYTES = 64, CONTROL_BYTES = 256;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

const openLibc = (): Libc => Deno.dlopen("libc.so.6", SYMBOLS);
const addressOf = (memory: Uint8Array<ArrayBuffer>): bigint => Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory));

/** A receiver at `address` on any port that asks for the traffic class. @returns descriptor and port, or null. */
function openReceiver({ symbols }: Libc, address: string): { fd: number; port: number } | null {
  const v6 = address.includes(":"), fd = symbols.socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return null;
  const limit = new Uint8Array(new BigInt64Array([BigInt(PATIENCE_SECONDS), 0n]).buffer);
  const on = new Uint8Array(new Int32Array([1]).buffer);
  // struct sockaddr_in or sockaddr_in6
  const name = new Uint8Array(new ArrayBuffer(v6 ? 28 : 16)), endpoint = endpointOf(address, 0);
  new Uint16Array(name.buffer, 0, 1)[0] = v6 ? AF_INET6 : AF_INET;
  name.set(v6 ? endpoint.subarray(0, 16) : endpoint.subarray(12, 16), v6 ? 8 : 4);
  const length = new Uint32Array([name.length]);
  const ready = symbols.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, limit.length) === 0 &&
    symbols.setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVTCLASS : IP_RECVTOS, on, on.length) === 0 &&
    symbols.bind(fd, name, name.length) === 0 &&
    symbols.getsockname(fd, name, new Uint8Array(length.buffer)) === 0;
  if (ready) return { fd, port: name[2] << 8 | name[3] };
  symbols.close(fd);
  return null;
}

/** Waits for a datagram. @returns its DSCP, −1 if nobody says, or null when none comes. */
function receiveDscp({ symbols }: Libc, fd: number): number | null {
  const data = new Uint8Array(new ArrayBuffer(DATA_BYTES)), control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES));
  const iovec = new Uint8Array(new BigUint64Array([addressOf(data), BigInt(DATA_BYTES)]).buffer);
  // struct msghdr: name, its length, iovecs, their count, control, its length, flags
  const header = new BigUint64Array([0n, 0n, addressOf(iovec), 1n, addressOf(control), BigInt(CONTROL_BYTES), 0n]);
  if (Number(symbols.recvmsg(fd, new Uint8Array(header.buffer), 0)) < 0) return null;
  // struct cmsghdr: length of all (8 bytes), level, type; the value behind it; the next one at a multiple of 8
  const view = new DataView(control.buffer);
  for (let at = 0; at + 16 < Number(header[5]);) {
    const level = view.getInt32(at + 8, true), type = view.getInt32(at + 12, true);
    if (level === IPPROTO_IP && type === IP_TOS || level === IPPROTO_IPV6 && type === IPV6_TCLASS) {
      return view.getUint8(at + 16) >> 2; // the low byte, of an int as well
    }
    at += (Number(view.getBigUint64(at, true)) + 7) & ~7;
  }
  return -1;
}

/**
 * Sends a datagram from `socket` to `address`, which is this machine. @returns the DSCP with which it arrived, −1 without,
 * or null when it didn't.
 */
export function dscpAsSent(socket: MediaSocket, address: string): number | null {
  const libc = openLibc();
  const receiver = openReceiver(libc, address);
  try {
    if (receiver === null) return null;
    socket.rows.fill(0, socket.at, socket.at + 1);
    socket.push(1, endpointOf(address, receiver.port));
    socket.flush();
    return receiveDscp(libc, receiver.fd);
  } finally {
    if (receiver !== null) libc.symbols.close(receiver.fd);
    libc.close();
  }
}

/** Bytes of the socket's buffers as the kernel counts them, which is twice what it was asked for (socket(7)). */
export function bufferBytes({ descriptor }: MediaSocket): { readonly send: number; readonly receive: number } {
  const libc = openLibc();
  const option = (name: number): number => {
    const value = new Int32Array(1), length = new Uint32Array([4]);
    libc.symbols.getsockopt(descriptor, SOL_SOCKET, name, new Uint8Array(value.buffer), new Uint8Array(length.buffer));
    return value[0];
  };
  try {
    return { send: option(SO_SNDBUF), receive: option(SO_RCVBUF) };
  } finally {
    libc.close();
  }
}
