// The main job, as somebody does it who has only the pages: from a host that nobody has said anything about to a goal
// that is met. It is played on the simulated host and on real guests.

import { api, assert, flow, found, instead, open, settled, step, told } from "./tools.mjs";

const PATIENCE = { timeout: 60_000 };

await flow(async () => {
  const begun = Date.now();
  const page = await open({ user: "root" });
  const walk = page.locator("hpm-first-steps");
  const form = page.locator("hpm-group-dialog");
  const level = page.locator("hpm-level");

  await step("the overview says the first step", async () => {
    await page.getByRole("heading", { name: "There are no goals yet." }).waitFor();
    await walk.getByRole("button", { name: "Hide" }).click();
    await walk.waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("button", { name: "Show the first steps" }).click();
    await walk.getByRole("link", { name: "Create a group" }).click();
  });

  await step("a group with servers and a template", async () => {
    await form.getByLabel("Name", { exact: true }).fill("Important");
    for (const name of told.servers) await form.getByRole("button", { name: `Add: ${name}`, exact: true }).click();
    await form.getByRole("radio", { name: /^Important database/ }).check();
    await form.getByRole("complementary", { name: "Preview" }).getByRole("cell", { name: told.servers[0] }).waitFor();
    await form.getByRole("button", { name: "Create", exact: true }).click();
    await page.locator("hpm-groups hpm-table").getByRole("link", { name: "Important", exact: true }).waitFor();
  });

  await step("the others may give", async () => {
    await page.getByRole("link", { name: "Overview" }).click();
    await walk.getByRole("link", { name: "Create policy for default" }).click();
    await form.getByRole("radio", { name: /^Everything else/, checked: true }).waitFor();
    await form.getByRole("button", { name: "Save", exact: true }).click();
    await form.getByRole("dialog").waitFor({ state: "detached" });
  });

  await step("what hpm would do is seen before it is done", async () => {
    // it is pressed before the level's own part has read the level in force
    let asked = 0;
    let answer;
    const pressed = new Promise((resolve) => (answer = resolve));
    const end = await instead(page, "**/mgmt-levels", async (route) => {
      if (route.request().method() === "GET" && ++asked > 1) await pressed;
      await route.fallback();
    });
    await page.getByRole("link", { name: "Overview" }).click();
    await walk.getByRole("button", { name: "Advise" }).click();
    answer();
    await walk.getByRole("link", { name: "See the advice" }).waitFor();
    await end();
    await page.getByText(`${told.servers[0]}`, { exact: false }).first().waitFor();
    await page.locator("section", { hasText: "Latest adjustments" }).getByText(/would get/).first().waitFor(PATIENCE);
    assert.equal((await api("GET", "/mgmt-levels"))["cpu-mgmt"], "advise");
  });

  await step("it is switched on, and the goal is met", async () => {
    await walk.getByRole("button", { name: "Switch on" }).click();
    await level.getByRole("radio", { name: /^On/, checked: true }).waitFor();
    await page.getByRole("heading", { name: /^The one goal is met\./ }).waitFor(PATIENCE);
    await walk.waitFor({ state: "detached" });
    await page.locator("section", { hasText: "Latest adjustments" }).getByText(/ got /).first().waitFor(PATIENCE);
    found({ seconds: (Date.now() - begun) / 1000 });
  });

  await step("the page of a server says why", async () => {
    await page.getByRole("link", { name: "Virtual servers" }).click();
    await settled(page);
    await page.getByRole("link", { name: told.servers[0], exact: true }).click();
    await page.getByText(`${told.servers[0]} is in the group Important`).waitFor();
    await page.locator("hpm-chart").first().waitFor();
    const shares = (await api("GET", "/virtual-servers/detail"))["virtual-servers"];
    const [mine, other] = [true, false].map((is) => shares.find((one) => told.servers.includes(one.name) === is && one.status === "running"));
    assert.ok(mine["cpu-shares"] > other["cpu-shares"], "shares were moved");
  });
});
