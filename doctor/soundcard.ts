/**
 * One question to PortAudio or ALSA, with a limit. In: a question. Out: the answer, or null when none came. Main
 * isolate; allocates.
 */
import type { Answer, Question } from "./soundcard_worker.ts";

/** Looking for devices takes 0.1 s and more; a sound server that takes this long hangs. */
export const ANSWER_MS = 10_000;

/** @throws Error when the worker fails. */
export async function ask(question: Question): Promise<Answer | null> {
  const worker = new Worker(new URL("./soundcard_worker.ts", import.meta.url), {
    type: "module",
    name: "soundcard",
    deno: { permissions: { ffi: true, read: true, net: false, write: false, env: "inherit", run: false, sys: false } },
  } as WorkerOptions);
  const { promise, resolve, reject } = Promise.withResolvers<Answer | null>();
  worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(question);
  const guard = setTimeout(() => resolve(null), ANSWER_MS);
  try {
    const answer = await promise;
    // Nothing ends a thread that hangs in a library: it is left until the process ends.
    if (answer !== null) worker.terminate();
    return answer;
  } finally {
    clearTimeout(guard);
  }
}
