/** The musician's page and a server at its limit. The refusals are made up here; the server behind is real. */
import assert from "node:assert/strict";
import { browserTest, openBrowser } from "./browser.ts";
import { assertQuiet, openMe, tones } from "./me_page.ts";
import { JOIN_CODE } from "./server.ts";

const refusal = (more: Record<string, unknown>) => ({
  status: 503,
  headers: { "retry-after": "1" },
  contentType: "application/problem+json",
  body: JSON.stringify({ type: "about:blank", title: "", status: 503, detail: "late", code: "overloaded", ...more }),
});

browserTest(
  "a server at its limit: the page says so, tries again, and takes the longer frames that it is offered",
  async () => {
    await using server = await tones();
    await using browser = await openBrowser();
    const page = await openMe(browser, server, `#join=${JOIN_CODE}`, { expected: /503/ });
    const asked: (number | undefined)[] = [], answers = [refusal({}), refusal({ offer: { frameMs: 10 } })];
    await page.route("**/api/v1/sessions", (route) => {
      asked.push(route.request().postDataJSON().frameMs);
      const answer = answers.shift();
      return answer === undefined ? route.continue() : route.fulfill(answer);
    });
    await page.fill("#name", "Bo");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("The server is at its limit").waitFor();
    await page.waitForSelector(".strip");
    assert.deepEqual(asked, [undefined, undefined, 10]);
    const { body } = await server.call("GET", "/api/v1/sessions");
    assert.deepEqual(body.map(({ name, frameMs }: { name: string; frameMs: number }) => [name, frameMs]), [["Bo", 10]]);
    assertQuiet(page);
  },
);
