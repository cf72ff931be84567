/** Join code and engineer key on disk: made once, replaced when asked, whole and private always. */
import assert from "node:assert/strict";
import { FlagError } from "../control/flags.ts";
import { keepSecret, keepSecrets } from "../control/kept.ts";
import { Folder } from "./store_folder.ts";

Deno.test("secrets are made at the first start, private, and the same at the next", () => {
  using folder = new Folder();
  const made = keepSecrets(folder.path, null, null);
  assert.match(made.joinCode, /^[A-Z2-9]{6}$/);
  assert.match(made.engineerKey, /^[\w-]{22}$/);
  assert.equal(made.engineerKeyFile, `${folder.path}/engineer-key`);
  assert.deepEqual(keepSecrets(folder.path, null, null), made);
  assert.deepEqual(folder.names(), ["engineer-key", "join-code"]);
  assert.equal(folder.text("join-code"), `${made.joinCode}\n`);
  if (Deno.build.os === "windows") return;
  assert.equal(Deno.statSync(folder.path).mode! & 0o777, 0o700);
  for (const name of folder.names()) assert.equal(Deno.statSync(`${folder.path}/${name}`).mode! & 0o777, 0o600, name);
});

Deno.test("a secret that was replaced is what the next start finds; of several the last", async () => {
  using folder = new Folder();
  const { engineerKey } = keepSecrets(folder.path, null, null);
  Deno.chmodSync(`${folder.path}/join-code`, 0o644);
  await Promise.all(["FIRST1", "SECOND", "THIRD3"].map((code) => keepSecret(folder.path, "join-code", code)));
  const { joinCode, engineerKey: same } = keepSecrets(folder.path, null, null);
  assert.deepEqual([joinCode, same], ["THIRD3", engineerKey]);
  await keepSecret(folder.path, "engineer-key", "another-engineer-key-of-32-chars");
  assert.equal(keepSecrets(folder.path, null, null).engineerKey, "another-engineer-key-of-32-chars");
  assert.deepEqual(folder.names(), ["engineer-key", "join-code"]);
  if (Deno.build.os !== "windows") assert.equal(Deno.statSync(`${folder.path}/join-code`).mode! & 0o777, 0o600);
});

Deno.test("a secret is kept in a directory that has to be made", async () => {
  using folder = new Folder();
  await keepSecret(folder.path, "join-code", "STAGE1");
  assert.equal(keepSecrets(folder.path, null, null).joinCode, "STAGE1");
});

Deno.test("a secret that the next start would refuse is refused, and the one that is kept stays", async () => {
  using folder = new Folder();
  const { joinCode } = keepSecrets(folder.path, null, null);
  for (const value of ["", "abc", "two words", "line\nbreak", "ä".repeat(8), "x".repeat(65)]) {
    await assert.rejects(keepSecret(folder.path, "join-code", value), RangeError);
  }
  assert.equal(keepSecrets(folder.path, null, null).joinCode, joinCode);
});

Deno.test("a place that can't be written is an error that names the file, and the next one that can be works", async () => {
  using folder = new Folder();
  Deno.writeTextFileSync(folder.path, "a file where the directory should be");
  await assert.rejects(
    keepSecret(folder.path, "join-code", "STAGE1"),
    (error: Error) => error.message.startsWith(`cannot write ${folder.path}/join-code: `),
  );
  assert.throws(() => keepSecrets(folder.path, null, null), FlagError);
  Deno.removeSync(folder.path);
  await keepSecret(folder.path, "join-code", "STAGE2");
  assert.equal(keepSecrets(folder.path, null, null).joinCode, "STAGE2");
});
