/** The send worker on a machine that is too slow, for tests: the real one, of which each encode takes 1.8 ms longer. */
import { Encoder } from "../wasm/opus.ts";
import "../workers/send_worker.ts";

/** One stream of 2.5 ms frames takes seven tenths of the worker's time, and what it costs here besides. */
const SLOWER_MS = 1.8;

const encode = Encoder.prototype.encodeGathered;
Encoder.prototype.encodeGathered = function (packet) {
  const end = performance.now() + SLOWER_MS;
  while (performance.now() < end);
  return encode.call(this, packet);
};
