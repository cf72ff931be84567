/** Config files: what is read, and what is refused with its place. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FlagError } from "../control/flags.ts";
import { MAX_CONFIG_BYTES, parseConfig, readConfig } from "../program/config.ts";
import { keyOf, SETTING_NAMES } from "../program/settings.ts";
import { configFile } from "./config_file.ts";

Deno.test("a config file is JSON with comments and a comma at the end", () => {
  const config = parseConfig(
    `/* the band */ {\n  "source": "tones", // always there\n  "channels": 4,\n  "logJson": true,\n}`,
    "a.jsonc",
  );
  assert.deepEqual([...config], [
    ["source", { text: "tones", from: "source in a.jsonc:2" }],
    ["channels", { text: "4", from: "channels in a.jsonc:3" }],
    ["log-json", { text: "true", from: "logJson in a.jsonc:4" }],
  ]);
  assert.equal(parseConfig("{}", "a").size, 0);
});

Deno.test("a config file that is no flat object of settings is refused with its place", () => {
  const wrong: readonly (readonly [text: string, says: RegExp])[] = [
    ["", /^cannot read config file a/],
    ["[]", /must be one object/],
    ["[".repeat(MAX_CONFIG_BYTES), /^cannot read config file a/],
    [`{"dscp": 1} {}`, /^cannot read config file a:1: /],
    [`{\n"dscp" 1}`, /^cannot read config file a:2: colon expected/],
    [`{"dscp": 1,\n "dscp": 2}`, /^key "dscp" in a:2 is there twice/],
    [`{"dscp": null}`, /^dscp in a:1 must be a text or a number: is null/],
    [`{"dscp": [1]}`, /^dscp in a:1 must be a text or a number: is array/],
    [`{"http": {"port": 1}}`, /^http in a:1 must be a text or a number: is object/],
    [`{"dscp": true}`, /^dscp in a:1 must be a text or a number: is boolean/],
    [`{"logJson": "true"}`, /^logJson in a:1 must be true or false: is a text/],
    [`{"logJson": 1}`, /^logJson in a:1 must be true or false: is number/],
  ];
  for (const [text, says] of wrong) {
    assert.throws(() => parseConfig(text, "a"), (error: Error) => {
      assert.ok(error instanceof FlagError, `${text.slice(0, 40)}: ${error}`);
      assert.match(error.message, says);
      return true;
    });
  }
});

Deno.test("a config file that can't be read, is too large, or is no text is refused by its name", () => {
  using large = configFile(" ".repeat(MAX_CONFIG_BYTES + 1)), binary = configFile(new Uint8Array([0x7b, 0xff, 0x7d]));
  using full = configFile(`{}${" ".repeat(MAX_CONFIG_BYTES - 2)}`);
  assert.throws(() => readConfig(large.path), {
    message: `cannot read config file ${large.path}: it has more than 64 KiB`,
  });
  assert.throws(() => readConfig(binary.path), {
    message: `cannot read config file ${binary.path}: it isn't UTF-8 text`,
  });
  assert.throws(() => readConfig("/nowhere/a.jsonc"), /^Error: cannot read config file \/nowhere\/a\.jsonc: /);
  assert.throws(() => readConfig("/"), FlagError);
  assert.equal(readConfig(full.path).size, 0);
  using marked = configFile(`\ufeff{ "dscp": 1 }`);
  assert.equal(readConfig(marked.path).get("dscp")?.text, "1", "a byte order mark is none of its text");
});

Deno.test("whatever stands in a config file, it is read or refused in one line", () => {
  const json = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.dictionary(
      fc.oneof(fc.constantFrom(...SETTING_NAMES.map(keyOf)), fc.string()),
      fc.jsonValue(),
    ).map((value) => JSON.stringify(value)),
  );
  fc.assert(fc.property(json, (text) => {
    try {
      for (const [name, given] of parseConfig(text, "a")) {
        assert.ok(SETTING_NAMES.includes(name));
        assert.equal(typeof given.text, "string");
      }
    } catch (error) {
      assert.ok(error instanceof FlagError, String(error));
      assert.ok(error.message.startsWith("cannot read") || / in a:\d+/.test(error.message), error.message);
    }
  }));
});
