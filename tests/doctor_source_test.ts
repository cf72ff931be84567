/** The doctor's word on sources and cards: too few channels, none there, one that stalls or hangs. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { wavHeader } from "../capture/wav_writer.ts";
import { SAMPLE_RATE } from "../core/units.ts";
import { programTest } from "./require.ts";
import { CARD_NEEDS, startCard } from "./soundcard.ts";
import { check, checkOne, folder } from "./doctor_run.ts";

/** A second of silence. */
async function writeSilence(path: string, channels: number): Promise<void> {
  const frames = SAMPLE_RATE, header = wavHeader(channels, SAMPLE_RATE, frames);
  await Deno.writeFile(path, Buffer.concat([header, Buffer.alloc(frames * channels * 4)]));
}

Deno.test("a source with fewer channels than --channels is bad; where nobody said how many, to be looked at", async () => {
  await using place = await folder();
  await writeSilence(`${place.path}/two.wav`, 2);
  const listen = (...args: string[]) =>
    checkOne("source", ["--seconds", "1", "--source", `wav:${place.path}/two.wav`, ...args]);
  const few = await listen("--channels", "16");
  assert.equal(few.verdict, "red");
  assert.match(few.says, /2 channels, 16 are planned/);
  assert.match(few.do!, /--channels 2/);
  const unsaid = await listen();
  assert.equal(unsaid.verdict, "yellow", unsaid.says);
  assert.match(unsaid.says, /2 channels, 16 are planned/);
  const enough = await listen("--channels", "2");
  assert.notEqual(enough.verdict, "red", enough.says);
  assert.doesNotMatch(enough.says, /planned/);
});

Deno.test("a source that isn't there is bad, and says where to look", async () => {
  const { verdict, says, do: what } = await checkOne("source", ["--source", "wav:/nowhere/at/all.wav"]);
  assert.equal(verdict, "red");
  assert.match(says, /no such file/);
  assert.match(what!, /--source/);
});

programTest("a card is opened, heard and counted", CARD_NEEDS, async () => {
  await using card = await startCard();
  const { verdict, says, values } = await checkOne("source", ["--source", card.source, "--seconds", "2"], {
    env: card.env,
  });
  assert.equal(values.channels, 16);
  assert.equal(values.stalled, false);
  assert.ok(values.blocks > 0);
  assert.ok(Math.abs(values.driftPpm) < 1e6);
  if (verdict === "red") assert.match(says, /samples were lost/, "only a machine that is too busy");
});

programTest("a card that stalls while it is listened to is bad", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 2 });
  const { pid } = card;
  let stopped = false;
  try {
    const { verdict, says, values } = await checkOne("source", ["--source", card.source, "--channels", "2"], {
      env: card.env,
      heard: (line) => {
        if (!/listening to/.test(line)) return;
        Deno.kill(pid, "SIGSTOP");
        stopped = true;
      },
    });
    assert.ok(stopped);
    assert.equal(verdict, "red");
    assert.match(says, /stalled/);
    assert.equal(values.stalled, true);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
});

programTest(
  "a sound server that hangs before it is opened is bad, and the doctor goes on and ends",
  CARD_NEEDS,
  async () => {
    await using card = await startCard({ channels: 2 });
    Deno.kill(card.pid, "SIGSTOP");
    try {
      const [source, radio] = await check("source,radio", ["--source", card.source, "--channels", "2"], {
        env: card.env,
      });
      assert.equal(source.verdict, "red");
      assert.match(source.says, /doesn't answer/);
      assert.equal(radio.verdict, "green");
    } finally {
      Deno.kill(card.pid, "SIGCONT");
    }
  },
);
