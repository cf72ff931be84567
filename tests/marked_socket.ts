/**
 * A UDP socket that tells how each datagram was marked on its way: DSCP and hops left, which only `recvmsg` knows. In: an
 * address, perhaps a multicast group. Out: the marks of one datagram after the other. Linux alone, through libc; it
 * waits in the system call, so nothing else may be going on. Main isolate of the test runner; may allocate.
 */
import { endpointOf } from "../core/endpoint.ts";

const AF_INET = 2, AF_INET6 = 10, SOCK_DGRAM = 2;
const SOL_SOCKET = 1, SO_RCVTIMEO = 20;
const IPPROTO_IP = 0, IP_TOS = 1, IP_TTL = 2, IP_RECVTTL = 12, IP_RECVTOS = 13, IP_ADD_MEMBERSHIP = 35;
const IPPROTO_IPV6 = 41, IPV6_RECVHOPLIMIT = 51, IPV6_HOPLIMIT = 52, IPV6_RECVTCLASS = 66, IPV6_TCLASS = 67;
const PATIENCE_SECONDS = 10;

const SYMBOLS = {
  /** int socket(int domain, int type, int protocol) */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int bind(int fd, const struct sockaddr *addr, socklen_t len) */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int setsockopt(int fd, int level, int name, const void *value, socklen_t len) */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** ssize_t recvmsg(int fd, struct msghdr *msg, int flags) */
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  /** int close(int fd) */
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

export interface Marks {
  /** DiffServ code point (RFC 2474). */
  readonly dscp: number;
  /** TTL or hop limit as it arrived. */
  readonly hops: number;
  /** The datagram. */
  readonly bytes: Uint8Array;
}

export interface MarkedSocket extends Disposable {
  /** Waits for the next datagram. @throws Error when none comes. */
  receive(): Marks;
}

/** `group`: a multicast group to join on the interface that has `address`; IPv4. */
export function openMarkedSocket(address: string, port: number, group?: string): MarkedSocket {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const v6 = address.includes(":"), family = v6 ? AF_INET6 : AF_INET;
  const fd = libc.symbols.socket(family, SOCK_DGRAM, 0);
  const close = () => {
    libc.symbols.close(fd);
    libc.close();
  };
  const check = (result: number, action: string) => {
    if (result === 0) return;
    close();
    throw new Error(`${action}: the system refused it`);
  };
  const option = (level: number, name: number, value: Uint8Array<ArrayBuffer>, action: string) =>
    check(libc.symbols.setsockopt(fd, level, name, value, value.length), action);
  const on = new Uint8Array(new Int32Array([1]).buffer);
  option(
    SOL_SOCKET,
    SO_RCVTIMEO,
    new Uint8Array(new BigInt64Array([BigInt(PATIENCE_SECONDS), 0n]).buffer),
    "set a limit",
  );
  option(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVTCLASS : IP_RECVTOS, on, "ask for the traffic class");
  option(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, on, "ask for the hops");
  if (group !== undefined) {
    const membership = new Uint8Array(8);
    membership.set(endpointOf(group, 0).subarray(12, 16), 0);
    membership.set(endpointOf(address, 0).subarray(12, 16), 4);
    option(IPPROTO_IP, IP_ADD_MEMBERSHIP, membership, `join ${group}`);
  }

  // struct sockaddr_in or sockaddr_in6
  const name = new Uint8Array(v6 ? 28 : 16), endpoint = endpointOf(group ?? address, port);
  new Uint16Array(name.buffer, 0, 1)[0] = family;
  name.set(endpoint.subarray(16, 18), 2);
  name.set(v6 ? endpoint.subarray(0, 16) : endpoint.subarray(12, 16), v6 ? 8 : 4);
  check(libc.symbols.bind(fd, name, name.length), `bind UDP ${address}:${port}`);

  const data = new Uint8Array(new ArrayBuffer(2048)), control = new Uint8Array(new ArrayBuffer(256));
  const address64 = (memory: Uint8Array<ArrayBuffer>) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory));
  const iovec = new Uint8Array(new BigUint64Array([address64(data), BigInt(data.length)]).buffer);
  return {
    receive() {
      // struct msghdr: name, its length, iovecs, their count, control, its length, flags
      const header = new BigUint64Array([0n, 0n, address64(iovec), 1n, address64(control), BigInt(control.length), 0n]);
      const length = Number(libc.symbols.recvmsg(fd, new Uint8Array(header.buffer), 0));
      if (length < 0) throw new Error(`receive on ${address}:${port}: nothing came within ${PATIENCE_SECONDS} s`);
      let dscp = -1, hops = -1;
      // struct cmsghdr: length of all (8 bytes), level, type; the value behind it; the next one at a multiple of 8
      const view = new DataView(control.buffer);
      for (let at = 0; at + 16 < Number(header[5]);) {
        const bytes = Number(view.getBigUint64(at, true));
        const level = view.getInt32(at + 8, true), type = view.getInt32(at + 12, true);
        const value = view.getUint8(at + 16); // the low byte, of an int as well
        if (level === IPPROTO_IP && type === IP_TOS || level === IPPROTO_IPV6 && type === IPV6_TCLASS) {
          dscp = value >> 2;
        }
        if (level === IPPROTO_IP && type === IP_TTL || level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT) hops = value;
        at += (bytes + 7) & ~7;
      }
      return { dscp, hops, bytes: data.slice(0, length) };
    },
    [Symbol.dispose]: close,
  };
}
