/**
 * `listen`: a client on the command line. Joins, starts the audio worker, prints, reports, writes the file, leaves. In:
 * arguments. Out: lines, a WAV file, an exit code. Main isolate; may allocate, the sound isn't here.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { WavWriter } from "../capture/wav_writer.ts";
import { MAX_CHANNELS, SAMPLE_RATE } from "../core/units.ts";
import { never } from "../core/messages.ts";
import { Care, type Ending } from "./care.ts";
import { Control, type ListenerMessage, type Media, type StartMessage, type Stats } from "./messages.ts";
import { mixdownGains } from "./mixdown.ts";
import { HELP, type ListenOptions, parseListenArgs, UsageError } from "./options.ts";
import { Session } from "./session.ts";
import { Printer } from "./statistics.ts";

/** The worker says goodbye within this, or is left behind. */
const STOP_MS = 1500;
/** Sound begins within this after a join, or something is wrong. */
const SOUND_MS = 3000;

const encoder = new TextEncoder();
function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = encoder.encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}
const complain = (line: string) => writeLine(Deno.stderr, `listen: ${line}`);

/** Runs the command. @returns the exit code: 0, 1 when it can't go on, 2 for a wrong command line. */
export async function listen(args: string[]): Promise<number> {
  try {
    const options = parseListenArgs(args);
    if (options === null) {
      writeLine(Deno.stdout, HELP.trimEnd());
      return 0;
    }
    return await run(options);
  } catch (error) {
    complain(error instanceof Error ? error.message.split("\n")[0] : String(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Before anybody is bothered with a join. @throws Error that names the file. */
function checkWritable(path: string): void {
  try {
    Deno.openSync(path, { write: true, create: true }).close();
  } catch (error) {
    throw new Error(`cannot write ${path}: ${(error as Error).message.replace(/ \(os error.*/, "")}`);
  }
}

async function run(options: ListenOptions): Promise<number> {
  const printer = new Printer(options.json, (line) => writeLine(Deno.stdout, line));
  const ending = Promise.withResolvers<Ending>();
  const interrupted = (signal: string) => () => ending.resolve({ code: 0, reason: signal });
  const signals = (["SIGINT", "SIGTERM"] as const).map((name) => ({ name, handler: interrupted(name) }));
  for (const { name, handler } of signals) Deno.addSignalListener(name, handler);
  try {
    if (options.out !== null) checkWritable(options.out);
    const session = await Session.join(options);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      printer.joined(session.joined);
      // From the first sound on, so that a recording is as long as was asked; or soon after, where there is none.
      const limit = (graceMs: number) => {
        clearTimeout(timer);
        if (options.seconds === null) return;
        timer = setTimeout(() => ending.resolve({ code: 0, reason: "time is up" }), options.seconds * 1000 + graceMs);
      };
      limit(SOUND_MS);
      return await listenTo(session, options, printer, ending, () => limit(0));
    } finally {
      clearTimeout(timer);
      // The session may be gone already, and the server too.
      await session.leave().catch(() => {});
    }
  } finally {
    for (const { name, handler } of signals) Deno.removeSignalListener(name, handler);
  }
}

/** The address that a name stands for; addresses are left as they are. */
async function resolved(media: Media): Promise<Media> {
  const host = media.host.replace(/^\[|\]$/g, "");
  return isIP(host) ? { ...media, host } : { ...media, host: (await lookup(host)).address };
}

async function listenTo(
  session: Session,
  options: ListenOptions,
  printer: Printer,
  ending: PromiseWithResolvers<Ending>,
  audible: () => void,
): Promise<number> {
  const media = await resolved(session.joined.media);
  const width = media.coupledStreams === 1 ? 2 : media.streams;
  using file = options.out === null ? null : new WavWriter(options.out, width, SAMPLE_RATE);
  const control = new SharedArrayBuffer(Control.Count * 4), gains = new SharedArrayBuffer(MAX_CHANNELS * 2 * 4);
  if (media.channels) mixdownGains(session.joined.mix, media.channels, new Float32Array(gains));
  const start: StartMessage = {
    kind: "start",
    media,
    bufferMs: options.bufferMs,
    play: options.play,
    record: file !== null,
    control,
    gains,
  };

  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "listener" });
  const care = new Care(session, media, options, printer, ending.resolve, new Float32Array(gains));
  const stopped = Promise.withResolvers<Stats | null>();
  const failed = (reason: string) => {
    ending.resolve({ code: 1, reason });
    stopped.resolve(null);
  };
  worker.onmessage = ({ data }: MessageEvent<ListenerMessage>) => {
    switch (data.kind) {
      case "ready":
        printer.ready(data.output);
        for (const note of data.notes) printer.note(note);
        return;
      case "audible":
        audible();
        return printer.audible(data.startedAt);
      case "audio":
        if (file !== null && file.write(data.samples, data.frames) < data.frames) failed(`${options.out} is full`);
        return;
      case "stats":
        printer.stats(data.stats);
        return void care.second(data.stats);
      case "failed":
        return failed(data.reason);
      case "stopped":
        return stopped.resolve(data.stats);
      default:
        never(data);
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    failed(event.message.split("\n")[0]);
  };
  worker.postMessage(start);

  const { code, reason } = await ending.promise;
  const words = new Int32Array(control);
  Atomics.store(words, Control.Stop, 1);
  Atomics.notify(words, Control.Stop);
  const tooLong = setTimeout(() => stopped.resolve(null), STOP_MS);
  const last = await stopped.promise;
  clearTimeout(tooLong);
  worker.terminate();
  file?.close();
  if (code !== 0) complain(reason);
  printer.end(last, reason, file === null ? null : file.frames);
  return code;
}
