/**
 * The state as it is written to disk: JSON. Nothing of a tree ever changes, so the text of a seat, a session or a scene is
 * made once and kept as long as it lives; a state of which a fader moved costs that fader's seat, and not fifty scenes.
 * Pure; control worker; allocates.
 */
import type { State } from "./state.ts";

const texts = new WeakMap<object, string>();

function textOf(value: object): string {
  let text = texts.get(value);
  if (text === undefined) texts.set(value, text = JSON.stringify(value));
  return text;
}

const recordText = (record: Readonly<Record<string, object>>): string =>
  `{${Object.entries(record).map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(",")}}`;

/** What `JSON.stringify` gives. */
export const stateText = ({ version, channels, groups, seats, order, sessions, scenes }: State): string =>
  `{"version":${version},"channels":${textOf(channels)},"groups":${textOf(groups)},"seats":${recordText(seats)},` +
  `"order":${textOf(order)},"sessions":${recordText(sessions)},"scenes":${recordText(scenes)}}`;
