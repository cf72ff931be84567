/**
 * Schemas in words: which fields a JSON body has, what may be in each, and an example of the whole. In: schemas of the
 * OpenAPI document. Out: plain data for the page. Pure; control worker; allocates.
 */
import type { Document, Schema } from "./openapi.ts";

/** One line of a table of fields. */
export interface Field {
  /** `media.port`; `channels[]` for each of a list, `channels.{}` for each of a map; "" for the whole. */
  readonly path: string;
  /** "integer 16000 … 256000", "channels or mix", "list of 1 to 64". */
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

/** The parts of a schema that ours have. */
interface Plain {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly description?: string;
}

/** Deeper than any body that somebody could read; ends a schema that holds itself. */
const DEEPEST = 8;

/** The schema behind references, with the fields of all its parts together. @throws Error for one that leads nowhere. */
export function plainSchema(schema: Schema, document: Document): Plain {
  if ("$ref" in schema && schema.$ref !== undefined) {
    const name = schema.$ref.replace(/^#\/components\/schemas\//, "");
    const found = document.components?.schemas?.[name];
    if (found === undefined) throw new Error(`as a reference must lead to a schema: is ${schema.$ref}`);
    return plainSchema(found, document);
  }
  const plain = schema as Plain;
  if (plain.allOf === undefined) return plain;
  return plain.allOf.map((part) => plainSchema(part, document)).reduce((a, b) => ({
    ...a,
    ...b,
    properties: { ...a.properties, ...b.properties },
    required: [...a.required ?? [], ...b.required ?? []],
  }), plain);
}

/** All fields of a body, nested ones after the one that they are in. */
export function fieldsOf(schema: Schema, document: Document): Field[] {
  const whole = plainSchema(schema, document);
  const inside = nested(whole, "", document, DEEPEST);
  return whole.properties !== undefined ? inside : [
    { path: "", type: typeText(whole, document), required: true, description: whole.description ?? "" },
    ...inside,
  ];
}

function nested(plain: Plain, path: string, document: Document, depth: number): Field[] {
  if (depth === 0) return [];
  const child = (schema: Schema, at: string) => nested(plainSchema(schema, document), at, document, depth - 1);
  const fields = Object.entries(plain.properties ?? {}).flatMap(([name, schema]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const own = plainSchema(schema, document);
    const required = plain.required?.includes(name) ?? false;
    const line = { path: at, type: typeText(own, document), required, description: own.description ?? "" };
    return [line, ...nested(own, at, document, depth - 1)];
  });
  if (plain.items !== undefined) fields.push(...child(plain.items, `${path}[]`));
  const rest = plain.additionalProperties;
  if (typeof rest === "object") fields.push(...child(rest, path === "" ? "{}" : `${path}.{}`));
  for (const part of plain.anyOf ?? plain.oneOf ?? []) fields.push(...child(part, path));
  return fields;
}

const isNone = (plain: Plain): boolean => plain.type === "null";
const isNullable = (plain: Plain, document: Document): boolean =>
  plain.type?.includes("null") ||
  (plain.anyOf ?? plain.oneOf ?? []).some((choice) => isNone(plainSchema(choice, document)));

/** What may be in it: kind, range, choices, what it is if left out. */
export function typeText(plain: Plain, document: Document): string {
  const text = kindText(plain, document);
  return plain.default === undefined ? text : `${text}; left out: ${valueText(plain.default)}`;
}

function kindText(plain: Plain, document: Document): string {
  if (plain.enum !== undefined) return plain.enum.map(valueText).join(" or ");
  if (plain.const !== undefined) return valueText(plain.const);
  const choices = plain.anyOf ?? plain.oneOf;
  if (choices !== undefined) {
    const known = choices.map((choice) => plainSchema(choice, document));
    const texts = known.map((choice) => isNone(choice) ? "null" : kindText(choice, document));
    return [...new Set(texts)].join(" or ");
  }
  const kinds = typeof plain.type === "string" ? [plain.type] : plain.type ?? ["anything"];
  return kinds.map((kind) => `${kindName(kind, plain, document)}${limitsText(kind, plain)}`).join(" or ");
}

function kindName(kind: string, plain: Plain, document: Document): string {
  if (kind === "array") {
    const items = plain.items === undefined ? null : plainSchema(plain.items, document);
    return items === null || items.properties !== undefined ? "list" : `list of ${kindText(items, document)}`;
  }
  return kind === "object" && plain.properties === undefined ? "map" : kind;
}

function limitsText(kind: string, plain: Plain): string {
  if (kind === "number" || kind === "integer") {
    return range(plain.minimum ?? plain.exclusiveMinimum, plain.maximum, " ");
  }
  if (kind === "array") return range(plain.minItems, plain.maxItems, ", length ");
  if (kind !== "string") return "";
  const length = range(plain.minLength, plain.maxLength, ", length ");
  return plain.pattern === undefined ? length : `${length} ${plain.pattern}`;
}

function range(least: number | undefined, most: number | undefined, before: string): string {
  // The limits that every integer of a number has mean nothing to a reader.
  const from = least === undefined || least <= Number.MIN_SAFE_INTEGER ? null : least;
  const to = most === undefined || most >= Number.MAX_SAFE_INTEGER ? null : most;
  if (from === null) return to === null ? "" : `${before}≤ ${to}`;
  return to === null ? `${before}≥ ${from}` : `${before}${from} … ${to}`;
}

const valueText = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value);

/**
 * An example of a body: examples, else what it is if left out, else the first that is allowed. A text that has no example
 * is a word in capitals, for the reader to replace: `name` as one (`JOIN_CODE`).
 */
export function exampleOf(schema: Schema, document: Document, name: string = "text", depth: number = DEEPEST): unknown {
  const plain = plainSchema(schema, document);
  if (plain.example !== undefined) return plain.example;
  if (plain.default !== undefined) return plain.default;
  if (plain.const !== undefined) return plain.const;
  if (plain.enum !== undefined) return plain.enum[0];
  const choice = (plain.anyOf ?? plain.oneOf)?.[0];
  if (choice !== undefined) return exampleOf(choice, document, name, depth);
  const kind = typeof plain.type === "string" ? plain.type : plain.type?.[0];
  switch (kind) {
    case "object":
      return exampleObject(plain, document, depth);
    case "array":
      return plain.items !== undefined && plain.minItems ? [exampleOf(plain.items, document, name, depth)] : [];
    case "boolean":
      return false;
    case "string":
      return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    case "null":
      return null;
    default:
      return Math.min(Math.max(plain.minimum ?? 0, 0), plain.maximum ?? Infinity);
  }
}

function exampleObject(plain: Plain, document: Document, depth: number): Record<string, unknown> {
  const example: Record<string, unknown> = {};
  if (depth === 0) return example;
  const all = Object.entries(plain.properties ?? {});
  const named = all.filter(([name, schema]) => {
    const own = plainSchema(schema, document);
    // Where null is allowed it mostly is the ordinary case.
    const shown = (own.example !== undefined || own.default !== undefined) && !isNullable(own, document);
    return shown || plain.required?.includes(name);
  });
  // A patch requires nothing: then everything shows what could be in it.
  for (const [name, schema] of named.length > 0 ? named : all) {
    example[name] = exampleOf(schema, document, name, depth - 1);
  }
  return example;
}
