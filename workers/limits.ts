/** How much a block may hold, and so how many mixes one worker can serve. Shared by both ends of the hand-over. */
import { blockBytes, type Source } from "../core/block.ts";
import { BLOCK, MAX_CHANNELS } from "../core/units.ts";

/** Mixes that one worker can be given: several times what it has the time to encode. */
export const MAX_MIXES = 1024;
export const MAX_BLOCK_BYTES = blockBytes([] as Source[]) + (MAX_CHANNELS + MAX_MIXES) * 4 + 8 +
  (MAX_CHANNELS + 2 * MAX_MIXES) * BLOCK * 4;
