// What bench/pages.py measures inside the browser; see there.

import { browserVersion, ask, flow, found, goto, logIn, open, settled, step, told } from "../tests/browser/tools.mjs";

/** Collects what the browser tells of itself, from the begin of a page on. */
const OBSERVER = `
  window.hpmSeen = { lcp: 0, cls: 0, interactions: {}, frames: [] };
  const watch = (type, take, more = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  watch("largest-contentful-paint", (one) => (hpmSeen.lcp = one.startTime));
  watch("layout-shift", (one) => { if (!one.hadRecentInput) hpmSeen.cls += one.value; });
  watch("event", (one) => {
    const { interactions } = hpmSeen;
    if (one.interactionId) interactions[one.interactionId] = Math.max(interactions[one.interactionId] ?? 0, one.duration);
  }, { durationThreshold: 16 });
  watch("long-animation-frame", (one) => hpmSeen.frames.push(one.duration));
  // the first row of the table of servers, at the frame in which it is seen
  const inside = (one, name) => one?.shadowRoot?.querySelector(name);
  const look = () => {
    const table = inside(inside(document.querySelector("hpm-app"), "hpm-servers"), "hpm-table");
    if (inside(table, "tbody tr[data-at]")) setTimeout(() => (hpmSeen.rows = performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
`;

await flow(async () => {
  found({ browser: browserVersion(), node: process.version });
  const visits = [];
  for (let round = 0; round < told.rounds; round++) {
    visits.push(await step("a first visit", () => visit()));
  }
  found({ visits });
  const page = await open({ scripts: [OBSERVER] });
  await logIn(page, "root");
  const session = await page.context().newCDPSession(page);
  found({ rows: await step("first rows", () => firstRows(page)) });
  found({ use: await step("use of the page of servers", () => use(page)) });
  found({ memory: await step("memory", () => memory(session)) });
  await page.goto("about:blank");
  for (let round = 0; round < told.rounds; round++) {
    await step("nobody looks", () => ask("without"));
    await page.goto(`${told.url}/#/servers`);
    await settled(page);
    await step("somebody looks", () => ask("with"));
    await page.goto("about:blank");
  }
});

/** Bytes, and the figures of loading: of who comes for the first time, and of who is logged in and comes again. */
async function visit() {
  const page = await open({ scripts: [OBSERVER] });
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await page.reload();
  await page.locator("hpm-login").waitFor();
  await painted(page);
  const login = await page.evaluate(() => hpmSeen.lcp);
  await logIn(page, "root");
  const loaded = bytes;
  await page.reload();
  await settled(page);
  await page.waitForTimeout(3000); // a layout that shifts does so while figures come
  const { lcp, cls } = await page.evaluate(() => hpmSeen);
  await page.context().close();
  return { bytes: loaded, "lcp-login-ms": login, "lcp-overview-ms": lcp, cls };
}

/** From the end of the answer that tells the servers to the frame that shows the first. */
async function firstRows(page) {
  await page.goto(`${told.url}/#/servers`);
  await page.reload();
  await page.waitForFunction(() => hpmSeen.rows);
  return page.evaluate(() => {
    const answers = performance.getEntriesByType("resource").filter(({ name }) => /\/virtual-servers/.test(name));
    const answer = answers.reduce((one, other) => (other.decodedBodySize > one.decodedBodySize ? other : one));
    return {
      "answer-ms": answer.responseEnd - answer.startTime, "answer-bytes": answer.encodedBodySize,
      "rows-after-answer-ms": hpmSeen.rows - answer.responseEnd, "rows-ms": hpmSeen.rows,
    };
  });
}

/** Scrolls, searches, sorts and goes elsewhere, as a hand does; how long the browser was busy at a time. */
async function use(page) {
  await page.locator("hpm-table").first().hover();
  await page.evaluate(() => {
    Object.assign(hpmSeen, { interactions: {}, frames: [], gap: 0 });
    let last = performance.now();
    const frame = (now) => {
      hpmSeen.gap = Math.max(hpmSeen.gap, now - last);
      last = now;
      hpmSeen.counting = requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  for (let turn = 0; turn < 60; turn++) await page.mouse.wheel(0, turn < 40 ? 300 : -2000);
  await page.keyboard.press("/");
  await page.keyboard.type("vm000-0001", { delay: 60 });
  for (let letter = 0; letter < 10; letter++) await page.keyboard.press("Backspace", { delay: 20 });
  const headers = page.locator("hpm-table th button");
  for (let column = 0; column < Math.min(6, await headers.count()); column++) await headers.nth(column).click();
  await page.locator("hpm-table tbody tr[data-at]").first().focus();
  for (const key of ["ArrowDown", "ArrowDown", "PageDown", "End", "Home"]) await page.keyboard.press(key);
  await painted(page);
  const seen = await page.evaluate(() => (cancelAnimationFrame(hpmSeen.counting), hpmSeen));
  await goto(page, "overview");
  await goto(page, "servers");
  const times = Object.values(seen.interactions);
  return {
    interactions: times.length, "inp-ms": Math.max(0, ...times), "longest-frame-ms": Math.max(0, ...seen.frames),
    "frames-over-50-ms": seen.frames.length, "longest-gap-ms": seen.gap,
  };
}

async function memory(session) {
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize = 0 } = await session.send("Runtime.getHeapUsage");
  const { nodes } = await session.send("Memory.getDOMCounters");
  return { "heap-bytes": usedSize, "buffers-bytes": backingStorageSize, "dom-nodes": nodes };
}

/** Waits until what is there has been painted. */
async function painted(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
}
