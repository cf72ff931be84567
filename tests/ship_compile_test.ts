/** The compiled binary: that the task fails clearly, and that what it embeds is all that the program needs. */
import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };
import { modules, V8_FLAGS } from "../packaging/compile.ts";
import { compile, Embedded, embeddedPaths, listEmbedded } from "./ship_embedded.ts";
import { assertPage, assertQuiet, assertTones, OWN_PLACE, startShipped } from "./ship_server.ts";

Deno.test("where the runtime part can't be downloaded, the compile task says in its last line what to do", async () => {
  const folder = await Deno.makeTempDir({ prefix: "foldback-compiled-" });
  try {
    const output = `${folder}/foldback`;
    // Nothing listens on the proxy's port; no build machine has this part in its cache.
    const env = { HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "", DENORT_BIN: "" };
    const { code, said } = await compile(["--output", output, "--target", "x86_64-pc-windows-msvc"], env);
    assert.notEqual(code, 0);
    assert.match(said.trimEnd().split("\n").at(-1)!, /^cannot compile: Deno's runtime part .* DENORT_BIN$/);
    assert.ok(said.includes(`denort-x86_64-pc-windows-msvc.zip of Deno's release ${Deno.version.deno} `), said);
    assert.doesNotMatch(said, /backtrace/i);
    await assert.rejects(Deno.stat(output));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("task, container and binary run with the same flags of V8", async () => {
  const dockerfile = await Deno.readTextFile(new URL("../Dockerfile", import.meta.url));
  assert.match(V8_FLAGS, /^--[^,]+(,--[^,]+)*$/);
  assert.ok(dockerfile.includes(` DENO_V8_FLAGS=${V8_FLAGS}\n`));
});

Deno.test("a list of embedded files is read into paths", () => {
  const list = [
    "foldback",
    "├─┬ .deno_compile_node_modules (1.2MB - 1.1MB unique)",
    "│ └─┬ localhost (1.2MB)",
    "│   ├── @hono/node-server/* (137.67KB - 135.66KB unique)",
    "│   └─┬ tslib (125.06KB - 124.24KB unique)",
    "│     └── 1.14.1/* (33.81KB)",
    "├── core/* (113.53KB)",
    "└── main.ts (31.52KB)",
    "",
    "Files: 15.68MB",
  ];
  const packages = ".deno_compile_node_modules/localhost";
  const read = [`${packages}/@hono/node-server/*`, `${packages}/tslib/1.14.1/*`, "core/*", "main.ts"];
  assert.deepEqual(embeddedPaths(list.join("\n")), read);
});

Deno.test("what is embedded is all of the program: from these files alone it serves sound and page", async () => {
  const { code, said } = await listEmbedded();
  // Deno stood for its runtime part, and so isn't Foldback: nobody must take it for that.
  assert.notEqual(code, 0);
  assert.match(said.trimEnd().split("\n").at(-1)!, /^cannot compile: what was made calls itself "deno /);
  await using embedded = await Embedded.lay(said);
  const inside = (path: string) =>
    embedded.paths.some((one) => one === path || one.endsWith("/*") && path.startsWith(one.slice(0, -1)));
  assert.deepEqual(modules().filter((path) => !inside(path)), []);
  assert.deepEqual(["tests/run.ts", "packaging/compile.ts"].filter(inside), []);
  const stateDir = await Deno.makeTempDir({ prefix: "foldback-state-" });
  await using server = await startShipped({
    command: [...embedded.command, "start", "--source", "tones"],
    env: { ...embedded.env, ...OWN_PLACE, FOLDBACK_STATE_DIR: stateDir },
    cwd: "/",
    stateDir,
  });
  await assertTones(server);
  await assertPage(server);
  const { body } = await server.call("GET", "/api/v1/status");
  assert.equal(body.version, manifest.version);
  assert.equal(await server.stop("SIGTERM"), 0, server.output.join("\n"));
  assertQuiet(server);
});
