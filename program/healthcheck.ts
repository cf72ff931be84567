/**
 * `foldback healthcheck`: is the server on this machine well? For containers and scripts. In: the place where the server
 * was told to listen, from the same flag, environment and config file. Out: one line, exit code 0 or 1. Main isolate of
 * a process of its own; allocates.
 */
import { get } from "node:http";
import { FlagError } from "../control/flags.ts";
import { type Environment, readCommand, valueOf } from "./flags.ts";

const HELP = `foldback healthcheck: asks the server on this machine whether all is well. Exit code 0 if it is, else 1.

  --http [ADDRESS:]PORT   where it was told to serve (default: as for start, 5100)
  --config FILE           its config file
  --help
`;

const LIMIT_MS = 3000;
/** Of an answer; more comes from somebody else. */
const MAX_ANSWER_BYTES = 4096;

/** Where to ask a server that listens at `address`. */
function urlOf(address: string, port: number): string {
  const host = address === "::" || address === "0.0.0.0" ? "127.0.0.1" : address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/healthz`;
}

/** Asks without a proxy, which a container's environment may name. @throws Error that says why there is no answer. */
function ask(url: string, ms: number): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const request = get(url, { headers: { connection: "close" } }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_BYTES) request.destroy(new Error("its answer is none of ours"));
    });
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    response.on("error", reject);
  });
  request.on("error", reject);
  const limit = setTimeout(() => request.destroy(new Error(`no answer within ${ms / 1000} s`)), ms);
  return promise.finally(() => {
    clearTimeout(limit);
    request.destroy();
  });
}

/** The line that it comes to, and whether that is well. It may take `ms` milliseconds. */
export async function healthOf(url: string, ms: number = LIMIT_MS): Promise<{ well: boolean; line: string }> {
  try {
    const { status, text } = await ask(url, ms);
    const answer = JSON.parse(text) as { status?: unknown; reason?: unknown };
    if (status === 200 && answer.status === "ok") return { well: true, line: `ok: ${url}` };
    const reason = typeof answer.reason === "string" ? answer.reason : `${url} answers ${status}`;
    return { well: false, line: `failing: ${reason}` };
  } catch (error) {
    const reason = error instanceof SyntaxError ? "its answer is none of ours" : (error as Error).message;
    return { well: false, line: `failing: ${url}: ${reason.split("\n")[0]}` };
  }
}

/** Runs `foldback healthcheck`. @returns the exit code. @throws FlagError */
export async function healthcheck(args: readonly string[], environment: Environment): Promise<number> {
  const { help, given } = readCommand(args, environment, ["http", "config", "help"]);
  if (help) {
    console.log(HELP);
    return 0;
  }
  const { address, port } = valueOf(given, "http");
  if (port === 0) throw new FlagError("--http must name the port that the server has: is 0, which is any");
  const { well, line } = await healthOf(urlOf(address, port));
  (well ? console.log : console.error)(line);
  return well ? 0 : 1;
}
