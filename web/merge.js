// @ts-check
/**
 * JSON merge patches (RFC 7396), without changing what went in: what a patch doesn't name is the same object as before,
 * so that comparing objects tells what changed. Browser's main thread.
 */

/** @typedef {{ [name: string]: any }} Json */

/** @param {unknown} value @returns {value is Json} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * RFC 7396 section 2.
 * @param {any} target
 * @param {any} patch
 * @returns {any}
 */
export function merge(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value);
  }
  return result;
}

/**
 * Two patches as one: nulls stay, to be applied later.
 * @param {any} first
 * @param {any} second
 * @returns {any}
 */
export function joined(first, second) {
  if (!isObject(first) || !isObject(second)) return second;
  const result = { ...first };
  for (const [name, value] of Object.entries(second)) result[name] = joined(result[name], value);
  return result;
}

/**
 * A move as the mover may show it: null stands for a default that only the server knows, and which comes as a patch, so
 * it is left out, but for those in `removed`.
 * @param {any} patch
 * @param {readonly string[]} removed
 * @returns {any}
 */
export function withoutNulls(patch, removed = []) {
  if (!isObject(patch)) return patch;
  return Object.fromEntries(
    Object.entries(patch)
      .filter(([name, value]) => value !== null || removed.includes(name))
      .map(([name, value]) => [name, withoutNulls(value, removed)]),
  );
}
