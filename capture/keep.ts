/**
 * Keeps a sound card open: opens it, pumps it, and when it has gone, opens it again with growing pauses, while silence
 * stands in for it. In: a description. Out: blocks in the ring, one log line for each change. Capture worker; allocates
 * only between two cards' lives.
 */
import { now } from "../core/clock.ts";
import { logger } from "../core/log.ts";
import type { SourceDescription } from "../core/messages.ts";
import { type RingWriter, Word } from "../core/ring.ts";
import { BLOCK, SAMPLE_RATE } from "../core/units.ts";
import { CardCapture, STOPPED } from "./card.ts";
import { findAgain } from "./choose.ts";
import { CaptureStream, INPUT_OVERFLOWED, PortAudio } from "./portaudio.ts";
import type { Pulse } from "./pulse.ts";

export type CardDescription = Extract<SourceDescription, { kind: "portaudio" | "alsa" }>;

const FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 5000;
/** The first opening takes no longer, or it hangs. A busy machine's sound server may refuse once or twice. */
const OPEN_MS = 10_000, FIRST_TRIES = 4, RETRY_MS = 250;
/** A card that was opened again has so long to give its first block, which is looked for so often. */
const DELIVERS_MS = 3000, LOOK_MS = 5;
/** Sixteen periods of a block: what an ALSA buffer of as many periods is asked for by. */
const ALSA_LATENCY = 16 * BLOCK / SAMPLE_RATE;

/** When told to stop, a call that is under way gets this long to end. */
const STOP_MS = 500;

const message = (error: unknown) => error instanceof Error ? error.message : String(error);

/** Resolves after `ms`, or at once when the ring says stop. */
const pause = async (ring: RingWriter, ms: number) => await Atomics.waitAsync(ring.words, Word.Stop, 0, ms).value;

/** Opens the card. @throws PortAudioError, or Error when there is no such device. */
async function open(portaudio: PortAudio, card: CardDescription): Promise<CaptureStream> {
  if (card.kind === "alsa") return await CaptureStream.open(portaudio, card.pcm, card.channels, BLOCK, ALSA_LATENCY);
  const device = findAgain(portaudio, card);
  const latency = device.isAlsa ? ALSA_LATENCY : device.lowInputLatency;
  return await CaptureStream.open(portaudio, device.index, card.channels, BLOCK, latency);
}

/**
 * Runs until the ring says stop.
 * @throws PortAudioMissing, PortAudioError or Error when the card can't be opened, or gives nothing, the first time.
 */
export async function keepCard(card: CardDescription, ring: RingWriter, pulse: Pulse, first: () => void) {
  const portaudio = new PortAudio(card.library);
  const keeper = new Keeper(card, portaudio, ring, new CardCapture(ring, pulse, first));
  try {
    await keeper.run();
  } finally {
    // PortAudio has no locks: it isn't ended beside a call that hangs.
    if (await keeper.settled()) portaudio[Symbol.dispose]();
  }
}

class Keeper {
  readonly #card: CardDescription;
  readonly #portaudio: PortAudio;
  readonly #ring: RingWriter;
  readonly #capture: CardCapture;
  readonly #log = logger("capture");
  #stream: CaptureStream | null = null;
  /** The latest call that runs on a thread of its own; one at a time. */
  #call: Promise<unknown> = Promise.resolve();

  constructor(card: CardDescription, portaudio: PortAudio, ring: RingWriter, capture: CardCapture) {
    this.#card = card;
    this.#portaudio = portaudio;
    this.#ring = ring;
    this.#capture = capture;
  }

  async run(): Promise<void> {
    const { name } = this.#card;
    const opening = this.#firstOpen();
    const timeout = pause(this.#ring, OPEN_MS);
    await Promise.race([opening, timeout]);
    while (this.#stream !== null) {
      const end = this.#capture.pump(this.#stream);
      if (end === STOPPED) return;
      if (!this.#capture.began) throw new Error(`cannot capture from ${name}: it is open but gives no audio`);
      const since = now(), reason = end < 0 ? `: ${this.#portaudio.errorText(end)} (${end})` : "";
      this.#log.warn(`${name} has gone${reason}; silence until it is back`);
      await this.#reopen();
      if (this.#stream !== null) this.#log.info(`${name} is back after ${((now() - since) / 1000).toFixed(1)} s`);
    }
    if (!this.#ring.stopped) throw new Error(`cannot open ${name}: no answer within ${OPEN_MS / 1000} s`);
  }

  async #firstOpen(): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        return await this.#open(false);
      } catch (error) {
        if (tries === FIRST_TRIES || this.#ring.stopped) throw error;
        this.#log.debug(`${this.#card.name}: ${message(error)}; trying again`);
        await pause(this.#ring, RETRY_MS);
      }
    }
  }

  /** Ends with a stream, or without when it was told to stop. */
  async #reopen(): Promise<void> {
    if (!await this.#capture.standIn(this.#close())) return;
    for (let ms = FIRST_PAUSE_MS, tries = 0; this.#stream === null; ms = Math.min(2 * ms, LONGEST_PAUSE_MS), tries++) {
      if (!await this.#capture.standIn(pause(this.#ring, ms))) return;
      const opening = this.#open(true).catch((error) => {
        const text = `${this.#card.name} isn't back yet: ${message(error)}`;
        if (tries === 0) this.#log.info(text);
        else this.#log.debug(text);
      });
      if (!await this.#capture.standIn(opening)) return;
    }
  }

  /**
   * `again`: PortAudio's list of devices is as old as its start (an ALSA PCM is found by name without it), and what is open
   * may still give nothing, while silence stands in for it.
   */
  #open(again: boolean): Promise<void> {
    const work = async () => {
      if (again && this.#card.kind === "portaudio") await this.#portaudio.rescan();
      const stream = await open(this.#portaudio, this.#card);
      try {
        if (again) await this.#delivery(stream);
      } catch (error) {
        await stream.close();
        throw error;
      }
      this.#stream = stream;
    };
    const call = work();
    this.#call = call.catch(() => {});
    return call;
  }

  /** Resolves when a block is there, or when it was told to stop. @throws Error if none comes. */
  async #delivery(stream: CaptureStream): Promise<void> {
    for (const end = now() + DELIVERS_MS; !this.#ring.stopped; await pause(this.#ring, LOOK_MS)) {
      const frames = stream.available();
      if (frames >= BLOCK || frames === INPUT_OVERFLOWED) return;
      if (frames < 0) throw new Error(`it is open, but ${this.#portaudio.errorText(frames)}`);
      if (now() > end) throw new Error("it is open but gives no audio");
    }
  }

  #close(): Promise<void> {
    const closing = this.#stream?.close() ?? Promise.resolve();
    this.#stream = null;
    this.#call = closing;
    return closing;
  }

  /** Closes what is open. @returns whether everything is closed, and nothing hangs. */
  async settled(): Promise<boolean> {
    const closing = this.#call.then(() => this.#close()).then(() => "settled");
    const timeout = Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOP_MS).value;
    return await Promise.race([closing, timeout]) === "settled";
  }
}
