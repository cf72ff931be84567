/** A real sound card's way: jackd's dummy card through ALSA and PortAudio, captured in a process of its own. */
import assert from "node:assert/strict";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";
import type { Report } from "./capture_run.ts";
import { programTest } from "./require.ts";
import { type Card, CARD_NEEDS, startCard } from "./soundcard.ts";

/** Nothing here takes a tenth of it, unless it hangs. */
const LIMIT_MS = 60_000;

/** The program capture_run.ts on a source, seeing the card. */
class Listening implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #log: Promise<string>;
  #rest = "";
  #last = "";

  constructor(source: string, card: Card) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("capture_run.ts", import.meta.url).pathname, source],
      env: card.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(LIMIT_MS),
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#log = new Response(this.#child.stderr).text();
  }

  async next(): Promise<Report> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`cannot hear: the program ended after ${this.#last || "nothing"}: ${await this.#log}`);
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n"), line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    this.#last = line;
    return JSON.parse(line);
  }
  /** The first report that is as wanted. */
  async until(wanted: (report: Report) => boolean): Promise<Report> {
    for (;;) {
      const report = await this.next();
      if (wanted(report)) return report;
    }
  }
  /** Ends it. @returns its exit code and what it logged. */
  async end(): Promise<{ code: number; log: string }> {
    await this.#child.stdin.close();
    while (!(await this.#lines.read()).done);
    const { code } = await this.#child.status;
    return { code, log: await this.#log };
  }
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}

const isTone = ({ hertz, db }: Report["tones"][number], n: number) =>
  Math.abs(hertz - (200 + 100 * n)) < 1 && Math.abs(db + 12) < 1;
const sounds = ({ live, tones }: Report) => live === 1 && tones.every(isTone);
const silent = ({ live, tones }: Report) => live === 0 && tones.every(({ db }) => db === -120);

const TRIES = 8;

programTest("alsa:PCM captures sixteen channels, each tone in its place, by the clock", CARD_NEEDS, async () => {
  await using card = await startCard();
  await using heard = new Listening(card.source, card);
  let last = await heard.until(sounds), off = 1, said = "";
  // The dummy card stands still whenever the machine wakes it too late: a stretch without that comes soon.
  for (let tries = 0; off >= 0.01; tries++) {
    assert.ok(tries < TRIES, said);
    const first = last;
    for (let i = 0; i < 4; i++) {
      last = await heard.next();
      last.tones.forEach((tone, n) => assert.ok(isTone(tone, n), `channel ${n + 1}: ${JSON.stringify(tone)}`));
    }
    assert.equal(last.missing, last.overruns, "samples are missing only where the card lost them");
    const seconds = (last.time - first.time) / 1000, counted = (last.position - first.position) / SAMPLE_RATE;
    off = Math.abs(counted / seconds - 1);
    said = `${counted} s of samples in ${seconds} s`;
  }
  const { code, log } = await heard.end();
  assert.equal(code, 0);
  assert.equal(log, "", "PortAudio, ALSA and JACK are silent");
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  for (const [source, period] of [["alsa:card", 128], ["portaudio:card", 256]] as const) {
    programTest(
      `${source} brings silence while jackd is gone (${signal}), and the sound again after it`,
      CARD_NEEDS,
      async () => {
        await using card = await startCard({ period, seconds: 20 });
        await using heard = new Listening(source, card);
        const before = await heard.until(sounds);
        for (let times = 0; times < 2; times++) {
          await card.kill(signal);
          const gone = await heard.until(silent);
          await card.restart();
          const back = await heard.until(sounds);
          for (const report of [gone, back]) {
            const clock = (report.time - before.time) / 1000 * SAMPLE_RATE;
            const late = report.position - before.position - clock;
            assert.ok(Math.abs(late) < 0.1 * SAMPLE_RATE, `the position left the clock by ${late} samples`);
          }
          assert.ok(back.missing > BLOCK, "the blocks before the watchdog noticed are counted in the position");
        }
        assert.equal((await heard.end()).code, 0);
      },
    );
  }
}

programTest("a capture ends cleanly while its card is gone", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 2, seconds: 5 });
  await using heard = new Listening(card.source, card);
  await heard.until(sounds);
  await card.kill("SIGKILL");
  await heard.until(silent);
  assert.equal((await heard.end()).code, 0);
});

programTest("a card that hangs is stood in for, and the capture still ends", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 2, seconds: 5 });
  const { pid } = card;
  await using heard = new Listening(card.source, card);
  await heard.until(sounds);
  Deno.kill(pid, "SIGSTOP");
  try {
    await heard.until(silent);
    assert.equal((await heard.end()).code, 0);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
});
