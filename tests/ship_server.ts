/**
 * A shipped Foldback (compiled, in a container, as a service) as a process: how it is started, heard and looked at. In:
 * a command line. Out: a Server of server.ts, which knows JOIN_CODE and ENGINEER_KEY. Test runner's main isolate; may
 * allocate.
 */
import assert from "node:assert/strict";
import { JoinedPhone } from "./faults_phone.ts";
import { decode, measureTone } from "./phone.ts";
import { ENGINEER_KEY, JOIN_CODE, type Server, serverProcess } from "./server.ts";

/** Ten times what a start without any cache takes on a busy machine. */
const START_MS = 100_000;
const RATE = 48_000;
const FRAME_MS = 10;
/** Left out of what is measured: the decoder's first packets. */
const SETTLE = RATE / 10;

/** Ports of the system's choice on this machine only, and the tests' secrets: for the environment. */
export const OWN_PLACE: Readonly<Record<string, string>> = {
  FOLDBACK_HTTP: "127.0.0.1:0",
  FOLDBACK_MEDIA_PORT: "0",
  FOLDBACK_DISCOVERY: "false",
  FOLDBACK_JOIN_CODE: JOIN_CODE,
  FOLDBACK_ENGINEER_KEY: ENGINEER_KEY,
};

export interface Shipped {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Goes with it. */
  readonly stateDir: string;
}

/** Resolves once it has said its address. @throws Error with everything that it said if it ends instead. */
export async function startShipped({ command, env, cwd, stateDir }: Shipped): Promise<Server> {
  const options = { args: command.slice(1), env: { ...env }, clearEnv: true, cwd, stdin: "null" } as const;
  return await serverProcess(command[0], options, stateDir, START_MS);
}

/** What a phone hears on these channels within `seconds`. */
export async function hear(server: Server, channels: readonly number[], seconds: number): Promise<Float32Array[]> {
  using phone = await JoinedPhone.join(server, { channels, frameMs: FRAME_MS });
  const frames = seconds * 1000 / FRAME_MS;
  await phone.radio.until(() => phone.heard.length >= frames);
  const audio = await decode(phone.heard.slice(0, frames), channels.length);
  return audio.map((one) => one.subarray(SETTLE));
}

/** `--source tones`: channel n is a sine of 100·n Hz at −12 dBFS. */
export async function assertTones(server: Server): Promise<void> {
  const channels = [2, 5], audio = await hear(server, channels, 0.6);
  channels.forEach((channel, i) => {
    const { hertz, dbfs } = measureTone(audio[i], 100 * channel);
    assert.ok(Math.abs(hertz - 100 * channel) < 1, `channel ${channel} is ${hertz} Hz`);
    assert.ok(Math.abs(dbfs + 12) < 1, `channel ${channel} is ${dbfs} dBFS`);
  });
}

/** It warned of nothing; but whether there is real-time priority is the machine's affair. */
export function assertQuiet(server: Server): void {
  const complaints = server.output.filter((line) => /\[(warning|error)\]/.test(line) && !/real-time/.test(line));
  assert.deepEqual(complaints, []);
}

/** The console and the musician's page, and every module that they are made of. */
export async function assertPage(server: Server): Promise<void> {
  const paths = new Set<string>();
  for (const page of ["/", "/me"]) {
    const response = await fetch(server.url + page), html = await response.text();
    assert.equal(response.status, 200, page);
    assert.match(html, /^<!doctype html>/i);
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"#]+)"/g)) paths.add(path);
    for (const [, path] of (response.headers.get("link") ?? "").matchAll(/<([^>]+)>; rel=modulepreload/g)) {
      paths.add(path);
    }
  }
  assert.ok([...paths].some((path) => path.startsWith("/vendor/")), [...paths].join(" "));
  for (const path of paths) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    assert.ok((await response.bytes()).length > 0, path);
  }
}
