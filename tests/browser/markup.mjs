// Everything that somebody may name is called like an element with a script: every page shows that as the text it is.

import { api, assert, flow, found, goto, open, pages, settled, step, told, until } from "./tools.mjs";

const NAME = told.markup;
const GROUPS = "/workload-resource-groups";
/** Pages on which some of these names stand; on the others only that nothing is made of any is looked at. */
const NAMING = ["overview", "groups", "policies", "servers", "dependencies", "adjustments", "activity", "settings"];

/** Gives the ids of the group and of the first server. */
async function prepare() {
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  const [first, second] = servers.map((one) => one["object-id"]);
  assert.deepEqual(servers.map((one) => one.name), [NAME, `${NAME}1`, `${NAME}2`]);
  const of = (name, goal) => ({ name, description: NAME, importance: "high", "service-classes": [{ name: NAME, description: NAME, goal }] });
  const policies = [of(NAME, { type: "velocity", velocity: "fast" }), of(`${NAME} too`, { type: "discretionary" })];
  const group = await api("POST", GROUPS, { name: NAME, description: NAME, "perf-policies": policies, "active-policy": NAME });
  const id = group["object-id"];
  await api("POST", `${GROUPS}/${id}/actions`, { action: "add-virtual-servers", "virtual-servers": [first, second] });
  await api("POST", `${GROUPS}/default`, { "perf-policies": [policies[1]], "active-policy": policies[1].name });
  await api("POST", `/virtual-servers/${first}`, { attributes: { title: NAME } });
  await api("POST", `/virtual-servers/${first}/guest-policy`, { start: { "depends-on": [{ "virtual-server": second }] } });
  await api("POST", "/tokens", { name: NAME });
  await api("POST", "/mgmt-levels", { "cpu-mgmt": "on" });
  return [id, first];
}

/** Elements that were made of a name, wherever they are. */
const made = (page) => page.evaluate(() => {
  const below = (root) => [...root.querySelectorAll("*")].flatMap((one) => [
    ...(one.matches("img[src=x], [onerror]") ? [one.outerHTML] : []), ...(one.shadowRoot ? below(one.shadowRoot) : []),
  ]);
  return below(document);
});

await flow(async () => {
  const [group, server] = await prepare();
  const page = await open({ user: "root" });
  let looks = 0;
  const shown = page.getByText(NAME).filter({ visible: true });

  async function look(where, within = shown) {
    if (within) await within.first().waitFor();
    assert.deepEqual(await made(page), [], where);
    assert.match(await page.title(), / – hpm$/, where); // the name of what a page is about stands before that
    looks += 1;
  }
  async function choose(action) {
    await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name: action }).click();
    await page.getByRole("dialog").first().waitFor();
  }
  const leave = async () => {
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").first().waitFor({ state: "hidden" });
  };

  await until(async () => (await api("GET", "/dynamic-resource-adjustments"))["dynamic-resource-adjustments"].length > 0);
  for (const place of [...pages(), `groups/${group}`, `policies/${group}`, `servers/${server}`, "groups?view=servers"]) {
    await step(place, async () => {
      await goto(page, place);
      await look(place, NAMING.includes(place.split(/[/?]/)[0]) ? shown : null);
    });
  }

  await step("in the list of servers: a filter, and many at once", async () => {
    await goto(page, "servers");
    await page.getByRole("search").getByLabel("Group").selectOption({ label: NAME });
    await page.getByRole("button", { name: `group: ${NAME}` }).waitFor();
    await look("a filter");
    await page.getByRole("row", { name: NAME }).getByRole("checkbox").first().check();
    await page.getByRole("button", { name: "Put in a group…" }).click();
    await page.getByRole("dialog").first().waitFor();
    await look("many at once");
    await leave();
  });

  await step("on a server's page: its charts under the crosshair, as a table, dialogs, and what a notice says", async () => {
    await goto(page, `servers/${server}`);
    const charts = page.locator("hpm-chart");
    await charts.nth(3).locator(".u-over").waitFor();
    await charts.first().getByRole("slider").focus();
    await page.keyboard.press("ArrowLeft");
    await charts.first().locator("hpm-chart-marks a").first().hover();
    await charts.first().getByText("Show as table").click();
    await look("charts");
    for (const action of ["Change limits…", "Move to another group…", "Change attributes…", "Set a temporary goal…"]) {
      await choose(action);
      await look(action);
      await leave();
    }
    await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name: "Exclude from management" }).click();
    await look("a notice", page.locator("hpm-notices").getByText(`${NAME} is excluded`));
  });

  await step("on a group's page: its classes, unfolded", async () => {
    await goto(page, `groups/${group}`);
    await page.locator("hpm-group-classes summary", { hasText: NAME }).first().click();
    await look("classes", page.locator("hpm-group-classes a", { hasText: NAME }));
  });

  await step("in the dialogs of a group", async () => {
    await goto(page, "groups");
    for (const action of ["Edit…", "Activate another policy…", /^Delete group/]) {
      await page.locator("hpm-groups hpm-table tbody tr", { hasText: `${NAME}` }).getByRole("button", { name: `Actions of ${NAME}` }).click();
      await page.getByRole("menuitem", { name: action }).click();
      await page.getByRole("dialog").first().waitFor();
      await look(`${action}`);
      await leave();
    }
  });

  await step("what was done, unfolded", async () => {
    for (const [place, entry] of [["adjustments", "hpm-adjustment"], ["activity", "hpm-activity li"]]) {
      await goto(page, place);
      await page.locator(entry).filter({ hasText: NAME }).last().getByRole("button").first().click();
      await look(place);
    }
  });
  await page.reload();
  await settled(page);
  await look("after a reload");
  found({ looks });
});
