/** How the page is served: from outside, over HTTP and in Chromium. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type IncomingHttpHeaders, request } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { assertProblem, fakeHouse } from "./control_fake.ts";
import { browserTest, openBrowser } from "./browser.ts";

const WEB = new URL("../web/", import.meta.url);
const names = [...Deno.readDirSync(WEB)].map(({ name }) => name).filter((name) => /\.(js|css|html|svg)$/.test(name));
const VENDOR = ["/vendor/preact.js", "/vendor/uplot.js", "/vendor/uplot.css", "/vendor/uqr.js"];
const PATHS = ["/", "/me", ...names.map((name) => `/web/${name}`), ...VENDOR];
/** All that a page transfers, compressed. */
const MOST_BYTES = 400_000;

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

function get(port: number, path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  request({ port, path, headers, method, host: "127.0.0.1", agent: false }, (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on(
      "end",
      () => resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(parts) }),
    );
  }).on("error", reject).end();
  return promise;
}

Deno.test("every file of the page is served without a secret, with the headers that shut out other hosts", async () => {
  await using house = await fakeHouse();
  for (const path of PATHS) {
    const { status, headers, bytes } = await get(house.port, path);
    assert.equal(status, 200, path);
    assert.ok(bytes.length > 0, path);
    const policy = String(headers["content-security-policy"]).split("; ");
    assert.ok(policy.includes("default-src 'none'"), path);
    assert.ok(policy.includes("script-src 'self' 'wasm-unsafe-eval'"), path);
    assert.ok(policy.includes("style-src 'self'"), path);
    assert.ok(!policy.join().includes("unsafe-inline") && !/https?:|\*/.test(policy.join()), path);
    assert.equal(headers["cross-origin-opener-policy"], "same-origin");
    assert.equal(headers["cross-origin-embedder-policy"], "require-corp");
    assert.equal(headers["cache-control"], "no-cache");
    assert.equal(headers["x-content-type-options"], "nosniff");
    const type = path.endsWith(".js")
      ? /^text\/javascript/
      : path.endsWith(".css")
      ? /^text\/css/
      : /^(text\/html|image\/svg)/;
    assert.match(String(headers["content-type"]), type, path);
  }
});

Deno.test("files are what lies in web/, plain, gzip and brotli alike", async () => {
  await using house = await fakeHouse();
  for (const name of names) {
    const path = `/web/${name}`, file = Buffer.from(Deno.readFileSync(new URL(name, WEB)));
    const plain = await get(house.port, path);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.ok(plain.bytes.equals(file), name);
    const small = await get(house.port, path, { "accept-encoding": "gzip, deflate" });
    const smaller = await get(house.port, path, { "accept-encoding": "gzip, deflate, br" });
    if (file.length < 200) continue;
    assert.equal(small.headers["content-encoding"], "gzip", name);
    assert.ok(gunzipSync(small.bytes).equals(file), name);
    assert.equal(smaller.headers["content-encoding"], "br", name);
    assert.ok(brotliDecompressSync(smaller.bytes).equals(file), name);
    const refused = await get(house.port, path, { "accept-encoding": "br;q=0, gzip;q=0" });
    assert.equal(refused.headers["content-encoding"], undefined);
  }
});

Deno.test("who has a file already gets 304, in the coding that it has it in", async () => {
  await using house = await fakeHouse();
  const codings = { "accept-encoding": "br" };
  const first = await get(house.port, "/web/live.js", codings), etag = String(first.headers.etag);
  const again = await get(house.port, "/web/live.js", { ...codings, "if-none-match": `"other", ${etag}` });
  assert.deepEqual([again.status, again.bytes.length, again.headers.etag], [304, 0, etag]);
  assert.ok(again.headers["content-security-policy"]);
  assert.equal((await get(house.port, "/web/live.js", { ...codings, "if-none-match": '"other"' })).status, 200);
  const plain = await get(house.port, "/web/live.js", { "if-none-match": etag });
  assert.equal(plain.status, 200);
  assert.notEqual(plain.headers.etag, etag);
  const head = await get(house.port, "/", {}, "HEAD");
  assert.deepEqual([head.status, head.bytes.length], [200, 0]);
});

Deno.test("nothing else is served: no folder, no other file, no way out of web/", async () => {
  await using house = await fakeHouse();
  for (
    const path of [
      "/web",
      "/web/",
      "/vendor/",
      "/web/nothing.js",
      "/web/../deno.json",
      "/web/..%2fdeno.json",
      "/web/%2e%2e/main.ts",
      "/web/style.css/",
      "/vendor/react.js",
      "/main.ts",
      "/index.html",
    ]
  ) assertProblem(await house.call("GET", path, { secret: null }), 404);
  for (const path of ["/", "/me", "/web/style.css"]) {
    const answer = await house.call("POST", path, { body: {} });
    assertProblem(answer, 405);
    assert.match(String(answer.headers.allow), /GET/);
  }
});

Deno.test("a page announces each module that it is made of, and each is there", async () => {
  await using house = await fakeHouse();
  for (const page of ["/", "/me"]) {
    const { headers } = await get(house.port, page);
    const paths = [...String(headers.link).matchAll(/<([^>]+)>; rel=modulepreload/g)].map(([, path]) => path);
    assert.ok(paths.includes("/web/live.js") && paths.includes("/vendor/preact.js"), page);
    for (const path of paths) assert.equal((await get(house.port, path)).status, 200, path);
  }
});

const texts = (pattern: RegExp) =>
  names.filter((name) => pattern.test(name)).map((name) => ({ name, text: Deno.readTextFileSync(new URL(name, WEB)) }));

Deno.test("nothing of the page names another host, or has scripts and styles in its HTML", () => {
  for (const { name, text } of texts(/./)) {
    const hosts = [...text.matchAll(/\bhttps?:\/\/([\w.-]+)/g)].map(([, host]) => host).filter((host) =>
      host !== "www.w3.org"
    );
    assert.deepEqual(hosts, [], name);
  }
  for (const { name, text } of texts(/\.html$/)) {
    assert.ok(!/\sstyle="|\son\w+="|<style/.test(text), name);
    assert.ok(!/<script(?![^>]*src=)/.test(text), name);
  }
});

browserTest("either page loads by itself, complains of nothing and transfers less than 400 KB", async () => {
  await using house = await fakeHouse();
  await using browser = await openBrowser();
  for (const path of ["/", "/me"]) {
    const page = await browser.page(`http://127.0.0.1:${house.port}${path}`);
    await page.waitForLoadState("networkidle");
    await page.waitForSelector("main");
    assert.equal(await page.evaluate("crossOriginIsolated"), true);
    const announced = String((await get(house.port, path)).headers.link);
    for (const module of [...page.transferred.keys()].filter((name) => name.endsWith(".js"))) {
      assert.ok(announced.includes(`<${module}>`), `${path} loads ${module} unannounced`);
    }
    const sum = [...page.transferred.values()].reduce((total, bytes) => total + bytes, 0);
    assert.ok(sum > 10_000 && sum < MOST_BYTES, `${path}: ${sum} bytes`);
    assert.deepEqual(page.problems, [], path);
  }
});
