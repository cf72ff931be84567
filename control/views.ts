/**
 * The state as those who watch it live may see it: the engineer everything, a musician its own seat. In: the house. Out:
 * immutable trees of plain JSON without null, in which whatever didn't change is the very same object as before, so that
 * comparing two of them costs as much as their difference. Control worker; allocates.
 */
import { channelView } from "./console.ts";
import type { House, Session } from "./house.ts";
import { summaryOf } from "./media.ts";
import type { JsonObject } from "./merge_patch.ts";
import { seatView } from "./seats.ts";
import { allChannels } from "./shapes.ts";
import { type Channel, channelOf, type Group, type Scene, type Seat, type State } from "./state.ts";

export interface Views {
  /** Everything; the same object until something changes. */
  engineer(): JsonObject;
  /** What a session's token shows; it must not have ended. */
  musician(session: Session): JsonObject;
}

/**
 * `make`, which isn't called again for an object as long as what else it depends on stays the same. What it made is
 * forgotten together with the object.
 */
function remembered<Key extends object, On extends readonly unknown[], View>(
  make: (key: Key, ...on: On) => View,
): (key: Key, ...on: On) => View {
  const made = new WeakMap<Key, { readonly on: On; readonly view: View }>();
  return (key, ...on) => {
    const known = made.get(key);
    if (known !== undefined && known.on.every((value, i) => value === on[i])) return known.view;
    const view = make(key, ...on);
    made.set(key, { on, view });
    return view;
  };
}

/** Without what is null or isn't there. */
const present = (record: object): JsonObject =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined));

const groupOf = remembered((group: Group) => present(group));
const sceneOf = remembered(({ name, savedAt }: Scene) => ({ name, savedAt }));
const each = <T>(record: Readonly<Record<string, T>>, view: (value: T, key: string) => JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, view(value, key)]));

export function createViews(house: House): Views {
  /** Of each channel what was last seen; a channel that nobody touched is the same object for all. */
  const known = new Map<number, { readonly of: Channel; readonly view: JsonObject }>();
  const oneChannel = (state: Pick<State, "channels">, channel: number): JsonObject => {
    const of = channelOf(state, channel), former = known.get(channel);
    if (former?.of === of) return former.view;
    const { channel: _, ...rest } = channelView(house, channel), view = present(rest);
    known.set(channel, { of, view });
    return view;
  };
  const channelsOf = remembered((channels: State["channels"]): JsonObject =>
    Object.fromEntries(allChannels(house.inputs).map((channel) => [channel, oneChannel({ channels }, channel)]))
  );
  const heardOf = remembered((seat: Seat, channels: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(channels).filter(([channel, view]) =>
        (seat.channels?.includes(Number(channel)) ?? true) && !(view as JsonObject).hidden
      ),
    )
  );
  const groupsOf = remembered((groups: State["groups"]) => each(groups, groupOf));
  const scenesOf = remembered((scenes: State["scenes"]) => each(scenes, sceneOf));

  const wholeSeat = remembered((_seat: Seat, id: string, _session: string | undefined, _groups: State["groups"]) => {
    const { seat: _, ...rest } = seatView(house, id, true);
    return present(rest);
  });
  const ownSeat = remembered((whole: JsonObject): JsonObject => {
    const { device: _, invite: __, ...rest } = whole;
    return rest;
  });
  const seatOf = ({ seats, groups }: State, id: string) => wholeSeat(seats[id], id, house.seated.get(id)?.id, groups);

  const oneSession = remembered((session: Session, _saved: unknown, _shape: unknown, _heard: unknown) => {
    const { seat, name, mode, channels, frameMs, bitrate, redundancy, cue, pfl } = summaryOf(house, session);
    return present({ seat, name, mode, channels, frameMs, bitrate, redundancy, cue, pfl });
  });
  const sessionOf = ({ seats }: State, session: Session) =>
    oneSession(session, session.saved, session.shape, seats[session.saved.seat].channels);

  const common = (state: State) => ({
    version: house.options.version,
    inputs: house.inputs,
    source: house.options.source.name,
    ...house.httpsPort === undefined ? {} : { httpsPort: house.httpsPort },
    groups: groupsOf(state.groups),
  });
  // Whatever changes of sessions goes with a change of the state (changes.ts).
  const whole = remembered((state: State, joinCode: string, url: string): JsonObject => ({
    ...common(state),
    joinCode,
    url,
    channels: channelsOf(state.channels),
    seats: each(state.seats, (_, id) => seatOf(state, id)),
    order: state.order,
    scenes: scenesOf(state.scenes),
    sessions: Object.fromEntries([...house.sessions].map(([id, session]) => [id, sessionOf(state, session)])),
  }));
  const own = remembered((session: Session, state: State): JsonObject => {
    const { seat } = session.saved;
    return {
      ...common(state),
      channels: heardOf(state.seats[seat], channelsOf(state.channels)),
      seats: { [seat]: ownSeat(seatOf(state, seat)) },
      sessions: { [session.id]: sessionOf(state, session) },
      seat,
      session: session.id,
    };
  });
  return {
    engineer: () => whole(house.state, house.joinCode, house.url),
    musician: (session) => own(session, house.state),
  };
}
