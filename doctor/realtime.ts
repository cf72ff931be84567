/**
 * May threads have real-time priority? Asked by doing it for a moment. In: nothing. Out: a finding. Main isolate;
 * allocates.
 */
import { becomeRealTime } from "../core/realtime.ts";
import { type Check, type Finding, green, yellow } from "./check.ts";
import { becomeOrdinary } from "./scheduling.ts";

/** The highest that Foldback asks for: the capture thread's. */
const PRIORITY = 50;
const HOW = 'add "YOURNAME - rtprio 95" to /etc/security/limits.conf and log in again; in a container ' +
  "--cap-add SYS_NICE --ulimit rtprio=95; in a unit LimitRTPRIO=95";

/** The soft limit of real-time priority, or null where that can't be read. */
function limitOf(): number | null {
  try {
    const line = /^Max realtime priority\s+(\S+)/m.exec(Deno.readTextFileSync("/proc/self/limits"));
    return line === null ? null : line[1] === "unlimited" ? 99 : Number(line[1]);
  } catch {
    return null;
  }
}

function askFor(): Finding {
  const limit = limitOf();
  const refused = becomeRealTime(PRIORITY);
  if (refused === null) becomeOrdinary();
  const values = { permitted: refused === null, priority: PRIORITY, limit };
  if (refused === null) {
    const by = limit === null ? "" : limit >= PRIORITY ? ` (rtprio limit ${limit})` : " (CAP_SYS_NICE)";
    return green(`SCHED_FIFO ${PRIORITY} is permitted${by}`, values);
  }
  const limited = limit === null ? "" : `; rtprio limit ${limit}`;
  return yellow(
    `no real-time priority${limited}: ${refused}; sound may break up when the machine is busy`,
    HOW,
    values,
  );
}

/** Permission for SCHED_FIFO. */
export const realtime: Check = { id: "realtime", run: askFor };
