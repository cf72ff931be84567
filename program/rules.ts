/**
 * What a setting is, and the kinds of them: how text becomes a checked value, and the sentence that says why it can't.
 * In: text. Out: values. Main isolate, once at start; allocates.
 */
import { isIP } from "node:net";

/** The rest of a sentence that begins with the setting's name: "must be a whole number from 0 to 63". */
export class Rule extends Error {}

export interface Setting<Value, Preset extends string | null = string | null> {
  /** What stands for its value in the help; null: a switch, on or off. */
  readonly value: string | null;
  readonly help: string;
  /** As it would be typed; null: {@link absent} says what happens. */
  readonly preset: Preset;
  /** What it is when nobody says anything, in words. */
  readonly absent?: string;
  /** Never printed. */
  readonly secret?: true;
  /** For completing: all that it can be, or what kind of path it is. */
  readonly choices?: readonly string[];
  readonly path?: "file" | "directory";
  /** A variable that is asked when the one of its name isn't set. */
  readonly alias?: string;
  /** @throws Rule */
  read(text: string): Value;
}

/** As it is, with its types kept. */
export const setting = <const Preset extends string | null, Value>(
  one: Setting<Value, Preset>,
): Setting<Value, Preset> => one;

/** @throws Rule */
export function wholeNumber(text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw new Rule(`must be a whole number from ${least} to ${most}`);
  return value;
}

export function number<const Preset extends string | null>(
  least: number,
  most: number,
  rest: Pick<Setting<number, Preset>, "value" | "help" | "preset" | "absent">,
): Setting<number, Preset> {
  return { ...rest, read: (text) => wholeNumber(text, least, most) };
}

export function choice<const Choice extends string>(
  choices: readonly Choice[],
  rest: { readonly value: string; readonly help: string; readonly preset: Choice },
): Setting<Choice, Choice> {
  const read = (text: string) => {
    const found = choices.find((one) => one === text);
    if (found === undefined) throw new Rule(`must be one of ${choices.join(", ")}`);
    return found;
  };
  return { ...rest, choices, read };
}

export function onOff(preset: "true" | "false", help: string): Setting<boolean, "true" | "false"> {
  const read = (text: string) => {
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    throw new Rule("must be true or false");
  };
  return { value: null, help, preset, choices: ["true", "false"], read };
}

/** A place to listen at. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** `PORT`, `ADDRESS:PORT`, `[ADDRESS]:PORT`; without an address "::", which is every one. @throws Rule */
export function place(text: string): Place {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+))?:)?(\d{1,5})$/.exec(text), address = match?.[1] ?? match?.[2] ?? "::";
  if (!match || isIP(address) === 0 || Number(match[3]) > 65535) {
    throw new Rule("must be [ADDRESS:]PORT with an IP address and a port from 0 to 65535");
  }
  return { address, port: Number(match[3]) };
}

export function secret(least: number, help: string): Setting<string, null> {
  const read = (text: string) => {
    if (/^[\x21-\x7e]*$/.test(text) && text.length >= least && text.length <= 64) return text;
    throw new Rule(`must be ${least} to 64 printable characters without spaces`);
  };
  const value = least > 4 ? "KEY" : "CODE", absent = "made at the first start, kept in the state directory";
  return { value, help, preset: null, absent, secret: true, read };
}

export function file(help: string, absent: string): Setting<string, null> {
  const read = (text: string) => {
    if (text === "") throw new Rule("must name a file");
    return text;
  };
  return { value: "FILE", help, preset: null, absent, path: "file", read };
}
