// Somebody who looks through all pages, again and again, for as long as hpm soaks; see tests/soak/real.py.

import { allow, browserVersion, flow, found, goto, logIn, open, pages, settled, step, told } from "../browser/tools.mjs";

const ROUND = 20_000; // ms: so often all pages are gone through

await flow(async () => {
  found({ browser: browserVersion() });
  const page = await open({ user: "root" });
  // servers go while somebody looks at them, and a page asks for one a moment later
  allow(page, /status of 404/, /status of 409/);
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  const places = pages();
  const end = Date.now() + told.seconds * 1000;
  const heap = [];
  for (let round = 1; Date.now() < end; round++) {
    const begun = Date.now();
    for (const place of places) {
      if (Date.now() > end) break;
      await step(`round ${round}, ${place}`, () => goto(page, place));
      await page.waitForTimeout(Math.max(100, (ROUND - (Date.now() - begun)) / places.length));
    }
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    heap.push([Math.round((told.seconds * 1000 - (end - Date.now())) / 1000), usedSize]);
    // for the first time soon: what it takes is part of what is there when all has settled
    if (round % 30 === 2) {
      await step(`round ${round}, from nothing`, async () => {
        await page.reload();
        await settled(page);
      });
    }
    if (round % 100 === 3) {
      await step(`round ${round}, logged in anew`, async () => {
        await page.context().clearCookies();
        allow(page, /status of 401/);
        await page.reload();
        await logIn(page, "root");
      });
    }
  }
  found({ heap, rounds: heap.length });
});
