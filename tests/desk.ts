/** Short ways for tests that work at the desk: requests that must succeed, and what a mix is made of. */
import assert from "node:assert/strict";
import type { Answer, FakeHouse, Method } from "./control_fake.ts";

/** As the engineer, or with `secret`; must succeed. Returns the answer's body. */
export async function done(
  house: FakeHouse,
  method: Method,
  path: string,
  body?: unknown,
  secret?: string,
): Promise<Answer["json"]> {
  const { status, json, text } = await house.call(method, `/api/v1${path}`, { body, secret });
  assert.ok(status >= 200 && status < 300, `${method} ${path}: ${status} ${text}`);
  return json;
}

/** As {@link done}, must be refused with this status. Returns the problem. */
export async function refused(
  house: FakeHouse,
  status: number,
  method: Method,
  path: string,
  body?: unknown,
  secret?: string,
): Promise<Answer["json"]> {
  const before = house.control.house.state, { length } = house.posted;
  const answer = await house.call(method, `/api/v1${path}`, { body, secret });
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  assert.equal(house.control.house.state, before, "what is refused changes nothing");
  assert.equal(house.posted.length, length, "what is refused is told to nobody");
  return answer.json;
}

/** Channels that sound with these gains. */
export const sounding = (gains: Float32Array): number[] =>
  [...gains.keys()].filter((i) => i % 2 === 0 && gains[i] + gains[i + 1] > 0).map((i) => i / 2 + 1);

/** A channel's gain in dB: left and right together, 0 for a fader at 0. */
export const loudness = (gains: Float32Array, channel: number): number =>
  20 * Math.log10(Math.hypot(gains[2 * channel - 2], gains[2 * channel - 1]));

export const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-3, `${actual} isn't ${expected}`);
