/**
 * Does the source deliver? Opened as the server would, at 48 kHz in blocks of 128, and listened to for some seconds. In:
 * the plan. Out: a finding. Main isolate; allocates.
 */
import type { SourceDescription } from "../core/messages.ts";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";
import { type Check, type Finding, green, reasonOf, red, type Values, worst } from "./check.ts";
import { hear, type Hearing, type Pace, paceOf } from "./hearing.ts";
import type { Plan } from "./plan.ts";
import { ANSWER_MS, ask } from "./soundcard.ts";

const BLOCK_MS = BLOCK / SAMPLE_RATE * 1000;
/** More than this of the samples lost is no accident. */
const LOST_SHARE = 0.01;
/** The ring holds 168 ms: a block that is here this late is near being lost. */
const LATE_MS = 50;
/** Crystals differ by less; what is further away is no sound card's clock. */
const DRIFT_PPM = 500;

const HOW_TO_CHOOSE = "foldback devices lists what there is: choose with --source";

/** What to ask for, in turn: a source that is computed has what is wanted; ALSA plugins have any number. */
const countsFor = ({ start: { source }, channels }: Plan): readonly (number | null)[] =>
  source === "demo" || source === "tones" ? [channels] : source?.startsWith("alsa:") ? [channels, null] : [null];

type Part = Pick<Finding, "verdict" | "says" | "do">;

function channelsPart({ channels }: SourceDescription, plan: Plan): Part | null {
  if (channels >= plan.channels) return null;
  return {
    verdict: plan.channelsStated ? "red" : "yellow",
    says: `it has ${channels} channel${channels === 1 ? "" : "s"}, ${plan.channels} are planned`,
    do: `another --source; or --channels ${channels}`,
  };
}

function soundPart({ stalled, overruns, positions }: Hearing, { jitterMs, longestGapMs, driftPpm }: Pace): Part | null {
  if (stalled || positions.length === 0) {
    return {
      verdict: "red",
      says: "it stalled: no block for half a second or longer",
      do: "another cable or USB port; is its sound server (JACK, PipeWire) alive? See dmesg",
    };
  }
  if (overruns > 0) {
    const share = overruns / (positions.length * BLOCK);
    return {
      verdict: share > LOST_SHARE ? "red" : "yellow",
      says: `${overruns} samples were lost`,
      do: "see realtime and processor; end what else runs here; another USB port",
    };
  }
  if (jitterMs.p99 > BLOCK_MS || jitterMs.max > LATE_MS || longestGapMs > LATE_MS) {
    return {
      verdict: "yellow",
      says: "blocks come unevenly",
      do: "see realtime and processor; a card by ALSA's hw: rather than through a sound server",
    };
  }
  if (Math.abs(driftPpm) > DRIFT_PPM) {
    return {
      verdict: "yellow",
      says: "its pace is no sound card's",
      do: "set the card to 48 kHz, its clock to internal; see clock",
    };
  }
  return null;
}

function judge(description: SourceDescription, note: string | null, heard: Hearing, plan: Plan): Finding {
  const pace = paceOf(heard), { name, channels, kind } = description, { p50, p99, max } = pace.jitterMs;
  const isCard = kind === "portaudio" || kind === "alsa";
  const values: Values = {
    name,
    kind,
    channels,
    plannedChannels: plan.channels,
    seconds: heard.seconds,
    blocks: heard.positions.length,
    overruns: heard.overruns,
    stalled: heard.stalled,
    jitterMs: pace.jitterMs,
    longestGapMs: pace.longestGapMs,
    driftPpm: isCard ? pace.driftPpm : null,
  };
  const drift = isCard
    ? `, ${pace.driftPpm.toFixed(0)} ppm from this machine's clock`
    : ", paced by this machine's clock";
  const says = `${name}, ${channels} channels: ${heard.positions.length} blocks in ${heard.seconds.toFixed(1)} s, ` +
    `${heard.overruns} samples lost, jitter ${p50.toFixed(2)} / ${p99.toFixed(2)} / ${max.toFixed(2)} ms ` +
    `(p50 / p99 / max)${drift}`;
  const chosen: Part | null = plan.start.source === null && !isCard
    ? { verdict: "yellow", says: "no input was found", do: `connect a card; ${HOW_TO_CHOOSE}` }
    : null;
  const parts = [soundPart(heard, pace), channelsPart(description, plan), chosen].filter((part) => part !== null);
  if (parts.length === 0) return green(says, { ...values, note });
  return {
    verdict: worst(parts.map(({ verdict }) => verdict)),
    says: `${parts.map((part) => part.says).join("; ")}: ${says}`,
    do: parts.map((part) => part.do).join("; "),
    values: { ...values, note },
  };
}

async function listen(plan: Plan): Promise<Finding> {
  const spec = plan.start.source;
  const answer = await ask({ kind: "source", spec, channels: countsFor(plan) });
  if (answer === null) {
    return red(
      `${spec ?? "the best input"} doesn't answer within ${ANSWER_MS / 1000} s`,
      "restart its sound server, or unplug the card and plug it in again",
      { stalled: true },
    );
  }
  if (answer.kind !== "source") {
    const reason = answer.kind === "library" ? "it answered something else" : answer.reason;
    return red(reason, HOW_TO_CHOOSE, { reason });
  }
  const { description, note } = answer;
  let heard: Hearing;
  try {
    heard = await hear(description, plan.seconds, () => {
      console.error(`foldback doctor: listening to ${description.name} for ${plan.seconds} s …`);
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return red(
      reasonOf(error),
      "does another program have it? See dmesg; another cable or USB port",
      { name: description.name, channels: description.channels, stalled: true, reason: reasonOf(error) },
    );
  }
  return judge(description, note, heard, plan);
}

/** What will be captured. */
export const source: Check = { id: "source", run: listen };
