// Memory policies: written with their errors at their places, tried before they are kept, explained, never overwritten
// unasked; and what decides on memory.

import { readFileSync } from "node:fs";
import { allow, api, assert, axe, AXE, flow, focused, goto, open, settled, step, until } from "./tools.mjs";

const BALLOONS = '# Half a balloon for everybody\n(with Guests guest\n    (guest.Control "balloon_target" (* 0.5 guest.balloon_max)))\n';
const kept = async () => (await api("GET", "/mom/policies"))["memory-policies"];
const named = async (name) => (await kept()).find((one) => one.name === name);

async function cleanUp() {
  for (const one of await kept()) await api("DELETE", `/mom/policies/${one.name}`);
  await api("POST", "/settings", { "memory-policy": "goals", "allow-guest-swap": false, "manage-ksm": true });
}

await flow(async () => {
  await cleanUp();
  const page = await open({ user: "root", path: "#/memory-policies", scripts: [AXE] });
  allow(page, /status of 400/, /status of 412/, /status of 409/, /status of 404/);
  const code = page.getByRole("textbox", { name: "Text of the policy" });
  const said = (text) => page.locator("hpm-notices").getByText(text);
  const results = page.locator("hpm-memory-results");
  const row = (name) => results.getByRole("row", { name: new RegExp(`^${name}`) });
  const button = (name) => page.getByRole("button", { name, exact: true });
  const bar = page.getByRole("region", { name: "Unsaved changes" });

  await step("without one, the page says what it would be, and leads to the first", async () => {
    await page.getByRole("heading", { name: "There is no memory policy yet" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByRole("link", { name: "Create a memory policy" }).click();
    await code.waitFor();
  });

  await step("a text that cannot be read says where, while it is typed; the place can be gone to", async () => {
    await page.getByLabel("Name", { exact: true }).fill("30-half");
    await code.fill('(with Guests guest\n    (guest.Control "balloon_target" 010))');
    await page.getByText("Line 2, column 37: '010' begins with 0; write 10, or 0o10 for an octal number").waitFor();
    assert.equal(await page.locator("hpm-code .spot").innerText(), "0");
    assert.equal(await code.getAttribute("aria-invalid"), "true");
    assert.match(await page.locator("hpm-code .numbers b").innerText(), /▲ 2/);
    assert.deepEqual(await axe(page), []);
    await button("Show it").click();
    assert.match(await focused(page), /^textarea/);
    assert.equal(await code.evaluate((one) => one.value.slice(one.selectionStart, one.selectionStart + 3)), "010");
    assert.deepEqual(await kept(), []);
  });

  await step("what it would do is shown before anything is kept", async () => {
    await code.fill(BALLOONS);
    await row("db1").getByText("balloon_target 4194304").waitFor();
    assert.equal(await page.locator("hpm-code .spot").count(), 0);
    assert.deepEqual(await kept(), []);
    assert.deepEqual(await axe(page), []);
  });

  await step("an error of one server is that server's alone, and its place is marked", async () => {
    await code.fill(`${BALLOONS}(with Guests guest\n    (if (== (guest.Prop "name") "db1") (/ 1 0) nil))\n`);
    await results.getByText("30-half, line 5, column 41, of db1: nothing can be divided by 0").waitFor();
    assert.equal(await page.locator("hpm-code .spot").innerText(), "/");
    await row("db2").getByText("balloon_target 4194304").waitFor();
    assert.equal(await row("db1").count(), 0);
  });

  await step("one of all servers takes everything away", async () => {
    await code.fill("(nothing 3)");
    await results.getByText("That error takes all decisions away: nothing is set.").waitFor();
    await results.getByText("30-half, line 1, column 2: there is no function of that name").waitFor();
  });

  await step("what was typed survives a reload", async () => {
    await code.fill(BALLOONS);
    await page.reload();
    await settled(page);
    assert.equal(await code.inputValue(), BALLOONS);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "30-half");
  });

  await step("a name that is none is told at its field, and what is right is kept", async () => {
    await page.getByLabel("Name", { exact: true }).fill("30 half");
    await button("Create policy").click();
    await bar.getByRole("alert").waitFor();
    assert.match(await focused(page), /^p ▲ Not applied\./);
    assert.equal(await page.getByLabel("Name", { exact: true }).getAttribute("aria-invalid"), "true");
    await page.getByLabel("Name", { exact: true }).fill("30-half");
    await button("Create policy").click();
    await said("Memory policy 30-half was created.").waitFor();
    assert.equal((await named("30-half")).text, BALLOONS);
    await page.waitForURL(/#\/memory-policies\/30-half$/);
    assert.equal(await bar.count(), 0);
    await page.goBack(); // to the list, and not to a form for one more
    await page.getByRole("heading", { name: "Policies, in the order in which they are evaluated" }).waitFor();
    await page.getByRole("link", { name: "30-half" }).click();
    await code.waitFor();
  });

  await step("a change is applied, and taken back", async () => {
    await code.fill(BALLOONS.replace("0.5", "0.75"));
    await button("Apply").click();
    await said("Memory policy 30-half was changed.").waitFor();
    assert.match((await named("30-half")).text, /0\.75/);
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).last().click();
    await until(async () => (await named("30-half")).text === BALLOONS);
    await until(async () => (await code.inputValue()) === BALLOONS);
  });

  await step("what somebody else changed meanwhile is not overwritten unasked", async () => {
    await code.fill(BALLOONS.replace("0.5", "0.6"));
    await api("POST", "/mom/policies/30-half", { text: BALLOONS.replace("0.5", "0.9") });
    await button("Apply").click();
    await page.getByRole("dialog", { name: "Somebody else changed memory policy 30-half" }).waitFor();
    assert.match((await named("30-half")).text, /0\.9/);
    assert.deepEqual(await axe(page), []);
    await button("Take mine over theirs").click();
    await bar.getByText("Unsaved changes").waitFor();
    await button("Apply").click();
    await until(async () => /0\.6/.test((await named("30-half")).text));
    await api("POST", "/mom/policies/30-half", { text: BALLOONS });
    await until(async () => (await code.inputValue()) === BALLOONS);
  });

  await step("changes are discarded, and brought back", async () => {
    await code.fill("nil");
    await button("Discard").click();
    await until(async () => (await code.inputValue()) === BALLOONS);
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).last().click();
    await until(async () => (await code.inputValue()) === "nil");
    await button("Discard").click();
    await until(async () => (await code.inputValue()) === BALLOONS);
  });

  await step("all policies stand in their order, with why they set what", async () => {
    await api("POST", "/mom/policies", { name: "10-merge", text: '# Merge always\n(defvar run 1)\n(Host.Control "ksm_run" run)\n' });
    await goto(page, "memory-policies");
    await page.getByRole("link", { name: "10-merge" }).waitFor();
    assert.deepEqual(await page.locator("li h3 a").allInnerTexts(), ["10-merge", "30-half"]);
    await page.locator("li").first().getByText("Merge always").waitFor();
    await row("The host").getByText("Why").click();
    const why = row("The host").locator(".setting");
    assert.match(await why.innerText(), /ksm_run 1[\s\S]*10-merge, line 3, column \d+[\s\S]*\(Host\.Control "ksm_run" run\)[\s\S]*run\s+1/);
    await row("db2").getByText("Why").click();
    assert.match(await row("db2").locator(".setting").innerText(), /balloon_target 4194304[\s\S]*guest\.balloon_max\s+8388608/);
    assert.deepEqual(await axe(page), []);
    await why.getByRole("link").click();
    await page.waitForURL(/#\/memory-policies\/10-merge\?line=3/);
    await code.waitFor();
    await row("db2").waitFor();
    assert.match(await focused(page), /^textarea/); // at once, not when somebody may have begun to type
    assert.equal(await code.evaluate((one) => one.value.slice(0, one.selectionStart).split("\n").length), 3);
  });

  await step("what decides on memory is set, and taken back", async () => {
    await goto(page, "memory-policies");
    await page.getByText("Memory policies are kept, and decide nothing.").first().waitFor();
    await page.getByRole("radio", { name: /^Policies alone/ }).check();
    await said("What decides on memory: Policies alone.").waitFor();
    assert.equal((await api("GET", "/settings"))["memory-policy"], "mom");
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).last().click();
    await until(async () => (await api("GET", "/settings"))["memory-policy"] === "goals");
    await page.getByRole("checkbox", { name: /so that it swaps$/ }).check();
    await until(async () => (await api("GET", "/settings"))["allow-guest-swap"] === true);
    await page.getByRole("checkbox", { name: /so that it swaps$/ }).uncheck();
    await until(async () => (await api("GET", "/settings"))["allow-guest-swap"] === false);
  });

  await step("KSM is no longer managed, which the pages say, and is managed again", async () => {
    const box = page.getByRole("checkbox", { name: /how equal pages are merged/ });
    await box.uncheck();
    await said("hpm does not manage how equal pages are merged (KSM).").waitFor();
    assert.equal((await api("GET", "/settings"))["manage-ksm"], false);
    await row("The host").getByText("hpm does not manage how equal pages are merged (KSM).").waitFor();
    assert.deepEqual(await axe(page), []);
    await goto(page, "overview");
    await page.locator("hpm-host-memory").getByText(/\(KSM is off\); not managed by hpm/).waitFor();
    await goto(page, "memory-policies");
    await box.check();
    await until(async () => (await api("GET", "/settings"))["manage-ksm"] === true);
    await row("The host").getByText(/equal pages are merged \(KSM\), /).waitFor();
  });

  await step("what policies did is told as theirs", async () => {
    await api("POST", "/settings", { "memory-policy": "mom" });
    await api("POST", "/mgmt-levels", { "memory-mgmt": "on" });
    await goto(page, "overview");
    await page.locator(".latest li").filter({ hasText: /By memory policies .* gave [\d.,]+\s[MG]iB\./ }).first().waitFor({ timeout: 60_000 });
    await goto(page, "memory-policies");
    await page.getByText("Memory policies alone decide.").first().waitFor();
    await api("POST", "/mgmt-levels", { "memory-mgmt": "off" });
    await page.getByText("Memory management is off: nothing is moved.").waitFor();
    await api("POST", "/settings", { "memory-policy": "goals" });
  });

  await step("one is downloaded, deleted, and brought back", async () => {
    const act = async (name) => {
      await page.getByRole("button", { name: "Actions of 10-merge" }).click();
      await page.getByRole("menuitem", { name }).click();
    };
    const [file] = await Promise.all([page.waitForEvent("download"), act("Download")]);
    assert.match(readFileSync(await file.path(), "utf8"), /^# Merge always/);
    await act("Delete memory policy 10-merge");
    await said("Memory policy 10-merge was deleted.").waitFor();
    assert.equal(await named("10-merge"), undefined);
    await page.getByRole("link", { name: "10-merge" }).waitFor({ state: "detached" });
    await page.locator("hpm-notices").getByRole("button", { name: "Undo" }).last().click();
    await page.getByRole("link", { name: "10-merge" }).waitFor();
  });

  await step("what somebody deleted meanwhile can be created anew", async () => {
    await goto(page, "memory-policies/10-merge");
    await code.fill("# Anew\nnil\n");
    await api("DELETE", "/mom/policies/10-merge");
    await button("Apply").click();
    await bar.getByText("Somebody deleted this policy.").waitFor();
    await button("Create policy").click();
    await until(async () => (await named("10-merge"))?.text === "# Anew\nnil\n");
  });

  await step("who may only read sees all of it, and nothing that would change anything", async () => {
    const other = await open({ user: "bob", path: "#/memory-policies", scripts: [AXE], scheme: "dark", width: 400, locale: "de-DE" });
    await settled(other);
    assert.equal(await other.getByRole("radio").count(), 0);
    assert.equal(await other.getByRole("link", { name: "Speicherrichtlinie erstellen" }).count(), 0);
    assert.deepEqual(await axe(other), []);
    await goto(other, "memory-policies/30-half");
    const text = other.getByRole("textbox", { name: "Text der Richtlinie" });
    assert.equal(await text.inputValue(), BALLOONS);
    assert.equal(await text.evaluate((one) => one.readOnly), true);
    await other.getByRole("row", { name: /^db1/ }).getByText("balloon_target 4194304").waitFor();
    assert.deepEqual(await axe(other), []);
    assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page does not scroll sideways");
  });
  await cleanUp();
});
