/**
 * JSON merge patches (RFC 7396): what leads from one tree to another, and what a patch makes of one. Trees are never
 * changed in place; parts that are the very same object on both sides cost nothing, however large they are. A tree has no
 * null (in a patch it removes), but in arrays, which are replaced as a whole. Pure; control worker; allocates.
 */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);

const isSame = (a: Json, b: Json): boolean => patchBetween(a, b) === undefined;

/** The patch that leads from one to the other; undefined where they say the same. */
export function patchBetween(from: Json, to: Json): Json | undefined {
  if (from === to) return undefined;
  if (Array.isArray(from) && Array.isArray(to)) {
    return from.length === to.length && from.every((item, i) => isSame(item, to[i])) ? undefined : to;
  }
  if (!isObject(from) || !isObject(to)) return to;
  const entries: [string, Json][] = [];
  for (const key of Object.keys(to)) {
    const patch = Object.hasOwn(from, key) ? patchBetween(from[key], to[key]) : to[key];
    if (patch !== undefined) entries.push([key, patch]);
  }
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) entries.push([key, null]);
  // And not by assignment: a key may be called __proto__.
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** The tree with the patch merged into it; the same object where the patch says nothing new. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  let next: JsonObject = isObject(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    const known = Object.hasOwn(next, key);
    if (value === null) {
      if (!known) continue;
      const { [key]: _, ...rest } = next;
      next = rest;
    } else {
      const merged = mergePatch(known ? next[key] : undefined, value);
      if (!known || merged !== next[key]) next = { ...next, [key]: merged };
    }
  }
  return next;
}
