/** A state as a stage has it, for tests of the store: so many seats, each with a session and a mix of sixteen channels. */
import { FRESH_CHANNEL, FRESH_MIX, FRESH_STATE, type State, STATE_VERSION } from "../control/state.ts";

export function stage(seats: number): State {
  const ids = Array.from({ length: seats }, (_, i) => `seat_${String(i).padStart(6, "0")}`);
  const state: State = { ...FRESH_STATE, version: STATE_VERSION, seats: {}, sessions: {}, order: ids };
  ids.forEach((id, i) => {
    const name = `Músico ${i} 🎸`, device = `device-${i}-0123456789`;
    const strips = Array.from(
      { length: 16 },
      (_, k) => [k + 1, { gainDb: -1 - k / 3, pan: 0.1, mute: false, solo: false }],
    );
    state.seats[id] = {
      ...{ name, colour: "#e0a030", channels: null, device, invite: "ABCDEFGH", locked: false, recallSafe: false },
      ...{
        maxGainDb: 10,
        casual: true,
        joinedAt: 1.7e12 + i,
        mix: { ...FRESH_MIX, channels: Object.fromEntries(strips) },
      },
    };
    state.sessions[`s_${i}`] = {
      ...{
        seat: id,
        name,
        device,
        tokenKey: "t".repeat(43),
        host: "192.0.2.7",
        username: "user",
        password: "p".repeat(22),
      },
      ...{
        ssrc: i + 1,
        cname: "cname",
        worker: 0,
        mode: "mix",
        channels: null,
        frameMs: 5,
        bitrate: null,
        redundancy: 0,
      },
      ...{ cue: null, pfl: null, engineer: false, joinedAt: 1.7e12 + i },
    };
  });
  return state;
}

/** The same stage after its change number `count`, which costs a new tree and nothing else. */
export const changed = (state: State, count: number): State => ({
  ...state,
  channels: { 1: { ...FRESH_CHANNEL, name: `change ${count}` } },
});

/** The number of the last {@link changed}; 0 if there was none. */
export const countOf = (state: State): number => Number(state.channels[1]?.name?.replace("change ", "") ?? 0);
