// The list of virtual servers: what is searched, filtered and sorted, and what is done to one of them and to many.

import { api, assert, axe, AXE, flow, goto, instead, open, settled, step, until } from "./tools.mjs";

const GROUP = "Gold of servers";
const OTHER = "Silver of servers";

/** A group with one server, and an empty one. */
async function prepare() {
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  const policy = { name: "day", importance: "high", "service-classes": [{ name: "all", goal: { type: "velocity", velocity: 75 } }] };
  const group = await api("POST", "/workload-resource-groups", { name: GROUP, "perf-policies": [policy], "active-policy": "day" });
  const db1 = servers.find((one) => one.name === "db1");
  await api("POST", `/workload-resource-groups/${group["object-id"]}/actions`, { action: "add-virtual-servers", "virtual-servers": [db1["object-id"]] });
  const other = await api("POST", "/workload-resource-groups", { name: OTHER });
  return { id: group["object-id"], other: other["object-id"], servers };
}

await flow(async () => {
  const { id: group, other, servers } = await prepare();
  const read = (name) => api("GET", `/virtual-servers/${servers.find((one) => one.name === name)["object-id"]}`);
  const page = await open({ user: "root", path: "#/servers", scripts: [AXE] });
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const table = page.locator("hpm-servers hpm-table");
  const bulk = page.locator("hpm-servers-bulk"); // its fields stand in a slot of the dialog, which does not contain them
  const row = (name) => table.locator("tbody tr").filter({ has: page.getByRole("link", { name, exact: true }) });
  const names = () => table.locator("tbody tr a[href*='servers/']").allTextContents();
  const shown = (wanted) => until(names, (seen) => JSON.stringify(seen) === JSON.stringify(wanted));
  const like = (start) => servers.map((one) => one.name).filter((name) => name.startsWith(start)).sort();
  const select = (name) => row(name).getByRole("checkbox").check();

  await step("a search shows some of them, says how many, stands in the URL and outlives a reload", async () => {
    const field = page.getByRole("searchbox");
    await field.evaluate((one) => {
      const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
      one.written = [];
      Object.defineProperty(one, "value", { get, set(text) { one.written.push(text); set.call(one, text); } });
    });
    await field.pressSequentially("db");
    await shown(like("db"));
    await page.waitForFunction(() => location.hash.endsWith("q=db"));
    // written into the field where somebody types: other text would take what is typed meanwhile, and the caret
    assert.deepEqual(await field.evaluate((one) => one.written.filter((text) => !"db".startsWith(text) || !text)), []);
    await page.getByRole("searchbox").fill("d*1");
    await shown(["db1"]);
    await page.getByText(`1 of ${servers.length} virtual servers`).waitFor();
    await page.waitForFunction(() => /[?&]q=d(\*|%2A)1/.test(location.hash));
    await page.reload();
    await settled(page);
    await shown(["db1"]);
    await page.getByRole("searchbox").fill("nobody");
    await page.getByRole("heading", { name: "No virtual server is like that" }).waitFor();
    await page.locator("hpm-empty").getByRole("button", { name: "Clear all filters" }).click();
    await until(names, (seen) => seen.length === servers.length);
  });

  await step("a filter can be taken away", async () => {
    await page.getByRole("search").getByLabel("Group").selectOption({ label: GROUP });
    await shown(["db1"]);
    await page.getByRole("button", { name: `group: ${GROUP}` }).click();
    await until(names, (seen) => seen.length === servers.length);
  });

  await step("a head sorts, and turns the order", async () => {
    const up = await names();
    await table.getByRole("button", { name: "Name", exact: true }).click();
    await shown([...up].reverse());
    assert.match(page.url(), /sort=-name/);
    await table.getByRole("button", { name: "PI", exact: true }).click();
    await table.locator("[aria-sort]", { hasText: "PI" }).waitFor();
    await table.getByRole("button", { name: /^Name/ }).click();
    await shown(up);
  });

  await step("by keyboard a server is opened, and back is where it was", async () => {
    await row("db1").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator("hpm-server").waitFor();
    await page.goBack();
    await row("db1").waitFor();
  });

  await step("many are left alone at once, which says so before, and why afterwards", async () => {
    await select("web1");
    await select("web2");
    await page.getByText("2 selected").waitFor();
    await page.getByRole("button", { name: "Leave alone…" }).click();
    await bulk.getByRole("heading", { name: "Leave 2 virtual servers alone" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await bulk.getByRole("button", { name: "Leave alone" }).click();
    await bulk.getByText("2 of 2 done").waitFor();
    assert.deepEqual(await axe(page), []);
    await bulk.getByRole("button", { name: "Close" }).click();
    assert.equal((await read("web1")).excluded && (await read("web2")).excluded, true);
    await page.getByLabel("left alone by hpm").check();
    await row("web1").getByText("Excluded: hpm leaves it alone.").waitFor();
    await page.getByLabel("left alone by hpm").uncheck();
  });

  await step("and managed again", async () => {
    for (const name of ["web1", "web2"]) await select(name);
    await page.getByRole("button", { name: "Manage again…" }).click();
    await bulk.getByRole("heading", { name: "Manage 2 virtual servers again" }).waitFor();
    await bulk.getByRole("button", { name: "Manage again" }).click();
    await bulk.getByText("2 of 2 done").waitFor();
    await bulk.getByRole("button", { name: "Close" }).click();
    assert.equal((await read("web1")).excluded || (await read("web2")).excluded, false);
  });

  await step("many are put in a group; out of another one only if that is ticked", async () => {
    for (const name of ["db1", "web3", "web4"]) await select(name);
    await page.getByRole("button", { name: "Put in a group…" }).click();
    await bulk.getByRole("heading", { name: "Put 3 virtual servers in a group" }).waitFor();
    await bulk.getByLabel("Group", { exact: true }).selectOption({ label: OTHER });
    await bulk.getByText(`They are in: ${GROUP} (1).`).waitFor();
    await bulk.getByRole("button", { name: "Put in group" }).click();
    await bulk.getByText("2 of 2 done").waitFor();
    await bulk.getByRole("button", { name: "Close" }).click();
    assert.ok((await read("db1"))["workload-resource-group"].endsWith(group), "not ticked: it stays");
    assert.ok((await read("web3"))["workload-resource-group"].endsWith(other));
  });

  await step("selected rows are copied as a table", async () => {
    for (const name of ["db1", "db2"]) await select(name);
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByText("2 rows are copied.").waitFor();
    const lines = (await page.evaluate(() => navigator.clipboard.readText())).trim().split("\n");
    assert.equal(lines.length, 3, "a head and two rows");
    assert.match(lines[1], /^db1\t/);
    await page.getByRole("button", { name: "Select none" }).click();
  });

  await step("limits are set from the row's menu, and taken back", async () => {
    await row("db2").getByRole("button", { name: "Actions of db2" }).click();
    await page.getByRole("menuitem", { name: "Change limits…" }).click();
    const dialog = page.locator("hpm-server-limits");
    await dialog.getByRole("heading", { name: "Limits of db2" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await dialog.getByLabel("Cap (CPUs)").fill("0.5");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("db2 is changed.").waitFor();
    assert.equal((await read("db2"))["cpu-cap"], 0.5);
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.getByText("Taken back.").waitFor();
    assert.equal((await read("db2"))["cpu-cap"], null);
  });

  await step("a menu goes when what it belongs to is scrolled away", async () => {
    await page.setViewportSize({ width: 1280, height: 400 });
    await row("db2").getByRole("button", { name: "Actions of db2" }).click();
    await page.getByRole("menuitem", { name: "Change limits…" }).waitFor();
    await page.mouse.move(600, 200);
    await page.mouse.wheel(0, 200);
    await page.getByRole("menuitem", { name: "Change limits…" }).waitFor({ state: "hidden" });
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await step("of which nothing is known now, that is said, and since when, until it is known again", async () => {
    const { "object-id": id } = servers.find((one) => one.name === "db1");
    const end = await instead(page, "**/virtual-servers/sync*", async (route) => {
      const answer = await route.fetch();
      if (answer.status() !== 200) return route.fulfill({ response: answer });
      await route.fulfill({ response: answer, json: { ...(await answer.json()), stale: [{ "object-id": id, since: "2026-11-29T09:30:00Z" }] } });
    });
    await page.getByText("Of 1 server it is not known how it is now.").waitFor();
    const mark = row("db1").locator(".unknown");
    assert.match(await mark.getAttribute("title"), /^How it is now is not known: libvirt answers, but tells nothing of it since .*\d/);
    assert.match(await row("db1").getAttribute("class"), /\bold\b/);
    assert.equal(await table.locator("tr.old").count(), 1);
    assert.deepEqual(await axe(page), []);
    await page.setViewportSize({ width: 400, height: 800 });
    await mark.waitFor();
    assert.ok(await mark.evaluate((one) => one.getBoundingClientRect().right <= one.closest("td").getBoundingClientRect().right), "the mark is not cut off");
    assert.deepEqual(await axe(page), []);
    await page.setViewportSize({ width: 1280, height: 800 });
    await end();
    await mark.waitFor({ state: "detached" });
    assert.equal(await table.locator("tr.old").count(), 0);
  });

  await step("a server is fetched by its address", async () => {
    const { "object-id": id } = servers.find((one) => one.name === "db2");
    await goto(page, `servers/${id}`);
    await page.getByRole("heading", { name: "db2", level: 1 }).waitFor();
  });

  await step("who may only read can look, and copy, and changes nothing", async () => {
    const reader = await open({ user: "bob", path: "#/servers", scripts: [AXE] });
    await reader.locator("hpm-table").getByRole("checkbox", { name: "Select db1" }).check();
    await reader.getByText("1 selected").waitFor();
    const buttons = await reader.locator("hpm-servers").getByRole("group", { name: "Selected virtual servers" }).getByRole("button").allTextContents();
    assert.deepEqual(buttons.map((one) => one.trim()), ["Copy", "Select none"]);
    assert.equal(await reader.getByRole("button", { name: /^Actions of/ }).count(), 0);
    assert.deepEqual(await axe(reader), []);
  });
});
