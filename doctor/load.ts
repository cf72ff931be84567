/**
 * How many clients this machine holds in time: a real server process on the tone source and the benchmark's receivers,
 * with the planned clients, then with four times as many, or else twice. Nothing is extrapolated: what is said was held. In: the plan.
 * Out: a finding. Main isolate; allocates.
 */
import { type Figures, measure } from "../bench/scenario.ts";
import { type Check, type Finding, green, reasonOf, red, type Verdict, yellow } from "./check.ts";
import type { Plan } from "./plan.ts";

/** After the planned clients, so many times as many, until that is held; how long; never more than that. */
const FURTHER = [4, 2], FURTHER_SECONDS = 3, MOST_CLIENTS = 400;
/** Held: the 99th percentile from capture to sending is under half a frame, and at most one datagram in a thousand is late. */
const HELD_FRAMES = 0.5, HELD_LATE = 0.001;
/** Just so: under a whole frame, one in a hundred. */
const JUST_FRAMES = 1, JUST_LATE = 0.01;

const HOW =
  "longer frames (--frame-ms); mixes instead of channels; end what else runs here; see processor and realtime";

function verdictOf(figures: Figures, frameMs: number): Verdict {
  const { p99 } = figures.captureToSendMs, { late, sent, sendBuffer } = figures.datagrams;
  const lateShare = sent > 0 ? late / sent : 1;
  if (figures.withheldBlocks > 0 || sendBuffer > 0) return "red";
  if (p99 < HELD_FRAMES * frameMs && lateShare <= HELD_LATE) return "green";
  return p99 < JUST_FRAMES * frameMs && lateShare <= JUST_LATE ? "yellow" : "red";
}

function run(plan: Plan, clients: number, seconds: number): Promise<Figures> {
  console.error(`foldback doctor: serving ${clients} clients for ${seconds} s …`);
  return measure({
    clients,
    channels: plan.channels,
    frameMs: plan.frameMs,
    mode: plan.mode,
    bitrate: plan.start.bitrate,
    seconds,
    poolSize: String(plan.start.poolSize.size),
    sendMode: plan.start.sendMode,
    handoff: plan.start.handoff,
    codec: plan.start.codec,
  });
}

const valuesOf = (figures: Figures, verdict: Verdict, clients: number) => ({
  clients,
  verdict,
  p50Ms: figures.captureToSendMs.p50,
  p99Ms: figures.captureToSendMs.p99,
  maxMs: figures.captureToSendMs.max,
  sent: figures.datagrams.sent,
  late: figures.datagrams.late,
  dropped: figures.datagrams.sendBuffer,
  withheldBlocks: figures.withheldBlocks,
  cpuPercent: figures.cpuPercent,
  rssMb: figures.rssMb,
});

const tell = (figures: Figures) =>
  `p99 ${figures.captureToSendMs.p99.toFixed(2)} ms from capture to sending, ${figures.datagrams.late} of ` +
  `${figures.datagrams.sent} late, ${figures.cpuPercent.toFixed(0)} % of a core`;

async function serve(plan: Plan): Promise<Finding> {
  const { clients, frameMs } = plan;
  let first: Figures;
  try {
    first = await run(plan, clients, plan.loadSeconds);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return red(`${clients} clients can't be served: ${reasonOf(error)}`, HOW, { error: reasonOf(error) });
  }
  const verdict = verdictOf(first, frameMs), steps = [valuesOf(first, verdict, clients)];
  const limit = `(limit ${HELD_FRAMES * frameMs} ms, half a frame)`;
  if (verdict !== "green") {
    return (verdict === "yellow" ? yellow : red)(
      `${clients} clients are ${verdict === "yellow" ? "just held" : "not held"}: ${tell(first)} ${limit}`,
      HOW,
      { held: verdict === "yellow" ? clients : 0, frameMs, steps },
    );
  }
  let held = clients, further = "";
  for (const more of FURTHER.map((times) => times * clients).filter((more) => more <= MOST_CLIENTS)) {
    try {
      const figures = await run(plan, more, FURTHER_SECONDS), found = verdictOf(figures, frameMs);
      steps.push(valuesOf(figures, found, more));
      further += `; ${more} are ${found === "green" ? "held too" : "not"} (p99 ${
        figures.captureToSendMs.p99.toFixed(2)
      } ms)`;
      if (found !== "green") continue;
      held = more;
      break;
    } catch (error) {
      further += `; ${more} can't be served here (${reasonOf(error)})`;
    }
  }
  return green(`${clients} clients are held: ${tell(first)} ${limit}${further}`, { held, frameMs, steps });
}

/** Clients that are served in time. */
export const load: Check = { id: "clients", run: serve };
