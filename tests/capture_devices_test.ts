/** What there is to capture: the list for people, what is chosen without a wish, what is refused; and playing. */
import assert from "node:assert/strict";
import { findAgain } from "../capture/choose.ts";
import type { PortAudio } from "../capture/portaudio.ts";
import type { PortAudioDescription } from "../core/messages.ts";
import { programTest } from "./require.ts";
import { type Card, CARD_NEEDS, startCard } from "./soundcard.ts";

const CAPTURE = new URL("../capture/", import.meta.url);

/** Runs TypeScript in a process that sees the card, from below capture/. */
async function run(code: string, card: Pick<Card, "env"> | null, command: string[] = []): Promise<string> {
  const imports =
    `import { listDevices } from "${CAPTURE}devices.ts"; import { resolveSource } from "${CAPTURE}source.ts";` +
    `import { PlaybackStream } from "${CAPTURE}portaudio.ts";`;
  const [program, ...args] = [...command, Deno.execPath(), "eval", imports + code];
  const config = { cwd: new URL("../", import.meta.url), env: card?.env, stdin: "null" } as const;
  const { stdout, stderr, success } = await new Deno.Command(program, { args, ...config }).output();
  const log = new TextDecoder().decode(stderr);
  assert.ok(success, log);
  return new TextDecoder().decode(stdout);
}

/** Asks for sources; an error's message in place of a description. */
async function resolve(card: Pick<Card, "env"> | null, asked: [string | null, number | null][], command?: string[]) {
  const code = `for (const [spec, channels] of ${JSON.stringify(asked)}) {
    try { console.log(JSON.stringify(resolveSource(spec, channels))); }
    catch (error) { console.log(JSON.stringify({ refused: error.message })); } }`;
  return (await run(code, card, command)).trim().split("\n").map((line) => JSON.parse(line));
}

programTest("a listed device is found by what the list says to type, by index, by name", CARD_NEEDS, async () => {
  await using card = await startCard({ period: 256, seconds: 1 });
  const list = await run("console.log(listDevices())", card);
  assert.match(list, /Host APIs: .*ALSA/);
  const line = list.split("\n").find((line) => / card +ALSA +16 /.test(line));
  assert.match(line ?? list, /48000 Hz +yes +\d+\.\d ms +--source portaudio:card$/);
  assert.match(list, /system +JACK .*not usable/);
  assert.match(list, /JACK's inputs can't be used/);
  const index = /^ +(\d+) +card /m.exec(list)![1];
  const [byName, byIndex, part, few, many, several, jack, none, best] = await resolve(
    card,
    [
      ["portaudio:card", null],
      [`portaudio:${index}`, null],
      ["portaudio:CAR", null],
      ["portaudio:card", 17],
      ["portaudio:c", null],
      ["portaudio:system", null],
      ["portaudio:violin", null],
      [null, null],
    ].toSpliced(3, 0, ["portaudio:card", 16]) as [string | null, number | null][],
  );
  assert.deepEqual(byName.description, byIndex.description);
  assert.deepEqual(byName.description, part.description);
  assert.equal(byName.description.channels, 16);
  assert.equal(byName.description.channelNames.length, 16);
  assert.equal(few.description.channels, 16);
  assert.match(many.refused, /17 channels from card: it has 16/);
  assert.match(several.refused, /it means \d inputs; inputs: .*card/);
  assert.match(jack.refused, /JACK.*alsa:PCM/);
  assert.match(none.refused, /"violin": there is no such input; inputs: .*card/);
  assert.equal(best.description.kind, "portaudio");
  assert.equal(best.description.channels, 16);
  assert.match(best.note, /--source/);
});

