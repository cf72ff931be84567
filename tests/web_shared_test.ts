/** What the pages share and what needs no browser: words in both languages, merge patches, tapers, the delays that are kept. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { vendorFiles } from "../control/web_files.ts";
import { History, KEPT_MS, Recent } from "../web/history.js";
import { Decoders } from "../web/listen_decoder.js";
import { Moves } from "../web/live_moves.js";
import { joined, merge, withoutNulls } from "../web/merge.js";
import { barsOf, qualityOf } from "../web/quality.js";
import { CEILING, dbText, faderDb, faderPosition, GAIN, PAN, TRIM } from "../web/taper.js";
import { setLanguage, t, WORDS } from "../web/words.js";
import { tonePackets } from "./listen_stage.ts";
import { merge as asWritten } from "./live_desk.ts";

const FOLDER = new URL("../web/", import.meta.url);
const scripts = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".js")).sort();
const source = (name: string) => Deno.readTextFileSync(new URL(name, FOLDER));
for (const name of scripts) if (/(^|_)words(_|\.)/.test(name)) await import(new URL(name, FOLDER).href);

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([one]) => one).sort();

Deno.test("every key has a text in English and in Spanish, with the same values to fill in", () => {
  assert.ok(Object.keys(WORDS).length > 100);
  for (const [key, texts] of Object.entries(WORDS)) {
    assert.equal(texts.length, 2, key);
    for (const text of texts) assert.ok(text.trim() !== "", key);
    assert.deepEqual(placeholders(texts[0]), placeholders(texts[1]), key);
  }
});

Deno.test("every key that a page names is in the table", () => {
  const named = scripts.filter((name) => name !== "words.js").flatMap((name) =>
    [...source(name).matchAll(/\bt\(\s*"([^"]+)"/g)].map(([, key]) => key)
  );
  assert.ok(named.length > 100);
  assert.deepEqual([...new Set(named)].filter((key) => !Object.hasOwn(WORDS, key)), []);
});

Deno.test("every key of the table is named by a page, or begins like one that is put together", () => {
  const all = scripts.filter((name) => !/words/.test(name)).map(source).join("\n") + source("words.js") +
    source("taper.js");
  const begun = [...all.matchAll(/[`"]([a-z]+(?:\.[a-z]+)*\.)(?:\$\{|" \+)/g)].map(([, start]) => start);
  const unused = Object.keys(WORDS).filter((key) => {
    const bare = key.replace(/\.why$/, "");
    return !all.includes(`"${key}"`) && !all.includes(`"${bare}"`) && !begun.some((start) => key.startsWith(start));
  });
  assert.deepEqual(unused, []);
});

Deno.test("words follow the language", () => {
  setLanguage("es");
  assert.equal(t("mute"), "Silenciar");
  assert.equal(dbText(-6.5), "−6,5");
  setLanguage("en");
  assert.equal(t("mute"), "Mute");
  assert.equal(dbText(-6.5), "−6.5");
  assert.equal(t("channel.n", { n: 3 }), "Channel 3");
});

const json = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small" }, fc.constant(null), fc.boolean(), fc.integer(), fc.string(), tie("object")),
  object: fc.dictionary(fc.constantFrom("a", "b", "c", "d"), tie("value"), { noNullPrototype: true }),
}));

Deno.test("merge() is RFC 7396, and leaves what went in as it was", () => {
  fc.assert(fc.property(json.object, json.object, (target, patch) => {
    const before = JSON.stringify([target, patch]);
    assert.deepEqual(merge(target, patch), asWritten(target, patch));
    assert.equal(JSON.stringify([target, patch]), before);
  }));
});

/** Of one shape, as all moves are: fields of strips, of which each has a value or null. */
const move = fc.dictionary(
  fc.constantFrom("1", "2", "3"),
  fc.dictionary(fc.constantFrom("gainDb", "pan", "mute"), fc.option(fc.integer())),
);

Deno.test("two moves joined do what one after the other does", () => {
  fc.assert(fc.property(move, move, move, (target, first, second) => {
    assert.deepEqual(merge(target, joined(first, second)), merge(merge(target, first), second));
  }));
});

Deno.test("a move is shown without the nulls that only the server can fill in", () => {
  assert.deepEqual(withoutNulls({ channels: { 3: { gainDb: null, pan: 1 } }, master: null }), {
    channels: { 3: { pan: 1 } },
  });
  assert.deepEqual(withoutNulls({ name: null, colour: null }, ["colour"]), { colour: null });
});

