/** The lint plugin from outside: source text in, diagnostics out. */
import assert from "node:assert/strict";
import plugin from "../lint/hot.ts";

const lint = (source: string, file = "mix/example.ts") =>
  Deno.lint.runPlugin(plugin, file, source).map(({ id, message, range }) => ({
    id,
    message,
    code: source.slice(range[0], range[1]),
  }));
const messages = (source: string) =>
  lint(source).map(({ message }) => message.replace(" in a function marked @hot", ""));
const inHot = (body: string) => `/** @hot Adds. */\nexport function f(a: number[]): void {\n${body}\n}\n`;

const refused: [what: string, body: string][] = [
  ["new", "new Float32Array(1);"],
  ["object literal", "g({});"],
  ["array literal", "g([a]);"],
  ["regular expression literal", "g(/x/);"],
  ["spread", "g(...a);"],
  ["closure", "a.forEach((x) => g(x));"],
  ["closure", "g(function () {});"],
  ["closure", "function inner() {}"],
  ["class", "class Inner {}"],
  ["template string", "g(`a${a}`);"],
  ["template string", "g(String.raw`a`);"],
  [".subarray()", "a.subarray(1);"],
  [".subarray()", "a?.subarray(1);"],
  [".subarray()", 'a["subarray"](1);'],
  [".slice()", "a.b.slice(1);"],
  ["try", "try { g(); } finally { g(); }"],
];
for (const [what, body] of refused) {
  Deno.test(`lint refuses ${what} in a function marked @hot: ${body}`, () => {
    assert.deepEqual(messages(inHot(body)), [what]);
    assert.deepEqual(messages(inHot(body).replace("@hot ", "")), []);
  });
}

Deno.test("lint refuses a hot function that can be suspended", () => {
  assert.deepEqual(messages("/** @hot */\nasync function f() { await 1; }"), ["async", "await"]);
  assert.deepEqual(messages("/** @hot */\nasync function f(a) { for await (const b of a) g(b); }"), ["async", "await"]);
  assert.deepEqual(messages("/** @hot */\nfunction* f() { yield 1; }"), ["generator", "yield"]);
});

Deno.test("lint refuses what a hot function's parameters allocate", () => {
  assert.deepEqual(messages("/** @hot */\nfunction f(...a: number[]) {}"), ["rest"]);
  assert.deepEqual(messages("/** @hot */\nfunction f(a = [1]) {}"), ["array literal"]);
});

Deno.test("lint points at the code, also behind characters beyond ASCII", () => {
  assert.deepEqual(lint("/** ä … 𝄞 */\n/** @hot ¼ */\nconst f = () => [1, 2];"), [
    { id: "foldback/hot", message: "array literal in a function marked @hot", code: "[1, 2]" },
  ]);
});

for (
  const [kind, source] of [
    ["a default export", "/** @hot */\nexport default function () { new A(); }"],
    ["an arrow function", "/** @hot */\nexport const f = (): A => new A();"],
    ["a function expression", "/** @hot */\nconst f = function () { new A(); };"],
    ["a method", "class C {\n  /** @hot */\n  static m() { new A(); }\n}"],
    ["a private method", "class C {\n  /** @hot */\n  #m() { new A(); }\n}"],
    ["an accessor", "class C {\n  /** @hot */\n  get a() { return new A(); }\n}"],
    ["a field", "class C {\n  /** @hot */\n  m = () => new A();\n}"],
    ["an object's method", "const o = {\n  /** @hot */\n  m() { new A(); },\n};"],
    ["a function whose tag ends the comment", "/**\n * Adds.\n * @hot\n */\nfunction f() { new A(); }"],
    ["a function with further comments between", "/** @hot */\n// why\n/* and how */\nfunction f() { new A(); }"],
  ]
) {
  Deno.test(`lint finds the tag of ${kind}`, () => assert.deepEqual(messages(source), ["new"]));
}

Deno.test("lint leaves the neighbours of a hot function alone", () => {
  assert.deepEqual(messages("/** @hot */\nfunction f() {}\nfunction g() { return [() => new A()]; }"), []);
  assert.deepEqual(messages("/** @hot */\nconst f = () => 1, g = () => new A();"), []);
  assert.deepEqual(messages("class C {\n  /** @hot */\n  f() {}\n  g() { return {}; }\n}"), []);
  assert.deepEqual(messages("/** Calls what is marked @hot. */\nfunction f() { return {}; }"), []);
  assert.deepEqual(messages("// @hot\nfunction f() { return {}; }"), []);
});

Deno.test("lint allows types, patterns and assignments in a hot function", () => {
  assert.deepEqual(
    messages(
      inHot("const { length }: { length: number } = a as readonly number[]; a[0] = length; type T = `a${string}`;"),
    ),
    [],
  );
});

Deno.test("lint reports a closure once, not what is inside it", () => {
  assert.deepEqual(messages(inHot("g(() => [{ a: new A() }]);")), ["closure"]);
});

Deno.test("an allocates comment excuses its own line, or the next one when it stands alone", () => {
  assert.deepEqual(messages(inHot("new A(); // allocates: the buffer that is posted")), []);
  assert.deepEqual(messages(inHot("// allocates: the buffer that is posted\n// to each worker\nnew A();")), []);
  assert.deepEqual(messages(inHot("// allocates: the buffer\nnew A();\nnew B();")), ["new"]);
  assert.deepEqual(messages(inHot("new A(); // allocates: the buffer\nnew B();")), ["new"]);
});

Deno.test("an allocates comment without a reason excuses nothing", () => {
  assert.deepEqual(messages(inHot("new A(); // allocates:")), ["new"]);
  assert.deepEqual(messages(inHot("new A(); // allocates")), ["new"]);
  assert.deepEqual(messages(inHot('new A("// allocates: a string is no comment");')), ["new"]);
});

Deno.test("lint reports a tag that stands before no function", () => {
  const nothing = "@hot stands before no function: nothing is checked here";
  assert.deepEqual(messages("/** @hot */\nclass C {}"), [nothing]);
  assert.deepEqual(messages("/** @hot */\nconst f = wrap(() => new A());"), [nothing]);
  assert.deepEqual(messages("const a = 1;\n/** @hot */"), [nothing]);
});

Deno.test("lint lets a signature without a body be marked", () => {
  assert.deepEqual(messages("interface I {\n  /** @hot */\n  read(): number;\n}"), []);
  assert.deepEqual(messages("/** @hot */\nexport declare function f(): void;"), []);
  assert.deepEqual(messages("abstract class C {\n  /** @hot */\n  abstract read(): number;\n}"), []);
});

Deno.test("lint refuses timers and the wall clock in the sound's way, and only there", () => {
  const source = "setTimeout(f, 1); setInterval(f, 1); Date.now(); new Date(); performance.now();";
  for (const folder of ["capture", "mix", "send", "workers"]) {
    assert.deepEqual(lint(source, `/home/me/foldback/${folder}/a.ts`).map(({ code }) => code), [
      "setTimeout(f, 1)",
      "setInterval(f, 1)",
      "Date.now()",
    ]);
  }
  for (const file of ["control/a.ts", "core/a.ts", "main.ts", "/mix/control/a.ts"]) {
    assert.deepEqual(lint(source, file), []);
  }
});
