import assert from "node:assert/strict";
import fc from "fast-check";
import { type Json, mergePatch, patchBetween } from "../control/merge_patch.ts";

const keys = fc.oneof(fc.constantFrom("a", "b", "c", "__proto__", "constructor", "1"), fc.string({ maxLength: 2 }));
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.constantFrom(0, 1, true, false, "", "x"),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(keys, tie("tree"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));
const plain = (json: unknown) => JSON.parse(JSON.stringify(json));

/** RFC 7396 section 2, as it is written there. */
// deno-lint-ignore no-explicit-any
function merge(target: any, patch: any): any {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = new Map(
    target !== null && typeof target === "object" && !Array.isArray(target) ? Object.entries(target) : [],
  );
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merge(result.get(name), value));
  }
  return Object.fromEntries(result);
}

Deno.test("the patch between two trees makes the second out of the first, by the RFC's rules and by ours", () => {
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      const patch = patchBetween(a, b);
      if (patch === undefined) return assert.deepEqual(plain(a), plain(b));
      assert.deepEqual(plain(mergePatch(a, plain(patch))), plain(b));
      assert.deepEqual(plain(merge(a, plain(patch))), plain(b));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("there is no patch between trees that say the same", () => {
  fc.assert(fc.property(tree, (a) => assert.equal(patchBetween(a, structuredClone(a)), undefined)));
});

Deno.test("a patch of any kind merges by the RFC's rules, and leaves what it was merged into as it was", () => {
  const withNulls = tree.chain((json) =>
    fc.func(fc.boolean()).map((drop) =>
      JSON.parse(JSON.stringify(json), (key, value) => key !== "" && drop(key) ? null : value)
    )
  );
  fc.assert(
    fc.property(tree, withNulls, (target, patch) => {
      const before = JSON.stringify(target);
      assert.deepEqual(plain(mergePatch(target, patch)), plain(merge(target, patch)));
      assert.equal(JSON.stringify(target), before);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a patch that says nothing new gives the very same tree", () => {
  const tree = { a: { b: 1, c: [1, 2] }, d: "x" };
  assert.equal(mergePatch(tree, { a: { b: 1 }, d: "x", e: null }), tree);
  const next = mergePatch(tree, { d: "y" }) as typeof tree;
  assert.equal(next.a, tree.a);
});

Deno.test("null removes, arrays are replaced as a whole", () => {
  assert.deepEqual(patchBetween({ a: 1, b: 2, c: [1, 2] }, { b: 3, c: [1, 3], d: {} }), {
    b: 3,
    c: [1, 3],
    d: {},
    a: null,
  });
  assert.deepEqual(patchBetween({ a: [1] }, { a: { 0: 1 } }), { a: { 0: 1 } });
});

Deno.test("what both trees share isn't looked at, however large it is", () => {
  let looks = 0;
  const counted = (size: number): Json =>
    new Proxy(Object.fromEntries(Array.from({ length: size }, (_, i) => [i, { gainDb: i }])), {
      get: (target, key) => (looks++, Reflect.get(target, key)),
      has: (target, key) => (looks++, Reflect.has(target, key)),
      ownKeys: (target) => (looks++, Reflect.ownKeys(target)),
      getOwnPropertyDescriptor: (target, key) => (looks++, Reflect.getOwnPropertyDescriptor(target, key)),
    });
  const shared = counted(1000);
  const a = { shared, deep: { shared, list: ["x"], moved: 1 } }, b = { shared, deep: { ...a.deep, moved: 2 } };
  assert.deepEqual(patchBetween(a, b), { deep: { moved: 2 } });
  mergePatch(a, { deep: { moved: 3 } });
  assert.equal(looks, 0);
  patchBetween(shared, counted(1000));
  assert.ok(looks > 0, "the count counts");
});
