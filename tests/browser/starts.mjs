// When servers start and stop: what they depend on and whether that is ready, start and stop with progress, groups.

import { allow, api, assert, axe, AXE, flow, goto, open, settled, step, until } from "./tools.mjs";

const NAME = "Gold of starts";
const ids = {};

const status = async (name) => (await api("GET", `/virtual-servers/${ids[name]}`)).status;
const say = (name, start) => api("POST", `/virtual-servers/${ids[name]}/guest-policy`, { start });

async function choose(page, action) {
  await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
  await page.getByRole("menuitem", { name: action, exact: true }).click();
}

const close = (page) => page.getByRole("button", { name: "Close", exact: true }).click();

async function said(page) {
  const section = page.locator("hpm-start-section");
  const dialog = page.locator("hpm-guest-dialog");
  await step("of a server of which nothing is said, that is said", async () => {
    await goto(page, `servers/${ids.web1}`);
    await section.getByText("Nothing is said").waitFor();
  });
  await step("it is said what it depends on, and when it is ready", async () => {
    await section.getByRole("button", { name: "Change start and stop…" }).click();
    await dialog.getByLabel("Say here when it starts and stops").check();
    await dialog.getByLabel("Server", { exact: true }).fill("db1");
    await dialog.getByLabel("Server", { exact: true }).press("Enter");
    await dialog.getByLabel("When db1 stops").selectOption("stop");
    await dialog.getByLabel("Ready", { exact: true }).selectOption("running");
    await dialog.getByLabel("Seconds", { exact: true }).fill("2");
    await dialog.getByLabel("Seconds", { exact: true }).press("Tab");
    await dialog.getByRole("button", { name: "Add hours" }).click();
    await dialog.getByRole("row", { name: /Start and stop as the host has it ready after it ran for 2.s; after db1/ }).waitFor();
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole("button", { name: /^Remove Mon to Fri/ }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("dialog").waitFor({ state: "hidden" });
    const { start } = await api("GET", `/virtual-servers/${ids.web1}/guest-policy`);
    assert.deepEqual(start["depends-on"], [{ "virtual-server": ids.db1, "when-it-stops": "stop" }]);
    assert.deepEqual(start.ready, { type: "running", seconds: 2 });
    await section.getByText("when it stops, this one is stopped first").waitFor();
  });
  await step("a circle is refused, and named", async () => {
    allow(page, /status of 400/);
    await goto(page, `servers/${ids.db1}`);
    await section.getByRole("link", { name: "web1" }).waitFor(); // it is needed by that
    await section.getByRole("button", { name: "Change start and stop…" }).click();
    await dialog.getByLabel("Say here when it starts and stops").check();
    await dialog.getByLabel("Server", { exact: true }).fill("web1");
    await dialog.getByLabel("Server", { exact: true }).press("Enter");
    await dialog.getByLabel("When web1 stops").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText(/db1 → web1 → db1|web1 → db1 → web1/).first().waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
  });
}

async function done(page) {
  const power = page.locator("hpm-power");
  await step("a stop says who is stopped with it, and asks about the others", async () => {
    await say("batch1", { "depends-on": [{ "virtual-server": ids.db1 }] });
    await goto(page, `servers/${ids.db1}`);
    await choose(page, "Stop…");
    await power.getByText("are stopped before it, as their policies say: web1.").waitFor();
    await power.getByText("These need it, too, and run: batch1.").waitFor();
    assert.deepEqual(await axe(page), []);
    await power.getByRole("button", { name: "Stop", exact: true }).click();
    await power.getByText("Say what is to become of those that need it.").waitFor();
    assert.equal(await status("db1"), "running");
    await power.getByLabel("Leave them running").check();
    await power.getByRole("button", { name: "Stop", exact: true }).click();
    await power.locator("h3", { hasText: /done$/ }).waitFor();
    assert.deepEqual(await axe(page), []);
    await close(page);
    await until(async () => (await status("db1")) === "shut-off" && (await status("web1")) === "shut-off");
    assert.equal(await status("batch1"), "running");
  });
  await step("a start takes along what it needs, and shows how it goes on", async () => {
    await goto(page, `servers/${ids.web1}`);
    await page.locator("hpm-start-section").getByText("not ready").first().waitFor();
    await choose(page, "Start");
    const line = (name) => power.getByRole("listitem").filter({ hasText: name });
    await line("web1: runs, not ready yet").waitFor();
    await line("db1: ready").waitFor();
    await power.locator("h3", { hasText: /done$/ }).waitFor();
    await close(page);
    assert.equal(await status("db1"), "running");
    await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
    assert.equal(await page.getByRole("menuitem", { name: "Start", exact: true }).count(), 0); // it runs by now
    await page.keyboard.press("Escape");
  });
  await step("of a job on its way the page tells, and it can be cancelled", async () => {
    await say("web1", { "depends-on": [{ "virtual-server": ids.db1 }], ready: { type: "running", seconds: 600 } });
    await api("POST", `/virtual-servers/${ids.web1}/actions`, { action: "stop", dependants: "leave" });
    await until(async () => (await status("web1")) === "shut-off");
    await api("POST", `/virtual-servers/${ids.web1}/actions`, { action: "start" });
    await page.getByRole("button", { name: "Show progress" }).click();
    await power.getByText("runs, not ready yet").waitFor();
    await power.getByRole("button", { name: "Cancel: Start of web1" }).click();
    await power.locator("h3", { hasText: /cancelled$/ }).waitFor();
    await close(page);
    await page.getByRole("button", { name: "Show progress" }).waitFor({ state: "detached" });
  });
}

async function ofGroup(page) {
  const { "object-id": group } = await api("POST", "/workload-resource-groups", { name: NAME });
  await api("POST", `/workload-resource-groups/${group}/actions`, { action: "add-virtual-servers", "virtual-servers": [ids.web2, ids.web3] });
  const power = page.locator("hpm-power");
  await step("a group is stopped and started", async () => {
    await goto(page, `groups/${group}`);
    await choose(page, "Stop group…");
    await power.getByText("Those of its 2 servers that run").waitFor();
    await power.getByRole("button", { name: "Stop group", exact: true }).click();
    await power.locator("h3", { hasText: /done$/ }).waitFor();
    await close(page);
    assert.deepEqual([await status("web2"), await status("web3")], ["shut-off", "shut-off"]);
    await choose(page, "Start group");
    await power.locator("h3", { hasText: /done$/ }).waitFor();
    await close(page);
    assert.deepEqual([await status("web2"), await status("web3")], ["running", "running"]);
  });
  await step("what cannot be done says why", async () => {
    allow(page, /status of 409/);
    await choose(page, "Start group");
    await page.getByText(/was not started\. There is nothing to start/).waitFor();
  });
  return group;
}

await flow(async () => {
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  for (const one of servers) ids[one.name] = one["object-id"];
  const page = await open({ user: "root", scripts: [AXE] });
  await said(page);
  await done(page);
  const group = await ofGroup(page);
  await step("who may only look sees it all, and no button", async () => {
    const reader = await open({ user: "bob", path: `#/servers/${ids.web1}` });
    await settled(reader);
    await reader.locator("hpm-start-section").getByText("Starts after").waitFor();
    assert.equal(await reader.getByRole("button", { name: "Change start and stop…" }).count(), 0);
    assert.equal(await reader.locator("hpm-head").getByRole("button", { name: /^Actions/ }).count(), 0);
  });
  for (const name of ["web1", "batch1"]) await say(name, null);
  await api("DELETE", `/workload-resource-groups/${group}`);
});
