/**
 * Writes what a sender needs of the mixer's channels and mixes into a block (core/block.ts). Runs in the main isolate;
 * allocates nothing.
 */
import { type BlockView, isMix, mixOf, planesAt, type Source, widthOf } from "../core/block.ts";
import { BLOCK } from "../core/units.ts";
import type { Mixer } from "./mixer.ts";

/** @hot Fills `view` and returns how many bytes of it are used. A mix that is gone is left out, and what there is no room for. */
export function fillBlock(
  view: BlockView,
  sources: readonly Source[],
  mixer: Mixer,
  position: number,
  time: number,
): number {
  const { samples, words, head } = view;
  head[0] = position;
  head[1] = time;
  let count = 0, planes = 0;
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i], width = widthOf(source) * BLOCK;
    if (isMix(source) ? !mixer.mixes.has(mixOf(source)) : source >= mixer.channels) continue;
    if ((planesAt(count + 1) >> 2) + planes + width > samples.length) break;
    words[5 + count++] = source;
    planes += width;
  }
  words[4] = count;
  let at = planesAt(count) >> 2;
  for (let i = 0; i < count; i++) {
    const source = words[5 + i] as Source;
    if (isMix(source)) {
      const output = mixer.mixes.get(mixOf(source))!.output;
      samples.set(output, at);
      at += 2 * BLOCK;
    } else {
      samples.set(mixer.planes[source], at);
      at += BLOCK;
    }
  }
  return at << 2;
}
