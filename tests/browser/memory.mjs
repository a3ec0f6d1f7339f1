// Memory on a host that is short of it: from a host that nobody has said anything about to memory that is managed, who
// gave it and why, and back.

import { readFileSync } from "node:fs";
import { allow, api, assert, axe, AXE, flow, goto, instead, open, settled, step, until } from "./tools.mjs";

const levels = () => api("GET", "/mgmt-levels");
const servers = async () => (await api("GET", "/virtual-servers/detail"))["virtual-servers"];
const named = async (name) => (await servers()).find((one) => one.name === name);

/** The databases are important, everything else is not. */
async function wishes() {
  const policy = (name, importance) => ({ name, importance, "service-classes": [{ name: "all", goal: { type: "discretionary" } }] });
  const group = await api("POST", "/workload-resource-groups", { name: "Gold", "perf-policies": [policy("day", "high")], "active-policy": "day" });
  const uris = (await servers()).filter((one) => one.name.startsWith("db")).map((one) => one["object-uri"]);
  await api("POST", `/workload-resource-groups/${group["object-id"]}/actions`, { action: "add-virtual-servers", "virtual-servers": uris });
  await api("POST", "/workload-resource-groups/default", { "perf-policies": [policy("rest", "low")], "active-policy": "rest" });
}

