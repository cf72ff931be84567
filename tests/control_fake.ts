/**
 * The real control part (house, application, HTTP server) with a fake main isolate: what it posts is recorded, changes
 * of shape are answered at once, and the clock stands still until a test moves it.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { createBoard } from "../core/board.ts";
import type { ControlOptions, ControlToMain } from "../core/messages.ts";
import { createRing, Word } from "../core/ring.ts";
import { rtpTimestamp } from "../core/units.ts";
import { RESTING_ROWS } from "../control/receivers.ts";
import { type Control, type ControlSettings, startControl } from "../control/control.ts";

export const JOIN_CODE = "STAGE7";
export const ENGINEER = "engineer-key-of-more-than-128-bits";
/** What the fake main answers to every change of shape. */
export const FROM_TIMESTAMP = 4_294_967_000;

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

export interface Call {
  readonly secret?: string | null;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Record<string, string>;
  /** The loopback address to come from. */
  readonly from?: string;
  readonly to?: string;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE" | "PUT" | "HEAD" | "OPTIONS";

export interface FakeHouse extends AsyncDisposable {
  readonly control: Control;
  readonly port: number;
  readonly posted: ControlToMain[];
  /** Moves the clock. */
  pass(ms: number): void;
  /** false: changes of shape get no answer any more. */
  answering: boolean;
  call(method: Method, path: string, call?: Call): Promise<Answer>;
  /** A join that must succeed. */
  join(body?: Record<string, unknown>): Promise<Answer["json"]>;
  /** What was posted since the last call, of one kind. */
  // deno-lint-ignore no-explicit-any
  taken(kind: ControlToMain["kind"]): any[];
  /** Everything that can be seen of the state, and how much was posted. */
  picture(): Promise<string>;
}

export interface FakeSettings extends ControlSettings {
  readonly inputs?: number;
  readonly workers?: number;
  readonly slots?: number;
  readonly options?: Partial<ControlOptions>;
}

let devices = 0;
export const newDevice = (): string => `device-${++devices}`;

export async function fakeHouse(settings: FakeSettings = {}): Promise<FakeHouse> {
  const { inputs = 16, workers = 2, slots = 200 } = settings;
  const ring = createRing(inputs);
  new Int32Array(ring.memory, 0, 16)[Word.Live] = 1;
  const options: ControlOptions = {
    version: "1.2.3-test",
    board: createBoard(workers, slots + RESTING_ROWS),
    ring,
    source: { name: "fake card", channelNames: Array.from({ length: inputs }, (_, i) => `Line ${i + 1}`) },
    mediaPorts: Array.from({ length: workers }, (_, i) => 5101 + i),
    http: { address: "::", port: 0 },
    publicHost: null,
    joinCode: JOIN_CODE,
    engineerKey: ENGINEER,
    given: { joinCode: false, engineerKey: false },
    stateDir: null,
    maxClients: 100,
    defaults: { frame: 240, bitrate: null },
    log: { level: "error", json: false },
    ...settings.options,
  };
  const posted: ControlToMain[] = [];
  let time = 1_800_000_000_000;
  const post = (message: ControlToMain) => {
    posted.push(structuredClone(message));
    if (message.kind !== "reshape" || !house.answering) return;
    const { request } = message;
    queueMicrotask(() => control.receive({ kind: "reshaped", request, timestamp: rtpTimestamp(FROM_TIMESTAMP) }));
  };
  const control = await startControl(options, post, { clock: () => time, timers: false, ...settings });
  const { port } = control.server;
  let read = 0;

  const house: FakeHouse = {
    control,
    port,
    posted,
    answering: true,
    pass: (ms) => {
      time += ms;
    },
    call: (method, path, call = {}) => send(port, method, path, call),
    join: async (body = {}) => {
      const whole = { name: "Ana", device: newDevice(), mode: "channels", ...body };
      const { status, json, text } = await house.call("POST", "/api/v1/sessions", { secret: JOIN_CODE, body: whole });
      if (status !== 201) throw new Error(`join: ${status} ${text}`);
      return json;
    },
    taken: (kind) => {
      const fresh = posted.slice(read);
      read = posted.length;
      return fresh.filter((message) => message.kind === kind);
    },
    picture: async () => {
      const see = async (path: string) => (await house.call("GET", path, { secret: ENGINEER })).json;
      const sessions = await see("/api/v1/sessions");
      const whole = [];
      for (const { session } of sessions) whole.push(await see(`/api/v1/sessions/${session}`));
      const rest = [await see("/api/v1/channels"), await see("/api/v1/targets"), await see("/api/v1/status")];
      return JSON.stringify([whole, rest, posted.length]);
    },
    [Symbol.asyncDispose]: () => control.stop(),
  };
  return house;
}

/** One request on a connection of its own. */
export function send(port: number, method: Method, path: string, call: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { secret = ENGINEER, body, raw = body === undefined ? undefined : JSON.stringify(body) } = call;
  const headers: Record<string, string> = {};
  if (secret !== null) headers.authorization = `Bearer ${secret}`;
  if (raw !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(typeof raw === "string" ? new TextEncoder().encode(raw).length : raw.length);
  }
  const outgoing = request({
    host: call.to ?? "127.0.0.1",
    port,
    method,
    path,
    localAddress: call.from,
    headers: { ...headers, ...call.headers },
    agent: false,
  }, (incoming) => {
    let text = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (chunk) => text += chunk);
    incoming.on("end", () => {
      const isJson = /json/.test(incoming.headers["content-type"] ?? "") && text !== "";
      const json = isJson ? JSON.parse(text) : null;
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json });
    });
  });
  outgoing.on("error", reject);
  outgoing.end(raw);
  return promise;
}

/** RFC 9457, with the status that was expected. */
export function assertProblem({ status, headers, json }: Answer, expected: number): void {
  assert.equal(status, expected);
  assert.equal(headers["content-type"], "application/problem+json");
  assert.equal(json.status, expected);
  for (const key of ["type", "title", "detail"]) assert.equal(typeof json[key], "string");
  assert.ok(json.title.length > 0 && json.detail.length > 0);
}
