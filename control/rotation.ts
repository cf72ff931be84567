/**
 * New secrets in the old ones' place, on disk before anybody is told. Control worker; allocates.
 */
import type { House } from "./house.ts";
import { keepSecret, makeCode, makeKey } from "./kept.ts";
import { Refusal, unavailable } from "./problem.ts";
import { follow, saveSession } from "./sessions.ts";

async function keep(house: House, name: "join-code" | "engineer-key", value: string): Promise<void> {
  const { stateDir, given } = house.options;
  if (name === "join-code" ? given.joinCode : given.engineerKey) {
    throw new Refusal(409, `it was given with --${name}: it can only be changed there`);
  }
  if (stateDir === null) return;
  try {
    await keepSecret(stateDir, name, value);
  } catch (error) {
    throw unavailable(`it can't be kept: ${(error as Error).message}`);
  }
}

/** @throws Refusal 409, 503. */
export async function newJoinCode(house: House, wanted: string | null): Promise<void> {
  const code = wanted ?? makeCode();
  await keep(house, "join-code", code);
  house.joinCode = code;
  for (const watcher of house.watchers) watcher();
}

/** @throws Refusal 409, 503. */
export async function newEngineerKey(house: House): Promise<string> {
  const key = makeKey();
  await keep(house, "engineer-key", key);
  house.engineerKey = key;
  for (const watcher of house.watchers) watcher();
  // Whoever joined with the old key goes on as a musician.
  for (const session of house.sessions.values()) {
    if (!session.saved.engineer) continue;
    saveSession(house, session, { ...session.saved, engineer: false, cue: null, pfl: null });
    await follow(house, session);
  }
  await house.store.settle();
  return key;
}

export const secretsView = (house: House): { joinCode: string; url: string } => ({
  joinCode: house.joinCode,
  url: house.url,
});
