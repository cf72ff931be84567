/** Chooses how a media socket is made: libc on Linux, Deno elsewhere. */
import type { MediaSocket, SocketOptions } from "./socket.ts";
import { openDenoSocket } from "./socket_deno.ts";
import { openLinuxSocket } from "./socket_linux.ts";

/** @throws Error that names the address and the system's reason. */
export function openMediaSocket(options: SocketOptions): MediaSocket {
  return Deno.build.os === "linux" ? openLinuxSocket(options) : openDenoSocket(options);
}
