// The page of one virtual server: its charts by pointer and keyboard, what an administrator does there, and each state.

import { readFile } from "node:fs/promises";
import { allow, api, assert, axe, AXE, flow, goto, instead, open, settled, step, until } from "./tools.mjs";

const GROUPS = ["Gold of server", "Silver of server"];

/** A host with goals: one group that its servers are moved from, one to move to. */
async function prepare() {
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers?name=db*");
  const [first] = servers;
  for (const [at, name] of GROUPS.entries()) {
    const { "object-id": id } = await api("POST", "/workload-resource-groups", {
      name,
      "perf-policies": [{ name: "weekday", importance: "high", "service-classes": [{ name: "all", goal: { type: "velocity", velocity: 75 - at } }] }],
    });
    if (at === 0) await api("POST", `/workload-resource-groups/${id}/actions`, { action: "add-virtual-servers", "virtual-servers": [first["object-id"]] });
  }
  await api("POST", "/mgmt-levels", { "cpu-mgmt": "on" });
  return first;
}

async function cleanUp(server) {
  await api("POST", `/virtual-servers/${server["object-id"]}`, { "cpu-reserve": null, "cpu-cap": null, excluded: false, attributes: {}, "temporary-goal": null });
  const { "workload-resource-groups": groups } = await api("GET", "/workload-resource-groups");
  for (const one of groups) if (GROUPS.includes(one.name)) await api("DELETE", `/workload-resource-groups/${one["object-id"]}`);
}

const read = (server) => api("GET", `/virtual-servers/${server["object-id"]}`);

async function choose(page, action) {
  await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
  await page.getByRole("menuitem", { name: action }).click();
}

/** Opens a dialog, which is looked at. */
async function openDialog(page, action) {
  await choose(page, action);
  await page.getByRole("dialog").first().waitFor();
  assert.deepEqual(await axe(page), [], action);
}

async function charts(page) {
  const all = page.locator("hpm-chart");
  const entry = (at, name) => all.nth(at).locator(".legend button", { hasText: name });
  const over = all.first().locator(".u-over");
  const valuetexts = () => all.getByRole("slider").evaluateAll((ones) => ones.map((one) => one.getAttribute("aria-valuetext")));

  await step("four charts on one axis of time, with figures", async () => {
    await all.nth(3).locator(".u-over").waitFor();
    assert.equal(await all.count(), 4);
    await until(async () => /\d/.test(await entry(0, "velocity").locator("b").textContent()));
    const lefts = await all.locator(".u-over").evaluateAll((ones) => ones.map((one) => one.getBoundingClientRect().left));
    assert.equal(new Set(lefts).size, 1);
  });
  await step("the crosshair is one for all, also by keyboard", async () => {
    await all.nth(1).getByRole("slider").focus();
    await page.keyboard.press("ArrowLeft");
    const times = (await valuetexts()).map((one) => one.split(": ")[0]);
    assert.match(times[0], /\d:\d\d:\d\d/);
    assert.equal(new Set(times).size, 1);
    await page.keyboard.press("Escape");
    for (const one of await valuetexts()) assert.match(one, /Left and right/);
  });
  await step("an entry of the legend hides its series", async () => {
    await entry(1, "waited for").click();
    assert.equal(await entry(1, "waited for").getAttribute("aria-pressed"), "false");
    await entry(1, "waited for").click();
  });
  await step("the figures can be had as a table and as files", async () => {
    await all.first().getByText("Show as table").click();
    await all.first().getByRole("columnheader", { name: "velocity" }).waitFor();
    await all.first().getByText("Show as table").click();
    for (const [kind, begin] of [["CSV", "time,velocity (percent)"], ["PNG", "\x89PNG"]]) {
      await all.first().getByRole("button", { name: /^Actions/ }).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: `Download as ${kind}` }).click()]);
      const content = await readFile(await file.path(), "latin1");
      assert.equal(content.slice(0, begin.length), begin);
    }
  });
  await step("a part of the time that is marked is shown by all, and stands in the URL; back goes back", async () => {
    await page.getByRole("button", { name: "15 min" }).click();
    const before = page.url();
    await over.scrollIntoViewIfNeeded();
    const { x, y, width } = await over.boundingBox();
    await page.mouse.move(x + 0.5 * width, y + 40);
    await page.mouse.down();
    await page.mouse.move(x + 0.9 * width, y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForFunction(() => /from=2.*&to=2/.test(location.hash));
    assert.equal(await page.getByRole("button", { name: "15 min" }).getAttribute("aria-pressed"), "false");
    await page.goBack();
    await page.waitForFunction((url) => location.href === url, before);
    await page.getByRole("button", { name: "Zoom out" }).click();
    await page.waitForFunction(() => location.hash.endsWith("from=-30m"));
  });
  await step("a part is marked by keyboard, too", async () => {
    const slider = all.first().getByRole("slider");
    const told = all.first().getByRole("status");
    await slider.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await told.filter({ hasText: "press Enter" }).waitFor();
    await page.keyboard.press("Escape");
    await until(async () => (await told.textContent()) === "");
    await page.keyboard.press("Enter");
    await page.keyboard.press("PageDown");
    assert.ok((await all.first().locator(".u-select").boundingBox()).width > 2);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /from=2.*&to=2/.test(location.hash));
    await page.goBack();
    await page.waitForFunction(() => location.hash.endsWith("from=-30m"));
  });
  await step("adjustments are marks, and lead to what was done", async () => {
    const marks = all.first().locator("hpm-chart-marks a");
    await marks.first().waitFor();
    assert.match(await marks.last().getAttribute("aria-label"), /\d/);
    assert.match(await marks.last().getAttribute("href"), /#\/adjustments/);
    assert.match(await all.first().locator(".legend .mark").first().textContent(), /applied|failed/);
  });
}

