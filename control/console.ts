/**
 * The engineer's side of the desk: channels (names, colours, trims, links) and groups. Control worker; allocates.
 */
import { change } from "./changes.ts";
import type { House } from "./house.ts";
import { clampedMix, linkedMix, merged, withEntry } from "./mix_changes.ts";
import { Refusal, unavailable } from "./problem.ts";
import type { ChannelPatch, ChannelView, GroupBody, GroupPatch } from "./schemas.ts";
import { randomText } from "./secrets.ts";
import { existing } from "./shapes.ts";
import { sound } from "./sound.ts";
import { channelOf, FRESH_CHANNEL, type Group, MAX_GROUPS, pairOf, type Seat, type State } from "./state.ts";

const linkRefused = (message: string) =>
  new Refusal(400, "the body failed its check", { errors: [{ path: "link", message }] });

/** Every seat's mix with these two channels linked. */
function linked(state: State, lower: number): State {
  const seats: Record<string, Seat> = {};
  for (const [id, seat] of Object.entries(state.seats)) {
    const mix = clampedMix(linkedMix(seat.mix, lower), seat.maxGainDb);
    seats[id] = mix === seat.mix ? seat : { ...seat, mix };
  }
  return { ...state, seats };
}

/** `channel` exists. Linked channels have one trim and one mute. @throws Refusal 400. */
export function changeChannel(house: House, channel: number, patch: ChannelPatch): void {
  const { state } = house, before = channelOf(state, channel);
  const after = merged(before, FRESH_CHANNEL, patch);
  if (after.link && !before.link) {
    if (channel >= house.inputs) throw linkRefused("there is no next channel");
    if (pairOf(state, channel) !== null) throw linkRefused("this channel is linked to the one before");
    if (pairOf(state, channel + 1) !== null) throw linkRefused("the next channel is linked to another");
  }
  let next: State = { ...state, channels: withEntry(state.channels, channel, after, FRESH_CHANNEL) };
  const pair = pairOf(next, channel);
  if (pair !== null) {
    const other = channel === pair[0] ? pair[1] : pair[0];
    const { trimDb, mute } = after;
    const along = { ...channelOf(next, other), trimDb, mute };
    next = { ...next, channels: withEntry(next.channels, other, along, FRESH_CHANNEL) };
    if (after.link && !before.link) next = linked(next, channel);
  }
  change(house, next.channels === state.channels ? state : next);
}

export function channelView(house: House, channel: number): ChannelView {
  const { name, colour, trimDb, mute, link, hidden } = channelOf(house.state, channel);
  const sourceName = house.options.source.channelNames[channel - 1] ?? `Input ${channel}`;
  return { channel, name: name ?? sourceName, colour, trimDb, mute, link, hidden };
}

/** @throws Refusal 409, 503. */
export function createGroup(house: House, { name, colour = null, channels }: GroupBody): string {
  existing(channels, house.inputs);
  if (Object.keys(house.state.groups).length >= MAX_GROUPS) throw unavailable(`there are ${MAX_GROUPS} groups already`);
  const id = `group_${randomText(6)}`;
  const group: Group = { name, colour, channels: [...channels] };
  change(house, { ...house.state, groups: { ...house.state.groups, [id]: group } });
  return id;
}

/** @throws Refusal 409. */
export function changeGroup(house: House, id: string, patch: GroupPatch): void {
  if (patch.channels) existing(patch.channels, house.inputs);
  const { state } = house, before = state.groups[id];
  const after: Group = {
    name: patch.name ?? before.name,
    colour: patch.colour === undefined ? before.colour : patch.colour,
    channels: patch.channels === undefined ? before.channels : [...patch.channels],
  };
  change(house, { ...state, groups: { ...state.groups, [id]: after } });
}

/** Its faders go with it. */
export function deleteGroup(house: House, id: string): void {
  const { [id]: _, ...groups } = house.state.groups;
  change(house, sound({ ...house.state, groups }));
}
