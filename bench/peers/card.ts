/**
 * A sound card for ALSA's programs that is only arithmetic (card.h): a clock that never stands still, however busy the
 * machine is, so that every xrun is the fault of who had it. What is captured from `card` is noise, what is played on
 * `out` is compared with it. In: nothing. Out: an environment for programs, delays to the sample. Main isolate of the
 * benchmark; may allocate.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { Program, run } from "./processes.ts";
import { type Heard, listenWith, type Stage } from "./stage.ts";

const START_MS = 15_000;
const PACKAGES = "gcc libc6-dev libasound2-dev alsa-utils";

/** @throws Error that names the packages, when something is missing. */
export async function openCard(): Promise<Stage & AsyncDisposable> {
  const directory = mkdtempSync(`${tmpdir()}/foldback-peers-`);
  // In memory: a disk would make who plays wait.
  const sound = `/dev/shm/${basename(directory)}`;
  await using opened = new AsyncDisposableStack();
  opened.defer(() => [directory, sound].forEach((path) => rmSync(path, { recursive: true, force: true })));
  const env = { ALSA_CONFIG_PATH: `${directory}/asound.conf` };
  const pcm = `{ type arithmetic file "${sound}" }`;
  Deno.writeTextFileSync(
    env.ALSA_CONFIG_PATH,
    [
      // PortAudio 19.6 aborts when every PCM of a configuration opens.
      "pcm.none { type hw card 99 }",
      `pcm_type.arithmetic { lib "${directory}/card.so" }`,
      `pcm.card ${pcm}`,
      `pcm.out ${pcm}`,
      "",
    ].join("\n"),
  );
  let meter: Program;
  try {
    const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const compile = (output: string, ...args: string[]) =>
      run("gcc", ["-O3", "-ffast-math", "-o", `${directory}/${output}`, ...args, "-lm"]);
    await compile("card.so", "-fPIC", "-shared", "-DPIC", source("./card.c"), "-lasound");
    await compile("meter", source("./card_meter.c"));
    meter = opened.use(new Program({ command: `${directory}/meter`, args: [sound], asked: true }));
    await meter.until("card", START_MS, (line) => line === "ready" || null);
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new Error(`cannot make a sound card to measure with: apt-get install ${PACKAGES} (${reason})`);
  }
  const kept = opened.move();
  return {
    channels: 2,
    directory,
    env,
    measure: (seconds: number): Promise<Heard> => listenWith(meter, seconds),
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}
