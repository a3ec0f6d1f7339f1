// Adjustments, the activity log and the settings, as an administrator uses them, and as somebody sees them who may not.

import { readFileSync } from "node:fs";
import { allow, api, assert, axe, AXE, flow, focused, goto, open, settled, step, told, until } from "./tools.mjs";

const level = async () => (await api("GET", "/mgmt-levels"))["cpu-mgmt"];
const named = (pattern) => ({ type: "filter", "filter-type": "virtual-server-name", operation: "string-match", value: pattern });

/** db1 to db3 have a goal that needs what others have; the group `default` has one that may be taken from. */
async function wishes() {
  const { "virtual-servers": all } = await api("GET", "/virtual-servers");
  const classes = [
    { name: "db", goal: { type: "velocity", velocity: "fast" }, classification: named("db*") },
    { name: "rest", goal: { type: "discretionary" } },
  ];
  const policy = { name: "day", importance: "high", "service-classes": classes };
  const group = await api("POST", "/workload-resource-groups", { name: "Gold", "perf-policies": [policy], "active-policy": "day" });
  const servers = all.filter((one) => one.name.startsWith("db")).map((one) => one["object-uri"]);
  await api("POST", `/workload-resource-groups/${group["object-id"]}/actions`, { action: "add-virtual-servers", "virtual-servers": servers });
  const rest = { name: "rest", importance: "low", "service-classes": [{ name: "all", goal: { type: "discretionary" } }] };
  await api("POST", "/workload-resource-groups/default", { "perf-policies": [rest], "active-policy": "rest" });
}

