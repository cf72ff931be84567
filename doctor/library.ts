/**
 * Is PortAudio there? In: the plan. Out: a finding. Main isolate; allocates.
 */
import { type Check, type Finding, green, red, yellow } from "./check.ts";
import type { Plan } from "./plan.ts";
import { ANSWER_MS, ask } from "./soundcard.ts";

/** Whether a source can't be had without PortAudio; null, the best there is, falls back to the demo band. */
const needsPortAudio = (spec: string | null): boolean => spec !== null && /^(portaudio|alsa)\b/.test(spec);
const isSoftware = (spec: string | null): boolean => spec !== null && !needsPortAudio(spec);

async function find({ start }: Plan): Promise<Finding> {
  const answer = await ask({ kind: "library" });
  if (answer === null) {
    return (isSoftware(start.source) ? yellow : red)(
      `PortAudio doesn't answer within ${ANSWER_MS / 1000} s`,
      "a sound server hangs: restart JACK, PipeWire or PulseAudio, or unplug the card and plug it in again",
      { found: true, answers: false },
    );
  }
  if (answer.kind === "library") {
    const { name, version, hostApis } = answer;
    return green(
      `${version.replace(/, revision.*/, "")} as ${name}, with ${hostApis.join(", ") || "no host API"}`,
      { found: true, library: name, version, hostApis },
    );
  }
  if (answer.kind === "missing") {
    const values = { found: false, reason: answer.reason };
    if (isSoftware(start.source)) {
      return green(`PortAudio is missing, but ${start.source} doesn't need it`, values);
    }
    return (needsPortAudio(start.source) ? red : yellow)(
      needsPortAudio(start.source)
        ? `${answer.reason}: ${start.source} can't be captured`
        : `${answer.reason}: no card can be captured, the demo band will play`,
      answer.howToInstall,
      values,
    );
  }
  const reason = answer.kind === "source" ? "it answered something else" : answer.reason;
  return red(`PortAudio is there but fails: ${reason}`, "install it anew; restart the sound server", {
    found: true,
    reason,
  });
}

/** Which PortAudio, and what it can. */
export const library: Check = { id: "portaudio", run: find };
