/**
 * Reads a request's JSON body: at most 64 KiB, however it is sent, and refuses early what can't be one. What is refused
 * isn't read: the answer says `Connection: close`, and the socket is half-closed with the rest left in it.
 * Control worker; allocates.
 */
import type { IncomingMessage } from "node:http";
import { Refusal } from "./problem.ts";

/** The longest body that we read: a mix of 64 channels is 5 KiB. */
export const MAX_BODY_BYTES = 64 * 1024;
/** How long a refused sender has to read the answer before its connection is cut. */
const LINGER_MS = 500;

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*("?)utf-8\2\s*)?$/i;
const tooLarge = (limit: number) => new Refusal(413, `a body may have at most ${limit} bytes`);

/** @throws Refusal 415, 413 or 400. */
export async function readJsonText(incoming: IncomingMessage, limit: number = MAX_BODY_BYTES): Promise<string> {
  if (!JSON_TYPE.test(incoming.headers["content-type"]?.trim() ?? "")) {
    throw new Refusal(415, "the body must be application/json (in UTF-8)", { headers: { accept: "application/json" } });
  }
  if (incoming.headers["content-encoding"] !== undefined) {
    throw new Refusal(415, "the body must not be compressed", { headers: { "accept-encoding": "identity" } });
  }
  if (Number(incoming.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  const bytes = await readAtMost(incoming, limit);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal(400, "the body is not valid UTF-8");
  }
  checkJson(text);
  return text;
}

function checkJson(text: string): void {
  let hidden = false;
  try {
    JSON.parse(text, (key, value) => {
      // A key that some readers treat as the prototype, and schemas therefore never see.
      if (key === "__proto__") hidden = true;
      return value;
    });
  } catch {
    throw new Refusal(400, "the body is not valid JSON");
  }
  if (hidden) {
    throw new Refusal(400, "the body failed its check", {
      errors: [{ path: "__proto__", message: "Unknown field" }],
    });
  }
}

function readAtMost(incoming: IncomingMessage, limit: number): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  let length = 0;
  incoming.on("data", (chunk: Uint8Array) => {
    length += chunk.byteLength;
    if (length <= limit) return void chunks.push(chunk);
    incoming.pause();
    reject(tooLarge(limit));
  });
  incoming.on("end", () => resolve(joined(chunks, length)));
  incoming.on("error", () => reject(new Refusal(400, "the body ended early")));
  incoming.on("close", () => reject(new Refusal(400, "the body ended early")));
  return promise;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Is there more to come than is worth reading for the sake of the connection? */
export function hasLongRest(incoming: IncomingMessage): boolean {
  if (incoming.complete) return false;
  return incoming.headers["transfer-encoding"] !== undefined ||
    Number(incoming.headers["content-length"] ?? 0) > MAX_BODY_BYTES;
}

/**
 * Ends this connection after the answer without reading the rest. Closing at once would reset the connection and could
 * destroy the answer on its way: it is half-closed, nothing more is read, and after {@link LINGER_MS} it is cut.
 */
export function lingerThenClose(incoming: IncomingMessage): void {
  const { socket } = incoming;
  // What node:http calls after a `Connection: close` answer.
  socket.destroySoon = () => {
    socket.pause();
    socket.end();
    const cut = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(cut));
  };
}
