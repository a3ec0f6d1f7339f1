// Every page, and pages of one thing, by axe-core and without scrolling to the side: wide and narrow, in one colour scheme.

import { api, assert, axe, AXE, flow, goto, open, pages, settled, step, told } from "./tools.mjs";

const WIDTHS = [1280, 400];

await flow(async () => {
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  const { partitions } = await api("GET", "/partitions");
  const places = [...pages(), "groups/default", `partitions/${partitions[0]["object-id"]}`, `servers/${servers[0]["object-id"]}`];
  const page = await open({ scheme: told.scheme, scripts: [AXE] });
  const wrong = [];

  async function judge(name) {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wider > 0) wrong.push(`${name} at ${width}: ${wider} px wider than the window`);
      for (const line of await axe(page)) wrong.push(`${name} at ${width}: ${line}`);
    }
    await page.setViewportSize({ width: WIDTHS[0], height: 800 });
  }

  await step("login", () => judge("login"));
  await page.fill("input[name=user]", told.user);
  await page.fill("input[name=password]", `${told.user}'s own`);
  await page.keyboard.press("Enter");
  await page.locator("hpm-login").waitFor({ state: "detached" });
  await settled(page);
  for (const place of places) {
    await step(place, async () => {
      await goto(page, place);
      await judge(place);
    });
  }
  await step("help", async () => {
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await judge("help");
  });
  assert.deepEqual(wrong, []);
});
