// Guest policies: on the page of a server with who says what and how it stands, of its class in a policy, of its group.

import { allow, api, assert, axe, AXE, flow, goto, instead, open, settled, step, until } from "./tools.mjs";

const GOLD = {
  name: "Gold of guests",
  "guest-policy": { "page-sharing": false, "blkio-weight": 200 },
  "active-policy": "weekday",
  "perf-policies": [{
    name: "weekday", importance: "high",
    "service-classes": [{ name: "db", goal: { type: "velocity", velocity: 75 }, "guest-policy": { "cpu-weight": 2000 } }],
  }],
};

const said = (id) => api("GET", `/virtual-servers/${id}/guest-policy`);

async function onServer(page, one) {
  const id = one["object-id"];
  const section = page.locator("hpm-guest-section");
  const line = (label) => section.getByRole("row", { name: new RegExp(`^${label}`) });
  const dialog = page.locator("hpm-guest-dialog");

  await step("each field that is said has who says it, and how it stands", async () => {
    await goto(page, `servers/${id}`);
    await line("CPU weight").getByText("class db").waitFor();
    await line("Block I/O weight").getByText("group Gold of guests").waitFor();
    await line("Page sharing").getByText("from the next start on").first().waitFor();
    await section.getByText("What nobody says").click();
    await section.getByRole("row", { name: /^Cap .* none/ }).waitFor();
    assert.deepEqual(await axe(page), []);
  });
  await step("CPUs are chosen in the picture of the host's, and it is said what would come of it", async () => {
    await section.getByRole("button", { name: "Change guest policy…" }).click();
    await dialog.getByLabel("Placement of vCPUs").selectOption("cpus");
    await dialog.getByRole("button", { name: "all of it" }).click(); // none of them
    await dialog.getByRole("button", { name: "CPU 1", exact: true }).click();
    await dialog.getByRole("button", { name: "CPU 2", exact: true }).click();
    assert.equal(await dialog.getByLabel("CPUs", { exact: true }).inputValue(), "1-2");
    await dialog.getByLabel("Cap (CPUs)").fill("0.5");
    await dialog.getByRole("row", { name: /Placement of vCPUs as the host has it CPUs 1-2 \(at once, where it runs\)/ }).waitFor();
    assert.deepEqual(await axe(page), []);
  });
  await step("what was typed is there after a reload", async () => {
    await dialog.getByLabel("Reserve (CPUs)").fill("0.7");
    await dialog.getByLabel("Reserve (CPUs)").press("Tab");
    await page.reload();
    await settled(page);
    await section.getByRole("button", { name: "Change guest policy…" }).click();
    await dialog.getByText("This is what you typed before and did not save.").waitFor();
    assert.equal(await dialog.getByLabel("Reserve (CPUs)").inputValue(), "0.7");
  });
  await step("what the API refuses stands at its field, and nothing is changed", async () => {
    allow(page, /status of 400/);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.locator(".field .wrong", { hasText: "above the cap" }).waitFor();
    assert.deepEqual(await said(id), {});
    await dialog.getByLabel("CPUs", { exact: true }).fill("99");
    await dialog.getByLabel("Reserve (CPUs)").fill("");
    await dialog.getByLabel("Reserve (CPUs)").press("Enter");
    await dialog.locator("hpm-placement .wrong", { hasText: "this host has no CPU 99" }).waitFor();
  });
  await step("it is saved, holds, and is taken back", async () => {
    await dialog.getByLabel("CPUs", { exact: true }).fill("1-2");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("dialog").waitFor({ state: "hidden" });
    assert.deepEqual(await said(id), { placement: { type: "cpus", cpus: "1-2", exclusive: false }, "cpu-cap": 0.5 });
    await line("Placement of vCPUs").getByText("holds").waitFor();
    await line("Placement of vCPUs").getByText("this server").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await until(async () => Object.keys(await said(id)).length === 0);
  });
  await step("a change of somebody else is shown, and nothing of it is lost unasked", async () => {
    allow(page, /status of 412/);
    await section.getByRole("button", { name: "Change guest policy…" }).click();
    await dialog.getByLabel("Block I/O weight").fill("300");
    await api("POST", `/virtual-servers/${id}/guest-policy`, { "cpu-cap": 0.25 });
    await dialog.getByLabel("Block I/O weight").press("Tab");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("There now: Cap (CPUs): 0.25").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.deepEqual(await said(id), { "cpu-cap": 0.25 });
  });
  await step("it is written into the definition where that is asked for, and what is left out has a reason", async () => {
    const persist = page.locator("hpm-guest-persist");
    await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name: "Write guest policy into its definition…" }).click();
    await persist.getByRole("button", { name: "Write", exact: true }).click();
    await persist.getByText(/Written: .*Cap \(CPUs\)/).waitFor();
    assert.deepEqual(await axe(page), []);
    await persist.getByRole("button", { name: "Close" }).click();
  });
}