await flow(async () => {
  const page = await open({ user: "root", path: "#/adjustments", scripts: [AXE] });
  const entries = page.locator("hpm-adjustment");
  const fold = (at) => entries.nth(at).getByRole("button").first();
  const card = (name) => page.getByRole("radiogroup", { name: "CPU management" }).getByRole("radio", { name, exact: true });
  const told200 = (text) => page.locator("hpm-notices").getByText(text);

  await step("while hpm only watches, the page says so, and leads to the switch", async () => {
    await page.getByRole("heading", { name: "hpm only watches" }).waitFor();
    await page.getByRole("link", { name: "Set the management level" }).click();
    await settled(page);
    assert.equal(await card("Off").getAttribute("aria-checked"), "true");
  });

  await step("advise is set at once, and taken back; arrows alone switch nothing", async () => {
    await card("Off").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await focused(page), /Advise/);
    assert.equal(await level(), "off");
    await page.keyboard.press("Enter");
    await told200("CPU management: Advise.").waitFor();
    assert.equal(await level(), "advise");
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).click();
    await told200("CPU management: Off.").waitFor();
    assert.equal(await level(), "off");
  });

  await step("to switch on without a policy is asked about", async () => {
    await card("On").click();
    await page.getByRole("dialog", { name: "Switch on without a policy?" }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await level(), "off");
  });

  await step("with a policy it is switched on, and adjustments appear by themselves", async () => {
    await wishes();
    await card("On").click();
    await told200("CPU management: On.").waitFor();
    await goto(page, "adjustments");
    await entries.first().waitFor();
    await page.waitForFunction(() => /db\d.* got [\d.]+ CPU .*Velocity of db\d \d+ → \d+, goal 75\./.test(
      document.querySelector("hpm-app").shadowRoot.querySelector("hpm-adjustments").shadowRoot.querySelector("section:last-of-type li:last-of-type hpm-adjustment").shadowRoot.textContent,
    ));
  });

  await step("one unfolds into receivers and donors, and the URL keeps that", async () => {
    const first = entries.last(); // the oldest: what switching on did
    await first.getByRole("button").first().click();
    const number = await first.getAttribute("data-id");
    assert.match(page.url(), new RegExp(`#/adjustments/${number}$`));
    const side = (role) => first.getByRole("rowgroup").filter({ has: page.getByRole("rowheader", { name: role, exact: true }) });
    const row = side("received").getByRole("row", { name: /^db1/ });
    assert.match(await row.innerText(), /db \(high\)\s+75\s+\d+\s+\d+\s+\d+/);
    assert.ok((await side("gave").getByRole("row").count()) > 1);
    assert.deepEqual(await axe(page), []);
    assert.ok(await first.locator(".scroll").evaluate((one) => one.scrollWidth <= one.clientWidth), "all of it is seen");
    await page.reload();
    await row.waitFor();
    assert.equal(await first.getByRole("button").first().getAttribute("aria-expanded"), "true");
    assert.match(await focused(page), /^button/);
  });

  await step("it leads to the server's charts around its time", async () => {
    await entries.last().getByRole("link", { name: "db1", exact: true }).click();
    await settled(page);
    assert.match(page.url(), /#\/servers\/[\da-f-]{36}\?from=.*&to=/);
    await page.goBack();
    await entries.last().getByRole("link", { name: "db1", exact: true }).waitFor();
  });

  await step("new ones wait until what is read was read", async () => {
    const shown = await entries.first().getAttribute("data-id");
    await api("POST", "/mgmt-levels", { "cpu-mgmt": "off" });
    await api("POST", "/mgmt-levels", { "cpu-mgmt": "on" });
    const button = page.getByRole("button", { name: /^\d+ new$/ });
    await button.waitFor();
    assert.equal(await entries.first().getAttribute("data-id"), shown);
    await button.click();
    await page.waitForFunction((before) => document.querySelector("hpm-app").shadowRoot.querySelector("hpm-adjustments").shadowRoot.querySelector("hpm-adjustment").dataset.id !== before, shown);
  });

  await step("they are filtered by server, group and outcome", async () => {
    await page.getByLabel("Server", { exact: true }).fill("batch1");
    await page.keyboard.press("Enter");
    await page.waitForURL(/server=/);
    await settled(page);
    await entries.first().waitFor();
    const found = await api("GET", `/dynamic-resource-adjustments?virtual-server=${new URL(page.url().replace("#/", "")).searchParams.get("server")}`);
    assert.equal(await entries.last().getAttribute("data-id"), String(found["dynamic-resource-adjustments"].at(-1)["object-id"]));
    await page.getByLabel("Outcome").selectOption("advised");
    await page.getByRole("heading", { name: "No adjustment fits" }).waitFor();
    assert.match(page.url(), /outcome=advised/);
    await page.goBack();
    await entries.first().waitFor();
    await page.getByRole("button", { name: "Clear filter" }).click();
    await page.waitForURL(/#\/adjustments$/);
    await page.getByLabel("Group", { exact: true }).selectOption({ label: "Gold" });
    await entries.first().waitFor();
  });

  await step("they are filtered by cause, of what is managed; one that a link names and nobody knows stands for itself", async () => {
    const cause = page.getByLabel("Cause", { exact: true });
    await cause.selectOption({ label: "goals" });
    await page.waitForURL(/cause=none/);
    await settled(page);
    await entries.first().waitFor();
    await cause.selectOption({ label: "crowded CPUs" });
    await page.getByRole("heading", { name: "No adjustment fits" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByLabel("Resource").selectOption({ label: "Memory" });
    await page.waitForURL((url) => !url.hash.includes("cause="));
    assert.deepEqual(await cause.locator("optgroup").evaluateAll((all) => all.map((one) => one.label)), ["Memory", "Guest policies"]);
    await goto(page, "adjustments?cause=weather");
    await page.getByRole("heading", { name: "No adjustment fits" }).waitFor();
    assert.equal(await cause.inputValue(), "weather");
    await page.locator("hpm-empty").getByRole("button", { name: "Clear filter" }).click();
    await page.waitForURL(/#\/adjustments$/);
    await entries.first().waitFor();
  });

  await step("they are exported, a row for each server", async () => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export as CSV" }).click()]);
    const lines = readFileSync(await file.path(), "utf8").split("\r\n");
    assert.match(lines[0], /^object-id,time,outcome,.*,velocity-measured,cpu-before/);
    assert.ok(lines.some((line) => /,applied,.*,receiver,[\da-f-]{36},db1,db,high,\d+,\d+,75,/.test(line)));
  });

  await step("the activity log has what was refused, and why", async () => {
    await assert.rejects(api("POST", "/workload-resource-groups", { name: "" }));
    await goto(page, "activity?outcome=refused");
    const entry = page.locator("hpm-activity .fold", { hasText: "Create a group" }).first();
    assert.match(await entry.innerText(), /refused[\s\S]*root[\s\S]*1 to 64 characters/);
    await entry.click();
    const detail = page.locator("hpm-activity dl");
    assert.match(await detail.innerText(), /on this host, by its socket[\s\S]*POST \/zhpm\/wsapi\/v1\/workload-resource-groups[\s\S]*400, reason 7/);
    await page.getByLabel("Outcome").selectOption("done");
    await page.locator("hpm-activity .fold", { hasText: "Set the management levels" }).first().waitFor();
    assert.equal(await page.locator("hpm-activity .fold .refused").count(), 0);
    await page.getByLabel("User").fill("nobody-of-that-name");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "No entry fits" }).waitFor();
  });

  const timing = page.locator("hpm-settings-timing");
  await step("a wrong setting is told at its field, and what was typed survives a reload", async () => {
    allow(page, /400/);
    await goto(page, "settings");
    await timing.getByLabel("Interval (s)").fill("0.5");
    await timing.getByRole("button", { name: "Apply" }).click();
    await timing.getByRole("alert").waitFor();
    assert.match(await focused(page), /^p Not applied\. Interval \(s\):/);
    assert.equal(await timing.getByLabel("Interval (s)").getAttribute("aria-invalid"), "true");
    await page.reload();
    await settled(page);
    assert.equal(await timing.getByLabel("Interval (s)").inputValue(), "0.5");
    await timing.getByText("Not applied yet").waitFor();
  });

  await step("a right one is set; what others set meanwhile is not overruled", async () => {
    await api("POST", "/settings", { "interval-seconds": 3 });
    await timing.getByLabel("Interval (s)").fill("2");
    await timing.getByRole("button", { name: "Apply" }).click();
    await timing.getByText("Somebody changed these settings meanwhile").waitFor();
    await timing.getByRole("button", { name: "Apply" }).click();
    await told200("How often hpm looks: applied.").waitFor();
    assert.equal((await api("GET", "/settings"))["interval-seconds"], 2);
    await api("POST", "/settings", { "interval-seconds": 1 });
  });

  await step("whose reserves count when a server starts is chosen", async () => {
    const form = page.locator("hpm-settings-admission");
    const field = form.getByLabel("Reserves that count");
    assert.equal(await field.inputValue(), "running");
    await field.selectOption({ label: "of all servers, stopped ones too" });
    await form.getByText("Not applied yet").waitFor();
    assert.deepEqual(await axe(page), []);
    await form.getByRole("button", { name: "Apply" }).click();
    await told200("What a start leaves room for: applied.").waitFor();
    assert.equal((await api("GET", "/settings")).admission, "all");
    await page.reload();
    await settled(page);
    assert.equal(await field.inputValue(), "all");
    await api("POST", "/settings", { admission: "running" });
    await until(() => field.inputValue(), (value) => value === "running");
  });

  await step("notifications are set, tested and turned off; a secret never comes back", async () => {
    const form = page.locator("hpm-settings-notifications");
    await form.getByLabel("URL").fill("ftp://example.com");
    await form.getByRole("button", { name: "Apply" }).click();
    await form.getByRole("alert").waitFor();
    assert.equal(await form.getByLabel("URL").getAttribute("aria-invalid"), "true");
    await form.getByLabel("URL").fill("http://127.0.0.1:9/hook");
    await form.getByLabel("Secret to sign with").fill("not to be seen");
    await form.getByRole("button", { name: "Apply" }).click();
    await told200("Notifications: applied.").waitFor();
    await form.getByText("One is set, and never shown.").waitFor();
    assert.equal(await form.getByLabel("Secret to sign with").inputValue(), "");
    await form.getByRole("button", { name: "Send a test" }).click();
    await form.getByText(/Webhook: 127\.0\.0\.1, port 9, cannot be reached/).first().waitFor();
    await form.getByRole("button", { name: "Turn notifications off…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Turn off" }).click();
    await form.getByText("hpm tells nobody yet").waitFor();
    assert.equal((await api("GET", "/settings")).notifications, null);
  });

  await step("a token is made, its secret shown once, and revoked", async () => {
    const tokens = page.locator("hpm-tokens");
    await tokens.getByRole("button", { name: "Create a token…" }).click();
    assert.match(await focused(page), /^input/);
    await page.keyboard.type("backup");
    await page.keyboard.press("Enter");
    const secret = await tokens.getByLabel("Secret of the token").filter({ hasText: "hpm_" }).innerText();
    assert.match(secret, /^hpm_/);
    const ask = () => page.request.get(`${told.url}/zhpm/wsapi/v1/mgmt-levels`, { headers: { Authorization: `Bearer ${secret}`, Cookie: "" } });
    assert.equal((await ask()).status(), 200);
    await page.keyboard.press("Escape");
    assert.equal((await page.content()).includes(secret), false);
    await tokens.getByRole("button", { name: "Revoke backup" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await tokens.getByText("There are none.").waitFor();
    assert.equal((await api("GET", "/tokens")).tokens.length, 0);
    assert.equal((await ask()).status(), 401);
  });

  await step("colours are kept by the browser", async () => {
    await page.getByRole("radio", { name: "dark" }).check();
    const ground = () => page.evaluate(() => getComputedStyle(document.querySelector("hpm-app")).backgroundColor);
    assert.equal(await ground(), "rgb(27, 29, 33)");
    await page.reload();
    await settled(page);
    assert.equal(await ground(), "rgb(27, 29, 33)");
    await page.getByRole("radio", { name: "as the system has them" }).check();
  });

  await step("to switch off from on is asked about, and puts shares back", async () => {
    await card("Off").click();
    const dialog = page.getByRole("dialog", { name: "Stop managing CPU?" });
    await dialog.waitFor();
    await page.locator("hpm-level").first().getByText("put back to what they were before").waitFor();
    await dialog.getByRole("button", { name: "Switch off" }).click();
    await told200("CPU management: Off.").waitFor();
    assert.equal(await level(), "off");
    const { "virtual-servers": all } = await api("GET", "/virtual-servers/detail");
    assert.deepEqual(new Set(all.filter((one) => one["cpu-shares"] !== null).map((one) => one["cpu-shares"])).size, 1);
  });

  await step("who may only read sees settings without anything to press, and has tokens and colours", async () => {
    const other = await open({ user: "bob", path: "#/settings" });
    await settled(other);
    assert.equal(await other.getByRole("button", { name: "Apply" }).count(), 0);
    await other.locator("hpm-settings-admission").getByText("of servers that run").waitFor();
    assert.equal(await other.locator("hpm-level [role=radio]").count(), 0);
    await other.getByRole("button", { name: "Create a token…" }).waitFor();
    await other.getByRole("radio", { name: "light" }).waitFor();
  });
});
