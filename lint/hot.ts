/**
 * The lint plugin that holds two habits of the sound's way. In: the syntax tree of a file. Out: diagnostics of `deno lint`.
 * It runs in the linter alone, never in the program, and may allocate.
 *
 * - `foldback/hot`: a function whose JSDoc carries the tag `@hot` allocates nothing and can't be suspended: no `new`, no
 *   object, array or regular expression literal, no spread or rest, no closure or class, no template string, no
 *   `.subarray()` or `.slice()`, no `async`, `await`, `yield` or `try`. A line comment `// allocates: REASON` at the end
 *   of the line, or alone on the line before, names an exception.
 * - `foldback/device-clock`: no `Date.now()`, `setTimeout()` or `setInterval()` in capture/, mix/, send/ and workers/,
 *   for there the device's clock is the clock.
 */

type Comment = Deno.lint.LineComment | Deno.lint.BlockComment;
type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

const HOT_TAG = /(?:^|\n)[\s*]*@hot\b/;
const EXCEPTION = /^\s*allocates:\s*\S/;
const SKIPPED = /(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/y;
const VIEWS = new Set(["subarray", "slice"]);

/** Where the code begins that a comment stands before: after blanks and further comments. */
function anchorOf(text: string, comment: Deno.lint.BlockComment): number {
  SKIPPED.lastIndex = comment.range[1];
  SKIPPED.exec(text);
  return SKIPPED.lastIndex;
}

/** Every position at which a JSDoc comment of this function may point: its own, its method's, its declaration's. */
function startsOf(node: FunctionNode): number[] {
  const starts = [node.range[0]];
  let child: Deno.lint.Node = node;
  for (;;) {
    const parent: Deno.lint.Node | undefined = "parent" in child ? child.parent as Deno.lint.Node : undefined;
    switch (parent?.type) {
      case "VariableDeclaration":
        // A comment before the keyword belongs to the first of the declared.
        if (parent.declarations[0].range[0] !== child.range[0]) return starts;
        break;
      case "VariableDeclarator":
      case "ExportNamedDeclaration":
      case "ExportDefaultDeclaration":
      case "MethodDefinition":
      case "PropertyDefinition":
      case "Property":
        break;
      default:
        return starts;
    }
    starts.push(parent.range[0]);
    child = parent;
  }
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length - 1;

/** Lines (counted from 0) that an `// allocates:` comment excuses: its own, or alone on a line, the next one with code. */
function excusedLines(text: string, comments: readonly Comment[]): Set<number> {
  const lines = text.split("\n");
  const excused = new Set<number>();
  for (const { type, value, range } of comments) {
    if (type !== "Line" || !EXCEPTION.test(value)) continue;
    let line = lineOf(text, range[0]);
    while (line < lines.length && /^\s*\/\//.test(lines[line])) line++;
    excused.add(line);
  }
  return excused;
}

const hot: Deno.lint.Rule = {
  create(context) {
    const { text } = context.sourceCode;
    const comments = context.sourceCode.getAllComments();
    const tagged = comments.filter((comment): comment is Deno.lint.BlockComment =>
      comment.type === "Block" && comment.value.startsWith("*") && HOT_TAG.test(comment.value)
    );
    if (tagged.length === 0) return {};
    const anchors = new Map(tagged.map((comment) => [anchorOf(text, comment), comment]));
    const unclaimed = new Map(anchors);
    const excused = excusedLines(text, comments);
    /** The functions around the node that is visited: true = marked. */
    const around: boolean[] = [];

    const refuse = (what: string) => (node: Deno.lint.Node) => {
      if (around.at(-1) !== true || excused.has(lineOf(text, node.range[0]))) return;
      context.report({
        node,
        message: `${what} in a function marked @hot`,
        hint:
          "Allocate at start; for the one exception that is meant, `// allocates: REASON` on this line or before it",
      });
    };
    const enter = (node: FunctionNode) => {
      refuse("closure")(node);
      const starts = startsOf(node).filter((start) => anchors.has(start));
      starts.forEach((start) => unclaimed.delete(start));
      around.push(starts.length > 0);
      if (node.async || node.generator) refuse(node.async ? "async" : "generator")(node);
    };
    const leave = () => void around.pop();
    /** A signature without a body may be marked for those who implement it. */
    const promise = (node: Deno.lint.Node) => {
      unclaimed.delete(node.range[0]);
      if ("parent" in node && node.parent?.type === "ExportNamedDeclaration") unclaimed.delete(node.parent.range[0]);
    };
    return {
      FunctionDeclaration: enter,
      FunctionExpression: enter,
      ArrowFunctionExpression: enter,
      "FunctionDeclaration:exit": leave,
      "FunctionExpression:exit": leave,
      "ArrowFunctionExpression:exit": leave,
      TSMethodSignature: promise,
      TSPropertySignature: promise,
      TSDeclareFunction: promise,
      TSAbstractMethodDefinition: promise,
      ClassDeclaration: refuse("class"),
      ClassExpression: refuse("class"),
      NewExpression: refuse("new"),
      ObjectExpression: refuse("object literal"),
      ArrayExpression: refuse("array literal"),
      Literal(node) {
        if (text[node.range[0]] === "/") refuse("regular expression literal")(node);
      },
      SpreadElement: refuse("spread"),
      RestElement: refuse("rest"),
      TemplateLiteral: refuse("template string"),
      AwaitExpression: refuse("await"),
      YieldExpression: refuse("yield"),
      ForOfStatement(node) {
        if (node.await) refuse("await")(node);
      },
      TryStatement: refuse("try"),
      CallExpression(node) {
        // In `a?.b()` the callee stands in a ChainExpression of its own.
        const callee: Deno.lint.Node = node.callee.type === "ChainExpression" ? node.callee.expression : node.callee;
        if (callee.type !== "MemberExpression") return;
        const { property, computed } = callee;
        const name = property.type === "Identifier" && !computed
          ? property.name
          : property.type === "Literal"
          ? String(property.value)
          : "";
        if (VIEWS.has(name)) refuse(`.${name}()`)(node);
      },
      "Program:exit"() {
        for (const { range } of unclaimed.values()) {
          context.report({ range, message: "@hot stands before no function: nothing is checked here" });
        }
      },
    };
  },
};

/** Source files of the folders in the sound's way. */
const SOUND_WAY = /(?:^|[/\\])(?:capture|mix|send|workers)[/\\][^/\\]+$/;

const deviceClock: Deno.lint.Rule = {
  create(context) {
    if (!SOUND_WAY.test(context.filename)) return {};
    const refuse = (node: Deno.lint.Node, name: string) =>
      context.report({
        node,
        message: `${name} in the sound's way`,
        hint: "The device's clock drives it: count samples, wait on the ring, take the time from core/clock.ts",
      });
    return {
      'CallExpression[callee.name="setTimeout"]': (node: Deno.lint.CallExpression) => refuse(node, "setTimeout()"),
      'CallExpression[callee.name="setInterval"]': (node: Deno.lint.CallExpression) => refuse(node, "setInterval()"),
      'CallExpression[callee.object.name="Date"][callee.property.name="now"]': (node: Deno.lint.CallExpression) =>
        refuse(node, "Date.now()"),
    };
  },
};

/** The plugin, as deno.json names it. */
const plugin: Deno.lint.Plugin = { name: "foldback", rules: { hot, "device-clock": deviceClock } };
export default plugin;
