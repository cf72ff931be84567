/** Blocks between main and the senders: what goes into one, and where it lies. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { blockBytes, BlockView, channelSource, mixSource, planesAt, type Source, widthOf } from "../core/block.ts";
import { Board, createBoard } from "../core/board.ts";
import { BLOCK, MAX_CHANNELS } from "../core/units.ts";
import { fillBlock } from "../mix/fill.ts";
import { Mixer } from "../mix/mixer.ts";
import { Planes } from "../send/planes.ts";
import { MAX_BLOCK_BYTES, MAX_MIXES } from "../workers/limits.ts";

const SOURCES = MAX_CHANNELS + 6;
/** What a worker may need: any channels and mixes, ascending. */
const needed = fc.uniqueArray(fc.nat(SOURCES - 1), { maxLength: SOURCES })
  .map((sources) => sources.sort((a, b) => a - b) as Source[]);

/** A block of these, each of which holds its own number. */
function filled(sources: readonly Source[]): BlockView {
  const view = new BlockView((blockBytes(sources) + 7) & ~7);
  view.words[4] = sources.length;
  // From behind: the planes end where the block does.
  let at = blockBytes(sources) / 4;
  for (let i = sources.length - 1; i >= 0; i--) {
    view.words[5 + i] = sources[i];
    const samples = widthOf(sources[i]) * BLOCK;
    view.samples.fill(sources[i], at - samples, at);
    at -= samples;
  }
  return view;
}

Deno.test("each source of a block is found, and no other, whatever the blocks before held", () => {
  fc.assert(fc.property(fc.array(needed, { minLength: 1, maxLength: 8 }), (blocks) => {
    const planes = new Planes(SOURCES);
    for (const sources of blocks.flatMap((sources) => [sources, sources])) {
      const view = filled(sources);
      assert.equal(planes.locate(view) * 4, blockBytes(sources));
      for (let source = 0 as Source; source < SOURCES; source++) {
        const at = planes.at[source];
        if (!sources.includes(source)) assert.equal(at, -1);
        else {
          const samples = view.samples.subarray(at, at + widthOf(source) * BLOCK);
          assert.ok(samples.every((sample) => sample === source), `source ${source} of ${sources}`);
        }
      }
    }
  }));
});

Deno.test("more mixes than a block has room for: those that fit are there, whole", () => {
  const mixes = MAX_MIXES + 200, inputs = 16, { main } = new Board(createBoard(1, mixes));
  const mixer = new Mixer(inputs, main), view = new BlockView(MAX_BLOCK_BYTES);
  const gains = new Float32Array(2 * inputs);
  const sources = [channelSource(1), channelSource(2)];
  for (let mix = 0; mix < mixes; mix++) {
    mixer.setMix(mix, { gains, ceiling: 1, rampMs: 5 });
    sources.push(mixSource(mix));
  }
  mixer.read(new Float32Array(BLOCK * inputs).fill(0.25));
  const bytes = fillBlock(view, sources, mixer, 0, 0);
  assert.ok(bytes <= MAX_BLOCK_BYTES);
  assert.ok(view.count >= 2 + MAX_MIXES && view.count < sources.length);
  assert.deepEqual(Array.from({ length: view.count }, (_, i) => view.source(i)), sources.slice(0, view.count));
  assert.deepEqual([...view.samples.subarray(planesAt(view.count) >> 2).subarray(0, BLOCK)], Array(BLOCK).fill(0.25));
});