Deno.test("a fader's position and its gain say the same", () => {
  assert.deepEqual([10, 0, -10, -30, -60, -120].map(faderPosition), [1, 0.75, 0.5, 0.25, 0.0625, 0]);
  for (const scale of [GAIN, TRIM, CEILING, PAN]) {
    fc.assert(fc.property(fc.double({ min: 0.02, max: 1, noNaN: true }), (position) => {
      const value = scale.toValue(position);
      assert.ok(value >= scale.min && value <= scale.max);
      assert.ok(Math.abs(scale.toPosition(value) - position) < 0.04, `${position} → ${value}`);
    }));
  }
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (a, b) => {
      assert.equal(faderDb(Math.min(a, b)) <= faderDb(Math.max(a, b)), true);
    }),
  );
  assert.equal(faderDb(0), -120);
});

const listener = (totalMs: number | null, lossPercent: number | null, paused = false) => ({
  paused,
  latency: { totalMs, lossPercent },
});

Deno.test("15 ms and less than 0.1 % lost is fine, 25 ms and less than 1 % is watched, all else calls for action", () => {
  for (
    const [session, wanted] of [
      [listener(15, 0), "fine"],
      [listener(15, null), "fine"],
      [listener(15.1, 0), "watch"],
      [listener(10, 0.1), "watch"],
      [listener(25, 0.9), "watch"],
      [listener(25.1, 0), "act"],
      [listener(10, 1), "act"],
      [listener(null, 0), "waiting"],
      [listener(10, 0, true), "off"],
      [null, "off"],
    ] as const
  ) assert.equal(qualityOf(session), wanted);
  assert.equal(barsOf({ networkMs: null, lossPercent: null, jitterMs: null }), 0);
  assert.equal(barsOf({ networkMs: 1, lossPercent: 0, jitterMs: 0.5 }), 4);
  assert.equal(barsOf({ networkMs: 30, lossPercent: 5, jitterMs: 20 }), 1);
});

Deno.test("the history keeps five minutes of each seat, and gaps as gaps", () => {
  const history = new History();
  const status = (seats: Record<string, number | null>) => ({
    source: { overruns: 0 },
    workers: [],
    sessions: Object.entries(seats).map(([seat, totalMs]) => ({
      seat,
      paused: totalMs === null,
      latency: { totalMs },
    })),
  });
  history.add(status({ a: 10 }), 1000);
  history.add(status({ a: 11, b: 20 }), 2000);
  history.add(status({ a: null, b: 21 }), 3000);
  assert.deepEqual(history.table(["a", "b"]), [[1, 2, 3], [10, 11, null], [null, 20, 21]]);
  history.add(status({ b: 22 }), 2500 + KEPT_MS);
  assert.deepEqual(history.of("a").map(({ time }) => time), [3000]);
  history.add(status({ b: 22 }), 3500 + KEPT_MS);
  assert.deepEqual(history.of("a"), []);
  assert.deepEqual(history.table([]), [[]]);
});

Deno.test("a counter tells what it grew by in the last minute, and begins anew with the server", () => {
  const recent = new Recent();
  assert.equal(recent.grown, 0);
  for (
    const [seconds, count, grown] of [[0, 700, 0], [1, 700, 0], [30, 705, 5], [62, 706, 1], [63, 2, 0], [64, 3, 1]]
  ) {
    recent.add(count, seconds * 1000);
    assert.equal(recent.grown, grown, `after ${seconds} s`);
  }
});

Deno.test("moves of a seat that is gone don't bring a piece of it back", () => {
  const moves = new Moves(() => {});
  try {
    for (const seat of ["gone", "here"]) {
      for (const channel of [1, 2]) {
        const patch = { channels: { [channel]: { gainDb: -3 } } };
        moves.post(seat + channel, { type: "mix", seat, patch }, { seats: { [seat]: { mix: patch } } });
      }
    }
    const here = { mix: { channels: { 1: { gainDb: 0 }, 2: { gainDb: 0 } } } };
    const shown = moves.over({ seats: { here } }) as { seats: Record<string, typeof here> };
    assert.deepEqual(Object.keys(shown.seats), ["here"]);
    assert.deepEqual(shown.seats.here.mix.channels, { 1: { gainDb: -3 }, 2: { gainDb: -3 } });
  } finally {
    moves.clear();
  }
});

Deno.test("packets of several mono streams are none for one decoder: they would be noise", async () => {
  const { default: create } = await import(pathToFileURL(vendorFiles().get("/vendor/libopus.js")!).href);
  const one = new Decoders(await create(), 1, false);
  try {
    one.bitrate = 128_000;
    const [single] = await tonePackets(1, 240, 128_000), [several] = await tonePackets(2, 240, 128_000);
    assert.equal(one.decode(single, 0, single.length), 240);
    assert.equal(one.decode(several, 0, several.length), 0);
    one.bitrate = 64_000;
    assert.equal(one.decode(single, 0, single.length), 0);
  } finally {
    one.free();
  }
});
