/**
 * The radio's budget: what the planned packets take of one WiFi channel. In: the plan. Out: a finding with a table of
 * common rates, and what would take less. Arithmetic (airtime.ts), no measurement. Main isolate; allocates.
 */
import type { Shape } from "../core/messages.ts";
import { samplesToMs } from "../core/units.ts";
import { allChannels, shapeOf } from "../control/shapes.ts";
import { datagramBytes } from "../send/fit.ts";
import { airtimeShare, type Rate, RATES } from "./airtime.ts";
import { type Check, type Finding, green, reasonOf, red, type Verdict, yellow } from "./check.ts";
import type { Plan } from "./plan.ts";

/** What is judged: a phone at the far side of the stage on an ordinary 5 GHz access point, each packet alone. */
const JUDGED = RATES.ac3;
/** Half of a channel leaves room for what is sent again, and for others; from 80 % on queues grow. */
const GREEN_SHARE = 0.5, YELLOW_SHARE = 0.8;
/** Packets of one client in one transmission when the channel is busy and they pile up. */
const TOGETHER = 2;
const FRAMES_MS = [2.5, 5, 10];

export interface Traffic {
  readonly shape: Shape;
  /** UDP payload of one. */
  readonly bytes: number;
  readonly packetsPerSecond: number;
}

type Wish = Pick<Plan, "clients" | "channels" | "frameMs" | "mode"> & {
  readonly start: Pick<Plan["start"], "bitrate">;
};

/** Packets to all clients, sized as the server would. @throws Refusal when no packet can hold that. */
export function trafficOf({ clients, channels, frameMs, mode, start }: Wish): Traffic {
  const wish = { mode, channels: allChannels(channels), frameMs, bitrate: start.bitrate, redundancy: 0 } as const;
  const shape = shapeOf(wish, { frame: 240, bitrate: null });
  return { shape, bytes: datagramBytes(shape), packetsPerSecond: clients * 1000 / samplesToMs(shape.frame) };
}

const shareOf = ({ packetsPerSecond, bytes }: Traffic, rate: Rate, together = 1): number =>
  airtimeShare(rate, packetsPerSecond, bytes, together);
const percent = (share: number): string => `${Math.round(100 * share)} %`;
export const verdictOf = (share: number): Verdict =>
  share <= GREEN_SHARE ? "green" : share <= YELLOW_SHARE ? "yellow" : "red";

/** The share of another plan; Infinity where no packet can hold it. */
function shareWith(plan: Wish, change: Partial<Wish>): number {
  try {
    return shareOf(trafficOf({ ...plan, ...change }), JUDGED);
  } catch {
    return Infinity;
  }
}

/** What would take less, the least painful first. */
function adviceFor(plan: Wish): string {
  const now = shareWith(plan, {}), ways: string[] = [];
  const better = (share: number) => share < 0.9 * now;
  for (const frameMs of FRAMES_MS.filter((ms) => ms > plan.frameMs)) {
    const share = shareWith(plan, { frameMs });
    if (better(share)) ways.push(`frames of ${frameMs} ms (${percent(share)})`);
  }
  if (plan.mode === "channels") {
    let channels = plan.channels - 1;
    while (channels > 1 && shareWith(plan, { channels }) > GREEN_SHARE) channels--;
    const share = channels > 0 ? shareWith(plan, { channels }) : Infinity;
    if (better(share) && share <= GREEN_SHARE) ways.push(`${channels} channels for each client (${percent(share)})`);
    const mix = shareWith(plan, { mode: "mix" });
    if (better(mix)) ways.push(`mixes instead of channels (${percent(mix)})`);
  }
  const clients = Math.floor(plan.clients * GREEN_SHARE / now);
  if (clients > 0 && clients < plan.clients) {
    ways.push(`${clients} client${clients > 1 ? "s" : ""} on each access point, on channels of their own`);
  }
  return ways.length > 0 ? ways.join("; or ") : "fewer clients, or mixes instead of channels";
}

function tableOf(traffic: Traffic): string[] {
  const rates: readonly Rate[] = Object.values(RATES);
  return [
    `${"airtime of one channel".padEnd(32)}${"each alone".padStart(12)}${"by twos (A-MPDU)".padStart(20)}`,
    ...rates.map((rate) =>
      `${`${rate.name}, ${rate.band}`.padEnd(32)}${percent(shareOf(traffic, rate)).padStart(12)}${
        percent(shareOf(traffic, rate, TOGETHER)).padStart(20)
      }`
    ),
  ];
}

function judge(plan: Wish): Finding {
  let traffic: Traffic;
  try {
    traffic = trafficOf(plan);
  } catch (error) {
    return red(`no packet can hold that: ${reasonOf(error)}`, "fewer channels, or mixes instead of channels", {});
  }
  const { shape, bytes, packetsPerSecond } = traffic;
  const range = (band: Rate["band"]) => {
    const rates: readonly Rate[] = Object.values(RATES);
    const shares = rates.filter((rate) => rate.band === band).map((rate) => shareOf(traffic, rate));
    return `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
  };
  const what = plan.mode === "mix" ? "a mix" : `${plan.channels} channels`;
  const says =
    `${plan.clients} clients × ${what} every ${plan.frameMs} ms: ${packetsPerSecond} packets/s of ${bytes} ` +
    `bytes (${shape.bitrate / 1000} kb/s a stream); ${range("5 GHz")} of a 5 GHz channel, ` +
    `${range("2.4 GHz")} of one at 2.4 GHz`;
  const values = {
    packetsPerSecond,
    bytes,
    bitrate: shape.bitrate,
    judged: JUDGED.id,
    rates: Object.values(RATES).map((rate) => ({
      id: rate.id,
      name: `${rate.name}, ${rate.band}`,
      mbps: Math.round(rate.mbps * 10) / 10,
      share: shareOf(traffic, rate),
      shareAggregated: shareOf(traffic, rate, TOGETHER),
    })),
  };
  const verdict = verdictOf(shareOf(traffic, JUDGED));
  const finding = verdict === "green"
    ? green(says, values)
    : (verdict === "yellow" ? yellow : red)(says, adviceFor(plan), values);
  return { ...finding, details: tableOf(traffic) };
}

/** Packets a second and airtime of the plan. */
export const radio: Check = { id: "radio", run: judge };
