/** The engineer's console in Chromium: what belongs to the whole house. Groups, scenes, codes, graph, system. */
import assert from "node:assert/strict";
import { type Any, choose, confirm, fader, houseTests, until, valueOf } from "./web_desk.ts";

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
  await page.locator("[data-group] .toggle").click();
  // Quicker than the answers.
  await page.locator("[data-group] .picker").evaluate(async (picker: Any) => {
    for (const i of [10, 11]) {
      picker.querySelectorAll("input")[i].click();
      await new Promise((resolve) => setTimeout(resolve));
    }
  });
  await until("both ticks", async () => (await call("GET", "/groups"))[0].channels.join() === "9,10,11,12");
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

deskTest("a limit holds when it is let go: on the way it brings no fader down", async ({ call, console, seat }) => {
  const id = await seat("Limited"), page = await console();
  await call("PATCH", `/seats/${id}/mix`, { channels: { 2: { gainDb: 5 } } });
  await choose(page, id);
  const limit = page.getByRole("slider", { name: "Highest gain" }),
    { x, y, width, height } = (await limit.boundingBox())!;
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2 - width / 3, y + height / 2);
  await until("down", async () => await valueOf(limit) < -3);
  await page.mouse.move(x + width / 2 - 4, y + height / 2);
  await until("up again", async () => await valueOf(limit) > 6);
  const wanted = await valueOf(limit);
  await page.mouse.up();
  await until("the limit", async () => (await call("GET", `/seats/${id}`)).maxGainDb === wanted);
  assert.equal((await call("GET", `/seats/${id}/mix`)).channels[2].gainDb, 5);
  assert.deepEqual(page.problems, []);
});

deskTest("a seat moves past the one beside it, whatever stands between them unseen", async (house) => {
  const { call, console, seat, join } = house;
  for (const { seat } of await call("GET", "/seats")) await call("DELETE", `/seats/${seat}`);
  using one = await join({ name: "One" });
  const empty = await seat("Nobody");
  using two = await join({ name: "Two" });
  const page = await console(), order = async () => (await call("GET", "/seats")).map(({ seat }: Any) => seat).join();
  await choose(page, one.joined.seat);
  await page.getByRole("button", { name: "Move One back" }).click();
  await until("later", async () => await order() === [empty, two.joined.seat, one.joined.seat].join());
  assert.ok(await page.getByRole("button", { name: "Move One back" }).isDisabled());
  await page.getByRole("button", { name: "Move One forward" }).click();
  await until("earlier", async () => await order() === [empty, one.joined.seat, two.joined.seat].join());
  assert.deepEqual(page.problems, []);
});

deskTest("what goes wrong is seen over what covers the desk", async ({ console }) => {
  const page = await console({ expected: /409/ });
  await page.getByRole("button", { name: "Join code" }).click();
  await confirm(page.getByRole("button", { name: "New code" }));
  const notice = page.getByRole("alert");
  await notice.waitFor();
  const onTop = await notice.evaluate((element: Any) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return element.contains((globalThis as Any).document.elementFromPoint(x + width / 2, y + height / 2));
  });
  assert.ok(onTop);
  await notice.getByRole("button", { name: "Close" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(page.problems, []);
});

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
