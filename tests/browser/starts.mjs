// When servers start and stop: what they depend on and whether that is ready, start and stop with progress, of one, of
// several together, of groups.

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
    // of the start: the page may still tell of the stop
    await page.locator("hpm-start-strip .strip", { hasText: "web1: runs, not ready yet" }).getByRole("button", { name: "Show progress" }).click();
    await power.getByText("runs, not ready yet").waitFor();
    await power.getByRole("button", { name: "Cancel: Start of web1" }).click();
    await power.locator("h3", { hasText: /cancelled$/ }).waitFor();
    await close(page);
    await page.getByRole("button", { name: "Show progress" }).waitFor({ state: "detached" });
  });
}

async function several(page) {
  const power = page.locator("hpm-power");
  const bar = page.getByRole("group", { name: "Selected virtual servers" });
  const select = (name) => page.locator("hpm-servers hpm-table").getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
  const jobs = async () => (await api("GET", "/start-jobs"))["start-jobs"];
  const before = (await jobs()).length;
  await say("web1", { "depends-on": [{ "virtual-server": ids.db1 }], ready: { type: "running", seconds: 5 } }); // time enough to look at the page meanwhile
  await step("several are stopped together: who needs others first; of those that need them, one is asked", async () => {
    await goto(page, "servers");
    for (const name of ["db1", "web1", "web2"]) await select(name);
    await bar.getByRole("button", { name: "Stop…" }).click();
    await power.getByRole("heading", { name: "Stop 3 virtual servers" }).waitFor();
    await power.getByText("These are asked to shut down, who needs others first: db1, web1, and web2.").waitFor();
    await power.getByText("These need some of them, too, and run: batch1.").waitFor();
    assert.deepEqual(await axe(page), []);
    await power.getByRole("button", { name: "Stop", exact: true }).click();
    await power.getByText("Say what is to become of those that need it.").waitFor();
    await power.getByLabel("Leave them running").check();
    await power.getByRole("button", { name: "Stop", exact: true }).click();
    await power.locator("h3", { hasText: "Stop of 3 servers done" }).waitFor();
    await close(page);
    const [job, ...others] = await jobs();
    assert.equal(others.length, before, "it is one job");
    const since = Object.fromEntries(job["virtual-servers"].map((one) => [one.name, one.since]));
    assert.ok(since.web1 < since.db1, "who needs is stopped first");
    assert.deepEqual(await Promise.all(["db1", "web1", "web2", "batch1"].map(status)), ["shut-off", "shut-off", "shut-off", "running"]);
  });
  await step("they are started together, with progress, of which the page tells after it was closed", async () => {
    await bar.getByText("3 selected").waitFor();
    await select("web3"); // which runs, and stays as it is
    await bar.getByRole("button", { name: "Start", exact: true }).click();
    await power.locator("h3", { hasText: "Start of 3 servers goes on" }).waitFor();
    await power.getByRole("listitem").filter({ hasText: "web1: runs, not ready yet" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await close(page);
    await page.locator("hpm-start-strip").getByText(/Start of 3 servers: \d of 3/).waitFor();
    await page.locator("hpm-start-strip").getByRole("button", { name: "Show progress" }).click();
    await power.locator("h3", { hasText: "Start of 3 servers done" }).waitFor();
    await close(page);
    await page.locator("hpm-start-strip").getByRole("button").waitFor({ state: "detached" });
  });
  await step("what cannot be done says why, and who stops is told by what runs", async () => {
    allow(page, /status of 409/);
    await bar.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByText(/They were not started\. There is nothing to start: db1, web1, web2, web3 run already/).waitFor();
    await api("POST", `/virtual-servers/${ids.web3}/actions`, { action: "stop" });
    await until(async () => (await status("web3")) === "shut-off");
    await bar.getByRole("button", { name: "Select none" }).click();
    for (const name of ["web2", "web3"]) await select(name);
    await until(async () => {
      await bar.getByRole("button", { name: "Stop…" }).click();
      await power.getByText("asked to shut down").waitFor();
      const told = await power.getByText("asked to shut down").textContent();
      await power.getByRole("button", { name: "Cancel" }).click();
      return told;
    }, (told) => told.trim() === "Those of them that run are asked to shut down, who needs others first: web2.");
    await bar.getByRole("button", { name: "Select none" }).click();
    await api("POST", `/virtual-servers/${ids.web3}/actions`, { action: "start" });
    await until(async () => (await status("web3")) === "running");
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
  await step("actions work on a page that is drawn in one go, when its group comes after the list", async () => {
    const fresh = await open({ user: "root", path: "#/about" });
    const list = fresh.waitForResponse((one) => one.url().endsWith("/workload-resource-groups"));
    await fresh.route(`**/workload-resource-groups/${group}`, async (route) => {
      await (await list).finished();
      await fresh.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      await route.continue();
    }, { times: 1 });
    await goto(fresh, `groups/${group}`);
    await choose(fresh, "Stop group…");
    await fresh.getByRole("heading", { name: `Stop group ${NAME}` }).waitFor();
    await fresh.close();
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
  await several(page);
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
