/** What the musician's page says in words, and what it takes for a code or a name. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { lineOf } from "../web/me_quality.js";
import { cleanName, codeIn } from "../web/me_kept.js";
import "../web/me_words.js";
import "../web/listen_words.js";
import { WORDS } from "../web/words.js";

const latency = (totalMs: number | null, lossPercent = 0, clientMs = 5) => ({
  paused: false,
  latency: { serverMs: 5, networkMs: 2, clientMs, totalMs, lossPercent, jitterMs: 0.3 },
});

Deno.test("the line says in plain words how the sound gets here", () => {
  const line = (session: unknown, more = {}) =>
    lineOf({ connected: true, session, own: true, listening: "off", ...more }).text;
  assert.equal(line(latency(14.2)), "Good, 14 ms");
  assert.equal(line(latency(19.6)), "Fair, 20 ms");
  assert.equal(line(latency(14.2, 0.4)), "Fair, 14 ms, loss 0.4 %");
  assert.equal(line(latency(14.2, 2)), "Loss 2 %: move nearer to the access point");
  assert.equal(line(latency(48)), "Slow, 48 ms: move nearer to the access point");
  assert.equal(line(latency(190, 0, 180)), "Slow, 190 ms: use wired headphones");
  assert.equal(
    line(latency(190, 0, 180), { outputMs: 8 }),
    "Slow, 190 ms: close other apps, or move nearer to the access point",
  );
  assert.equal(line(latency(48, 0, 25), { outputMs: 8 }), "Slow, 48 ms: move nearer to the access point");
  assert.equal(line(latency(190, 0, 180), { outputMs: 60 }), "Slow, 190 ms: use wired headphones");
  assert.equal(line(latency(null)), "Playing, measuring…");
  assert.equal(line(null), "No sound on this phone");
  assert.equal(line({ ...latency(9), paused: true }, { own: false }), "The app is paused");
  assert.equal(line(latency(9), { connected: false }), "Offline");
  assert.equal(line(latency(9), { listening: "lost" }), WORDS["listen.state.lost"][0]);
});

Deno.test("a code is found in whatever was pasted, a name is as the server takes it", () => {
  assert.equal(codeIn(" ab 12cd\n"), "AB12CD");
  assert.equal(codeIn("http://192.0.2.7:5100/me#join=ab12cd"), "AB12CD");
  assert.equal(cleanName(" \u0000\tAna  María\n"), "Ana María");
  assert.equal([...cleanName("🥁".repeat(80))].length, 64);
});

Deno.test("every word of the musician's page is there in both languages, with the same places to fill in", () => {
  const folder = new URL("../web/", import.meta.url);
  const files = readdirSync(folder).filter((name) => /^me(_\w+)?\.js$/.test(name) && name !== "me_words.js");
  const used = files.flatMap((name) =>
    [...readFileSync(new URL(name, folder), "utf8").matchAll(/"((?:me|listen|live)\.[\w.]+)"/g)].map(([, key]) => key)
  );
  assert.ok(used.length > 50);
  for (const key of used) assert.ok(Object.hasOwn(WORDS, key), `${key} isn't in the table`);
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [key, [english, spanish]] of Object.entries(WORDS)) {
    assert.ok(english !== "" && spanish !== "", key);
    assert.deepEqual(places(english), places(spanish), key);
  }
  const said = new Set(used), dynamic = /^me\.line\.act\./;
  const mine = Object.keys(WORDS).filter((key) => key.startsWith("me.") && !dynamic.test(key));
  assert.deepEqual(mine.filter((key) => !said.has(key)), []);
});
