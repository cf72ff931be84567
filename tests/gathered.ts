/** A property of both codecs: many encoders that take frames piece by piece with common calls, and each by itself a frame at a time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type BitRate, FRAMES } from "../core/units.ts";
import { Encoder, Gatherer, OPUS_MAX_BYTES } from "../wasm/opus.ts";
import { music } from "./documented_encoder.ts";

const FRAME_COUNT = 3;

/** After loadOpus. Fails where a packet differs. */
export function gatheredIsEncoded(): void {
  const widths = fc.array(fc.constantFrom<1 | 2>(1, 1, 1, 2), { minLength: 1, maxLength: 80 });
  const cuts = fc.array(fc.integer({ min: 1, max: 479 }), { maxLength: 4 });
  fc.assert(
    fc.property(widths, fc.constantFrom(...FRAMES), cuts, (widths, frame, cuts) => {
      using gatherer = new Gatherer();
      const make = (width: 1 | 2) => new Encoder(width, frame, 96_000 as BitRate);
      const together = widths.map(make), alone = widths.map(make), out = new Uint8Array(OPUS_MAX_BYTES);
      const sound = widths.map((width, i) =>
        music((i % 7 + FRAME_COUNT) * frame, width).subarray((i % 7) * frame * width)
      );
      const ends = [...new Set(cuts.filter((cut) => cut < frame))].sort((a, b) => a - b).concat(frame);
      for (let at = 0; at < FRAME_COUNT * frame; at += frame) {
        let from = 0;
        for (const end of ends) {
          const block = widths.flatMap((width, i) => [...sound[i].subarray((at + from) * width, (at + end) * width)]);
          gatherer.load(Float32Array.from(block));
          let plane = 0;
          widths.forEach((width, i) => {
            gatherer.add(together[i], plane, from * width, (end - from) * width);
            plane += (end - from) * width;
          });
          gatherer.flush();
          from = end;
        }
        widths.forEach((width, i) => {
          const wanted = out.slice(0, alone[i].encode(sound[i].subarray(at * width, (at + frame) * width), out));
          assert.deepEqual(out.slice(0, together[i].encodeGathered(out)), wanted, `encoder ${i} of ${widths.length}`);
        });
      }
      for (const encoder of [...together, ...alone]) encoder[Symbol.dispose]();
    }),
    { numRuns: 50 },
  );
}
