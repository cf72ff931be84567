import assert from "node:assert/strict";
import { ENGINEER, fakeHouse, JOIN_CODE, newDevice } from "./control_fake.ts";
import { done, refused } from "./desk.ts";

const join = () => ({ name: "Ana", device: newDevice() });
const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;

Deno.test("a new join code works at once, the old one is dead, and who has joined stays", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join();
  const { joinCode, url } = await done(house, "POST", "/secrets/join-code", {});
  assert.match(joinCode, /^[A-Z2-9]{6}$/);
  assert.notEqual(joinCode, JOIN_CODE);
  assert.deepEqual(await done(house, "GET", "/secrets"), { joinCode, url });
  await refused(house, 401, "POST", "/sessions", join(), JOIN_CODE);
  await done(house, "POST", "/sessions", join(), joinCode);
  await done(house, "GET", "/channels", undefined, token);
});

Deno.test("the engineer may choose the join code", async () => {
  await using house = await fakeHouse();
  assert.equal((await done(house, "POST", "/secrets/join-code", { joinCode: "stage-9" })).joinCode, "stage-9");
  await done(house, "POST", "/sessions", join(), "STAGE-9");
  for (const joinCode of ["abc", "with a blank", "x".repeat(65), "smörgås", 12345]) {
    const { errors } = await refused(house, 400, "POST", "/secrets/join-code", { joinCode });
    assert.equal(errors[0].path, "joinCode");
  }
  await done(house, "POST", "/sessions", join(), "stage-9");
});

Deno.test("a new engineer key works at once, the old one is dead, and tokens go on", async () => {
  await using house = await fakeHouse();
  const { token } = await house.join();
  const { engineerKey } = await done(house, "POST", "/secrets/engineer-key");
  assert.ok(engineerKey.length >= 22);
  await refused(house, 401, "GET", "/seats", undefined, ENGINEER);
  await done(house, "GET", "/seats", undefined, engineerKey);
  await done(house, "GET", "/channels", undefined, token);
});

Deno.test("secrets that were given by a flag can only be changed there", async () => {
  await using house = await fakeHouse({ options: { given: { joinCode: true, engineerKey: false } } });
  assert.match((await refused(house, 409, "POST", "/secrets/join-code", {})).detail, /--join-code/);
  const { engineerKey } = await done(house, "POST", "/secrets/engineer-key");
  assert.notEqual(engineerKey, ENGINEER);
  await using other = await fakeHouse({ options: { given: { joinCode: false, engineerKey: true } } });
  assert.match((await refused(other, 409, "POST", "/secrets/engineer-key")).detail, /--engineer-key/);
  await done(other, "POST", "/secrets/join-code", {});
});

Deno.test("new secrets are on disk before the answer, for the owner's eyes only", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "foldback-test-" });
  try {
    await using house = await fakeHouse({ options: { stateDir } });
    const { joinCode } = await done(house, "POST", "/secrets/join-code", {});
    assert.equal(Deno.readTextFileSync(`${stateDir}/join-code`).trim(), joinCode);
    const { engineerKey } = await done(house, "POST", "/secrets/engineer-key");
    assert.equal(Deno.readTextFileSync(`${stateDir}/engineer-key`).trim(), engineerKey);
    for (const name of ["join-code", "engineer-key"]) assert.equal(modeOf(`${stateDir}/${name}`), 0o600);
    await done(house, "POST", "/sessions", join(), joinCode);
    assert.equal(modeOf(`${stateDir}/state.json`), 0o600);
    const text = Deno.readTextFileSync(`${stateDir}/state.json`);
    for (const secret of [joinCode, engineerKey]) assert.ok(!text.includes(secret));
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("a secret that can't be kept isn't changed", async () => {
  const file = await Deno.makeTempFile({ prefix: "foldback-test-" });
  try {
    await using house = await fakeHouse();
    (house.control.house.options as { stateDir: string }).stateDir = `${file}/below`;
    await refused(house, 503, "POST", "/secrets/join-code", {});
    await refused(house, 503, "POST", "/secrets/engineer-key");
    await done(house, "POST", "/sessions", join(), JOIN_CODE);
    await done(house, "GET", "/seats", undefined, ENGINEER);
  } finally {
    await Deno.remove(file);
  }
});
