/**
 * `listen`: a client on the command line. Joins, starts the audio worker, prints, reports, writes the file, leaves. In:
 * arguments. Out: lines, a WAV file, an exit code. Main isolate; may allocate, the sound isn't here.
 */
import { WavWriter } from "../capture/wav_writer.ts";
import { SAMPLE_RATE } from "../core/units.ts";
import { never } from "../core/messages.ts";
import { Care, type Ending } from "./care.ts";
import { Line } from "./line.ts";
import { type ListenerMessage, type Media, type StartMessage, type Stats, widthOf } from "./messages.ts";
import { type AskedListen, HELP, type ListenOptions, parseListenArgs, UsageError } from "./options.ts";
import { resolved, Session } from "./session.ts";
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
    return await run(await withServer(options));
  } catch (error) {
    complain(error instanceof Error ? error.message.split("\n")[0] : String(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Looks for the server, if none was named. @throws Error that lists those found, if there isn't just one. */
async function withServer(asked: AskedListen): Promise<ListenOptions> {
  const { server } = asked;
  if (server !== null) return { ...asked, server };
  const { theServer } = await import("./discover.ts");
  const { name, url } = await theServer();
  if (!asked.json) complain(`found ${JSON.stringify(name)} at ${url}`);
  return { ...asked, server: url };
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
    using line = new Line();
    const session = await Session.join(options);
    const care = new Care(session, options, printer, line, ending.resolve);
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
      line.mix(session.joined);
      const media = await resolved(session.joined.media);
      return await listenTo({ media, line, care, options, printer, ending, audible: () => limit(0) });
    } finally {
      clearTimeout(timer);
      await care.leave();
    }
  } finally {
    for (const { name, handler } of signals) Deno.removeSignalListener(name, handler);
  }
}

interface Listening {
  /** Of the first session; `host` is an IP address. */
  readonly media: Media;
  readonly line: Line;
  readonly care: Care;
  readonly options: ListenOptions;
  readonly printer: Printer;
  readonly ending: PromiseWithResolvers<Ending>;
  /** Called at the first sound. */
  readonly audible: () => void;
}

async function listenTo({ media, line, care, options, printer, ending, audible }: Listening): Promise<number> {
  using file = options.out === null ? null : new WavWriter(options.out, widthOf(media), SAMPLE_RATE);
  const { control, gains, port } = line, { bufferMs, play } = options;
  const start: StartMessage = { kind: "start", media, bufferMs, play, record: file !== null, control, gains, port };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "listener" });
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
        try {
          file?.write(data.samples, data.frames);
        } catch (error) {
          failed(`cannot write ${options.out}: ${(error as Error).message}`);
        }
        return;
      case "stats":
        printer.stats(data.stats);
        return care.second(data.stats);
      case "doubt":
        return care.doubt(data.dismissed);
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
  worker.postMessage(start, [port]);

  const { code, reason } = await ending.promise;
  care.stop();
  line.stop();
  const tooLong = setTimeout(() => stopped.resolve(null), STOP_MS);
  const last = await stopped.promise;
  clearTimeout(tooLong);
  worker.terminate();
  file?.close();
  if (code !== 0) complain(reason);
  printer.end(last, reason, file === null ? null : file.frames);
  return code;
}
