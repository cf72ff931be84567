/** The engineer's console in Chromium: what belongs to the whole house. Groups, scenes, codes, graph, system. */
import assert from "node:assert/strict";
import { type Any, choose, confirm, fader, houseTests, until } from "./web_desk.ts";

const deskTest = houseTests();

deskTest("groups are made, fill a fader in each mix, and go", async ({ call, console, seat }) => {
  const id = await seat("Grouped"), page = await console();
  await choose(page, id);
  await page.click("#tab-groups");
  await page.fill("[aria-label='Name of the new group']", "Winds");
  for (const channel of [9, 10]) await page.locator("form .tick", { hasText: new RegExp(`^${channel} `) }).click();
  // Who presses Enter and then the button, before the server has answered, wants one group.
  const pressed = Promise.withResolvers<void>();
  await page.route("**/api/v1/groups", async (route) => {
    await pressed.promise;
    await route.continue();
  });
  await page.keyboard.press("Enter");
  await page.locator("form").getByRole("button", { name: "Add" }).click();
  pressed.resolve();
  const group = page.locator(".strip.group");
  await group.waitFor();
  const groups = await call("GET", "/groups"), [made] = groups;
  assert.deepEqual([groups.length, made.name, made.channels], [1, "Winds", [9, 10]]);
  await group.locator("[role=slider]").focus();
  await page.keyboard.press("PageDown");
  await group.locator(".mute").click();
  await until("the group's fader", async () => {
    const { gainDb, mute } = (await call("GET", `/seats/${id}/mix`)).groups[made.group];
    return gainDb === -3 && mute;
  });
  await confirm(page.getByRole("button", { name: "Delete Winds" }));
  await group.waitFor({ state: "detached" });
  assert.deepEqual(await call("GET", "/groups"), []);
  assert.deepEqual(page.problems, []);
});

deskTest(
  "a seat's lock, limits, channels, copies and phone are the server's",
  async ({ call, console, seat, join }) => {
    const id = await seat("Ruled"), twin = await seat("Twin");
    using guest = await join({ name: "Guest" });
    await call("PATCH", `/seats/${id}/mix`, { channels: { 2: { gainDb: -9 } } });
    const page = await console();
    await choose(page, id);
    await page.getByRole("button", { name: "Lock", exact: true }).click();
    await page.getByRole("button", { name: "Recall safe" }).click();
    await page.getByRole("slider", { name: "Highest gain" }).focus();
    await page.keyboard.press("PageDown");
    await page.getByRole("slider", { name: "Limiter ceiling" }).focus();
    await page.keyboard.press("PageDown");
    await until("the rules", async () => {
      const { locked, recallSafe, maxGainDb, mix } = await call("GET", `/seats/${id}`);
      return locked && recallSafe && maxGainDb === 7 && mix.limiter.ceilingDb === -4;
    });
    await until("the fader's top", async () => await fader(page, 1).getAttribute("aria-valuemax") === "7");
    await page.getByRole("button", { name: "Copy mix to…" }).click();
    await page.locator(".picker .tick", { hasText: "Twin" }).click();
    await page.getByRole("button", { name: "Copy to 1" }).click();
    await until("the copy", async () => (await call("GET", `/seats/${twin}/mix`)).channels[2].gainDb === -9);
    await page.getByRole("button", { name: "May hear…" }).click();
    await page.getByRole("button", { name: "Every channel" }).click();
    await page.locator(".picker .tick", { hasText: /^16 / }).click();
    await until("the channels", async () => (await call("GET", `/seats/${id}`)).channels?.length === 15);
    await until("the fader's end", async () => await fader(page, 16).getAttribute("aria-disabled") === "true");
    await page.getByRole("button", { name: "Move to phone…" }).click();
    await confirm(page.getByRole("button", { name: "Guest" }).last());
    await until("the move", async () => (await call("GET", `/seats/${id}`)).session === guest.joined.session);
    assert.deepEqual(page.problems, []);
  },
);

deskTest(
  "the join code and each seat's invite fill the screen, and are renewed there",
  async ({ call, console, seat, url }) => {
    const id = await seat("Invited"), page = await console();
    await page.getByRole("button", { name: "Join code" }).click();
    const dialog = page.getByRole("dialog");
    const qr = dialog.locator("svg.qr"), box = await qr.boundingBox();
    assert.ok(box && Math.min(box.width, box.height) > 600);
    const { url: own } = await call("GET", "/secrets");
    assert.equal(await qr.getAttribute("aria-label"), `QR code: ${own}me#join=TESTJOIN`);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await choose(page, id);
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    const { invite } = await call("GET", `/seats/${id}`);
    assert.equal(await page.locator(".join-code").innerText(), invite);
    const last = (await page.getByRole("button", { name: "New invite" }).boundingBox())!;
    assert.ok(last.y + last.height <= page.viewportSize()!.height, "all of it is on the screen");
    await confirm(page.getByRole("button", { name: "New invite" }));
    await until("the new one", async () => await page.locator(".join-code").innerText() !== invite);
    const fresh = (await call("GET", `/seats/${id}`)).invite;
    assert.equal(await page.locator(".join-code").innerText(), fresh);
    assert.equal(await qr.getAttribute("aria-label"), `QR code: ${own}me#join=${fresh}&name=Invited`);
    assert.ok(own.startsWith(url.slice(0, 12)));
    assert.deepEqual(page.problems, []);
  },
);

deskTest("the graph draws a line for each listener, and one alone", async ({ console, join }) => {
  using _one = await join({ name: "Drawn One" });
  using _two = await join({ name: "Drawn Two" });
  const page = await console();
  await page.click("#tab-delay");
  const graph = page.locator(".dock .graph");
  await until("both lines", async () => {
    const text = await graph.getAttribute("aria-label") ?? "";
    return /Drawn One: now [\d.]+ ms/.test(text) && /Drawn Two: now [\d.]+ ms/.test(text);
  });
  const drawn = () =>
    graph.locator("canvas").evaluate((canvas: Any) =>
      canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte: number) => byte > 0)
    );
  await until("ink", async () => await graph.locator("canvas").count() > 0 && await drawn());
  await page.selectOption(".dock select", { label: "Drawn Two" });
  await until("one line", async () => !(await graph.getAttribute("aria-label"))!.includes("Drawn One"));
  await page.getByRole("button", { name: "Enlarge" }).click();
  const large = await page.locator(".overlay .graph").boundingBox();
  assert.ok(large && large.width > 1200);
  assert.deepEqual(page.problems, []);
});

deskTest("the system panel tells of source, workers and what happened", async ({ console, join }) => {
  const page = await console();
  await page.click("#tab-system");
  using _listener = await join({ name: "Noted" });
  await page.locator(".log", { hasText: "Noted joined" }).waitFor();
  await page.locator(".facts", { hasText: /% of a core/ }).waitFor();
  assert.match(await page.locator(".facts").innerText(), /16 channels, audio/);
  assert.ok(await page.locator(".workers tbody tr").count() >= 1);
  assert.deepEqual(page.problems, []);
});