async function ofGroup(page, group) {
  const path = `/workload-resource-groups/${group}`;
  await step("a group says it on its page", async () => {
    await goto(page, `groups/${group}`);
    await page.locator("hpm-group-guest").getByText("Page sharing").waitFor();
    await page.locator("hpm-group-guest").getByRole("button", { name: "Change guest policy…" }).click();
    const dialog = page.locator("hpm-guest-dialog");
    await dialog.getByLabel("Page sharing").selectOption({ label: "as the host has it" });
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("dialog").waitFor({ state: "hidden" });
    assert.deepEqual((await api("GET", path))["guest-policy"], { "blkio-weight": 200 });
    await page.locator("hpm-group-guest").getByText("Page sharing").waitFor({ state: "detached" });
  });
}

async function ofClass(page, group) {
  const path = `/workload-resource-groups/${group}`;
  const guest = async () => (await api("GET", path))["perf-policies"][0]["service-classes"][0]["guest-policy"];
  await step("a class says it in the policy's editor, and what changes is told", async () => {
    await goto(page, `policies/${group}?policy=weekday`);
    await page.locator("hpm-classes .fold").first().click();
    await page.getByText("Guest policy of its servers").click();
    const editor = page.locator("hpm-guest-policy");
    await editor.getByText("as group Gold of guests says: 200").waitFor();
    await editor.getByLabel("CPU weight").fill("3000");
    await editor.getByLabel("When somebody changes it").selectOption("report");
    await page.getByText("What changes", { exact: true }).click();
    await page.getByRole("row", { name: /class db: CPU weight 2,000 3,000/ }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByRole("button", { name: "Apply" }).click();
    await until(async () => (await guest())["cpu-weight"] === 3000);
    assert.deepEqual(await guest(), { "cpu-weight": 3000, drift: "report" });
  });
  await step("another change of the policy keeps it", async () => {
    await page.getByLabel("Description").first().fill("for working days");
    await page.getByRole("button", { name: "Apply" }).click();
    await until(async () => (await api("GET", path))["perf-policies"][0].description === "for working days");
    assert.deepEqual(await guest(), { "cpu-weight": 3000, drift: "report" });
  });
}

async function inTheReport(page, one) {
  const server = {
    "virtual-server": `/zhpm/wsapi/v1/virtual-servers/${one["object-id"]}`, name: "db1", "service-class": null, importance: null, "shares-before": 1024, "shares-after": 1024,
    "pi-before": null, "pi-projected": null, "pi-measured": null,
  };
  const adjustment = {
    time: new Date().toISOString(), outcome: "applied", reason: null, "interval-seconds": 60, receivers: [server], donors: [], detail: null, resource: "cpu", cause: null,
  };
  const all = [
    {
      ...adjustment, "object-id": 3, cause: "placement", detail: "db1 waits on CPU 0, where 2.00 CPUs are wanted of 1.00; CPU 2 has room",
      "total-velocity-before": 50, "total-velocity-projected": 98, "total-velocity-measured": 97,
      receivers: [{ ...server, "pinned-before": ["0", "0"], "pinned-after": ["0", "2"] }],
      donors: [{ ...server, name: "web1" }],
    },
    { ...adjustment, "object-id": 2, cause: "drift-corrected", reason: "changed-by-administrator", detail: "guest policy, blkio-weight of db1: somebody set 500; set to 200 again" },
    { ...adjustment, "object-id": 1, outcome: "failed", cause: "drift-reported", reason: "changed-by-administrator", detail: "guest policy, cpu-cap of db1: somebody set 1; the policy says to report that only" },
  ];
  await step("the report tells of moves and of what somebody changed, with before and after", async () => {
    const end = await instead(page, "**/dynamic-resource-adjustments*", (route) => {
      const older = route.request().url().includes("before=");
      return route.fulfill({ json: { "dynamic-resource-adjustments": older ? [] : all } });
    });
    await goto(page, "adjustments");
    const move = page.getByRole("button", { name: /vCPUs of db1 were moved to CPUs that are less crowded. CPUs 0 → 0 · 2. Velocity of all together 50 → 97./ });
    await move.click();
    await page.getByText("db1 waits on CPU 0").waitFor();
    await page.getByRole("columnheader", { name: "CPUs of vCPUs" }).waitFor();
    await page.getByText("Somebody changed db1, Block I/O weight, to 500; hpm set 200 again.").waitFor();
    await page.getByText("Somebody changed db1, Cap (CPUs), to 1. It is left so, as its policy says.").waitFor();
    assert.deepEqual(await axe(page), []);
    await end();
  });
}

await flow(async () => {
  const { "virtual-servers": [one] } = await api("GET", "/virtual-servers?name=db*");
  const { "object-id": group } = await api("POST", "/workload-resource-groups", GOLD);
  await api("POST", `/workload-resource-groups/${group}/actions`, { action: "add-virtual-servers", "virtual-servers": [one["object-id"]] });
  await api("POST", "/mgmt-levels", { "cpu-mgmt": "on", "memory-mgmt": "on" });
  const page = await open({ user: "root", scripts: [AXE] });
  await onServer(page, one);
  await ofGroup(page, group);
  await ofClass(page, group);
  await inTheReport(await open({ user: "root", scripts: [AXE] }), one);
  await step("who may only look sees it all, and no button", async () => {
    const reader = await open({ user: "bob", path: `#/servers/${one["object-id"]}` });
    await reader.locator("hpm-guest-section").getByRole("row", { name: /^CPU weight/ }).waitFor();
    assert.equal(await reader.getByRole("button", { name: "Change guest policy…" }).count(), 0);
  });
  await step("values in force and reasons are in the language of the pages", async () => {
    await api("POST", `/virtual-servers/${one["object-id"]}/guest-policy`, { "disk-limits": { nowhere: { "total-iops-sec": 5 } }, "emulator-cpus": "0" });
    await until(async () => (await api("GET", `/virtual-servers/${one["object-id"]}/effective-policy`))["in-force"]["emulator-cpus"] === "0");
    const german = await open({ user: "bob", path: `#/servers/${one["object-id"]}`, locale: "de-DE", scripts: [AXE] });
    const fields = german.locator("hpm-guest-section");
    const row = (name) => fields.getByRole("row", { name });
    await row(/^Grenzen für Platten/).getByText("er hat keine Platte nowhere").waitFor();
    await fields.getByText("Was niemand sagt").click();
    await row(/^Platzierung/).getByText("überall").waitFor();
    await row(/^Seiten teilen (ja|nein)/).waitFor();
    assert.deepEqual(await axe(german), []);
    await api("POST", `/virtual-servers/${one["object-id"]}/guest-policy`, { "disk-limits": null, "emulator-cpus": null });
  });
  await api("POST", `/virtual-servers/${one["object-id"]}/guest-policy`, { "cpu-cap": null });
  await api("POST", "/mgmt-levels", { "cpu-mgmt": "off", "memory-mgmt": "off" });
  await api("DELETE", `/workload-resource-groups/${group}`);
});
