// Every page in every state that it can be in: while it is read, where that fails, with figures that are old, with
// nothing yet to show, as somebody who may only look. A picture of each is left in build/browser/states, to be looked at.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { allow, api, assert, axe, AXE, flow, goto, instead, open, pages, settled, step, told } from "./tools.mjs";

/** Pages that cannot read the version say nothing but that. */
const API = /\/zhpm\/wsapi\/v1\/(?!login|version|events)/;
const ALL = /\/zhpm\/wsapi\/v1\/(?!login|events)/;
const SIZES = { wide: [1280, 800], narrow: [400, 800] };

/** What hpm says where it has too much to do. */
const CUT = "memory, processes and devices are sampled a quarter as often: a cycle took 0.7 s, of an interval of 1 s";

/** What the pages are given instead of what hpm answers. */
const STATES = {
  loading: () => {}, // no answer, for as long as the page is open
  error: (route) =>
    route.fulfill({
      status: 503,
      json: { "http-status": 503, reason: 0, message: "the hypervisor does not answer", "request-method": "GET", "request-uri": "" },
    }),
  stale: async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace('"work-cut":null', `"work-cut":"${CUT}"`);
    const old = /"problem":null/.test(body) ? body.replace('"problem":null', '"problem":"libvirtd does not answer"') : body;
    await route.fulfill({ response: answer, body: old, headers: { ...answer.headers(), age: "600", etag: "" } });
  },
};

await flow(async () => {
  mkdirSync(told.folder, { recursive: true });
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers?limit=1");
  const { partitions } = await api("GET", "/partitions");
  const places = [...pages(), "groups/default", "policies/default", `partitions/${partitions[0]["object-id"]}`, ...servers.map((one) => `servers/${one["object-id"]}`)];
  const wrong = [];

  async function judge(page, place, state) {
    for (const [name, [width, height]] of Object.entries(SIZES)) {
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: join(told.folder, `${place.split("/").slice(0, 2).join("-").slice(0, 20)}-${state}-${name}.png`) });
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wider > 0) wrong.push(`${place}, ${state}, ${name}: ${wider} px wider than the window`);
    }
    for (const line of await axe(page)) wrong.push(`${place}, ${state}: ${line}`);
  }

  for (const state of told.states) {
    const page = await open({ user: told.user, locale: told.locale, scheme: told.scheme, scripts: [AXE] });
    if (STATES[state]) allow(page, /503/);
    const end = STATES[state] && (await instead(page, state === "stale" ? ALL : API, STATES[state]));
    if (state === "stale") await page.reload(); // some things are read once
    for (const place of places) {
      await step(`${place}, ${state}`, async () => {
        if (state === "loading") {
          await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
          await page.locator("hpm-skeleton").first().waitFor({ timeout: 3000 }).catch(() => {}); // settings of the browser need no reading
        } else await goto(page, place);
        if (state === "stale" && ["overview", "about"].includes(place)) await page.locator(".wrong", { hasText: CUT }).waitFor();
        await judge(page, place, state);
      });
    }
    if (state !== "loading") await end?.(); // an answer still being made would be lost with the context
    await page.context().close();
  }
  assert.deepEqual(wrong, []);
});
