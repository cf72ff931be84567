/**
 * What systemd wants to know of a service (sd_notify(3), sd_watchdog_enabled(3)): READY=1 once the first block is mixed,
 * WATCHDOG=1 while blocks go on being mixed, STATUS= and STOPPING=1. In: the mix's progress. Out: datagrams to
 * `$NOTIFY_SOCKET`; nothing where there is none. Main isolate; allocates, a few times a second.
 */
import type { Environment } from "./flags.ts";

/** How soon after its start the first block is noticed. */
const START_MS = 20;
/** How often the status is looked at; the watchdog may want to hear more often. */
const STATUS_MS = 1000;
/** Times that a service says it lives within its limit: one may be missed, or two. */
const FEEDS = 4;

/** What is told of. */
export interface Life {
  /** Any number that changes with each block; 0 before the first. */
  progress(): number;
  /** One line for people. */
  status(): string;
}

export interface ServiceManager {
  /** To be awaited: the process may end after it. */
  stopping(): Promise<void>;
}

/** How long systemd waits for WATCHDOG=1, in milliseconds; null: it doesn't, or not for this process. */
function watchdogMs(environment: Environment): number | null {
  const pid = environment("WATCHDOG_PID"), microseconds = Number(environment("WATCHDOG_USEC"));
  if (pid && pid !== String(Deno.pid) || !(microseconds > 0)) return null;
  return microseconds / 1000;
}

/** Of an abstract socket "@name" the kernel's name begins with a zero byte (unix(7)). */
const kernelPath = (path: string): string => path.startsWith("@") ? `\0${path.slice(1)}` : path;

/**
 * Begins to tell. `failed` hears why it can't, once. null: nobody wants to know.
 */
export function tellServiceManager(
  environment: Environment,
  life: Life,
  failed: (reason: string) => void,
): ServiceManager | null {
  const path = environment("NOTIFY_SOCKET");
  if (!path) return null;
  let socket: Deno.DatagramConn | null = null, timer: ReturnType<typeof setTimeout> | undefined;
  const giveUp = (error: unknown) => {
    clearTimeout(timer);
    if (socket !== null) failed(`cannot tell ${path} how it is: ${error instanceof Error ? error.message : error}`);
    socket?.close();
    socket = null;
  };
  const tell = async (...lines: string[]) => {
    try {
      const to = { transport: "unixpacket", path: kernelPath(path) } as const;
      await socket?.send(new TextEncoder().encode(lines.join("\n")), to);
    } catch (error) {
      giveUp(error);
    }
  };
  const feedMs = watchdogMs(environment), tickMs = Math.min(STATUS_MS, (feedMs ?? Infinity) / FEEDS);
  let before = 0, status = "", ready = false;
  const tick = () => {
    const now = life.progress(), text = `STATUS=${life.status().replace(/\p{Cc}+/gu, " ")}`, lines: string[] = [];
    if (now !== before && !ready) lines.push("READY=1");
    if (now !== before && feedMs !== null) lines.push("WATCHDOG=1");
    ready ||= now !== before;
    before = now;
    if (ready && text !== status) lines.push(status = text);
    if (lines.length > 0) void tell(...lines);
    timer = setTimeout(tick, ready ? tickMs : START_MS);
  };
  try {
    // A name of its own, for Deno sends from bound sockets only; containers may share names, and have the same numbers.
    socket = Deno.listenDatagram({ transport: "unixpacket", path: `\0foldback-${crypto.randomUUID()}` });
    tick();
  } catch (error) {
    failed(`cannot tell ${path} how it is: ${(error as Error).message}`);
    return null;
  }
  return {
    stopping: async () => {
      clearTimeout(timer);
      await tell("STOPPING=1", "STATUS=Ending");
      socket?.close();
      socket = null;
    },
  };
}
