/**
 * What must be true of a state and no schema can say: repaired, in canonical form. In: a state that fits the schema. Out:
 * the same object where nothing is wrong, else one that shares everything that was right. Scenes are snapshots and stay
 * as they are. Pure; control worker; allocates.
 */
import { MAX_CHANNELS } from "../core/units.ts";
import {
  type Channel,
  FRESH_CHANNEL,
  FRESH_GROUP_FADER,
  FRESH_STRIP,
  MAX_SEATS,
  type Mix,
  type SavedSession,
  type Seat,
  type State,
  type Strip,
  stripOf,
} from "./state.ts";

type Entries<T> = Record<string, T>;

/** Each entry changed, or left out where `change` gives null; the same record if nothing changed. */
function each<T>(record: Entries<T>, change: (value: T, key: string) => T | null): Entries<T> {
  const next: Entries<T> = {};
  let changed = false;
  for (const [key, value] of Object.entries(record)) {
    const better = change(value, key);
    if (better !== value) changed = true;
    if (better !== null) next[key] = better;
  }
  return changed ? next : record;
}

const same = <T extends object>(a: T, b: T): boolean =>
  (Object.keys(a) as (keyof T)[]).every((key) => Object.is(a[key], b[key]));
const unlessFresh = <T extends object>(fresh: T) => (value: T): T | null => same(value, fresh) ? null : value;
const limited = <T extends { gainDb: number }>(fader: T, maxGainDb: number): T =>
  fader.gainDb > maxGainDb ? { ...fader, gainDb: maxGainDb } : fader;

/** Of two links that want the same channel the lower one stays; the last channel has nothing to be linked to. */
function soundChannels(channels: Entries<Channel>): Entries<Channel> {
  let lower = -1;
  // Whole numbers come in their order, whenever they were put in.
  return each(channels, (channel, key) => {
    const number = Number(key);
    const link = channel.link && number < MAX_CHANNELS && number - 1 !== lower;
    if (link) lower = number;
    return unlessFresh(FRESH_CHANNEL)(channel.link === link ? channel : { ...channel, link });
  });
}

/** The upper channel of each pair is the lower one's mirror. */
function paired(mix: Mix, lowers: readonly number[]): Entries<Strip> {
  let strips = mix.channels;
  for (const lower of lowers) {
    const leader = stripOf(mix, lower), follower = stripOf(mix, lower + 1);
    const { gainDb, mute, solo } = leader, pan = 0 - leader.pan; // never −0
    if (
      follower.gainDb === gainDb && follower.mute === mute && follower.solo === solo && follower.pan === pan
    ) continue;
    strips = { ...strips, [lower + 1]: { gainDb, pan, mute, solo } };
  }
  return strips;
}

function soundMix(mix: Mix, lowers: readonly number[], groups: State["groups"], maxGainDb: number): Mix {
  const within = each(mix.channels, (strip) => limited(strip, maxGainDb));
  const channels = each(paired({ ...mix, channels: within }, lowers), unlessFresh(FRESH_STRIP));
  const faders = each(
    mix.groups,
    (fader, id) => Object.hasOwn(groups, id) ? unlessFresh(FRESH_GROUP_FADER)(limited(fader, maxGainDb)) : null,
  );
  const next: Mix = { ...mix, channels, groups: faders, master: limited(mix.master, maxGainDb) };
  return same(mix, next) ? mix : next;
}

/** No more than there may be: the first to go are casual ones, of them those that joined longest ago. */
function fewEnough(seats: Entries<Seat>): Entries<Seat> {
  const ids = Object.keys(seats);
  if (ids.length <= MAX_SEATS) return seats;
  const byWorth = ids.sort((a, b) =>
    Number(seats[a].casual) - Number(seats[b].casual) || seats[b].joinedAt - seats[a].joinedAt
  );
  const gone = new Set(byWorth.slice(MAX_SEATS));
  return each(seats, (seat, id) => gone.has(id) ? null : seat);
}

/** A phone is of the seat that was joined last. */
function oneDeviceEach(seats: Entries<Seat>): Entries<Seat> {
  const owners = new Map<string, string>();
  for (const [id, { device, joinedAt }] of Object.entries(seats)) {
    if (device === null) continue;
    const owner = owners.get(device);
    if (owner === undefined || joinedAt > seats[owner].joinedAt) owners.set(device, id);
  }
  return each(
    seats,
    (seat, id) => seat.device === null || owners.get(seat.device) === id ? seat : { ...seat, device: null },
  );
}

function soundOrder(order: State["order"], seats: Entries<Seat>): State["order"] {
  const all = new Set(order.filter((id) => Object.hasOwn(seats, id)));
  for (const id of Object.keys(seats)) all.add(id);
  const next = [...all];
  return next.length === order.length && next.every((id, i) => id === order[i]) ? order : next;
}

/** One for each seat and for each device: the newest; of those as old the one that was put in last. */
function soundSessions(sessions: Entries<SavedSession>, seats: Entries<Seat>): Entries<SavedSession> {
  const stay = new Set<string>(), taken = new Set<string>();
  const newestFirst = Object.entries(sessions).reverse().sort(([, a], [, b]) => b.joinedAt - a.joinedAt);
  for (const [id, session] of newestFirst) {
    if (!Object.hasOwn(seats, session.seat)) continue;
    const seat = `seat ${session.seat}`, device = `device ${session.device}`;
    if (taken.has(seat) || taken.has(device)) continue;
    taken.add(seat).add(device);
    stay.add(id);
  }
  return each(sessions, (session, id) => {
    if (!stay.has(id)) return null;
    return session.cue === null || Object.hasOwn(seats, session.cue) ? session : { ...session, cue: null };
  });
}

/**
 * The state with everything repaired that its schema can't express. Every seat is in `order` once; no more seats than
 * there may be; a device belongs to one seat; sessions have a seat, one for each seat and each device, and listen to none
 * that is gone; linked pairs don't overlap and mirror each other in every mix; mixes list no group that is gone, no fader
 * above its seat's limit and nothing that is as in a fresh mix. Doing it twice is doing it once.
 */
export function sound(state: State): State {
  const channels = soundChannels(state.channels);
  const lowers = Object.keys(channels).map(Number).filter((channel) => channels[channel].link);
  const seats = each(oneDeviceEach(fewEnough(state.seats)), (seat) => {
    const mix = soundMix(seat.mix, lowers, state.groups, seat.maxGainDb);
    return mix === seat.mix ? seat : { ...seat, mix };
  });
  const next: State = {
    ...state,
    channels,
    seats,
    order: soundOrder(state.order, seats),
    sessions: soundSessions(state.sessions, seats),
  };
  return same(state, next) ? state : next;
}
