/**
 * The config file: JSON with comments and trailing commas, one flat object of settings by their keys. In: a path, or its
 * text. Out: each setting as it would be typed on the command line. What isn't certain is refused: unknown keys, a key
 * twice, values that are no text, number or true/false. Main isolate, once at start; allocates.
 */
import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { FlagError } from "../control/flags.ts";
import { type Given, type GivenSettings, keyOf, SETTING_NAMES, type SettingName, SETTINGS } from "./settings.ts";
import { suggestion } from "./suggest.ts";

/** All settings with a page of comments are 4 KiB. */
export const MAX_CONFIG_BYTES = 64 * 1024;

/** @throws FlagError that names the file. */
export function readConfig(path: string): GivenSettings {
  if (path === "") throw new FlagError("--config must name a file");
  const bytes = new Uint8Array(MAX_CONFIG_BYTES + 1);
  let length = 0;
  try {
    using file = Deno.openSync(path);
    for (let read: number | null = 0; read !== null && length < bytes.length;) {
      read = file.readSync(bytes.subarray(length));
      length += read ?? 0;
    }
  } catch (error) {
    throw new FlagError(`cannot read config file ${path}: ${(error as Error).message.replace(/: open .*/, "")}`);
  }
  if (length > MAX_CONFIG_BYTES) {
    throw new FlagError(`cannot read config file ${path}: it has more than ${MAX_CONFIG_BYTES / 1024} KiB`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
  } catch {
    throw new FlagError(`cannot read config file ${path}: it isn't UTF-8 text`);
  }
  return parseConfig(text, path);
}

/** `path`: for messages. @throws FlagError that names file and line. */
export function parseConfig(text: string, path: string): GivenSettings {
  const lineOf = (offset: number) => `${path}:${text.slice(0, offset).split("\n").length}`;
  const errors: ParseError[] = [];
  const tree = treeOf(text, errors);
  if (errors.length > 0) {
    const [{ error, offset }] = errors;
    const what = printParseErrorCode(error).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trim();
    throw new FlagError(`cannot read config file ${lineOf(offset)}: ${what}`);
  }
  if (tree?.type !== "object") throw new FlagError(`cannot read config file ${path}: it must be one object { … }`);
  const config = new Map<SettingName, Given>();
  for (const property of tree.children ?? []) {
    const [key, value] = property.children!, where = lineOf(property.offset);
    const name = SETTING_NAMES.find((one) => keyOf(one) === key.value);
    if (name === undefined) {
      const keys = SETTING_NAMES.map(keyOf);
      throw new FlagError(`unknown key ${JSON.stringify(key.value)} in ${where}${suggestion(key.value, keys)}`);
    }
    if (config.has(name)) throw new FlagError(`key ${JSON.stringify(key.value)} in ${where} is there twice`);
    config.set(name, { text: textOf(name, value, where), from: `${key.value} in ${where}` });
  }
  return config;
}

function treeOf(text: string, errors: ParseError[]): Node | undefined {
  try {
    return parseTree(text, errors, { allowTrailingComma: true, disallowComments: false });
  } catch (error) {
    // Nested so deep that the parser has no room left: no config file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function textOf(name: SettingName, { type, value }: Node, where: string): string {
  const isSwitch = SETTINGS[name].value === null;
  if (type === "boolean" && isSwitch || type === "number" && !isSwitch) return String(value);
  if (type === "string" && !isSwitch) return value;
  const kind = isSwitch ? "true or false" : "a text or a number";
  throw new FlagError(`${keyOf(name)} in ${where} must be ${kind}: is ${type === "string" ? "a text" : type}`);
}
