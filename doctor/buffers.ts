/**
 * Do the UDP buffers hold the planned datagrams? In: the plan, a socket opened as the server does. Out: a finding. Main
 * isolate; allocates.
 */
import { openMediaSocket } from "../send/open_socket.ts";
import { SOCKET_BUFFER_BYTES } from "../send/socket.ts";
import { type Check, type Finding, green, yellow } from "./check.ts";
import { bufferBytes } from "./marks.ts";
import type { Plan } from "./plan.ts";

/** What the kernel counts for a datagram of up to 1452 bytes, itself included. */
const DATAGRAM_BYTES = 2304;
/** Frames of all clients that must fit while the network card is busy. */
const FRAMES = 4;

const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;

function look({ start, clients }: Plan): Finding {
  if (Deno.build.os !== "linux") return green("not looked at on this system", {});
  using socket = openMediaSocket({ address: start.http.address, port: 0, descriptor: -1, dscp: start.dscp });
  const { send, receive } = bufferBytes(socket), needed = FRAMES * clients * DATAGRAM_BYTES;
  const values = { sendBytes: send, receiveBytes: receive, neededBytes: needed, asked: SOCKET_BUFFER_BYTES };
  const says = `a media socket holds ${kib(send)} to send, ${kib(receive)} received; ${clients} clients need ${
    kib(needed)
  }`;
  if (Math.min(send, receive) >= needed) return green(says, values);
  const bytes = Math.max(SOCKET_BUFFER_BYTES, Math.ceil(needed / 2));
  return yellow(
    says,
    `sysctl -w net.core.wmem_max=${bytes} net.core.rmem_max=${bytes}, and the same in /etc/sysctl.d/foldback.conf`,
    values,
  );
}

/** UDP buffer sizes. */
export const buffers: Check = { id: "buffers", run: look };