await flow(async () => {
  const page = await open({ user: "root", scripts: [AXE], width: 1700 });
  const card = (name, of = "Memory management") => page.getByRole("radiogroup", { name: of }).getByRole("radio", { name, exact: true });
  const said = (text) => page.locator("hpm-notices").getByText(text);
  const panel = (heading) => page.locator("section.panel").filter({ has: page.getByRole("heading", { name: heading, exact: true }) });
  const figures = () => page.locator("hpm-host-memory dl").innerText();
  const entries = page.locator("hpm-adjustment");

  await step("the overview shows the host's memory, and that nobody manages it", async () => {
    assert.match(await figures(), /Available\s+[\d.,]+\s\w*B\s+\d+\s% of [\d.,]+\sGiB/);
    assert.match(await figures(), /Taken by balloons\s+0\sB[\s\S]*Saved by merging\s+0\sB\s+equal pages are not merged/);
    assert.equal(await card("Off").getAttribute("aria-checked"), "true");
  });

  await step("to switch it on without a policy is asked about", async () => {
    await card("On").click();
    await page.getByRole("dialog", { name: "Switch on without a policy?" }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal((await levels())["memory-mgmt"], "off");
  });

  await step("it is switched on beside CPU, which stays as it is, and taken back", async () => {
    await wishes();
    await card("Advise").click();
    await said("Memory management: Advise.").waitFor();
    assert.deepEqual(await levels(), { "cpu-mgmt": "off", "memory-mgmt": "advise" });
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).click();
    await said("Memory management: Off.").waitFor();
    assert.deepEqual(await levels(), { "cpu-mgmt": "off", "memory-mgmt": "off" });
    await card("On").click();
    await said("Memory management: On.").waitFor();
    assert.equal(await card("Off", "CPU management").getAttribute("aria-checked"), "true");
    await page.locator("hpm-first-steps").waitFor({ state: "detached" }); // who manages memory is not led to Advise
  });

  await step("who gave memory, and for what, is told as it happens", async () => {
    const latest = panel("Latest adjustments");
    await latest.getByText(/gave [\d.,]+\s[MG]iB of memory to the host, which was short of it\. .*→ [\d,]+\sMiB, [\d,]+ in use\./).first().waitFor({ timeout: 60_000 });
    await latest.getByText("Equal pages of memory are merged from now on (KSM). Memory gets short.").waitFor();
    assert.match(await figures(), /equal pages are merged \(KSM\)/);
    assert.deepEqual(await axe(page), []);
  });

  await step("one unfolds into those who gave, the least important ones first, and what of it they used", async () => {
    await goto(page, "adjustments?resource=memory&outcome=applied");
    await entries.first().waitFor();
    const { "dynamic-resource-adjustments": all } = await api("GET", "/dynamic-resource-adjustments?resource=memory&limit=1000");
    const first = all.filter((one) => one.donors.length > 0).at(-1);
    assert.deepEqual(new Set(first.donors.map((one) => one.importance)), new Set(["low"]));
    await goto(page, `adjustments/${first["object-id"]}?resource=memory`);
    const shown = page.locator(`hpm-adjustment[data-id="${first["object-id"]}"]`);
    const row = shown.getByRole("row", { name: new RegExp(`^${first.donors[0].name}`) });
    assert.match(await row.innerText(), /all \(low\)\s+[\d,]+\s+[\d,]+\s+[\d,–]+\s+[\d,]+$/);
    assert.equal(await shown.getByRole("columnheader", { name: "Memory (MiB)" }).count(), 1);
    assert.equal(await shown.getByRole("columnheader", { name: /Velocity/ }).count(), 0);
    assert.deepEqual(await axe(page), []);
  });

  await step("they are filtered by what was decided on", async () => {
    await page.getByLabel("Resource").selectOption("cpu");
    await page.getByRole("heading", { name: "No adjustment fits" }).waitFor();
    await page.waitForURL(/resource=cpu/);
    await page.goBack();
    await entries.first().waitFor();
    await page.getByText("CPU management is off: hpm adjusts only memory.").waitFor();
  });

  await step("their file has memory's figures", async () => {
    await goto(page, "adjustments?resource=memory&outcome=applied");
    await entries.first().waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export as CSV" }).click()]);
    const lines = readFileSync(await file.path(), "utf8").split("\r\n");
    assert.match(lines[0], /^object-id,time,outcome,resource,cause,.*,memory-before-mib,memory-after-mib,memory-measured-mib,memory-used-mib,/);
    assert.ok(lines.some((line) => /,applied,memory,host-pressure,.*,donor,[\da-f-]{36},\w+,all,low,.*,\d+,\d+,\d*,\d+,,,,,$/.test(line)));
    assert.ok(lines.some((line) => /,applied,memory,pressure,,"?KSM off → on/.test(line)));
  });

  let donor;
  await step("the list has who gave most of what it had first", async () => {
    await until(async () => (donor = (await servers()).find((one) => one["memory-original-mib"] > one["memory-current-mib"])));
    await goto(page, "servers?sort=-used");
    const bar = page.getByRole("row", { name: new RegExp(donor.name) }).getByRole("img", { name: /^uses [\d.,]+\s[KMG]iB, has [\d.,]+\s[KMG]iB of [\d.,]+\s[KMG]iB$/ });
    await bar.waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByRole("button", { name: "Memory MiB" }).click();
    await page.waitForURL(/sort=-memory/);
    await until(async () => /^db/.test(await page.locator("hpm-table tbody tr[data-at='0'] a").first().innerText()));
  });

  await step("a server's page says what it has, had, and why", async () => {
    await goto(page, `servers/${donor["object-id"]}`);
    const facts = panel("Memory");
    assert.match(await facts.innerText(), /Has now\s+[\d.,]+\s[MG]iB\s+Uses\s+[\d.,]+\s[MG]iB\s+Can have\s+[\d.,]+\sGiB\s+Had before hpm\s+[\d.,]+\sGiB\s+Minimum\s+–\s+Managed\s+yes/);
    await panel("Why it is where it is").getByText(/Its balloon leaves it \d+ MiB of \d+ MiB/).waitFor();
    const chart = page.locator("hpm-chart").nth(3);
    await until(async () => /left by its balloon\s+[\d.]+\s+used\s+[\d.]+\s+held of the host\s+[\d.]+/.test(await chart.locator(".legend").innerText()));
    assert.deepEqual(await axe(page), []);
  });

  await step("what it keeps in any case is one of its limits", async () => {
    const limits = page.locator("hpm-server-limits");
    const show = async () => {
      await page.locator("hpm-head").getByRole("button", { name: /^Actions/ }).click();
      await page.getByRole("menuitem", { name: "Change limits…" }).click();
      await limits.getByRole("dialog").waitFor();
    };
    const save = () => limits.getByRole("button", { name: "Save" }).click();
    await show();
    await limits.getByLabel("Minimum of memory").fill("2.5");
    await save();
    await limits.getByText("A minimum of memory is a whole number of MiB").waitFor();
    await limits.getByLabel("Minimum of memory").fill("9999999");
    await save();
    await limits.getByText("and cannot keep more than that").waitFor();
    assert.deepEqual(await axe(page), []);
    await limits.getByLabel("Minimum of memory").fill("600");
    await save();
    await limits.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal((await named(donor.name))["memory-minimum-mib"], 600);
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).last().click();
    await until(async () => (await named(donor.name))["memory-minimum-mib"] === null);
  });

  await step("one that is left alone says why", async () => {
    await api("POST", `/virtual-servers/${donor["object-id"]}`, { excluded: true });
    await panel("Memory").getByText("no: Excluded: hpm leaves it alone.").waitFor();
    await api("POST", `/virtual-servers/${donor["object-id"]}`, { excluded: false });
    await panel("Memory").getByText("yes", { exact: true }).waitFor();
  });

  await step("balloons that an administrator moved are said to be left alone, and released", async () => {
    allow(page, /status of 409/); // there is nothing to release here
    const answer = { ...(await named(donor.name)), "memory-management": "unmanaged", "memory-management-reason": "changed-by-administrator" };
    const end = await instead(page, `**/virtual-servers/${donor["object-id"]}`, (route) => (route.request().method() === "GET" ? route.fulfill({ json: answer }) : route.fallback()));
    await page.locator(".note", { hasText: "An administrator moved its balloon" }).waitFor();
    const [asked] = await Promise.all([
      page.waitForRequest((request) => request.method() === "POST"),
      page.locator(".note").getByRole("button", { name: "Release it" }).click(),
    ]);
    assert.equal(asked.postDataJSON().release, true);
    await end();
  });

  await step("who may only read sees levels and memory, in another language, and nothing to press", async () => {
    const other = await open({ user: "bob", scripts: [AXE], scheme: "dark", width: 400, locale: "de-DE" });
    await settled(other);
    assert.equal(await other.locator("hpm-level [role=radio]").count(), 0);
    await other.getByRole("heading", { name: "Speicherverwaltung" }).waitFor();
    for (const place of ["overview", "adjustments", `servers/${donor["object-id"]}`, "settings"]) {
      await goto(other, place);
      assert.deepEqual(await axe(other), [], place);
      assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${place} scrolls sideways`);
    }
  });

  await step("to switch it off is asked about, and puts everything back", async () => {
    await goto(page, "settings");
    await card("Off").click();
    const dialog = page.getByRole("dialog", { name: "Stop managing memory?" });
    await dialog.waitFor();
    await page.locator("hpm-level[of=memory]").getByText("Servers get back the memory that they had before").waitFor();
    await dialog.getByRole("button", { name: "Switch off" }).click();
    await said("Memory management: Off.").waitFor();
    await until(async () => (await servers()).every((one) => one["memory-current-mib"] === one["memory-mib"]), Boolean, 60);
    await goto(page, "overview");
    await until(async () => /Taken by balloons\s+0\sB[\s\S]*equal pages are not merged/.test(await figures()));
  });
});
