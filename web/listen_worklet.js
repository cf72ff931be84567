/**
 * Hands what the audio worker has put into the shared ring to the sound card. In: the ring (listen_ring.js: the words'
 * numbers are the same). Out: two channels, and a word to the worker when the ring runs low. When it is empty the last
 * sample dies away, and what comes next rises; where something is left out, one side fades into the other: no click. The
 * audio thread; allocates nothing but those words, 128 frames at a time. It imports nothing: not every browser lets a
 * worklet.
 */
const WRITE = 0,
  READ = 1,
  OUT = 2,
  SILENT = 3,
  UNDERRUNS = 4,
  PLAY = 5,
  LOW = 6,
  JUMP = 7,
  PEAK_LEFT = 8,
  PEAK_RIGHT = 9;
const FROM = 10;
const HEAD_WORDS = 16;
/** Frames of the rise after a gap and of the fade across a cut; part of the last sample left after each frame of a gap. */
const RISE = 120, DIES = 0.93;

class FoldbackOutput extends AudioWorkletProcessor {
  constructor({ processorOptions: { memory, frames } }) {
    super();
    this.words = new Int32Array(memory, 0, HEAD_WORDS);
    this.levels = new Float32Array(memory, 0, HEAD_WORDS);
    this.samples = new Float32Array(memory, 4 * HEAD_WORDS, 2 * frames);
    this.mask = frames - 1;
    this.worker = null;
    this.risen = 0;
    this.left = 0;
    this.faded = RISE;
    this.isEmpty = true;
    this.isLow = false;
    this.ended = false;
    this.lastLeft = this.lastRight = 0;
    this.port.onmessage = ({ data }) => {
      if (data.worker) this.worker = data.worker;
      else this.ended = true;
    };
  }

  process(_inputs, outputs) {
    const left = outputs[0][0], right = outputs[0][1] ?? left, count = left.length, { words } = this;
    if (this.ended) return false;
    if (Atomics.load(words, PLAY) === 0) {
      this.fill(left, right, 0, count);
      return true;
    }
    const write = Atomics.load(words, WRITE);
    let read = words[READ];
    if (Atomics.exchange(words, JUMP, 0) === 1 && ((words[FROM] - read) | 0) > 0) {
      this.left = read;
      this.faded = 0;
      read = words[FROM];
    }
    const taken = Math.min(count, (write - read) | 0);
    this.copy(read, left, right, taken);
    Atomics.store(words, READ, (read + taken) | 0);
    Atomics.add(words, OUT, count);
    if (taken < count) {
      if (!this.isEmpty) Atomics.add(words, UNDERRUNS, 1);
      Atomics.add(words, SILENT, count - taken);
      this.fill(left, right, taken, count);
      this.risen = 0;
    }
    this.isEmpty = taken < count;
    const level = (write - read) | 0, low = level - taken < words[LOW];
    // Anew for each burst that came between, however little it was.
    if (low && (!this.isLow || level >= words[LOW])) this.worker?.postMessage(null);
    this.isLow = low;
    return true;
  }

  copy(read, left, right, frames) {
    const { samples, mask, levels } = this;
    let peakLeft = levels[PEAK_LEFT], peakRight = levels[PEAK_RIGHT];
    for (let i = 0; i < frames; i++) {
      const at = 2 * ((read + i) & mask), gain = this.risen < RISE ? this.risen++ / RISE : 1;
      let l = samples[at] * gain, r = samples[at + 1] * gain;
      if (this.faded < RISE) {
        const old = 2 * (this.left++ & mask), share = 1 - ++this.faded / RISE;
        l += (samples[old] - l) * share;
        r += (samples[old + 1] - r) * share;
      }
      left[i] = l;
      right[i] = r;
      if (l > peakLeft || -l > peakLeft) peakLeft = Math.abs(l);
      if (r > peakRight || -r > peakRight) peakRight = Math.abs(r);
    }
    levels[PEAK_LEFT] = peakLeft;
    levels[PEAK_RIGHT] = peakRight;
    if (frames === 0) return;
    this.lastLeft = left[frames - 1];
    this.lastRight = right[frames - 1];
  }

  fill(left, right, from, to) {
    for (let i = from; i < to; i++) {
      left[i] = this.lastLeft *= DIES;
      right[i] = this.lastRight *= DIES;
    }
  }
}

registerProcessor("foldback-output", FoldbackOutput);
