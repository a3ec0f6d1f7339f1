// What a first visit costs, up to the overview's figures, and what protects it.

import { assert, flow, found, logIn, open, step, told } from "./tools.mjs";

const MOST = 250_000; // bytes, compressed

await flow(async () => {
  const page = await open({ path: "about:blank" === told.url ? "" : "#/overview" });
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const answers = new Map();
  let bytes = 0;
  session.on("Network.responseReceived", ({ requestId, response }) => answers.set(requestId, response));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (!answers.get(requestId)?.url.startsWith("data:")) bytes += encodedDataLength;
  });

  await step("the page and all that it needs are small", async () => {
    await page.reload();
    await logIn(page, "root");
    await page.locator("h1").waitFor();
    found({ bytes });
    assert.ok(bytes > 10_000, `${bytes} bytes: they were not counted`);
    assert.ok(bytes < MOST, `${bytes} bytes are loaded; at most ${MOST} are right`);
  });

  await step("scripts are sent compressed, and as what they are", async () => {
    const scripts = [...answers.values()].filter(({ url }) => /\.js$/.test(url));
    assert.ok(scripts.length > 0);
    for (const { headers, mimeType, url } of scripts) {
      assert.equal(headers["Content-Encoding"] ?? headers["content-encoding"], "gzip", url);
      assert.equal(mimeType, "text/javascript");
    }
  });

  await step("nothing but what is ours may run, be shown, or be spoken to", async () => {
    const answer = await page.request.get(`${told.url}/`);
    const policy = answer.headers()["content-security-policy"];
    const rules = Object.fromEntries(policy.split(";").map((one) => one.trim().split(/ (.*)/)).map(([name, value]) => [name, value]));
    assert.deepEqual(rules, {
      "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "connect-src": "'self'",
      "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'self'",
    });
    const origins = new Set([...answers.values()].map(({ url }) => new URL(url)).filter(({ protocol }) => protocol !== "data:").map(({ origin }) => origin));
    assert.deepEqual([...origins], [told.url]);
  });
});
