/**
 * The sound card's side of listening: an AudioContext with the worklet in it, kept awake. In: the shared ring. Out: sound,
 * its delay, a word when the system stops it or lets it go on. Browser's main thread.
 */
import { HEAD_WORDS, PEAK_LEFT, PEAK_RIGHT, RING_FRAMES, UNDERRUNS } from "./listen_ring.js";

const RATE = 48_000;
/** The volume gets there in about 30 ms. */
const GLIDE_S = 0.01;
/** What the system says of its delay is believed up to here. */
const MOST_MS = 1000;

export class Output extends EventTarget {
  #context;
  #gain;
  #words;
  #levels;
  /** @type {AudioWorkletNode | null} */
  #node = null;

  /** From a click or touch: else the browser keeps silent. @param {SharedArrayBuffer} memory */
  constructor(memory) {
    super();
    this.#words = new Int32Array(memory, 0, HEAD_WORDS);
    this.#levels = new Float32Array(memory, 0, HEAD_WORDS);
    // On iPhones the mute switch silences what doesn't say that it is music.
    const session = /** @type {any} */ (navigator).audioSession;
    if (session) session.type = "playback";
    this.#context = new AudioContext({ latencyHint: 0, sampleRate: RATE });
    this.#context.onstatechange = () => this.dispatchEvent(new Event("change"));
    this.#gain = this.#context.createGain();
    this.#gain.connect(this.#context.destination);
    void this.#context.resume().catch(() => {});
  }

  /** @param {SharedArrayBuffer} memory @param {MessagePort} worker hears when the ring runs low */
  async open(memory, worker) {
    await this.#context.audioWorklet.addModule(new URL("./listen_worklet.js", import.meta.url));
    const node = this.#node = new AudioWorkletNode(this.#context, "foldback-output", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
      outputChannelCount: [2],
      processorOptions: { memory, frames: RING_FRAMES },
    });
    node.port.postMessage({ worker }, [worker]);
    node.connect(this.#gain);
  }

  /** Does the system let it sound? */
  get runs() {
    return this.#context.state === "running";
  }
  /** Frames that the card takes in one go. */
  get burst() {
    return Math.ceil(this.#context.baseLatency * RATE / 128) * 128;
  }
  /** From a sample being taken out of the ring to its sounding, in milliseconds. */
  get outputMs() {
    const { baseLatency = 0, outputLatency = 0 } = this.#context;
    const told = (baseLatency + outputLatency) * 1000,
      { contextTime = 0, performanceTime = 0 } = this.#context.getOutputTimestamp?.() ?? {};
    // Where the system says nothing, what it plays now tells.
    const sounding = contextTime + (performance.now() - performanceTime) / 1000;
    const seen = performanceTime > 0 ? (this.#context.currentTime - sounding) * 1000 : 0;
    const delay = outputLatency > 0 ? told : Math.max(told, seen);
    return Math.max(0, Math.min(MOST_MS, delay));
  }
  get underruns() {
    return Atomics.load(this.#words, UNDERRUNS);
  }
  /** Peaks since the last call, linear. */
  takeLevel() {
    const levels = this.#levels, level = { left: levels[PEAK_LEFT], right: levels[PEAK_RIGHT] };
    levels[PEAK_LEFT] = levels[PEAK_RIGHT] = 0;
    return level;
  }
  set volume(/** @type {number} */ volume) {
    this.#gain.gain.setTargetAtTime(Math.max(0, Math.min(1, volume)), this.#context.currentTime, GLIDE_S);
  }
  /** After the system has stopped it: a call, another program. */
  wake() {
    if (!this.runs) void this.#context.resume().catch(() => {});
  }

  async close() {
    this.#context.onstatechange = null;
    this.#node?.port.postMessage({ ended: true });
    this.#node?.disconnect();
    await this.#context.close().catch(() => {});
  }
}