async function deeds(page, server) {
  const path = `/virtual-servers/${server["object-id"]}`;
  // fields stand in a slot of the dialog, so it does not contain them
  const [limits, goal, attributes, move] = ["limits", "goal", "attributes", "move"].map((name) => page.locator(`hpm-server-${name}`));

  await step("limits: what the API refuses stands at the field, then they are set", async () => {
    allow(page, /status of 400/, /status of 412/);
    await openDialog(page, "Change limits…");
    await limits.getByLabel("Reserve").fill("1.5");
    await limits.getByLabel("Cap").fill("1");
    await limits.getByRole("button", { name: "Save" }).click();
    await limits.locator(".field .wrong").waitFor();
    assert.deepEqual(await axe(page), []);
    await limits.getByLabel("Cap").fill("50");
    await limits.getByRole("button", { name: "Save" }).click();
    await limits.getByText("cannot use more CPUs than that").waitFor();
    await limits.getByLabel("Cap").fill("2");
    await limits.getByLabel("Cap").press("Enter");
    await limits.getByRole("dialog").waitFor({ state: "hidden" });
    await until(async () => (await read(server))["cpu-cap"] === 2);
  });
  await step("what was typed is there after a reload, until the dialog is closed", async () => {
    await choose(page, "Change limits…");
    await limits.getByLabel("Cap").fill("0.7");
    await page.reload();
    await settled(page);
    await choose(page, "Change limits…");
    await limits.getByText("This is what you typed before and did not save.").waitFor();
    assert.equal(await limits.getByLabel("Cap").inputValue(), "0.7");
    await page.keyboard.press("Escape");
    await choose(page, "Change limits…");
    await limits.getByRole("dialog").waitFor(); // a field that is not seen yet has what it had
    assert.equal(await limits.getByLabel("Cap").inputValue(), "2");
    await page.keyboard.press("Escape");
  });
  await step("somebody else changed it: the page says so, shows what is there, and asks", async () => {
    await choose(page, "Change limits…");
    await limits.getByRole("dialog").waitFor();
    await api("POST", path, { "cpu-reserve": 1 });
    await limits.getByLabel("Cap").fill("1.75");
    await limits.getByRole("button", { name: "Save" }).click();
    await limits.getByText("There now: 1.00").waitFor();
    assert.equal((await read(server))["cpu-cap"], 2);
    assert.equal(await limits.getByLabel("Cap").inputValue(), "1.75");
    await limits.getByRole("button", { name: "Save nevertheless" }).click();
    await limits.getByRole("dialog").waitFor({ state: "hidden" });
    await until(async () => (await read(server))["cpu-cap"] === 1.75);
    await api("POST", path, { "cpu-reserve": null, "cpu-cap": null });
  });
  await step("a temporary goal begins and ends", async () => {
    await openDialog(page, "Set a temporary goal…");
    await goal.getByLabel("Goal", { exact: true }).selectOption("fastest");
    await goal.getByLabel("For how long").selectOption("900");
    await goal.getByRole("button", { name: "Begin" }).click();
    await page.getByText("Temporary goal until").waitFor();
    assert.equal((await read(server))["temporary-goal"].velocity, "fastest");
    await page.getByRole("button", { name: "End it now" }).click();
    await until(async () => !(await read(server))["temporary-goal"]);
    await page.getByText("The temporary goal of db1 has ended.").waitFor(); // the last one to be undone
    await page.getByRole("button", { name: "Undo" }).last().click();
    await until(async () => (await read(server))["temporary-goal"]?.velocity === "fastest");
    await page.getByRole("button", { name: "End it now" }).click();
    await until(async () => !(await read(server))["temporary-goal"]);
  });
  await step("an open menu stays as it is, whatever comes to be meanwhile", async () => {
    const told = page.getByText("Temporary goal until");
    await told.waitFor({ state: "detached" });
    await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
    const items = page.getByRole("menuitem");
    const before = await items.allInnerTexts();
    const end = new Date(Date.now() + 900_000).toISOString();
    await api("POST", path, { "temporary-goal": { velocity: "slow", until: end } });
    await told.waitFor();
    assert.deepEqual(await items.allInnerTexts(), before);
    await page.keyboard.press("Escape");
    await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name: "End temporary goal" }).click();
    await told.waitFor({ state: "detached" });
  });
  await step("attributes: only what an administrator said is sent", async () => {
    await openDialog(page, "Change attributes…");
    await attributes.getByLabel("Title").fill("Said here");
    await attributes.getByRole("button", { name: "Save" }).click();
    await attributes.getByRole("dialog").waitFor({ state: "hidden" });
    await until(async () => (await read(server)).attributes.title === "Said here");
  });
  await step("exclude, and take it back", async () => {
    await choose(page, "Exclude from management");
    await page.locator(".note", { hasText: "hpm leaves it alone." }).waitFor();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await until(async () => !(await read(server)).excluded);
    await page.locator(".note", { hasText: "hpm leaves it alone." }).waitFor({ state: "detached" });
  });
  await step("it is moved only after the dialog said which group it leaves", async () => {
    await openDialog(page, "Move to another group…");
    await move.getByText(`It is in the group ${GROUPS[0]}, and leaves it.`).waitFor();
    await move.getByLabel("Group", { exact: true }).selectOption({ label: GROUPS[1] });
    await move.getByRole("button", { name: `Take it from ${GROUPS[0]}` }).click();
    await page.locator(".facts").getByRole("link", { name: GROUPS[1] }).waitFor();
  });
}

