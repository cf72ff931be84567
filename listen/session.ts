/**
 * The HTTP side of a listener: join, report, see what has become of the session, leave. In: options, and what the audio worker measured. Out:
 * the server's answers; a refusal becomes a {@link Refused} with one clear line. Main isolate; may allocate.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ListenOptions } from "./options.ts";
import type { Media } from "./messages.ts";
import type { Group, MixState } from "./mixdown.ts";

const TIMEOUT_MS = 5000;

/** The server said no, or nothing at all; the message is one line for the user. */
export class Refused extends Error {
  override name = "Refused";
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** By Retry-After; null: it doesn't say. */
  readonly retryAfterMs: number | null;
  constructor(status: number, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Joined {
  readonly session: string;
  readonly token: string;
  readonly resumed: boolean;
  readonly media: Media;
  readonly sdp: string;
  readonly mix: MixState;
  /** The engineer's; none where the server makes the mix. */
  readonly groups: readonly Group[];
}

/** What may have changed since the join. */
export type View = Pick<Joined, "media" | "mix" | "groups">;

async function request(
  method: string,
  url: string,
  secret: string,
  action: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])]),
    });
  } catch (error) {
    throw new Refused(0, `cannot ${action}: no answer from ${new URL(url).origin} (${reasonOf(error)})`);
  }
  const text = await response.text().catch(() => "");
  let answer: unknown;
  try {
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Refused(response.status, `cannot ${action}: ${new URL(url).origin} does not speak our protocol`);
  }
  if (response.ok) return answer;
  const seconds = response.headers.get("retry-after") ?? "";
  const retryAfterMs = /^\d+$/.test(seconds) ? Number(seconds) * 1000 : null;
  throw new Refused(response.status, `cannot ${action}: ${refusal(response, answer)}`, retryAfterMs);
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return `none within ${TIMEOUT_MS / 1000} s`;
  return (error instanceof Error ? error.message : String(error)).split("\n")[0].replace(/\s*\(https?:[^)]*\)/, "");
}

/** One line from a status and its RFC 9457 body. */
function refusal(response: Response, answer: unknown): string {
  const problem = answer as { title?: string; detail?: string; errors?: { path: string; message: string }[] } | null;
  const retry = response.headers.get("retry-after");
  const parts = [
    problem?.detail ?? problem?.title ?? response.statusText,
    ...(problem?.errors ?? []).map(({ path, message }) => `${path}: ${message}`),
    ...(retry === null ? [] : [`try again in ${retry} s`]),
  ];
  return `${response.status} ${parts.join("; ")}`.replaceAll(/\s+/g, " ");
}

/** The address that a name stands for; addresses are left as they are. @throws Error */
export async function resolved(media: Media): Promise<Media> {
  const host = media.host.replace(/^\[|\]$/g, "");
  return isIP(host) ? { ...media, host } : { ...media, host: (await lookup(host)).address };
}

/** What the phone's own mix needs besides, where it makes one. @throws Refused */
async function groupsFor(
  { channels }: Media,
  server: string,
  token: string,
  signal?: AbortSignal,
): Promise<readonly Group[]> {
  if (!channels) return [];
  const groups = await request("GET", `${server}/api/v1/groups`, token, "see the groups", undefined, signal);
  if (Array.isArray(groups)) return groups;
  throw new Refused(200, "cannot see the groups: the answer is none");
}

/** A session that was joined. */
export class Session {
  readonly #server: string;
  readonly #url: string;
  readonly joined: Joined;

  private constructor(server: string, joined: Joined) {
    this.#server = server;
    this.#url = `${server}/api/v1/sessions/${joined.session}`;
    this.joined = joined;
  }

  /** @throws Refused; so it does when `signal` aborts. */
  static async join(options: ListenOptions, signal?: AbortSignal): Promise<Session> {
    const url = `${options.server}/api/v1/sessions`;
    const answer = await request("POST", url, options.joinCode, "join", options.join, signal).catch((error) => {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      throw new Refused(401, "cannot join: the join code is wrong; it stands in the server's start lines");
    }) as Joined | null;
    if (typeof answer?.session !== "string" || typeof answer.media?.port !== "number") {
      throw new Refused(201, `cannot join: ${options.server} does not speak our protocol`);
    }
    const session = new Session(options.server, { ...answer, groups: [] });
    try {
      const groups = await groupsFor(answer.media, options.server, answer.token, signal);
      return new Session(options.server, { ...answer, groups });
    } catch (error) {
      await session.leave().catch(() => {});
      throw error;
    }
  }

  /** What we alone know of our delay. @throws Refused */
  async report(bufferMs: number, outputMs: number): Promise<void> {
    await request("POST", `${this.#url}/report`, this.joined.token, "report", { bufferMs, outputMs });
  }

  /** @throws Refused; so it does when `signal` aborts. */
  async view(signal: AbortSignal): Promise<View> {
    const { token } = this.joined;
    const view = await request("GET", this.#url, token, "see the session", undefined, signal) as View | null;
    if (typeof view?.media?.port !== "number" || typeof view.mix?.channels !== "object") {
      throw new Refused(200, "cannot see the session: the answer is none");
    }
    return { ...view, groups: await groupsFor(view.media, this.#server, token, signal) };
  }

  /** @throws Refused */
  async leave(): Promise<void> {
    await request("DELETE", this.#url, this.joined.token, "leave");
  }
}
