/**
 * Scenes: how the desk stood at a moment, for recalling it. A recall is one step: the whole scene or nothing. Control
 * worker; allocates.
 */
import type { z } from "@hono/zod-openapi";
import { change } from "./changes.ts";
import { note } from "./events.ts";
import type { House } from "./house.ts";
import { unavailable } from "./problem.ts";
import type { SceneImport } from "./schemas.ts";
import { randomText } from "./secrets.ts";
import { setMixes } from "./seats.ts";
import { sound } from "./sound.ts";
import { MAX_SCENES, type Mix, type Scene } from "./state.ts";

function sceneNow(house: House, name: string): Scene {
  const { channels, groups, seats } = house.state;
  const mixes = Object.fromEntries(Object.entries(seats).map(([id, { mix }]) => [id, mix]));
  return { name, savedAt: house.clock(), channels, groups, mixes };
}

function put(house: House, id: string, scene: Scene): string {
  const { scenes } = house.state;
  if (!(id in scenes) && Object.keys(scenes).length >= MAX_SCENES) {
    throw unavailable(`there are ${MAX_SCENES} scenes already`);
  }
  change(house, { ...house.state, scenes: { ...scenes, [id]: scene } });
  return id;
}
const newId = () => `scene_${randomText(6)}`;

/** Keeps how the desk stands now. @throws Refusal 503. */
export const saveScene = (house: House, name: string): string => put(house, newId(), sceneNow(house, name));

/** @throws Refusal 503. */
export const importScene = (house: House, scene: z.output<typeof SceneImport>): string =>
  put(house, newId(), { ...scene, savedAt: scene.savedAt ?? house.clock() });

/** The scene holds from now on how the desk stands now. */
export function overwriteScene(house: House, id: string): void {
  put(house, id, sceneNow(house, house.state.scenes[id].name));
}

export function renameScene(house: House, id: string, name: string): void {
  put(house, id, { ...house.state.scenes[id], name });
}

export function deleteScene(house: House, id: string): void {
  const { [id]: _, ...scenes } = house.state.scenes;
  change(house, { ...house.state, scenes });
}

/** Seats that are recall-safe, or that the scene doesn't know, stay as they are. */
export function recallScene(house: House, id: string, fadeMs: number): void {
  const { name, channels, groups, mixes } = house.state.scenes[id];
  const { state } = house;
  // Links and groups come with the scene: the mixes are made to agree with them before anything changes.
  const recalled = Object.fromEntries(
    Object.entries(mixes).filter(([seat]) => seat in state.seats && !state.seats[seat].recallSafe),
  );
  const seats = Object.fromEntries(
    Object.entries(state.seats).map(([seat, was]) => [seat, { ...was, mix: recalled[seat] ?? was.mix }]),
  );
  const whole = sound({ ...state, channels, groups, seats });
  const changed: Record<string, Mix> = {};
  for (const [seat, { mix }] of Object.entries(whole.seats)) {
    if (mix !== state.seats[seat].mix) changed[seat] = mix;
  }
  note(house, "scene", `scene ${name} recalled`);
  setMixes(house, changed, { ...state, channels: whole.channels, groups: whole.groups }, fadeMs);
}