programTest("an ALSA PCM gives the channels that it has, and no other number", CARD_NEEDS, async () => {
  await using card = await startCard({ channels: 5, seconds: 1 });
  const [own, right, wrong, missing, output] = await resolve(card, [
    ["alsa:card", null],
    ["alsa:card", 5],
    ["alsa:card", 4],
    ["alsa:violin", null],
    ["alsa:out", null],
  ]);
  assert.equal(own.description.channels, 5);
  assert.deepEqual(own, right);
  assert.match(wrong.refused, /it can't give 4 channels, but 5/);
  assert.match(missing.refused, /"violin": No such file/);
  assert.match(output.refused, /cannot capture from ALSA PCM "out"/);
});

programTest(
  "without any input the demo band plays, and a line says so",
  { "libportaudio.so.2": "libportaudio2" },
  async () => {
    const config = await Deno.makeTempFile({ suffix: ".conf" });
    try {
      await Deno.writeTextFile(config, "pcm.none { type hw card 99 }\n");
      const card = {
        env: { ALSA_CONFIG_PATH: config, JACK_NO_START_SERVER: "1", JACK_DEFAULT_SERVER: "nobody" },
      };
      const [best, named] = await resolve(card, [[null, null], ["portaudio", null]]);
      assert.equal(best.description.kind, "demo");
      assert.match(best.note, /no input.*demo band.*--source/);
      assert.match(named.refused, /default input: there is none/);
    } finally {
      await Deno.remove(config);
    }
  },
);

/** Whether this machine lets us hide a library from a process. */
const mayHide = Deno.build.os === "linux" && Deno.uid() === 0 &&
  new Deno.Command("unshare", { args: ["-m", "true"], stderr: "null" }).outputSync().success;

Deno.test({
  name: "without PortAudio everything says how to get it, and the demo band plays",
  ignore: !mayHide,
  fn: async () => {
    const hide =
      'for f in $(find /usr/lib /usr/local/lib /lib -name "libportaudio.so*"); do mount --bind /dev/null $f; done; exec "$@"';
    const hidden = ["unshare", "-m", "sh", "-c", hide, "sh"];
    assert.match(
      await run("console.log(listDevices())", null, hidden),
      /PortAudio is missing.*[^]*libportaudio2[^]*--source demo/,
    );
    const [best, named, alsa, tones] = await resolve(
      null,
      [[null, null], ["portaudio", null], ["alsa:hw:0", null], ["tones", null]],
      hidden,
    );
    assert.equal(best.description.kind, "demo");
    assert.match(best.note, /libportaudio2/);
    assert.match(named.refused, /libportaudio2/);
    assert.match(alsa.refused, /libportaudio2/);
    assert.equal(tones.description.channels, 16);
  },
});

programTest(
  "a PlaybackStream takes what fits, tells what waits, and lists the outputs if none matches",
  CARD_NEEDS,
  async () => {
    await using card = await startCard({ channels: 2, seconds: 1 });
    const out = await run(
      `const stream = await PlaybackStream.open("alsa:out", 2), sleeper = new Int32Array(new SharedArrayBuffer(4));
    const block = new Float32Array(256); let written = 0, most = 0, code = 0;
    while (written < 24000 && code === 0) {
      if (stream.writable() < 128) { Atomics.wait(sleeper, 0, 0, 0.5); continue; }
      code = stream.write(block, 128);
      written += 128;
      most = Math.max(most, stream.queued());
    }
    const { capacity, latencyMs, channels } = stream;
    await stream.close();
    await stream.close();
    const refused = await PlaybackStream.open("violin", 2).catch((error) => error.message);
    console.log(JSON.stringify({ code, written, most, capacity, latencyMs, channels, refused }));`,
      card,
    );
    const { code, written, most, capacity, latencyMs, channels, refused } = JSON.parse(out);
    assert.equal(code, 0);
    assert.ok(written >= 24_000);
    assert.ok(most >= 128 && most <= capacity, `${most} of ${capacity} waited`);
    assert.ok(latencyMs > 0);
    assert.equal(channels, 2);
    assert.match(refused, /cannot play on violin: there is none; outputs: /);
  },
);

Deno.test("a card is found again by its name, by its place among its namesakes, or under another number", () => {
  const listed = (...names: string[]) => ({
    devices: () => names.map((name, index) => ({ index, name, hostApi: "ALSA", inputs: 2 })),
  } as unknown as PortAudio);
  const card: PortAudioDescription = {
    kind: "portaudio",
    library: "",
    device: "Desk: USB Audio (hw:1,0)",
    hostApi: "ALSA",
    twin: 0,
    twins: 1,
    kin: 1,
  };
  const found = (portaudio: PortAudio, wanted = card) => findAgain(portaudio, wanted).index;
  const lost = (portaudio: PortAudio, wanted = card) => assert.throws(() => found(portaudio, wanted), /no such device/);
  const other = "Webcam: USB Audio (hw:1,0)";
  assert.equal(found(listed(other, card.device)), 1);
  assert.equal(found(listed("Desk: USB Audio (hw:1,1)", other, "Desk: USB Audio (hw:2,0)")), 2);
  assert.equal(found(listed("Desk: USB Audio (hw:2,0)", card.device)), 1, "its own name counts first");
  assert.throws(() => found(listed(other)), /Desk: USB Audio \(hw:1,0\): ALSA has no such device/);
  lost(listed("Desk: USB Audio (hw:2,0)", "Desk: USB Audio (hw:3,0)"));
  lost(listed("Desk: USB Audio (hw:2,0)"), { ...card, kin: 2 });
  const twin = { ...card, device: "Desk", twin: 1, twins: 2 };
  assert.equal(found(listed("Desk", other, "Desk"), twin), 2);
  lost(listed("Desk", other), twin);
  lost(listed("Desk", other), { ...twin, twin: 0 });
});
