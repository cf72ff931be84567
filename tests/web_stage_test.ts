/** Ten listeners and the engineer's console in Chromium: the delay that stands there is the delay that they have. */
import assert from "node:assert/strict";
import { CHROMIUM_NEEDS, openBrowser } from "./browser.ts";
import { compareDelays } from "./clicks.ts";
import { programTest } from "./require.ts";
import { ENGINEER_KEY } from "./server.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const SECONDS = Number(Deno.env.get("STAGE_SECONDS") ?? 6);

programTest(
  "the console's delay of each of ten listeners is the delay of clicks from the source to their outputs",
  CHROMIUM_NEEDS,
  async () => {
    await using browser = await openBrowser();
    const mix = ["--mode", "mix", "--channels", "1"];
    await compareDelays(SECONDS, () => mix, async (server) => {
      const page = await browser.page(`${server.url}/#key=${ENGINEER_KEY}`);
      await page.waitForSelector(".strip");
      return async (joined) => {
        assert.deepEqual(page.problems, []);
        const shown = await page.locator(".card").evaluateAll((cards: Any[]) =>
          cards.map((card) => [".card-name", ".delay"].map((part) => card.querySelector(part).textContent))
        );
        const byName = new Map(shown.map(([name, text]) => [name, parseFloat(text)]));
        return joined.map((_, i) => byName.get(`Listener ${i}`) ?? NaN);
      };
    });
  },
);
