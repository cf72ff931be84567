/**
 * From what was asked for to the shape that is sent: the server's defaults, and the bit rate that fits in a packet.
 * Pure; control worker; allocates.
 */
import type { ControlOptions, Shape } from "../core/messages.ts";
import { type BitRate, bitRate, type Frame, msToSamples } from "../core/units.ts";
import { advice, fits, highestFitting, LADDER } from "../send/fit.ts";
import { Refusal } from "./problem.ts";

/** What somebody wants. `null`: nobody said. */
export interface Wish {
  readonly mode: Shape["mode"];
  readonly channels: readonly number[];
  readonly frameMs: number | null;
  readonly bitrate: number | null;
  readonly redundancy: 0 | 1;
}

/** A bit rate to begin with when nobody said one: 2.5 ms frames sound clean from here on. */
const MONO_BITRATE = bitRate(128_000);
const MIX_BITRATE = bitRate(192_000);
const LOWEST = LADDER[LADDER.length - 1];

export const frameOf = (frameMs: number): Frame => msToSamples(frameMs) as number as Frame;

export function startBitrate(mode: Shape["mode"], defaults: ControlOptions["defaults"]): BitRate {
  return defaults.bitrate ?? (mode === "mix" ? MIX_BITRATE : MONO_BITRATE);
}

/** @throws Refusal 400 if it doesn't fit in a packet; the detail names what would. */
export function shapeOf(wish: Wish, defaults: ControlOptions["defaults"]): Shape {
  const rateless = {
    mode: wish.mode,
    channels: wish.mode === "mix" ? [] : wish.channels,
    frame: wish.frameMs === null ? defaults.frame : frameOf(wish.frameMs),
    redundancy: wish.redundancy,
  };
  const rate = wish.bitrate === null
    ? highestFitting(rateless, startBitrate(wish.mode, defaults)) ?? LOWEST
    : bitRate(wish.bitrate);
  const shape: Shape = { ...rateless, bitrate: rate };
  if (!fits(shape)) throw new Refusal(400, advice(shape));
  return shape;
}

/** @throws Refusal 409 if a channel doesn't exist. */
export function existing(channels: readonly number[], inputs: number): readonly number[] {
  const missing = channels.filter((channel) => channel > inputs);
  if (missing.length > 0) {
    throw new Refusal(
      409,
      `there are ${inputs} channels: ${missing.join(", ")} ${missing.length > 1 ? "don't" : "doesn't"} exist`,
    );
  }
  return channels;
}

export const allChannels = (inputs: number): readonly number[] => Array.from({ length: inputs }, (_, i) => i + 1);
