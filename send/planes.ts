/** Where each source's samples begin in the block at hand. Lives in a sender; nothing allocates after the constructor. */
import { type BlockView, planesAt, widthOf } from "../core/block.ts";
import { BLOCK } from "../core/units.ts";

export class Planes {
  /** By source: an index into the block's samples, or −1 where the block hasn't got it. */
  readonly at: Int32Array;
  /** Sources that have one. */
  #count = 0;

  /** Sources are numbered from 0 to `sources` − 1. */
  constructor(sources: number) {
    this.at = new Int32Array(sources).fill(-1);
  }

  /** @hot Finds them in `view`, where they are mostly those of the block before; returns where the last one's samples end. */
  locate(view: BlockView): number {
    const count = view.count, at = this.at;
    let plane = planesAt(count) >> 2, same = count === this.#count;
    for (let i = 0; i < count; i++) {
      const source = view.source(i);
      if (at[source] !== plane) same = false;
      plane += widthOf(source) * BLOCK;
    }
    if (!same) this.#relocate(view);
    return plane;
  }

  #relocate(view: BlockView): void {
    this.#count = view.count;
    this.at.fill(-1);
    let plane = planesAt(view.count) >> 2;
    for (let i = 0; i < view.count; i++) {
      this.at[view.source(i)] = plane;
      plane += widthOf(view.source(i)) * BLOCK;
    }
  }
}
