/**
 * What `listen` prints: lines for people, or one JSON object per line for programs. In: the answer to the join, and the
 * audio worker's {@link Stats}. Out: text; never a secret. Main isolate; may allocate.
 *
 * JSON events: `joined` (at each join), `media` (the shape was changed), `ready`, `audible` (when the first sample sounded, in milliseconds since the Unix epoch), `note`,
 * `stats` (each second: totals, and `second`, what came to them in it), `end` (totals; `audioFrames`, how many
 * samples of each channel are in the file).
 */
import { samplesToMs } from "../core/units.ts";
import type { Media, Stats, Totals } from "./messages.ts";
import type { Joined } from "./session.ts";

const NOTHING: Totals = {
  received: 0,
  lost: 0,
  repaired: 0,
  concealed: 0,
  late: 0,
  duplicates: 0,
  broken: 0,
  gaps: 0,
  gapMs: 0,
  resyncs: 0,
  underflows: 0,
};

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** `later` − `earlier`, field by field. */
function difference(later: Totals, earlier: Totals): Totals {
  const result = { ...later };
  for (const key of Object.keys(later) as (keyof Totals)[]) result[key] = round(later[key] - earlier[key], 3);
  return result;
}

/** Without the secrets. */
function openOf({ username: _username, password: _password, ...open }: Media) {
  return open;
}

/** What is streamed, for people. */
function shapeOf(media: Media): string {
  const what = media.channels ? `${media.streams} channels (${media.channels.join(", ")})` : "a stereo mix";
  const red = media.redundancy ? ", each frame repeated" : "";
  return `${what}, ${media.frameMs} ms frames, ${media.bitrate} bit/s${media.channels ? " each" : ""}${red}`;
}

export class Printer {
  readonly #json: boolean;
  readonly #write: (line: string) => void;
  #last = NOTHING;
  #seconds = 0;
  #delayMax = 0;

  constructor(json: boolean, write: (line: string) => void) {
    this.#json = json;
    this.#write = write;
  }

  joined({ session, resumed, media, mix }: Joined): void {
    if (this.#json) return this.#event("joined", { session, resumed, media: openOf(media), mix });
    const again = resumed ? ", with the mix of before" : "";
    this.#write(`joined as ${session}${again}: ${shapeOf(media)}, from ${media.host}:${media.port}`);
  }

  /** People were told why, and will be told when audio is back. */
  joinedAgain(joined: Joined): void {
    if (this.#json) this.joined(joined);
  }

  /** Other streams than before, or in another shape. */
  changed(before: Media, media: Media): void {
    if (shapeOf(before) === shapeOf(media)) return;
    if (this.#json) this.#event("media", { media: openOf(media) });
    else this.#write(`now ${shapeOf(media)}`);
  }

  ready(output: string | null): void {
    if (this.#json) this.#event("ready", { output });
    else if (output !== null) this.#write(`playing on ${output}`);
  }

  audible(startedAt: number): void {
    if (this.#json) this.#event("audible", { startedAt });
  }

  /** Something that the user should know, once. */
  note(text: string): void {
    if (this.#json) this.#event("note", { text });
    else this.#write(text);
  }

  stats(stats: Stats): void {
    const { totals, delayMs } = stats, second = difference(totals, this.#last);
    this.#last = totals;
    this.#seconds++;
    this.#delayMax = Math.max(this.#delayMax, delayMs?.max ?? 0);
    if (this.#json) return this.#event("stats", { seconds: this.#seconds, ...figures(stats), second });
    const buffer = stats.bufferMs === null ? "–" : `${stats.bufferMs.toFixed(1)}`;
    const delay = delayMs === null ? "–" : `${delayMs.p50.toFixed(1)}, at most ${delayMs.max.toFixed(1)}`;
    const loud = stats.levelsDb.map((level) => level <= -100 ? "–" : level.toFixed(0)).join(" ");
    const counts = (["lost", "repaired", "concealed", "late", "duplicates", "broken", "underflows"] as const)
      .filter((key) => totals[key] > 0 || key === "lost" || key === "late").map((key) => `${key} ${totals[key]}`);
    this.#write(
      `${this.#seconds} s: received ${totals.received} (+${second.received}), ${counts.join(", ")}; ` +
        `buffer ${buffer} ms, depth ${stats.targetMs.toFixed(1)} ms (${stats.reason}); output ${
          stats.outputMs.toFixed(1)
        } ms; ` +
        `delay ${delay} ms; drift ${stats.driftPpm.toFixed(0)} ppm; jitter ${
          stats.jitterMs.toFixed(2)
        } ms; peaks ${loud} dB`,
    );
  }

  end(stats: Stats | null, reason: string, audioFrames: number | null): void {
    const totals = stats?.totals ?? this.#last;
    const file = audioFrames === null ? {} : { audioFrames };
    if (this.#json) {
      const delayMaxMs = round(Math.max(this.#delayMax, stats?.delayMs?.max ?? 0), 3);
      return this.#event("end", { reason, seconds: this.#seconds, ...rounded(totals), delayMaxMs, ...file });
    }
    const written = audioFrames === null ? "" : `; ${samplesToMs(audioFrames).toFixed(0)} ms written`;
    this.#write(
      `ended (${reason}): received ${totals.received}, lost ${totals.lost}, repaired ${totals.repaired}, ` +
        `concealed ${totals.concealed}, late ${totals.late}, gaps ${totals.gaps} (${
          totals.gapMs.toFixed(1)
        } ms)${written}`,
    );
  }

  #event(event: string, fields: object): void {
    this.#write(JSON.stringify({ event, ...fields }));
  }
}

const rounded = (totals: Totals) => ({ ...totals, gapMs: round(totals.gapMs, 3) });

function figures({ totals, delayMs, ...stats }: Stats) {
  const delay = delayMs && { p50: round(delayMs.p50, 3), p99: round(delayMs.p99, 3), max: round(delayMs.max, 3) };
  return {
    ...rounded(totals),
    bufferMs: stats.bufferMs === null ? null : round(stats.bufferMs, 3),
    targetMs: round(stats.targetMs, 3),
    reason: stats.reason,
    outputMs: round(stats.outputMs, 3),
    delayMs: delay,
    driftPpm: round(stats.driftPpm, 1),
    speedPpm: round(stats.speedPpm, 1),
    jitterMs: round(stats.jitterMs, 3),
    levelsDb: stats.levelsDb,
    bound: stats.bound,
  };
}