/** Shows the server as another state would have it. */
async function states(page, server) {
  // Routed once: a request that is on its way while routes come and go may never be answered.
  let answer = { json: await read(server) };
  const end = await instead(page, `**/virtual-servers/${server["object-id"]}`, (route) => route.fulfill(answer));
  const as = async (changes, text) => {
    answer = { json: { ...(await read(server)), ...changes } };
    await goto(page, "servers");
    await goto(page, `servers/${server["object-id"]}`);
    await page.getByText(text).first().waitFor();
    assert.equal(await page.getByText("undefined").count() + (await page.getByText("NaN").count()), 0);
  };
  const still = { velocity: null, "performance-index": null, "cpu-using": null, "cpu-delay": null };
  await step("paused", () => as({ ...still, status: "paused", "goal-status": "paused", management: "unmanaged", "management-reason": "paused" }, "It is paused"));
  await step("shut off", () =>
    as({ ...still, status: "shut-off", "goal-status": "idle", started: null, "cpu-shares": null, management: "unmanaged", "management-reason": "not-running" }, "It does not run."));
  await step("idle", () => as({ ...still, "goal-status": "idle" }, "It is idle"));
  await step("nothing is known of it now", async () => {
    await as({ ...still, status: "shut-off", started: null, "stale-since": "2026-11-29T09:30:00Z" }, "What is shown of it is as it was then.");
    await page.getByText("shut off?", { exact: true }).waitFor();
    assert.equal(await page.locator("section.panel.old").count(), 2);
    assert.equal(await page.getByText("It does not run.").count(), 0); // for that is not known
    assert.deepEqual(await axe(page), []);
  });
  await step("changed by an administrator", async () => {
    await as({ management: "unmanaged", "management-reason": "changed-by-administrator" }, "hpm leaves it alone.");
    await page.getByRole("button", { name: "Release it" }).waitFor();
  });
  await step("the hypervisor cannot be reached, and nobody knows the server", async () => {
    allow(page, /status of 503/, /status of 404/);
    const json = { "http-status": 503, reason: 0, message: "the hypervisor cannot be reached", "error-details": null };
    answer = { status: 503, headers: { "Retry-After": "5" }, json };
    await goto(page, "servers");
    await goto(page, `servers/${server["object-id"]}`);
    await page.getByText(/The hypervisor cannot be reached/).first().waitFor();
    await end();
    await goto(page, "servers/00000000-0000-4000-8000-000000000000");
    await page.getByText("This host has no such virtual server").waitFor();
  });
}

await flow(async () => {
  const server = await prepare();
  try {
    const page = await open({ user: "root", path: `#/servers/${server["object-id"]}`, scripts: [AXE] });
    await charts(page);
    await step("the page is accessible", async () => assert.deepEqual(await axe(page), []));
    await deeds(page, server);
    await states(page, server);
    await step("who may only read is offered nothing to change", async () => {
      const other = await open({ user: "bob", path: `#/servers/${server["object-id"]}`, scripts: [AXE], scheme: "dark", width: 400 });
      await settled(other);
      assert.equal(await other.locator("hpm-head").getByRole("button").count(), 0);
      assert.deepEqual(await axe(other), []);
      assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page does not scroll sideways");
    });
  } finally {
    await cleanUp(server);
  }
});
